/**
 * How this layer opens the directory that a caller named, and how it looks at what may be gone or closed to it by the time it
 * looks: every failure is either told with the path or expected by name.
 */
import { lstatSync, realpathSync, statSync } from 'node:fs';
import { BrowserStateError } from '../errors.js';
import { errno, readFailure } from './files.js';

/**
 * The real path of `dir`, which may be reached by symlinks. Throws NOT_FOUND where nothing is, USAGE where it is no directory,
 * UNREADABLE where the system refuses to tell.
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

/** What `look` gives; undefined where the entry is gone. Throws UNREADABLE naming `path` for every other failure. */
export function ifThere<T>(path: string, look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const code = errno(error);
    // ENOTDIR: a directory above it became a file. ELOOP: a handle was asked for, and it became a symlink.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP') return undefined;
    throw readFailure(path, error);
  }
}

/** What `look` gives; undefined where the system refuses, whatever its reason. */
export function ifSeen<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (errno(error) === undefined) throw error;
    return undefined;
  }
}

/**
 * Returns facts of a directory that are others as soon as a name in it is made, removed or replaced; undefined if it cannot
 * be seen.
 */
export function entryFacts(dir: string): string | undefined {
  const found = ifSeen(() => lstatSync(dir, { bigint: true }));
  return found && `${found.ino} ${found.mtimeNs} ${found.ctimeNs}`;
}

/** A path as messages show it: quoted, with control characters escaped. */
export function quote(path: string): string {
  return JSON.stringify(path).replaceAll(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
