/** The body of an answer over HTTP. */
import { concat } from '../bytes.js';
import { BrowserStateError, check } from '../errors.js';

export interface BodyOptions {
  /** For errors. */
  what: string;
  /** Bytes of the whole, where the answer tells. */
  expected: number | undefined;
  /** The most bytes that it may have. */
  limit: number;
  /** Where they go if they fit. */
  into?: Uint8Array | undefined;
}

/** The whole body. INTEGRITY where it is longer than allowed; UNREACHABLE where it ends early, which is an error of the network. */
export async function bodyOf(parts: AsyncIterable<Uint8Array>, { what, expected, limit, into }: BodyOptions): Promise<Uint8Array> {
  const refuse = (length: number) => check(length <= limit, `${what}: expected at most ${limit} bytes, found more`);
  refuse(expected ?? 0);
  // Where the length is told the parts are let go as they come: a body is in memory once.
  const fits = expected !== undefined && into !== undefined && into.length >= expected;
  const whole = fits ? into.subarray(0, expected) : expected === undefined ? undefined : new Uint8Array(expected);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of parts) {
    refuse(length + chunk.length);
    if (whole === undefined) chunks.push(chunk);
    else if (length + chunk.length <= whole.length) whole.set(chunk, length);
    length += chunk.length;
  }
  if (expected !== undefined && length !== expected) {
    throw new BrowserStateError('UNREACHABLE', `${what}: expected ${expected} bytes, found the end after ${length}`);
  }
  return whole ?? concat(chunks);
}
