/**
 * File system operations of the local folder. Temporary files are complete and synced, names appear
 * whole or not at all, and directories survive a power loss. File system errors pass through
 * untranslated, so that callers can distinguish the expected ones.
 */
import { constants, promises as fs } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { toHex } from '../../base/bytes.js';
import { check } from '../../base/errors.js';
import type { Host } from '../../base/host.js';
import { gonePaths, type Owners } from '../../base/owners.js';
import { committed, hasErrno, misfit, notDirectory } from './errors.js';

const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;
/**
 * A FIFO or a device in the place of a file never blocks an open, and a symlink is never followed.
 */
const FILE = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;

/** The name of a temporary file; the group is its owner. */
export const TEMPORARY = /^[0-9a-f]{32}\.(.+)$/;

/** The known state of a folder while its provider is open. */
export class FolderState {
  /** Directories below the root that this process knows to exist and to stay. */
  readonly known = new Set<string>();
  isSwept = false;

  /**
   * `owners`: owners of the temporary files. Without them, the temporary files of killed processes
   * are never removed.
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

  /** Removes, once, the temporary files of exited processes. Files that cannot be removed stay. */
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
      const file = await fs.open(path, 'wx', PRIVATE_FILE);
      try {
        await writeAll(file, bytes);
        return await use(path);
      } finally {
        await committed(() => removeFile(path));
      }
    });
  }

  /**
   * Like `stageFile`, for a directory with one file. `name` may contain directories: all are
   * synced.
   */
  async stageDirectory<T>(name: string, bytes: Uint8Array, use: (path: string) => Promise<T>): Promise<T> {
    return await this.withTemporary(async (path) => {
      const file = join(path, name);
      try {
        await fs.mkdir(dirname(file), { recursive: true, mode: PRIVATE_DIRECTORY });
        await writeAll(await fs.open(file, 'wx', PRIVATE_FILE), bytes);
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
    // Another process may have made the directory and not synced it yet, so an existing one is
    // synced as well.
    const isNew = await makeDirectory(path);
    if (!isNew && path !== this.root) await requireDirectory(path);
    if (isNew || path !== this.root) await syncDirectory(dirname(path));
    this.#known.add(below);
  }

  /**
   * Throws ENOTDIR if something other than a directory is above a path. It may hide a missing file,
   * as a dangling symlink does.
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
  }

  /** Forgets all known directories: one was removed by another program. */
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

/** Makes a directory. Returns false if it existed. */
async function makeDirectory(path: string): Promise<boolean> {
  try {
    await fs.mkdir(path, PRIVATE_DIRECTORY);
    return true;
  } catch (error) {
    if (hasErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

/**
 * Throws ENOTDIR for anything but a directory. A symlink is rejected too: a write through one may
 * land anywhere.
 */
async function requireDirectory(path: string): Promise<void> {
  const found = await fs.lstat(path);
  if (!found.isDirectory()) throw notDirectory(path, found);
}

/** Writes the whole of a new file, syncs it and closes it. */
async function writeAll(file: fs.FileHandle, bytes: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Gives a staged file its name: the name appears with all bytes or not at all, and survives a power
 * loss. Returns false if the name is taken. Throws ENOENT if its directory is missing. Throws
 * UNREACHABLE if the directory was moved away meanwhile: the name may have appeared before or
 * after.
 */
export async function publish(staged: string, path: string): Promise<boolean> {
  const directory = await openDirectory(dirname(path));
  try {
    if (!(await linked(staged, path))) return false;
    await committed(async () => {
      // The kernel may have resolved the directory just before the move, and have made the name in
      // it after.
      await fs.stat(dirname(path));
      await directory.sync();
    });
    return true;
  } finally {
    await directory.close();
  }
}

async function linked(staged: string, path: string): Promise<boolean> {
  try {
    await fs.link(staged, path);
    return true;
  } catch (error) {
    if (!hasErrno(error, 'EEXIST')) throw error;
    // A network file system that lost the response and resent the request reports EEXIST for its
    // own link: open(2), O_EXCL.
    return (await fs.stat(staged)).nlink > 1;
  }
}

export async function isThere(path: string): Promise<boolean> {
  try {
    await fs.stat(path);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Renames `from`. Returns false if it does not exist. */
export async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await fs.rename(from, to);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

/** Renames `from` to `to`. Returns false if `to` exists and is not an empty directory. */
export async function renamedToNew(from: string, to: string): Promise<boolean> {
  try {
    await fs.rename(from, to);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOTEMPTY', 'EEXIST')) return false;
    throw error;
  }
}

/** Syncs a directory. Returns false if it does not exist. */
export async function syncedIfThere(path: string): Promise<boolean> {
  try {
    await syncDirectory(path);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

export function openDirectory(path: string): Promise<fs.FileHandle> {
  return fs.open(path, DIRECTORY);
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = await openDirectory(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * Reads a file into `into` if it fits, or the part of it that `select` returns for its size. Throws
 * INTEGRITY for an entry that is neither a file nor a directory, and EISDIR for a directory, both
 * with the path.
 */
export async function readBytes(
  path: string,
  select: (size: number) => { start: number; end: number },
  into?: Uint8Array,
): Promise<Uint8Array> {
  const file = await openFile(path);
  try {
    const found = await file.stat();
    if (!found.isFile()) throw misfit(path, found);
    const { start, end } = select(found.size);
    const fits = into !== undefined && into.length >= end - start;
    // Not from the shared pool, and not zeroed: the caller owns the result.
    const bytes = fits ? into.subarray(0, end - start) : new Uint8Array(Buffer.allocUnsafeSlow(end - start).buffer);
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at);
      check(bytesRead > 0, `${path}: expected ${bytes.length} bytes from ${start}, found its end after ${at}`);
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

async function openFile(path: string): Promise<fs.FileHandle> {
  try {
    return await fs.open(path, FILE);
  } catch (error) {
    // Open fails with these for a symlink and a socket.
    if (hasErrno(error, 'ELOOP', 'EMLINK', 'ENXIO', 'EOPNOTSUPP')) throw misfit(path, await fs.lstat(path));
    throw error;
  }
}

/**
 * Returns the names in a directory; undefined if it does not exist. Throws ENOTDIR for anything
 * else in its place, and for a file above it: the names that it hides are not absent.
 */
export async function namesIn(path: string): Promise<string[] | undefined> {
  try {
    await requireDirectory(path);
    return await fs.readdir(path);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Removes a file. Returns false if there is none, or if it is a directory. */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await fs.unlink(path);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) return false;
    throw error;
  }
}

/** Removes a directory and all below it. A no-op if there is none. */
export async function removeTree(path: string): Promise<void> {
  await fs.rm(path, { recursive: true, force: true });
}

/**
 * Returns the bytes of a file, or of all files below a directory. Files that disappear meanwhile
 * count as 0.
 */
export async function bytesAt(path: string): Promise<number> {
  const found = await fs.lstat(path).catch((error: unknown) => {
    if (!hasErrno(error, 'ENOENT')) throw error;
    return undefined;
  });
  if (!found?.isDirectory()) return found?.size ?? 0;
  let bytes = 0;
  for (const name of (await namesIn(path)) ?? []) bytes += await bytesAt(join(path, name));
  return bytes;
}
