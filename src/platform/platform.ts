/**
 * What the lower layers need of the runtime, as a type that both implementations satisfy.
 * `#platform` in package.json picks node.ts on Node and portable.ts elsewhere; both read every
 * codec, so that a snapshot reads the same anywhere.
 */

import { check } from '../errors.js';

/** The codecs of frames; their tags are in SPEC.md R-CODEC. */
export type Codec = 'raw' | 'deflate' | 'brotli' | 'zstd';

/**
 * How hard to compress: `fast` for bulk, `good` for what is small enough to take the time, `max`
 * for the smallest result.
 */
export type Effort = 'fast' | 'good' | 'max';

export interface Platform {
  /** SHA-256 over the parts, one after the other: 32 bytes. */
  sha256(...parts: Uint8Array[]): Uint8Array;

  /** Lets any number of listeners wait for the signal without a warning of the runtime. */
  allowListeners(signal: AbortSignal): void;

  /** The codec that new frames are written with: the fastest good one that this runtime has. */
  readonly preferredCodec: Codec;

  /**
   * Compresses off the calling thread where the runtime can. `raw` is not a codec to compress with.
   */
  compress(codec: Exclude<Codec, 'raw'>, bytes: Uint8Array, effort: Effort): Promise<Uint8Array>;

  /**
   * The bytes that were compressed, exactly `length` of them. Throws INTEGRITY where the input is
   * not such a stream or holds more or fewer bytes, and never allocates more than a small multiple
   * of `length`, whatever the input claims.
   */
  decompress(codec: Codec, bytes: Uint8Array, length: number): Promise<Uint8Array>;
}

/** The bytes as they are, if there are `length` of them. Throws INTEGRITY otherwise. */
export function expectLength(codec: Codec, bytes: Uint8Array, length: number): Uint8Array {
  check(bytes.length === length, `${codec} frame: expected ${length} bytes, found ${bytes.length}`);
  return bytes;
}
