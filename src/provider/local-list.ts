/** The keys of a local folder: what of its files and directories are objects and cells, and nothing else (SPEC.md R-LOCAL-4). */
import { type Dirent, promises as fs } from 'node:fs';
import { throwIfAborted } from '../errors.js';
import { hasErrno, translated } from './local-errors.js';
import type { Folder } from './local-files.js';
import { keyOfCellName, keyOfName, objectPath } from './local-names.js';
import type { Listed } from './provider.js';

/** Files whose sizes are asked for at once: enough for the thread pool. */
const STAT_BATCH = 32;

/** Objects and cells whose keys start with `prefix`, from the deepest directory that the prefix names. */
export async function* listFolder(folder: Folder, prefix: string, signal: AbortSignal | undefined): AsyncGenerator<Listed> {
  const parents = [prefix.slice(0, prefix.lastIndexOf('/') + 1)];
  for (let parent = parents.pop(); parent !== undefined; parent = parents.pop()) {
    throwIfAborted(signal);
    const files: string[] = [];
    for (const entry of await entriesIn(folder, parent)) {
      const cell = entry.isDirectory() ? keyOfCellName(parent, entry.name) : undefined;
      if (cell !== undefined) {
        if (cell.startsWith(prefix)) yield { key: cell, size: undefined };
        continue;
      }
      const key = keyOfName(parent, entry.name);
      if (key === undefined) continue;
      if (entry.isFile() && key.startsWith(prefix)) files.push(key);
      if (entry.isDirectory() && `${key}/`.startsWith(prefix)) parents.push(`${key}/`);
    }
    yield* withSizes(folder, files, signal);
  }
}

async function* withSizes(folder: Folder, keys: string[], signal: AbortSignal | undefined): AsyncGenerator<Listed> {
  for (let at = 0; at < keys.length; at += STAT_BATCH) {
    throwIfAborted(signal);
    const batch = keys.slice(at, at + STAT_BATCH);
    const sizes = await Promise.all(batch.map((key) => sizeOf(folder.path(objectPath(key)))));
    for (const [i, size] of sizes.entries()) if (size !== undefined) yield { key: batch[i] as string, size };
  }
}

async function entriesIn(folder: Folder, parent: string): Promise<Dirent[]> {
  const path = folder.path(objectPath(parent));
  try {
    return await fs.readdir(path, { withFileTypes: true });
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return [];
    throw translated(error, `list ${path}`, {});
  }
}

/** Undefined where the file was removed since its directory was read. */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await fs.stat(path)).size;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw translated(error, `look at ${path}`, {});
  }
}
