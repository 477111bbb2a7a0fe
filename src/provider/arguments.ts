/**
 * Argument checks of all providers, made before any request (SPEC.md "Provider"). key.ts checks
 * keys.
 */
import { BrowserStateError, check } from '../base/errors.js';
import { MAX_CELL_SIZE, MAX_MANIFEST_SIZE } from '../base/limits.js';
import type { ByteRange } from './provider.js';

/** Throws USAGE unless `range` consists of whole numbers with 0 <= start < end. */
export function checkRange(range: ByteRange | undefined): void {
  if (range === undefined) return;
  const { start, end } = range;
  if (Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start < end) return;
  throw new BrowserStateError('USAGE', `expected a range of bytes, found ${start} to ${end}`, {
    hint: 'Pass whole numbers with 0 <= start < end.',
  });
}

/** Throws INTEGRITY unless `range` lies within an object of `size` bytes. */
export function checkWithin(range: ByteRange, size: number, key: string): void {
  check(range.end <= size, `${key}: expected bytes ${range.start} to ${range.end}, found an object of ${size} bytes`);
}

/**
 * Maximum bytes of an object: the largest manifest and room for its framing. An object of a larger
 * claimed size is not read into memory.
 */
export const MAX_OBJECT_SIZE = 2 * MAX_MANIFEST_SIZE;

/** Throws USAGE for more bytes than an object may have. */
export function checkObjectSize(key: string, bytes: Uint8Array): void {
  if (bytes.length <= MAX_OBJECT_SIZE) return;
  throw new BrowserStateError('USAGE', `${key}: expected an object of at most ${MAX_OBJECT_SIZE} bytes, found ${bytes.length}`, {
    hint: 'Split it into several objects.',
  });
}

/** Throws USAGE for more bytes than a cell may have. */
export function checkCellSize(key: string, bytes: Uint8Array): void {
  if (bytes.length <= MAX_CELL_SIZE) return;
  throw new BrowserStateError('USAGE', `${key}: expected a cell of at most ${MAX_CELL_SIZE} bytes, found ${bytes.length}`, {
    hint: 'Store it as an object.',
  });
}

/** The hint of NOT_FOUND for an object. */
export const MISSING_HINT = 'Run `browserstate verify`, with `--on remote` for the remote, to see what is missing.';

/** Returns the NOT_FOUND error for an object that a store does not have. */
export function noObject(key: string, url: string): BrowserStateError {
  return new BrowserStateError('NOT_FOUND', `there is no object ${key} in ${url}`, { hint: MISSING_HINT });
}

/** Returns the USAGE error for a name that no bucket has. */
export function badBucket(name: string): BrowserStateError {
  return new BrowserStateError('USAGE', `expected the name of a bucket, found ${JSON.stringify(name)}`, {
    hint: 'Pass the name alone, without scheme, slashes and prefix.',
  });
}

/** Returns `value` if it is a whole number of at least `least`. Throws USAGE otherwise. */
export function checkWholeNumber(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new BrowserStateError('USAGE', `expected ${name} to be a whole number from ${least} on, found ${value}`, {
    hint: `Pass a number such as ${Math.max(least, 1)}.`,
  });
}
