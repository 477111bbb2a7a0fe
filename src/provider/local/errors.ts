/** Translation of file system errors to errors of the provider contract. */
import type { Stats } from 'node:fs';
import { BrowserStateError, type ErrorCode, integrity, isAnyError } from '../../base/errors.js';
import { meaningOf } from '../../base/system-errors.js';

/** Codes of errors that have another meaning in a store's folder than in a profile directory. */
const ofFolder: Readonly<Record<string, ErrorCode>> = {
  EXDEV: 'FORBIDDEN',
  ENOTSUP: 'FORBIDDEN',
  EOPNOTSUPP: 'FORBIDDEN',
  ENOSYS: 'FORBIDDEN',
  ENAMETOOLONG: 'FORBIDDEN',
};

const hints: Partial<Record<ErrorCode, string>> = {
  FORBIDDEN:
    'Look at the owner and the mode of that path; the folder has to be writable, on one file system, and on one that has hard links.',
  USAGE: 'There is a file where a directory belongs, or the reverse: an object cannot also be the directory of other keys.',
};

/**
 * Returns the code and the hint of a system error. A folder that another program changes may be
 * intact at the next attempt.
 */
function meaningInFolder(name: string, particular: Record<string, ErrorCode>): { code: ErrorCode; hint: string } {
  const found = meaningOf(name);
  const isOfMachine = ['FORBIDDEN', 'NO_SPACE', 'UNREACHABLE'].includes(found.code);
  const code = particular[name] ?? ofFolder[name] ?? (isOfMachine ? found.code : 'UNREACHABLE');
  return { code, hint: hints[code] ?? (code === found.code ? found : meaningOf('EIO')).hint };
}

/** Meanings of file system errors for reads of objects, reads of cells, and writes. */
export const absent = { ENOENT: 'NOT_FOUND', ENOTDIR: 'NOT_FOUND', EISDIR: 'NOT_FOUND' } as const;
export const damaged = { EISDIR: 'INTEGRITY', ENOTDIR: 'INTEGRITY' } as const;
export const misplaced = { ENOTDIR: 'USAGE', EISDIR: 'USAGE' } as const;
/**
 * Meanings of a misplaced entry of a cell. A directory instead of an entry is damage: no key is
 * below a cell.
 */
export const misplacedCell = { ENOTDIR: 'USAGE', EISDIR: 'INTEGRITY' } as const;

/**
 * Returns true for a file system error with one of the given names, or with any name if none is
 * given.
 */
export function hasErrno(error: unknown, ...names: string[]): error is NodeJS.ErrnoException {
  if (!isAnyError(error) || !('code' in error) || !('errno' in error)) return false;
  return names.length === 0 || names.includes(String(error.code));
}

/** Returns the type name of a directory entry that is not a file. */
export function typeName(found: Pick<Stats, 'isDirectory' | 'isSymbolicLink' | 'isFIFO' | 'isSocket' | 'isFile'>): string {
  if (found.isFile()) return 'a file';
  if (found.isDirectory()) return 'a directory';
  if (found.isSymbolicLink()) return 'a symbolic link';
  if (found.isFIFO()) return 'a FIFO';
  return found.isSocket() ? 'a socket' : 'a device';
}

/**
 * Returns the error for an entry that should be a file. A directory is EISDIR, because other keys
 * may be below it. Anything else is INTEGRITY.
 */
export function misfit(path: string, found: Stats): Error {
  const message = `${path}: expected a file, found ${typeName(found)}`;
  return found.isDirectory() ? Object.assign(new Error(message), { code: 'EISDIR', errno: -21, path }) : integrity(message);
}

/**
 * Returns the error for an entry that should be a directory. A file is ENOTDIR, because it may be
 * an object. Anything else is INTEGRITY.
 */
export function notDirectory(path: string, found: Stats): Error {
  if (!found.isFile()) return integrity(`${path}: expected a directory, found ${typeName(found)}`, undefined, { path });
  return Object.assign(new Error(`${path}: expected a directory, found ${typeName(found)}`), { code: 'ENOTDIR', errno: -20, path });
}

/**
 * Runs `body`, and throws file system errors as errors of the contract. `what` names the operation
 * that failed.
 */
export async function translating<T>(what: string, particular: Record<string, ErrorCode>, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw translated(error, what, particular);
  }
}

export function translated(error: unknown, what: string, particular: Record<string, ErrorCode>): unknown {
  if (!hasErrno(error)) return error;
  const { code, hint } = meaningInFolder(String(error.code), particular);
  if (code === 'INTEGRITY') return integrity(`cannot ${what}: ${error.message}`, error);
  const details = error.path === undefined ? {} : { path: error.path };
  return new BrowserStateError(code, `cannot ${what}: ${error.message}`, { hint, details, cause: error });
}

/**
 * Runs the steps after a write has taken effect. Throws UNREACHABLE for a failure there, since the
 * effect of the write is then unknown to the caller.
 */
export async function committed(body: () => Promise<unknown>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!hasErrno(error)) throw error;
    const message = `a write was in progress, and whether it took effect is unknown: ${error.message}`;
    const { hint } = meaningInFolder(String(error.code), {});
    throw new BrowserStateError('UNREACHABLE', message, { hint, cause: error });
  }
}
