/** The codecs' tags, and the choice of one for a piece of data (SPEC.md R-CODEC). */
import { compress, decompress, preferredCodec } from '#platform';
import { check } from '../errors.js';
import type { Codec } from '../platform/platform.js';
import { looksIncompressible } from './probe.js';

const codecs: readonly Codec[] = ['raw', 'deflate', 'brotli', 'zstd'];

/** What a user asks for: little time for much data and more for little, the smallest result, or nothing compressed at all. */
export type Compression = 'auto' | 'max' | 'off';

/** Bytes as they are stored. */
export interface Encoded {
  codec: Codec;
  /** Bytes before compression. */
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

/** Compresses where that makes the bytes fewer; `bulk` says that they are part of much. */
export async function encode(bytes: Uint8Array, compression: Compression, bulk = false): Promise<Encoded> {
  const raw: Encoded = { codec: 'raw', length: bytes.length, stored: bytes };
  if (compression === 'off' || preferredCodec === 'raw' || bytes.length < 32) return raw;
  if (compression === 'auto' && looksIncompressible(bytes)) return raw;
  const stored = await compress(preferredCodec, bytes, compression === 'max' ? 'max' : bulk ? 'fast' : 'good');
  return stored.length < bytes.length ? { codec: preferredCodec, length: bytes.length, stored } : raw;
}

/** The bytes that were encoded. Throws INTEGRITY where they are not what the codec and the length say. */
export function decode({ codec, length, stored }: Encoded): Promise<Uint8Array> {
  return decompress(codec, stored, length);
}
