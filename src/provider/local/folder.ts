/**
 * The folder of a provider: its temporary files and its directories. Temporary files are complete
 * and synced, and directories survive a power loss.
 */
import { promises as fs } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { toHex } from '../../base/bytes.js';
import type { Host } from '../../base/host.js';
import { gonePaths, type Owners } from '../../base/owners.js';
import { committed, hasErrno, notDirectory } from './errors.js';
import {
  createFile,
  isThere,
  makeDirectory,
  PRIVATE_DIRECTORY,
  removeFile,
  removeTree,
  requireDirectory,
  syncDirectory,
  writeAll,
} from './files.js';

/** The name of a temporary file. The group of the pattern matches its owner. */
export const TEMPORARY = /^[0-9a-f]{32}\.(.+)$/;

/** The known state of a folder while its provider is open. */
export class FolderState {
  /** Directories below the root that this process knows to exist. */
  readonly known = new Set<string>();
  isSwept = false;

  /**
   * `owners` are the owners of the temporary files. Without owners, the temporary files of killed
   * processes are never removed.
   */
  constructor(readonly owners: Owners | undefined) {}
}

export class Folder {
  readonly root: string;
  readonly #host: Pick<Host, 'random'>;
  readonly #known: Set<string>;
  readonly #state: FolderState;

  constructor(root: string, host: Pick<Host, 'random'>, state: FolderState) {
    this.root = root;
    this.#host = host;
    this.#known = state.known;
    this.#state = state;
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  /** Returns a name that was never used: 32 hex digits. */
  unique(): string {
    return toHex(this.#host.random(16));
  }

  /**
   * Calls `use` with an unused path on the same file system. The name of the path includes its
   * owner.
   */
  async withTemporary<T>(use: (path: string) => Promise<T>): Promise<T> {
    await this.ensureDirectory(this.path('tmp'));
    // A process that cannot be an owner leaves files that no sweep removes.
    const hold = await this.#state.owners?.hold().catch(() => undefined);
    try {
      await this.#sweep();
      return await use(this.path('tmp', hold === undefined ? this.unique() : `${this.unique()}.${hold.name}`));
    } finally {
      await hold?.release();
    }
  }

  /** Removes the temporary files of exited processes, once. Files that cannot be removed stay. */
  async #sweep(): Promise<void> {
    const { owners, isSwept } = this.#state;
    if (owners === undefined || isSwept) return;
    this.#state.isSwept = true;
    for (const path of await gonePaths(this.path('tmp'), TEMPORARY, owners)) {
      await removeTree(path).catch((error: unknown) => {
        if (!hasErrno(error)) throw error;
      });
    }
  }

  /**
   * Calls `use` with the path of a complete, synced file of `bytes`, and removes that name
   * afterwards.
   */
  async stageFile<T>(bytes: Uint8Array, use: (path: string) => Promise<T>): Promise<T> {
    return await this.withTemporary(async (path) => {
      const file = await createFile(path);
      try {
        await writeAll(file, bytes);
        return await use(path);
      } finally {
        await committed(() => removeFile(path));
      }
    });
  }

  /**
   * Calls `use` with the path of a complete, synced directory that contains one file, and removes
   * that path afterwards. `name` may contain directories, which are synced too.
   */
  async stageDirectory<T>(name: string, bytes: Uint8Array, use: (path: string) => Promise<T>): Promise<T> {
    return await this.withTemporary(async (path) => {
      const file = join(path, name);
      try {
        await fs.mkdir(dirname(file), { recursive: true, mode: PRIVATE_DIRECTORY });
        await writeAll(await createFile(file), bytes);
        for (let at = dirname(file); at !== dirname(path); at = dirname(at)) await syncDirectory(at);
        return await use(path);
      } finally {
        await committed(() => removeTree(path));
      }
    });
  }

  /** Makes a directory below the root and its parents, private and durable. */
  async ensureDirectory(path: string): Promise<void> {
    const below = relative(this.root, path);
    if (this.#known.has(below)) return;
    if (path !== this.root) await this.ensureDirectory(dirname(path));
    else await makeAncestors(path);
    // Another process may have made the directory and not synced it yet, so an existing directory
    // is synced as well.
    const isNew = await makeDirectory(path);
    if (!isNew && path !== this.root) await requireDirectory(path);
    if (isNew || path !== this.root) await syncDirectory(dirname(path));
    this.#known.add(below);
  }

  /**
   * Throws ENOTDIR if something other than a directory is above a path. A dangling symlink, for
   * example, may hide a file that looks missing.
   */
  async requireWay(path: string): Promise<void> {
    for (let at = dirname(path); at !== this.root && at !== dirname(at); at = dirname(at)) {
      const isDirectory = await requireDirectory(at).then(
        () => true,
        (error: unknown) => {
          if (!hasErrno(error, 'ENOENT')) throw error;
          return false;
        },
      );
      if (isDirectory) return;
    }
    await this.requireRoot();
  }

  /** Throws INTEGRITY if the root is a symlink to nothing: the store's disk may not be mounted. */
  async requireRoot(): Promise<void> {
    if (await isThere(this.root)) return;
    const found = await fs.lstat(this.root).catch((error: unknown) => {
      if (!hasErrno(error, 'ENOENT')) throw error;
      return undefined;
    });
    if (found !== undefined) throw notDirectory(this.root, found);
  }

  /** Forgets all known directories, after another program has removed one. */
  forget(): void {
    this.#known.clear();
  }

  /** Runs `body`, and once more if a directory that was known to exist is missing. */
  async afresh<T>(body: () => Promise<T>): Promise<T> {
    try {
      return await body();
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error;
      this.forget();
      return await body();
    }
  }
}

async function makeAncestors(path: string): Promise<void> {
  const parent = dirname(path);
  if (parent === path || (await isThere(parent))) return;
  await makeAncestors(parent);
  if (await makeDirectory(parent)) await syncDirectory(dirname(parent));
}
