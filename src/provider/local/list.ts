/**
 * The keys of a local folder: its files and directories that are objects and cells, and nothing
 * else (SPEC.md R-LOCAL-4).
 */
import { type Dirent, promises as fs } from 'node:fs';
import { integrity, throwIfAborted } from '../../base/errors.js';
import type { Listed } from '../provider.js';
import { hasErrno, translated, typeName } from './errors.js';
import type { Folder } from './folder.js';
import { keyOfCellName, keyOfName, objectPath } from './names.js';

/** Files whose sizes are read at once: enough for the thread pool. */
const STAT_BATCH = 32;

/**
 * Yields entries of the whole folder that have the name of an object or a cell and the type of
 * neither. No read accepts such entries.
 */
export async function* oddEntries(folder: Folder, signal: AbortSignal | undefined): AsyncGenerator<{ key: string; message: string }> {
  const parents = [''];
  for (let parent = parents.pop(); parent !== undefined; parent = parents.pop()) {
    throwIfAborted(signal);
    for (const entry of await entriesIn(folder, parent)) {
      const cell = keyOfCellName(parent, entry.name);
      const key = cell ?? keyOfName(parent, entry.name);
      if (key === undefined || entry.isDirectory()) {
        if (key !== undefined && cell === undefined) parents.push(`${key}/`);
        continue;
      }
      if (entry.isFile() && cell === undefined) continue;
      const path = folder.path(objectPath(parent), entry.name);
      yield { key, message: `${path}: expected ${cell === undefined ? 'a file or a directory' : 'a directory'}, found ${typeName(entry)}` };
    }
  }
}

/**
 * Yields objects and cells whose keys start with `prefix`, from the deepest directory that the
 * prefix names.
 */
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

/**
 * Lists a directory. Returns no entries if the directory does not exist, or if it is an object.
 * Throws INTEGRITY for anything else instead of a directory: its entries would look absent.
 */
async function entriesIn(folder: Folder, parent: string): Promise<Dirent[]> {
  const path = folder.path(objectPath(parent));
  try {
    // The root itself may be a symlink; nothing below it is one.
    const found = parent === '' ? undefined : await fs.lstat(path.replace(/\/$/, ''));
    if (found?.isFile()) return [];
    if (found !== undefined && !found.isDirectory()) throw integrity(`${path}: expected a directory, found ${typeName(found)}`);
    return await fs.readdir(path, { withFileTypes: true });
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) await folder.requireRoot();
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return [];
    throw translated(error, `list ${path}`, {});
  }
}

/**
 * Returns the size of a file, or undefined if the file was removed since its directory was read.
 */
async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await fs.lstat(path)).size;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw translated(error, `look at ${path}`, {});
  }
}
