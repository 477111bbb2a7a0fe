/**
 * Access to directories named by a caller, and to entries that may vanish or become inaccessible.
 * Each function either throws an error that names the path or returns undefined for the failure.
 */
import { lstatSync, realpathSync, statSync } from 'node:fs';
import { BrowserStateError } from '../base/errors.js';
import { errno, readFailure } from './errors.js';

/**
 * Returns the real path of `dir`, resolving symlinks. Throws NOT_FOUND if it does not exist, USAGE
 * if it is no directory, and UNREADABLE if the system denies access.
 */
export function resolveDirectory(dir: string): string {
  try {
    const real = realpathSync(dir);
    if (statSync(real).isDirectory()) return real;
  } catch (error) {
    const code = errno(error);
    if (code === 'ENOENT')
      throw new BrowserStateError('NOT_FOUND', `expected a directory at ${quote(dir)}, found nothing`, {
        cause: error,
        hint: 'Check the path of the profile.',
      });
    if (code !== 'ENOTDIR') throw readFailure(dir, error);
  }
  throw new BrowserStateError('USAGE', `expected a directory at ${quote(dir)}, found something else`, {
    hint: 'Name the directory that the browser was started with, not a file in it.',
  });
}

/**
 * Returns the result of `look`, or undefined if the entry is gone. Throws UNREADABLE, naming
 * `path`, for every other failure.
 */
export function ifThere<T>(path: string, look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const code = errno(error);
    // ENOTDIR: a directory above the entry became a file. ELOOP: a handle was opened, but a symlink
    // is there now. ENXIO: a socket replaced a file.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP' || code === 'ENXIO') return undefined;
    throw readFailure(path, error);
  }
}

/** Returns the result of `look`, or undefined for any system error. */
export function ifSeen<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (errno(error) === undefined) throw error;
    return undefined;
  }
}

/**
 * Returns metadata of a directory that changes when a name in the directory is added, removed or
 * replaced. Returns undefined if the metadata cannot be read.
 */
export function entryFacts(dir: string): string | undefined {
  const found = ifSeen(() => lstatSync(dir, { bigint: true }));
  return found && `${found.ino} ${found.mtimeNs} ${found.ctimeNs}`;
}

/** Formats a path for messages: quoted, with control characters escaped. */
export function quote(path: string): string {
  return JSON.stringify(path).replaceAll(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
