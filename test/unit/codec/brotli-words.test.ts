/**
 * Every transform of the words of brotli's dictionary, in streams of a single word, compared with
 * node:zlib.
 */
import test from 'ava';
import { dictionaryWord } from '../../../src/codec/brotli/words.js';
import { platforms } from '../../support/codec/codecs.js';
import { hex } from '../../support/hex.js';

const TRANSFORMS = 121;
const COUNT_LOGS = [0, 0, 0, 0, 10, 10, 11, 11, 10, 10, 10, 10, 10, 9, 9, 8, 7, 7, 8, 7, 7, 6, 6, 5, 5];
/**
 * For each copy code from 2 on (the code of length 4): the shortest length, and the bits that
 * follow.
 */
const COPY_CODES = [
  ...[4, 5, 6, 7, 8, 9].map((length) => [length, 0] as const),
  ...([
    [10, 1],
    [12, 1],
    [14, 2],
    [18, 2],
    [22, 3],
  ] as const),
];

/**
 * Returns a stream of one meta-block with one command: nothing inserted, and `length` bytes copied
 * from `distance` back.
 */
function copyStream(total: number, length: number, distance: number): Uint8Array {
  const bits: number[] = [];
  const put = (value: number, count: number): void => {
    for (let i = 0; i < count; i++) bits.push(Math.floor(value / 2 ** i) % 2);
  };
  const onlySymbol = (symbol: number, width: number): void => {
    put(1, 2);
    put(0, 2);
    put(symbol, width);
  };
  const copyCode = 1 + COPY_CODES.filter(([shortest]) => shortest <= length).length;
  const [shortest, copyBits] = COPY_CODES[copyCode - 2] as readonly [number, number];
  const width = Math.floor(Math.log2((distance + 3) / 2));
  const upper = Math.floor((distance + 3) / 2 ** width) - 2;
  put(0, 1); // a window of 64 KiB
  put(0b01, 2); // the last meta-block, and not empty
  put(0, 2);
  put(total - 1, 16);
  put(0, 3 + 6 + 2 + 2); // one type of block each, no direct distances, the first context mode, one tree each
  onlySymbol(0, 8);
  onlySymbol(copyCode < 8 ? 128 + copyCode : 192 + copyCode - 8, 10);
  onlySymbol(16 + 2 * (width - 1) + upper, 6);
  put(length - shortest, copyBits);
  put(distance + 3 - (2 + upper) * 2 ** width, width);
  while (bits.length % 8 !== 0) bits.push(0);
  return Uint8Array.from({ length: bits.length / 8 }, (_, i) =>
    bits.slice(8 * i, 8 * i + 8).reduce((byte, bit, at) => byte + bit * 2 ** at, 0),
  );
}

test('each transform of words of each length', async (t) => {
  let read = 0;
  for (const [length, log] of COUNT_LOGS.entries()) {
    if (log === 0) continue;
    for (let transform = 0; transform < TRANSFORMS; transform++) {
      for (const word of [0, 2 ** log - 1, (transform * 37) % 2 ** log]) {
        const id = transform * 2 ** log + word;
        const expected = dictionaryWord(length, id);
        if (expected.length === 0) continue;
        const stream = copyStream(expected.length, length, id + 1);
        for (const platform of Object.values(platforms)) {
          const found = hex(await platform.decompress('brotli', stream, expected.length));
          if (found !== hex(expected))
            t.fail(`word ${word} of length ${length}, transform ${transform}: expected ${hex(expected)}, found ${found}`);
        }
        read++;
      }
    }
  }
  t.true(read > 7000);
});

test('a number beyond the transforms is rejected', (t) => {
  t.notThrows(() => dictionaryWord(4, TRANSFORMS * 1024 - 1));
  for (const [length, id] of [
    [4, TRANSFORMS * 1024],
    [3, 0],
    [25, 0],
  ] as const)
    t.throws(() => dictionaryWord(length, id), { message: /brotli frame/ });
});
