/** HTTP response bodies, read within bounds. */
import { concat } from '../../base/bytes.js';
import { BrowserStateError, check } from '../../base/errors.js';
import { MAX_ANSWER_SIZE } from '../../base/limits.js';
import type { ByteRange } from '../provider.js';

export interface BodyOptions {
  /** Names the body in errors. */
  what: string;
  /** Announced bytes of the whole body. Undefined if none are announced. */
  expected: number | undefined;
  /** Maximum bytes of the body. */
  limit: number;
  /** Receives the bytes if they fit. */
  into?: Uint8Array | undefined;
}

/**
 * Returns the whole body. Throws INTEGRITY before reading if the response announces more than
 * `limit` bytes. Throws UNREACHABLE if the body is longer or shorter than announced. Throws
 * UNREACHABLE if no length is announced and the body exceeds MAX_ANSWER_SIZE: the network or the
 * server is at fault, not the store.
 */
export async function bodyOf(parts: AsyncIterable<Uint8Array>, { what, expected, limit, into }: BodyOptions): Promise<Uint8Array> {
  if ((expected ?? 0) > limit) discard(parts);
  check((expected ?? 0) <= limit, `${what}: expected at most ${limit} bytes, found ${expected}`);
  const most = expected ?? Math.min(limit, MAX_ANSWER_SIZE);
  // With a known length, each part is released as it arrives: a body is in memory once.
  const fits = expected !== undefined && into !== undefined && into.length >= expected;
  const whole = fits ? into.subarray(0, expected) : expected === undefined ? undefined : new Uint8Array(expected);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of parts) {
    if (length + chunk.length > most) throw cut(`${what}: expected at most ${most} bytes, found more`);
    if (whole === undefined) chunks.push(chunk);
    else whole.set(chunk, length);
    length += chunk.length;
  }
  if (expected !== undefined && length !== expected) {
    throw cut(`${what}: expected ${expected} bytes, found the end after ${length}`);
  }
  return whole ?? concat(chunks);
}

/**
 * Returns the length that a response announces. Returns undefined if the response announces no
 * length or an invalid one.
 */
export function announcedLength(header: string | number | undefined): number | undefined {
  const length = Number(header ?? Number.NaN);
  return Number.isSafeInteger(length) && length >= 0 ? length : undefined;
}

/** Closes the connection of an unwanted body. */
export function discard(body: unknown): void {
  (body as { destroy?: () => void } | undefined)?.destroy?.();
}

/**
 * Returns the problem of a successful response to `range`: another range, or a whole object that is
 * longer. Returns undefined if the response is valid.
 */
export function rangeProblem(
  status: number,
  shown: string | undefined,
  length: number | undefined,
  { start, end }: ByteRange,
): string | undefined {
  const [, first, last] = /^bytes (\d+)-(\d+)\/(?:\d+|\*)$/.exec(shown ?? '') ?? [];
  const isIn = status === 206 ? Number(first) === start && Number(last) < end : start === 0 && length !== undefined;
  return isIn && (length ?? 0) <= end - start ? undefined : `bytes ${start} to ${end} were asked for`;
}

/** Returns the UNREACHABLE error for a response that does not have the announced length. */
function cut(message: string): BrowserStateError {
  return new BrowserStateError('UNREACHABLE', message, { hint: 'Check the connection, and a proxy before the store; then retry.' });
}
