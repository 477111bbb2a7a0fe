/**
 * File system operations of the local folder. Names appear whole or not at all, and survive a power
 * loss. File system errors pass through untranslated, so that callers can distinguish the expected
 * ones.
 */
import { constants, promises as fs } from 'node:fs';
import { dirname, join } from 'node:path';
import { check } from '../../base/errors.js';
import { committed, hasErrno, misfit, notDirectory } from './errors.js';

export const PRIVATE_DIRECTORY = 0o700;
const PRIVATE_FILE = 0o600;
/**
 * Flags for opening a file. A FIFO or a device never blocks the open, and a symlink is never
 * followed.
 */
const FILE = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;

/** Returns true if `act` succeeds, and false if it fails with one of those system errors. */
async function unless(names: readonly string[], act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    if (hasErrno(error, ...names)) return false;
    throw error;
  }
}

/** Makes a private directory. Returns false if it existed. */
export const makeDirectory = (path: string): Promise<boolean> => unless(['EEXIST'], () => fs.mkdir(path, PRIVATE_DIRECTORY));

/**
 * Throws ENOTDIR for anything except a directory. Rejects a symlink too: a write through a symlink
 * may land anywhere.
 */
export async function requireDirectory(path: string): Promise<void> {
  const found = await fs.lstat(path);
  if (!found.isDirectory()) throw notDirectory(path, found);
}

/** Creates a private file. Throws EEXIST if the file exists. */
export const createFile = (path: string): Promise<fs.FileHandle> => fs.open(path, 'wx', PRIVATE_FILE);

/** Writes the whole of a new file, syncs it and closes it. */
export async function writeAll(file: fs.FileHandle, bytes: Uint8Array): Promise<void> {
  try {
    for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Gives a staged file its name. The name appears with all bytes or not at all, and survives a power
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

export const isThere = (path: string): Promise<boolean> => unless(['ENOENT'], () => fs.stat(path));

/** Renames `from`. Returns false if `from` does not exist. */
export const renamed = (from: string, to: string): Promise<boolean> => unless(['ENOENT'], () => fs.rename(from, to));

/** Renames `from` to `to`. Returns false if `to` exists and is not an empty directory. */
export const renamedToNew = (from: string, to: string): Promise<boolean> => unless(['ENOTEMPTY', 'EEXIST'], () => fs.rename(from, to));

/** Syncs a directory. Returns false if the directory does not exist. */
export const syncedIfThere = (path: string): Promise<boolean> => unless(['ENOENT'], () => syncDirectory(path));

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
 * Reads a file, or the part that `select` returns for the file's size. Reads into `into` if the
 * bytes fit. Throws INTEGRITY for an entry that is neither a file nor a directory, and EISDIR for a
 * directory, both with the path.
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
    // The buffer is not from the shared pool, because the caller owns the result, and is not
    // zeroed.
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
    // These are the errors of opening a symlink or a socket.
    if (hasErrno(error, 'ELOOP', 'EMLINK', 'ENXIO', 'EOPNOTSUPP')) throw misfit(path, await fs.lstat(path));
    throw error;
  }
}

/**
 * Returns the names in a directory, or undefined if it does not exist. Throws ENOTDIR if something
 * other than a directory is at the path, or a file is above it. Names behind such a file are
 * hidden, not absent.
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

/** Removes a file. Returns false if the file does not exist or is a directory. */
export const removeFile = (path: string): Promise<boolean> => unless(['ENOENT', 'ENOTDIR', 'EISDIR'], () => fs.unlink(path));

/** Removes a directory and everything below it. Does nothing if the directory does not exist. */
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
