/** Patches (SPEC.md R-PATCH, R-LOC-1): applying the changed pages of a blob gives the new blob. */
import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { applyPatches, changedPages, extractPages, pageCount } from '../../../src/format/patch.js';
import { noise, withPages } from '../../support/content.js';
import { holds } from '../../support/property.js';

const length = fc.oneof(fc.constantFrom(1, 2, 4095, 4096, 4097, 8192, 65_535, 65_536), fc.integer({ min: 1, max: 65_536 }));

/**
 * Versions of one blob. Each is an edit of the previous version: pages changed, cut short, or
 * grown.
 */
const versions = fc
  .tuple(fc.nat(), length, fc.array(fc.tuple(length, fc.array(fc.nat(15), { maxLength: 4 })), { minLength: 1, maxLength: 10 }))
  .map(([seed, first, edits]) => {
    const all = [noise(first, seed)];
    for (const [i, [next, pages]] of edits.entries()) {
      const longer = new Uint8Array(next);
      longer.set((all.at(-1) as Uint8Array).subarray(0, next));
      all.push(withPages(longer, pages, `${seed} ${i}`));
    }
    return all;
  });

test('R-LOC-1: each version is its base with all patches so far applied in order', async (t) => {
  const law = fc.property(versions, ([base, ...rest]) => {
    const patches: { bitmap: number; pages: Uint8Array }[] = [];
    let previous = base as Uint8Array;
    for (const next of rest) {
      const bitmap = changedPages(previous, next);
      patches.push({ bitmap, pages: extractPages(next, bitmap) });
      assert.deepEqual(Buffer.compare(applyPatches(base as Uint8Array, patches, next.length), next), 0);
      previous = next;
    }
  });
  await holds(t, law, { numRuns: 60 });
});

test('R-PATCH: one patch of the pages that differ from the base replaces any number of patches', async (t) => {
  const law = fc.property(versions, (all) => {
    const base = all[0] as Uint8Array;
    const last = all.at(-1) as Uint8Array;
    const bitmap = changedPages(base, last);
    assert.equal(Buffer.compare(applyPatches(base, [{ bitmap, pages: extractPages(last, bitmap) }], last.length), last), 0);
  });
  await holds(t, law, { numRuns: 60 });
});

test('R-PATCH: bit i is page i, and only pages that differ are in the bitmap', (t) => {
  const old = noise(65_536, 'old');
  t.is(changedPages(old, old), 0);
  t.is(changedPages(old, withPages(old, [0, 5, 15], 'new')), (1 << 0) | (1 << 5) | (1 << 15));
  const flipped = old.slice();
  flipped[4096] = (flipped[4096] as number) ^ 1;
  t.is(changedPages(old, flipped), 1 << 1);
});

test('R-PATCH: a page cut short does not differ, one that grew does', (t) => {
  const old = noise(10_000, 'old');
  t.is(changedPages(old, old.slice(0, 5000)), 0);
  t.is(changedPages(old.slice(0, 5000), old), 0b110);
  t.is(changedPages(old.slice(0, 8192), old), 0b100);
});

test('R-PATCH, R-PATCH-2: pages are 4,096 bytes in rising order, the last filled up with zeros', (t) => {
  const blob = noise(9000, 'blob');
  const pages = extractPages(blob, 0b101);
  t.is(pages.length, 8192);
  t.deepEqual(pages.subarray(0, 4096), blob.subarray(0, 4096));
  t.deepEqual(pages.subarray(4096, 4096 + 808), blob.subarray(8192));
  t.true(pages.subarray(4096 + 808).every((byte) => byte === 0));
  t.is(pageCount(0b101), 2);
  t.is(pageCount(0xffff), 16);
  t.is(pageCount(0), 0);
});

test('R-LOC-1: a base is filled up with zeros, and later patches win', (t) => {
  const base = Uint8Array.of(1, 2, 3);
  const full = (byte: number): Uint8Array => new Uint8Array(4096).fill(byte);
  const patches = [
    { bitmap: 0b10, pages: full(8) },
    { bitmap: 0b10, pages: full(9) },
  ];
  const blob = applyPatches(base, patches, 4098);
  t.deepEqual([...blob.subarray(0, 4)], [1, 2, 3, 0]);
  t.deepEqual([...blob.subarray(4095)], [0, 9, 9]);
});
