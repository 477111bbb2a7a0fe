/** The limits below which a directory is unexpectedly small. */
import test from 'ava';
import type { Tree } from '../../../../src/format/tree.js';
import { checkShrink, type Readable } from '../../../../src/session/commit/shrink-guard.js';
import { rejects } from '../../../support/errors.js';

function files(count: number): Readable {
  const entry = { kind: 'file', mode: 0o600, mtime: 0n, size: 0, ids: '' } as const;
  const tree: Tree = Array.from({ length: count }, (_, i) => ({ ...entry, path: `f${i}` }));
  return { tree, read: () => Promise.reject(new Error('nothing is to be read')) };
}

/** Numbers of files, each with the smallest number that is enough. */
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

test('a small profile needs half of its files, and a large one a tenth', async (t) => {
  for (const [before, now] of fewest) {
    await t.notThrowsAsync(() => checkShrink('dir', files(before), files(now)), `${now} of ${before}`);
    await rejects(t, () => checkShrink('dir', files(before), files(now - 1)), 'SHRUNK', `${now - 1} of ${before}`);
  }
});

test('a first version may have any size, but may not be empty', async (t) => {
  await t.notThrowsAsync(() => checkShrink('dir', undefined, files(1)));
  await rejects(t, () => checkShrink('dir', undefined, files(0)), 'SHRUNK');
});
