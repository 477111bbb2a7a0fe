/** What counts as a gutted directory. */
import test from 'ava';
import type { Tree } from '../../src/object/tree.js';
import { checkShrink } from '../../src/session/shrink.js';
import { refuses } from '../helpers/errors.js';

const files = (count: number): Tree =>
  Array.from({ length: count }, (_, i) => ({ kind: 'file', path: `f${i}`, mode: 0o600, mtime: 0n, size: 0, ids: new Uint8Array(0) }));

/** Of so many files, the fewest that are no gutted directory. */
const fewest: readonly (readonly [before: number, now: number])[] = [
  [1, 1],
  [2, 1],
  [3, 2],
  [5, 3],
  [9, 5],
  [10, 5],
  [50, 5],
  [60, 6],
  [217, 22],
  [1000, 100],
];

test('of a small profile half the files must be there, of a large one a tenth', (t) => {
  for (const [before, now] of fewest) {
    t.notThrows(() => checkShrink('dir', files(before), files(now)), `${now} of ${before}`);
    refuses(t, () => checkShrink('dir', files(before), files(now - 1)), 'SHRUNK', `${now - 1} of ${before}`);
  }
});

test('a first version may be as small as it likes, but not empty', (t) => {
  t.notThrows(() => checkShrink('dir', undefined, files(1)));
  refuses(t, () => checkShrink('dir', undefined, []), 'SHRUNK');
});
