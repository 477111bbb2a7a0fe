/** The tags of codecs, and the choice of one for a piece of data (SPEC.md R-CODEC). */
import { compress, decompress, preferredCodec } from '#platform';
import { check } from '../base/errors.js';
import { looksIncompressible } from '../codec/compressible.js';
import type { Codec } from '../codec/platform.js';

const codecs: readonly Codec[] = ['raw', 'deflate', 'brotli', 'zstd'];

/**
 * The user's choice: `auto` spends little time on large data and more on small data, `max` makes
 * the smallest result, `off` compresses nothing.
 */
export type Compression = 'auto' | 'max' | 'off';

/** Bytes in the form in which they are stored. */
export interface Encoded {
  codec: Codec;
  /** Number of bytes before compression. */
  length: number;
  stored: Uint8Array;
}

export function codecTag(codec: Codec): number {
  return codecs.indexOf(codec);
}

export function codecOfTag(tag: number, what: string): Codec {
  const codec = codecs[tag];
  check(codec !== undefined, `${what}: expected a codec of 0 to ${codecs.length - 1}, found ${tag}`);
  return codec;
}

/**
 * Compresses the bytes if the result is smaller. `bulk` means that they are part of a large amount.
 */
export async function encode(bytes: Uint8Array, compression: Compression, bulk = false): Promise<Encoded> {
  const raw: Encoded = { codec: 'raw', length: bytes.length, stored: bytes };
  if (compression === 'off' || preferredCodec === 'raw' || bytes.length < 32) return raw;
  if (compression === 'auto' && looksIncompressible(bytes)) return raw;
  const stored = await compress(preferredCodec, bytes, compression === 'max' ? 'max' : bulk ? 'fast' : 'good');
  return stored.length < bytes.length ? { codec: preferredCodec, length: bytes.length, stored } : raw;
}

/**
 * Returns the bytes that were encoded. Throws INTEGRITY if they do not match the codec and the
 * length.
 */
export function decode({ codec, length, stored }: Encoded): Promise<Uint8Array> {
  return decompress(codec, stored, length);
}
