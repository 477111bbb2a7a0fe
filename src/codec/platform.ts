/**
 * The runtime features of the lower layers, as a type that both implementations satisfy.
 * `#platform` in package.json selects node.ts on Node and portable.ts elsewhere. Both read every
 * codec, so that a commit reads the same anywhere.
 */

import { BrowserStateError, check } from '../base/errors.js';

/** The codecs of frames. SPEC.md R-CODEC defines their tags. */
export type Codec = 'raw' | 'deflate' | 'brotli' | 'zstd';

/**
 * The compression effort: `fast` for bulk, `good` for data that is small enough to take the time,
 * `max` for the smallest result.
 */
export type Effort = 'fast' | 'good' | 'max';

export interface Platform {
  /** Returns the SHA-256 over the concatenated parts: 32 bytes. */
  sha256(...parts: Uint8Array[]): Uint8Array;

  /** Allows any number of listeners of the signal without a warning of the runtime. */
  allowListeners(signal: AbortSignal): void;

  /** The codec of new frames: the fastest codec with a good ratio on this runtime. */
  readonly preferredCodec: Codec;

  /** Compresses off the calling thread, if the runtime can. The codec `raw` does not compress. */
  compress(codec: Exclude<Codec, 'raw'>, bytes: Uint8Array, effort: Effort): Promise<Uint8Array>;

  /**
   * Returns the decompressed bytes, exactly `length` of them. Throws INTEGRITY if the input is not
   * a stream of the codec, or holds more or fewer bytes. Never allocates more than a small multiple
   * of `length`, regardless of the length that the input claims.
   */
  decompress(codec: Codec, bytes: Uint8Array, length: number): Promise<Uint8Array>;
}

/** Returns the bytes unchanged if there are `length` of them. Throws INTEGRITY otherwise. */
export function expectLength(codec: Codec, bytes: Uint8Array, length: number): Uint8Array {
  check(bytes.length === length, `${codec} frame: expected ${length} bytes, found ${bytes.length}`);
  return bytes;
}

/** Returns an UNSUPPORTED error for a codec that this runtime only reads. */
export function unwritable(codec: Codec): BrowserStateError {
  return new BrowserStateError('UNSUPPORTED', `this runtime cannot write ${codec}`, { hint: 'Write with Node, and read here.' });
}
