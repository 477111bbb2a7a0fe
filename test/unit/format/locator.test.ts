/** Locator tables (SPEC.md 6): each table has one encoding, and every broken rule is rejected. */
import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { Writer } from '../../../src/base/bytes.js';
import { decodeLocators, encodeLocators, type Frame, type Location } from '../../../src/format/locator.js';
import { locations as anyLocations } from '../../support/arbitraries.js';
import { isCanonical, refuses, refusesTruncations } from '../../support/errors.js';
import { holds } from '../../support/property.js';

const frame = (pack: string, offset: number, parts: Partial<Frame> = {}): Frame => ({
  pack: { epoch: 1, name: pack.repeat(32) },
  offset,
  codec: 'deflate',
  storedLength: 100,
  length: 70_000,
  ...parts,
});
const whole = (at: Frame, offset: number, baseLength: number): Location => ({ frame: at, offset, baseLength, patches: [] });
const a = frame('a', 80);
const b = frame('b', 80, { codec: 'raw', storedLength: 8192, length: 8192 });
const patched: Location = { ...whole(a, 10, 60_000), patches: [{ frame: b, offset: 0, bitmap: 0b101 }] };
const some = [whole(a, 0, 10), patched, whole(b, 0, 8192)];
const lengths = [10, 65_536, 8192];

test('section 6: every table is read as it was written', async (t) => {
  const law = fc.property(anyLocations, ({ lengths: blobs, locations }) => {
    const encoded = encodeLocators(locations, blobs);
    assert.deepStrictEqual(decodeLocators(encoded, blobs), locations);
  });
  await holds(t, law, { numRuns: 300 });
});

test('R-ENC-3: no beginning of a table is one, and an altered one is rejected or another', (t) => {
  const encoded = encodeLocators(some, lengths);
  refusesTruncations(t, encoded, (bytes) => decodeLocators(bytes, lengths));
  isCanonical(
    t,
    encoded,
    (bytes) => decodeLocators(bytes, lengths),
    (decoded) => encodeLocators(decoded, lengths),
  );
});

test('section 6: a tree without blobs has an empty table', (t) => {
  t.deepEqual([...encodeLocators([], [])], [0, 0]);
  t.deepEqual(decodeLocators(Uint8Array.of(0, 0), []), []);
  refuses(t, () => decodeLocators(Uint8Array.of(0, 0), [5]));
});

test('R-LOC-2: a base may be longer than its blob, and shorter if patches follow', (t) => {
  const longer = [whole(a, 0, 500)];
  t.deepEqual(decodeLocators(encodeLocators(longer, [10]), [10]), longer);
  t.deepEqual(decodeLocators(encodeLocators([patched], [65_536]), [65_536]), [patched]);
});

const bad: Record<string, [Location, number]> = {
  'R-LOC-2: nine patches': [{ ...patched, patches: new Array(9).fill(patched.patches[0]) }, 65_536],
  'R-LOC-2: a base that reaches out of its frame': [whole(a, 69_991, 10), 10],
  'R-LOC-2: a base before its frame': [whole(a, -1, 10), 10],
  'R-LOC-2: a base length of zero': [whole(a, 0, 0), 10],
  'R-LOC-2: a base of 65,537 bytes': [whole(a, 0, 65_537), 65_536],
  'R-LOC-2: a base that is too short for its blob and has no patches': [whole(a, 0, 9), 10],
  'R-LOC-2: a patch that reaches out of its frame': [{ ...patched, patches: [{ frame: b, offset: 1, bitmap: 0b11 }] }, 65_536],
  'R-PATCH: a patch without pages': [{ ...patched, patches: [{ frame: b, offset: 0, bitmap: 0 }] }, 65_536],
  'R-PACK-2: a frame of 262,145 bytes': [whole(frame('a', 40, { length: 262_145 }), 0, 10), 10],
  'R-PACK-2: a raw frame of 262,145 bytes': [whole(frame('a', 40, { codec: 'raw', storedLength: 262_145, length: 262_145 }), 0, 10), 10],
  'R-PACK-2: a frame of no stored bytes': [whole(frame('a', 40, { storedLength: 0 }), 0, 10), 10],
  'R-PACK-1: a frame that ends beyond 8 MiB': [whole(frame('a', 8 * 1024 * 1024 - 99), 0, 10), 10],
};
for (const [rule, [location, length]] of Object.entries(bad)) {
  test(`${rule} is rejected`, (t) => void refuses(t, () => decodeLocators(encodeLocators([location], [length]), [length])));
}

interface Draft {
  packs?: [number, number][];
  packCount?: number;
  frames?: number[][];
  frameCount?: number;
  locations?: number[][];
}

/** Returns a table of one blob of 10 bytes, with any part replaced. The numbers are uints. */
function raw({
  packs = [[1, 1]],
  packCount = packs.length,
  frames = [[0, 80, 1, 100, 500]],
  frameCount = frames.length,
  locations = [[0, 0, 0]],
}: Draft): Uint8Array {
  const out = new Writer().uint(packCount);
  for (const [epoch, name] of packs) out.uint(epoch).bytes(new Uint8Array(16).fill(name));
  out.uint(frameCount);
  for (const numbers of [...frames, ...locations]) for (const value of numbers) out.uint(value);
  return out.finish();
}

/**
 * Short forms of the parts of a table: names of packs, packs of frames, and steps between frames.
 */
const packs = (...names: number[]): Draft['packs'] & object => names.map((name) => [1, name]);
const framesIn = (...indexes: number[]): number[][] => indexes.map((pack) => [pack, 80, 1, 100, 500]);
const steps = (...each: number[]): number[][] => each.map((step) => [step, 0, 0]);
const two = { frames: framesIn(0, 1), locations: steps(0, 2) };

const broken: Record<string, Uint8Array> = {
  'R-LOC-6: packs out of order': raw({ packs: packs(2, 1), ...two }),
  'section 6: one pack twice': raw({ packs: packs(1, 1), ...two }),
  'R-LOC-3: a pack without a frame at the end': raw({ packs: packs(1, 2) }),
  'R-LOC-3: a pack without a frame at the beginning': raw({ packs: packs(1, 2), frames: framesIn(1) }),
  'R-LOC-3: a pack without a frame in between': raw({ packs: packs(1, 2, 3), frames: framesIn(0, 2), locations: steps(0, 2) }),
  'R-LOC-3: a pack without any frame': raw({ frames: [], locations: [] }),
  'R-LOC-3: a frame that is not used': raw({ frames: [...framesIn(0), [0, 0, 1, 100, 500]] }),
  'section 6: a frame of a pack that is not there': raw({ frames: framesIn(0, 1), locations: steps(2) }),
  'section 6: a location in a frame that is not there': raw({ locations: steps(2) }),
  'section 6: a location in a frame before the first': raw({ locations: [[1, 0, 0]] }),
  'section 6: a location at the far end of the numbers': raw({ locations: [[Number.MAX_SAFE_INTEGER, 0, 0]] }),
  'R-CODEC: a codec of 4': raw({ frames: [[0, 80, 4, 100, 500]] }),
  'R-LIMIT: a huge number of packs': raw({ packCount: Number.MAX_SAFE_INTEGER }),
  'R-LIMIT: more packs than there are bytes': raw({ packCount: 60 }),
  'R-LIMIT: a huge number of frames': raw({ frameCount: Number.MAX_SAFE_INTEGER }),
  'R-LIMIT: more frames than there are bytes': raw({ frameCount: 30 }),
  'R-LIMIT: a huge offset': raw({ frames: [[0, Number.MAX_SAFE_INTEGER, 1, 100, 500]] }),
  'R-LIMIT: a huge stored length': raw({ frames: [[0, 80, 1, Number.MAX_SAFE_INTEGER, 500]] }),
  "R-ENC-3: a base length that is the blob's, written out": raw({ locations: [[0, 0, 1, 10]] }),
  'R-LOC-2: a huge number of patches': raw({ locations: [[0, 0, 2 * 1_000_000]] }),
};
/** Two blobs for a table with two locations, so that only the rule is broken. */
const blobsOf = (rule: string): number[] =>
  /packs out of order|pack twice|in between/.test(rule) ? [10, 10] : rule.includes('without any frame') ? [] : [10];

test('section 6: the table that the broken ones are made from is accepted', (t) => {
  t.is(decodeLocators(raw({}), [10]).length, 1);
});
for (const [rule, bytes] of Object.entries(broken)) {
  test(`${rule} is rejected`, (t) => void refuses(t, () => decodeLocators(bytes, blobsOf(rule))));
}

test('R-LOC-3: a writer rejects frames that overlap', (t) => {
  refuses(t, () => encodeLocators([whole(a, 0, 10), whole(frame('a', 179), 0, 10)], [10, 10]), 'INTERNAL');
});
