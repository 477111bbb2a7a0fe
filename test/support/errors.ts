/** Assertions on this library's errors. */
import type { ExecutionContext } from 'ava';
import { BrowserStateError, type ErrorCode, isError } from '../../src/base/errors.js';

/** Asserts that `action` throws an error of that code, and returns the error. */
export function refuses(t: ExecutionContext, action: () => unknown, code: ErrorCode = 'INTEGRITY', message?: string): BrowserStateError {
  return t.throws(action, { instanceOf: BrowserStateError, code }, message) as BrowserStateError;
}

/** Asserts that `action` rejects with an error of that code, and returns the error. */
export async function rejects(
  t: ExecutionContext,
  action: () => Promise<unknown>,
  code: ErrorCode = 'INTEGRITY',
  message?: string,
): Promise<BrowserStateError> {
  return (await t.throwsAsync(action, { instanceOf: BrowserStateError, code }, message)) as BrowserStateError;
}

/**
 * Returns the result of `action`, or undefined if it throws an error of one of the codes. Rethrows
 * other errors.
 */
export async function orCode<T>(action: () => T | Promise<T>, ...codes: ErrorCode[]): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (isError(error, ...codes)) return undefined;
    throw error;
  }
}

/** Asserts that no beginning of `bytes` is accepted as the whole. */
export function refusesTruncations(t: ExecutionContext, bytes: Uint8Array, decode: (bytes: Uint8Array) => unknown): void {
  for (let length = 0; length < bytes.length; length++) {
    if (isRefused(() => decode(bytes.slice(0, length)), 'INTEGRITY')) continue;
    t.fail(`the first ${length} of ${bytes.length} bytes were accepted`);
  }
  t.true(
    isRefused(() => decode(Uint8Array.of(...bytes, 0)), 'INTEGRITY'),
    'a byte after the end was accepted',
  );
}

/**
 * Asserts R-ENC-3 on `bytes` with every single byte replaced in a few ways: an accepted value
 * encodes to the same bytes.
 */
export function isCanonical<T>(
  t: ExecutionContext,
  bytes: Uint8Array,
  decode: (bytes: Uint8Array) => T,
  encode: (value: T) => Uint8Array,
): void {
  for (const [at, original] of bytes.entries()) {
    for (const replaced of [original ^ 1, original ^ 0x80, original + 1, 0, 0xff]) {
      const altered = bytes.slice();
      altered[at] = replaced;
      const value = unless(() => decode(altered), 'INTEGRITY', 'NEWER_VERSION', 'UNSUPPORTED');
      if (value === undefined || Buffer.compare(encode(value), altered) === 0) continue;
      t.fail(`byte ${at} of ${Buffer.from(bytes).toString('hex')} as ${replaced} was read as what is written otherwise`);
    }
  }
  t.pass();
}

function isRefused(action: () => unknown, code: ErrorCode): boolean {
  return unless(action, code) === undefined;
}

/**
 * Returns the result of `action` in a box, or undefined if it throws an error of one of the codes.
 */
function unless<T>(action: () => T, ...codes: ErrorCode[]): T | undefined {
  try {
    return action();
  } catch (error) {
    if (isError(error, ...codes)) return undefined;
    throw error;
  }
}
