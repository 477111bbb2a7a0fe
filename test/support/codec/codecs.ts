/** The two platforms, and content of the kinds that profiles hold. */
import fc from 'fast-check';
import * as node from '../../../src/codec/node.js';
import type { Codec, Effort, Platform } from '../../../src/codec/platform.js';
import * as portable from '../../../src/codec/portable.js';
import { noise, prose } from '../content.js';

export const platforms = { node, portable } satisfies Record<string, Platform>;

/** The codecs that this Node can write. zstd is included only if Node has it. */
export const written: readonly { by: Platform; codec: Exclude<Codec, 'raw'> }[] = [
  { by: node, codec: 'deflate' },
  { by: portable, codec: 'deflate' },
  { by: node, codec: 'brotli' },
  ...(node.preferredCodec === 'zstd' ? [{ by: node, codec: 'zstd' } as const] : []),
];

export const efforts: readonly Effort[] = ['fast', 'good', 'max'];

/**
 * Returns text, then incompressible bytes, then zeros, then the text again, `length` bytes in all.
 */
export function mixture(length: number, seed: string | number): Uint8Array {
  const part = Math.ceil(length / 4);
  return Uint8Array.from([...prose(part, seed), ...noise(part, seed), ...new Uint8Array(part), ...prose(part, seed)]).subarray(0, length);
}

const seed = fc.nat(1000);
const shortLength = fc.nat(4000);
const anyLength = fc.oneof({ weight: 4, arbitrary: shortLength }, fc.constantFrom(65_536, 65_537, 131_072, 200_000, 262_144));
/** Content of up to `length` bytes, with the lengths at which formats change their encoding. */
const ofLength = (length: fc.Arbitrary<number>): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.tuple(length, seed).map(([n, s]) => prose(n, s)),
    fc.tuple(length, seed).map(([n, s]) => mixture(n, s)),
    fc.tuple(length, seed).map(([n, s]) => noise(n, s)),
    fc.tuple(length, fc.nat(255)).map(([n, byte]) => new Uint8Array(n).fill(byte)),
    fc.uint8Array({ maxLength: 300 }),
  );
export const content = ofLength(anyLength);
export const shortContent = ofLength(shortLength);
