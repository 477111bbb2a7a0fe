/**
 * A program that decodes streams of a gigabyte, or streams that claim one. It prints the outcome of
 * each stream, and the memory of the process in MiB.
 */
import { Buffer } from 'node:buffer';
import type { Transform } from 'node:stream';
import { constants, createBrotliCompress, createDeflateRaw, type Zlib } from 'node:zlib';
import { isError } from '../../../src/base/errors.js';
import type { Codec } from '../../../src/codec/platform.js';
import { platforms } from '../codec/codecs.js';
import { fromHex } from '../hex.js';
import { peakMemory } from '../measure/peak.js';

const GIB = 2 ** 30;
const PART = 2 ** 24;
const smallWindow = { params: { [constants.BROTLI_PARAM_LGWIN]: 16 } };

/**
 * Returns a stream of a gigabyte of zeros. After each flush the compressor has its former state, so
 * one part may be repeated.
 */
async function repeated(compressor: Transform & Zlib, operation: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  compressor.on('data', (part: Buffer) => parts.push(part));
  const write = (): Promise<Buffer> =>
    new Promise((resolve) => {
      compressor.write(Buffer.alloc(PART));
      compressor.flush(operation, () => resolve(Buffer.concat(parts.splice(0))));
    });
  const first = await write();
  const again = await write();
  return Buffer.concat([first, ...Array<Buffer>(GIB / PART - 1).fill(again)]);
}

/** Returns a frame of blocks that repeat one byte 131,072 times. None is the last block. */
const zstdRuns = Buffer.concat([fromHex('28b52ffd0038'), ...Array<Uint8Array>(GIB / 2 ** 17).fill(fromHex('02001000'))]);

/** The streams, each with its expected length. */
const bombs: Record<string, [Codec, Uint8Array, number]> = {
  'deflate of 1 GiB': ['deflate', await repeated(createDeflateRaw({ level: 9 }), constants.Z_FULL_FLUSH), 65_536],
  'brotli of 1 GiB': ['brotli', await repeated(createBrotliCompress(smallWindow), constants.BROTLI_OPERATION_FLUSH), 65_536],
  'zstd of 1 GiB': ['zstd', zstdRuns, 65_536],
  'zstd that claims 1 GiB': ['zstd', fromHex('28b52ffda000000040010000'), 65_536],
  'zstd with a window of 3.75 TiB': ['zstd', fromHex('28b52ffd00ff010000'), 65_536],
  // The weights of the Huffman table come from an FSE table of one symbol. Its states use no bits,
  // so the weights never end.
  'zstd with endless weights': ['zstd', fromHex('28b52ffd20406d000082400204f00300800102030400'), 64],
  // Eight bytes are followed by 98,047 matches of 32,771 bytes each, by codes that use no bits.
  'zstd with endless matches': ['zstd', fromHex('28b52ffd204040000041414141414141415500000841ffffff5400003301'), 64],
};

const results: Record<string, string> = {};
for (const [name, [codec, stored, length]] of Object.entries(bombs)) {
  for (const [platform, { decompress }] of Object.entries(platforms)) {
    results[`${name}, ${platform}`] = await decompress(codec, stored, length).then(
      () => 'accepted',
      (error: unknown) => (isError(error) ? error.code : String(error)),
    );
  }
}
console.log(JSON.stringify({ results, peakMiB: Math.round(peakMemory() / 2 ** 20) }));
