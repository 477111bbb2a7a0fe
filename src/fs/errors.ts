/** Errors of local files as errors of this library, with the path and a hint. */

import { existsSync, mkdirSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BrowserStateError } from '../base/errors.js';
import { errno, isExhausted, meaningOf, systemFailure } from '../base/system-errors.js';

export { errno };

const PRIVATE = 0o700;

/**
 * Creates a private directory, and the missing directories above it. Throws the system error of the
 * first failure, such as EROFS, which Node's recursive mkdir reports as ENOENT.
 */
export async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: PRIVATE }).catch(async (error: unknown) => {
    await mkdir(firstMissing(path, error), PRIVATE).catch(unlessThere);
    await mkdir(path, { recursive: true, mode: PRIVATE });
  });
}

/**
 * Creates a directory of the default mode and the missing directories above it, synchronously.
 * Throws the same errors as `makeDirectory`.
 */
export function makeDirectorySync(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    try {
      mkdirSync(firstMissing(path, error));
    } catch (cause) {
      unlessThere(cause);
    }
    mkdirSync(path, { recursive: true });
  }
}

/** Returns the topmost missing directory of a path, if a recursive mkdir failed with ENOENT. */
function firstMissing(path: string, error: unknown): string {
  if (errno(error) !== 'ENOENT') throw error;
  let top = path;
  while (dirname(top) !== top && !existsSync(dirname(top))) top = dirname(top);
  return top;
}

function unlessThere(error: unknown): void {
  if (errno(error) !== 'EEXIST') throw error;
}

/** Handles a rejection: ignores errors of the system and of this library, and rethrows bugs. */
export function ignoreFailure(error: unknown): undefined {
  if (errno(error) === undefined) throw error;
  return undefined;
}

/**
 * Returns the library error for a failure to read a local file. The error is UNREACHABLE if
 * descriptors or memory ran out, and UNREADABLE for any fault of the file.
 */
export function readFailure(path: string, error: unknown): unknown {
  const code = errno(error);
  if (code === undefined || error instanceof BrowserStateError) return error;
  if (isExhausted(code)) return systemFailure(error, (name) => `${path}: could not be read: ${name}`, path);
  const meaning = meaningOf(code);
  const hint =
    meaning.code === 'UNREACHABLE'
      ? `${meaning.hint} Nothing was committed.`
      : 'Make it readable for this user, or leave it out with --exclude; nothing was committed.';
  return new BrowserStateError('UNREADABLE', `${path}: expected a file that can be read, found ${code}`, {
    hint,
    cause: error,
    details: { path },
  });
}

/** Returns the library error for a failure to write a local file. */
export function writeFailure(path: string, error: unknown): unknown {
  return systemFailure(error, (name) => `${path}: could not be written: ${name}`, path);
}

/** Returns a rejection handler that throws the error returned by `writeFailure`. */
export function failWriting(path: string): (error: unknown) => never {
  return (error) => {
    throw writeFailure(path, error);
  };
}
