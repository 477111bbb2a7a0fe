/**
 * What the local folder asks of the file system: complete, synced temporary files, names that appear whole or not at all, and
 * directories that survive the loss of power. Errors of the file system pass through untranslated, so that callers can tell
 * the expected ones apart.
 */
import { constants, promises as fs } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { toHex } from '../bytes.js';
import { check } from '../errors.js';
import type { Host } from '../host.js';
import { gonePaths, type Owners } from '../owners.js';
import { committed, hasErrno, misfit, notDirectory } from './local-errors.js';

const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;
/** A FIFO or a device in the place of a file never blocks an open, and a symlink is never followed. */
const FILE = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;

/** The name of a temporary file; the group is its owner. */
export const TEMPORARY = /^[0-9a-f]{32}\.(.+)$/;

/** What is known of a folder as long as its provider is open. */
export class FolderState {
  /** Directories below the root that this process knows to be there and to stay. */
  readonly known = new Set<string>();
  isSwept = false;

  /** `owners`: whose the temporary files are; without them nothing that a killed process left is ever removed. */
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

  /** A name that was never used: 32 hex digits. */
  unique(): string {
    return toHex(this.#host.random(16));
  }

  /** Gives `use` a path on the same file system that nobody else uses, under a name that tells whose it is. */
  async withTemporary<T>(use: (path: string) => Promise<T>): Promise<T> {
    await this.ensureDirectory(this.path('tmp'));
    // A process that cannot be an owner leaves what no sweep removes.
    const hold = await this.#state.owners?.hold().catch(() => undefined);
    try {
      await this.#sweep();
      return await use(this.path('tmp', hold === undefined ? this.unique() : `${this.unique()}.${hold.name}`));
    } finally {
      await hold?.release();
    }
  }

  /** Removes, once, the temporary files of processes that are gone. What cannot be removed stays. */
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

  /** Gives `use` the path of a complete, synced file of `bytes`, and removes that name afterwards. */
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

  /** The same for a directory that holds one file, whose name below it may have directories: all are synced. */
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

  /** Makes a directory below the root and those above it, private, so that they survive the loss of power. */
  async ensureDirectory(path: string): Promise<void> {
    const below = relative(this.root, path);
    if (this.#known.has(below)) return;
    if (path !== this.root) await this.ensureDirectory(dirname(path));
    else await makeAncestors(path);
    // Another process may have made it and not have synced it yet, so what is there already is synced as well.
    const isNew = await makeDirectory(path);
    if (!isNew && path !== this.root) await requireDirectory(path);
    if (isNew || path !== this.root) await syncDirectory(dirname(path));
    this.#known.add(below);
  }

  /** Throws ENOTDIR if something other than a directory is above a path: what is missing there may be hidden by it, as by a symlink to nowhere. */
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

  /** Believes in no directory any longer: one was removed from outside. */
  forget(): void {
    this.#known.clear();
  }

  /** Runs `body`, and once more where a directory that was believed to be there is not. */
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

/** False if it was there. */
async function makeDirectory(path: string): Promise<boolean> {
  try {
    await fs.mkdir(path, PRIVATE_DIRECTORY);
    return true;
  } catch (error) {
    if (hasErrno(error, 'EEXIST')) return false;
    throw error;
  }
}

/** Throws ENOTDIR for a symlink too: what is written through one may land anywhere. */
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
 * Gives a staged file its name: the name appears with all bytes or not at all, and survives the loss of power. False where the
 * name is taken; ENOENT where its directory is not there; UNREACHABLE where the directory was moved away meanwhile, so that nobody can
 * tell whether the name appeared before or after.
 */
export async function publish(staged: string, path: string): Promise<boolean> {
  const directory = await openDirectory(dirname(path));
  try {
    if (!(await linked(staged, path))) return false;
    await committed(async () => {
      // The kernel may have found the directory just before it was moved away, and have made the name in it after.
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
    // A network file system that lost its answer and asked again says EEXIST for the link that it made: open(2), O_EXCL.
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

/** False where there is nothing at `from`. */
export async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await fs.rename(from, to);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

/** False where there is something at `to`, unless it is an empty directory. */
export async function renamedToNew(from: string, to: string): Promise<boolean> {
  try {
    await fs.rename(from, to);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOTEMPTY', 'EEXIST')) return false;
    throw error;
  }
}

/** False where there is no such directory. */
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
 * Reads a file, or the part of it that `select` names for its size, into `into` if it fits. Throws INTEGRITY for what is neither a file nor a directory, and
 * EISDIR for a directory, both with the path.
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
    // Not the shared pool, and not filled first: the result is the caller's own.
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
    // A symlink and a socket cannot be opened so.
    if (hasErrno(error, 'ELOOP', 'EMLINK', 'ENXIO', 'EOPNOTSUPP')) throw misfit(path, await fs.lstat(path));
    throw error;
  }
}

/** The names in a directory; undefined if it is not there. Anything else in its place, or a file above it, is ENOTDIR: what it hides is not absent. */
export async function namesIn(path: string): Promise<string[] | undefined> {
  try {
    await requireDirectory(path);
    return await fs.readdir(path);
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Removes a file; false where there is none, or a directory. */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await fs.unlink(path);
    return true;
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) return false;
    throw error;
  }
}

/** Removes a directory and all below it; a no-op where there is none. */
export async function removeTree(path: string): Promise<void> {
  await fs.rm(path, { recursive: true, force: true });
}

/** Returns the bytes of a file, or of all files below a directory. What goes away meanwhile counts nothing. */
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
