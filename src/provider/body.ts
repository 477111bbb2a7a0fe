/** Bodies of answers over HTTP, read within bounds. */
import { concat } from '../bytes.js';
import { BrowserStateError, check } from '../errors.js';
import { MAX_ANSWER_SIZE } from '../limits.js';
import type { ByteRange } from './provider.js';

export interface BodyOptions {
  /** Names the body in errors. */
  what: string;
  /** Bytes of the whole, if the answer tells; undefined otherwise. */
  expected: number | undefined;
  /** Bytes that it may have at most. */
  limit: number;
  /** Receives the bytes if they fit. */
  into?: Uint8Array | undefined;
}

/**
 * Returns the whole body. Throws INTEGRITY if the answer announces more than `limit` bytes, before any is read; UNREACHABLE if the body
 * goes on beyond its announced length or ends before it, or if it announces none and does not end (MAX_ANSWER_SIZE): then the network
 * or the server is at fault, not the store.
 */
export async function bodyOf(parts: AsyncIterable<Uint8Array>, { what, expected, limit, into }: BodyOptions): Promise<Uint8Array> {
  if ((expected ?? 0) > limit) discard(parts);
  check((expected ?? 0) <= limit, `${what}: expected at most ${limit} bytes, found ${expected}`);
  const most = expected ?? Math.min(limit, MAX_ANSWER_SIZE);
  // With a known length the parts are released as they come: a body is in memory once.
  const fits = expected !== undefined && into !== undefined && into.length >= expected;
  const whole = fits ? into.subarray(0, expected) : expected === undefined ? undefined : new Uint8Array(expected);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of parts) {
    if (length + chunk.length > most) throw new BrowserStateError('UNREACHABLE', `${what}: expected at most ${most} bytes, found more`);
    if (whole === undefined) chunks.push(chunk);
    else whole.set(chunk, length);
    length += chunk.length;
  }
  if (expected !== undefined && length !== expected) {
    throw new BrowserStateError('UNREACHABLE', `${what}: expected ${expected} bytes, found the end after ${length}`);
  }
  return whole ?? concat(chunks);
}

/** Returns the length that an answer announces; undefined if it announces none, or something that is no length. */
export function announcedLength(header: string | number | undefined): number | undefined {
  const length = Number(header ?? Number.NaN);
  return Number.isSafeInteger(length) && length >= 0 ? length : undefined;
}

/** Closes the connection of a body that is not wanted. */
export function discard(body: unknown): void {
  (body as { destroy?: () => void } | undefined)?.destroy?.();
}

/** Returns what is wrong with a success in answer to `range`: another range, or a whole object that is longer; undefined if nothing is. */
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
