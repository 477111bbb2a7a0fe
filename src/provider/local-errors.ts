/** What the file system answers, as the errors of the provider contract. */
import { BrowserStateError, type ErrorCode, isAnyError } from '../errors.js';

const codes: Record<string, ErrorCode> = {
  EACCES: 'FORBIDDEN',
  EPERM: 'FORBIDDEN',
  EROFS: 'FORBIDDEN',
  EXDEV: 'FORBIDDEN',
  ENOTSUP: 'FORBIDDEN',
  EOPNOTSUPP: 'FORBIDDEN',
  ENOSYS: 'FORBIDDEN',
  ENAMETOOLONG: 'FORBIDDEN',
  ENOSPC: 'NO_SPACE',
  EDQUOT: 'NO_SPACE',
};

const hints: Partial<Record<ErrorCode, string>> = {
  FORBIDDEN:
    'Look at the owner and the mode of that path; the folder has to be writable, on one file system, and on one that has hard links.',
  NO_SPACE: 'Free some space on that disk, or raise the quota, and try again: nothing was changed.',
  UNREACHABLE: 'Try again; if it happens again, the disk or its mount is at fault.',
  USAGE: 'There is a file where a directory belongs, or the reverse: an object cannot also be the directory of other keys.',
};

/** What the file system's answers mean in particular to who reads an object, reads a cell, or writes. */
export const absent = { ENOENT: 'NOT_FOUND', ENOTDIR: 'NOT_FOUND', EISDIR: 'NOT_FOUND' } as const;
export const damaged = { EISDIR: 'INTEGRITY', ENOTDIR: 'INTEGRITY' } as const;
export const misplaced = { ENOTDIR: 'USAGE', EISDIR: 'USAGE' } as const;

/** True for an error of the file system with one of the given names, or with any. */
export function hasErrno(error: unknown, ...names: string[]): error is NodeJS.ErrnoException {
  if (!isAnyError(error) || !('code' in error) || !('errno' in error)) return false;
  return names.length === 0 || names.includes(String(error.code));
}

/** Runs `body` and throws what the file system answers as an error of the contract: `what` says what could not be done. */
export async function translating<T>(what: string, particular: Record<string, ErrorCode>, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw translated(error, what, particular);
  }
}

export function translated(error: unknown, what: string, particular: Record<string, ErrorCode>): unknown {
  if (!hasErrno(error)) return error;
  const code = particular[String(error.code)] ?? codes[String(error.code)] ?? 'UNREACHABLE';
  const hint = hints[code];
  return new BrowserStateError(code, `cannot ${what}: ${error.message}`, hint === undefined ? { cause: error } : { hint, cause: error });
}

/** Runs what follows the step by which a write takes effect: failing there leaves the caller unsure, which is UNREACHABLE. */
export async function committed(body: () => Promise<unknown>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!hasErrno(error)) throw error;
    const message = `a write was under way, and nobody can tell whether it took effect: ${error.message}`;
    throw new BrowserStateError('UNREACHABLE', message, { cause: error });
  }
}
