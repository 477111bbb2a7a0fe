/**
 * Removal of directories with any content: names that are not UTF-8, read-only directories,
 * symlinks.
 */
import { accessSync, chmodSync, constants, lstatSync, rmdirSync, statSync, unlinkSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { BrowserStateError } from '../base/errors.js';
import { errno, writeFailure } from './errors.js';
import { DirectoryHandle, type Name, withHandle } from './handle.js';
import { quote } from './paths.js';

/** Entries that are removed between two pauses. Pauses let other work run. */
const ENTRIES_PER_BREATH = 1000;

/**
 * Removes the entry at `path` with all its content, if the entry exists. Throws FORBIDDEN or
 * another write error, naming `path`.
 */
export async function removeTree(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  try {
    if (!stat.isDirectory()) return unlinkSync(path);
    await withHandle(openWritable(path), empty);
    rmdirSync(path);
  } catch (error) {
    throw writeFailure(path, error);
  }
}

async function empty(dir: DirectoryHandle): Promise<void> {
  let seen = 0;
  for (const name of dir.names()) {
    if (++seen % ENTRIES_PER_BREATH === 0) await setImmediate();
    if (dir.isDirectory(name)) {
      await withHandle(openWritable(dir.at(name)), empty);
      rmdirSync(dir.at(name));
    } else {
      unlinkSync(dir.at(name));
    }
  }
}

/** Opens a directory for removing its entries, and makes it writable if necessary. */
function openWritable(path: string | Buffer): DirectoryHandle {
  const handle = DirectoryHandle.open(path);
  makeWritable(handle);
  return handle;
}

/**
 * Makes a directory writable if this user owns it. Returns the former mode, or undefined if the
 * mode was not changed.
 */
export function makeWritable(handle: DirectoryHandle): number | undefined {
  const { mode } = statSync(handle.self);
  if ((mode & 0o700) === 0o700 || !change(handle, 0o700)) return undefined;
  return mode & 0o7777;
}

/** Sets the mode of a directory. Returns false if the directory belongs to another user. */
function change(handle: DirectoryHandle, mode: number): boolean {
  try {
    chmodSync(handle.self, mode);
    return true;
  } catch (error) {
    if (errno(error) === 'EPERM') return false;
    throw error;
  }
}

/**
 * Throws FORBIDDEN if this user cannot remove the named entries with all their content. Causes are
 * directories of other users and immutable files. Names the entry and changes nothing.
 */
export async function requireRemovable(dir: string, roots: readonly Buffer[]): Promise<void> {
  const directories = [dir];
  let seen = 0;
  for (const directory of directories) {
    const handle = attempt(dir, directory, () => DirectoryHandle.open(directory));
    try {
      const names = directory === dir ? [...roots] : namesOf(dir, directory, handle);
      if (names.length > 0) requireWritable(dir, directory, handle);
      for (const name of names) {
        if (++seen % ENTRIES_PER_BREATH === 0) await setImmediate();
        const entry = lstatSync(handle.at(name), { throwIfNoEntry: false });
        const path = `${directory}/${name}`;
        // A name that is not UTF-8 cannot be a path here. If it cannot be removed, the exchange is
        // undone.
        if (entry?.isDirectory() && Buffer.from(String(name)).equals(name)) directories.push(path);
        if (entry?.isFile() && isImmutable(handle.at(name))) throw refuse(dir, path, 'it is immutable (`chattr -i` lifts that)');
      }
    } catch (error) {
      throw writeFailure(directory, error);
    } finally {
      handle.close();
    }
  }
}

/** Returns the names in a directory. Makes an own directory that is unreadable readable. */
function namesOf(dir: string, path: string, handle: DirectoryHandle): Buffer[] {
  try {
    return handle.names();
  } catch (error) {
    if (errno(error) !== 'EACCES') throw writeFailure(path, error);
    if (isOwn(handle)) return [];
    throw refuse(dir, path, 'it is of another user', error);
  }
}

function requireWritable(dir: string, path: string, handle: DirectoryHandle): void {
  if (isImmutable(handle.self)) throw refuse(dir, path, 'it is immutable (`chattr -i` lifts that)');
  const mayWrite = isAllowed(handle.self, constants.W_OK | constants.X_OK);
  const isSticky = (statSync(handle.self).mode & 0o1000) !== 0;
  if ((!mayWrite || isSticky) && !isOwn(handle)) throw refuse(dir, path, 'it is of another user');
}

/** Returns whether this user may change the mode of a directory. */
function isOwn(handle: DirectoryHandle): boolean {
  return change(handle, statSync(handle.self).mode & 0o7777);
}

/**
 * Returns whether a file is immutable. An immutable file cannot be removed, unlike a read-only
 * file.
 */
function isImmutable(path: Name): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    return errno(error) === 'EPERM';
  }
}

function isAllowed(path: Name, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch (error) {
    if (errno(error) === undefined) throw error;
    return false;
  }
}

function attempt<T>(dir: string, path: string, look: () => T): T {
  try {
    return look();
  } catch (error) {
    if (errno(error) === 'EACCES' || errno(error) === 'EPERM') throw refuse(dir, path, 'this user may not look into it', error);
    throw writeFailure(path, error);
  }
}

function refuse(dir: string, path: string, reason: string, cause?: unknown): BrowserStateError {
  return new BrowserStateError('FORBIDDEN', `${dir}: cannot be replaced, since ${quote(path)} cannot be removed: ${reason}`, {
    hint: 'Make it removable for this user, or choose another directory; nothing was changed.',
    details: { dir, path },
    cause,
  });
}
