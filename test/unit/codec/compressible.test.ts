/**
 * Results of the probe on the kinds of content in profiles. src/codec/compressible.ts has
 * measurements of real profiles.
 */
import { brotliCompressSync, deflateRawSync } from 'node:zlib';
import test from 'ava';
import fc from 'fast-check';
import { looksIncompressible } from '../../../src/codec/compressible.js';
import { noise, prose } from '../../support/content.js';

const CHUNK = 65_536;
const seed = fc.nat(1_000_000);
/** Lengths from the shortest that the probe examines. */
const length = fc.oneof(fc.integer({ min: 512, max: 5000 }), fc.constant(CHUNK));

test('encrypted or compressed content looks incompressible', (t) => {
  fc.assert(
    fc.property(length, seed, (n, s) => {
      t.true(looksIncompressible(noise(n, s)));
    }),
    { numRuns: 300, seed: 1 },
  );
  const words = Array.from(noise(400_000, 'words'), (byte) => (byte * 7919).toString(36)).join(' ');
  for (const packed of [deflateRawSync(words), brotliCompressSync(words)]) t.true(looksIncompressible(packed.subarray(100, 100 + CHUNK)));
});

test('compressible content does not: text, numbers in base64 and hex, zeros, tables, counters', (t) => {
  const of = (make: (i: number) => number): Uint8Array => Uint8Array.from({ length: CHUNK }, (_, i) => make(i));
  const random = Buffer.from(noise(CHUNK, 'random'));
  const contents: Record<string, Uint8Array> = {
    text: prose(CHUNK, 'text'),
    base64: Buffer.from(random.toString('base64')).subarray(0, CHUNK),
    hex: Buffer.from(random.toString('hex')).subarray(0, CHUNK),
    zeros: new Uint8Array(CHUNK),
    counter: of((i) => i),
    'numbers of 32 bits': of((i) => (i % 4 === 0 ? (random[i] as number) : 0)),
    'samples of 16 bits': of((i) => (i % 2 === 0 ? (random[i] as number) : 128 + ((random[i] as number) >> 5))),
  };
  for (const [name, bytes] of Object.entries(contents)) t.false(looksIncompressible(bytes), name);
});

test('a page of text or of zeros in a chunk of images is found at any position', (t) => {
  for (let page = 0; page < 16; page++) {
    for (const found of [prose(4096, page), new Uint8Array(4096)]) {
      const bytes = noise(CHUNK, page);
      bytes.set(found, page * 4096);
      t.false(looksIncompressible(bytes), `page ${page}`);
    }
  }
});

test('a short input is never reported as incompressible', (t) => {
  for (let n = 0; n < 512; n++) t.false(looksIncompressible(noise(n, n)));
});
