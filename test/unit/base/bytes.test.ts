/**
 * The encoding primitives (SPEC.md 2): each value has one encoding, and every other encoding is
 * rejected.
 */
import test from 'ava';
import fc from 'fast-check';
import { compareBytes, compareUtf8, concat, fromHex, Reader, toHex, utf8, Writer } from '../../../src/base/bytes.js';
import { text, uint } from '../../support/arbitraries.js';
import { refuses, refusesTruncations } from '../../support/errors.js';
import { fromHex as bytesOf } from '../../support/hex.js';

const read = <T>(bytes: Uint8Array, take: (input: Reader) => T): T => {
  const input = new Reader(bytes, 'test');
  const value = take(input);
  input.end();
  return value;
};
const readUint = (bytes: Uint8Array): number => read(bytes, (input) => input.uint(Number.MAX_SAFE_INTEGER));

test('R-ENC-1: a uint is LEB128, least significant group first', (t) => {
  const known: [number, string][] = [
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [300, 'ac02'],
    [16_383, 'ff7f'],
    [16_384, '808001'],
    [2 ** 32, '8080808010'],
    [Number.MAX_SAFE_INTEGER, 'ffffffffffffff0f'],
  ];
  for (const [value, digits] of known) {
    t.is(toHex(new Writer().uint(value).finish()), digits);
    t.is(readUint(bytesOf(digits)), value);
  }
});

test('R-ENC-1: every uint is read as written, and no beginning of it is', (t) => {
  fc.assert(
    fc.property(uint, (value) => {
      const written = new Writer().uint(value).finish();
      t.is(readUint(written), value);
      refusesTruncations(t, written, readUint);
    }),
  );
});

test('R-ENC-1: padded uints and those of 2^53 and more are rejected', (t) => {
  for (const digits of ['8000', 'ff00', '808000', 'ffffffffffffff1f', '8080808080808010', 'ffffffffffffffffff01', '808080808080808001']) {
    refuses(t, () => readUint(bytesOf(digits)), 'INTEGRITY', digits);
  }
  refuses(t, () => read(bytesOf('ac02'), (input) => input.uint(299)));
  t.is(
    read(bytesOf('ac02'), (input) => input.uint(300)),
    300,
  );
});

test('R-ENC-1: a writer rejects an invalid uint', (t) => {
  for (const value of [-1, 0.5, 2 ** 53, Number.NaN]) refuses(t, () => new Writer().uint(value), 'INTERNAL');
  for (const value of [-1, 256, 1.5]) refuses(t, () => new Writer().byte(value), 'INTERNAL');
});

test("section 2: an int64 is eight bytes, two's complement, little-endian", (t) => {
  t.is(toHex(new Writer().int64(-2n).finish()), 'feffffffffffffff');
  t.is(toHex(new Writer().int64(258n).finish()), '0201000000000000');
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      const written = new Writer().int64(value).finish();
      t.is(
        read(written, (input) => input.int64()),
        value,
      );
      refusesTruncations(t, written, (bytes) => read(bytes, (input) => input.int64()));
    }),
  );
});

test('section 2: sized bytes and texts carry their length', (t) => {
  fc.assert(
    fc.property(text(40), fc.uint8Array({ maxLength: 300 }), (value, bytes) => {
      const written = new Writer().text(value).sized(bytes).finish();
      const decode = (from: Uint8Array): [string, Uint8Array] => read(from, (input) => [input.text(400), input.sized(400)]);
      t.deepEqual(decode(written), [value, bytes]);
      refusesTruncations(t, written, decode);
    }),
    { numRuns: 50 },
  );
});

test('R-ENC-2: text is UTF-8 as it is: no BOM is removed, and other bytes are rejected', (t) => {
  const readText = (bytes: Uint8Array): string => read(bytes, (input) => input.text(100));
  t.is(readText(new Writer().text('\ufeffA\u0308').finish()), '\ufeffA\u0308');
  for (const digits of ['ff', 'c080', 'eda080', 'f4908080', 'c3', 'e282']) {
    refuses(t, () => readText(new Writer().sized(bytesOf(digits)).finish()), 'INTEGRITY', digits);
  }
});

test('R-ENC-3: a declared length beyond the end is rejected before anything is allocated', (t) => {
  const huge = new Writer().uint(Number.MAX_SAFE_INTEGER).byte(1).finish();
  refuses(t, () => new Reader(huge, 'test').sized(Number.MAX_SAFE_INTEGER));
  refuses(t, () => new Reader(huge, 'test').text(Number.MAX_SAFE_INTEGER));
  refuses(t, () => new Reader(huge, 'test').sized(1000));
});

test('R-ENC-3: bytes after the end are rejected', (t) => {
  const input = new Reader(bytesOf('0001'), 'test');
  t.is(input.byte(), 0);
  t.is(input.remaining, 1);
  refuses(t, () => input.end());
});

test('section 3: hex is lower-case, two digits a byte', (t) => {
  t.is(toHex(Uint8Array.of(0, 1, 0xab, 0xff)), '0001abff');
  t.deepEqual(fromHex('0001abff'), Uint8Array.of(0, 1, 0xab, 0xff));
  for (const bad of ['0', 'AB', 'zz', '0x', ' 00 ']) t.is(fromHex(bad), undefined, bad);
});

test('R-TREE-1: texts sort as their UTF-8 bytes do', (t) => {
  const compare = (a: string, b: string): number => Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));
  const tricky = fc.string({ unit: fc.constantFrom('a', '\uffff', '\ue000', '\u{10000}', '\u{10ffff}', '\ud7ff', '/'), maxLength: 4 });
  fc.assert(
    fc.property(fc.oneof(tricky, text(5)), fc.oneof(tricky, text(5)), (a, b) => {
      t.is(Math.sign(compareUtf8(a, b)), compare(a, b));
      t.is(Math.sign(compareBytes(utf8(a), utf8(b))), compare(a, b));
    }),
    { numRuns: 500 },
  );
});

test('a writer grows without losing bytes', (t) => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 20 }), (parts) => {
      const out = new Writer();
      for (const part of parts) out.bytes(part);
      t.deepEqual(out.finish(), concat(parts));
      t.is(out.length, concat(parts).length);
    }),
    { numRuns: 50 },
  );
});
