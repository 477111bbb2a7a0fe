/** Differences of trees. SPEC.md R-WRITE-4 defines the facts that count. */
import test from 'ava';
import fc from 'fast-check';
import { diffTrees, isEmptyDiff } from '../../../src/format/diff.js';
import type { Tree, TreeEntry } from '../../../src/format/tree.js';
import { tree as anyTree } from '../../support/arbitraries.js';

/** Returns the relevant facts of an entry as text. */
function facts(entry: TreeEntry): string {
  const content = entry.kind === 'file' ? `${entry.size} ${entry.ids}` : entry.kind === 'symlink' ? entry.target : '';
  return `${entry.kind} ${entry.mode} ${content}`;
}

function expected(from: Tree, to: Tree): { added: string[]; removed: string[]; changed: string[] } {
  const before = new Map(from.map((entry) => [entry.path, facts(entry)]));
  const after = new Map(to.map((entry) => [entry.path, facts(entry)]));
  return {
    added: [...after.keys()].filter((path) => !before.has(path)),
    removed: [...before.keys()].filter((path) => !after.has(path)),
    changed: [...after.keys()].filter((path) => before.has(path) && before.get(path) !== after.get(path)),
  };
}

test('R-WRITE-4: the difference is of paths, kinds, modes and content', (t) => {
  fc.assert(
    fc.property(anyTree, anyTree, fc.nat(), (a, b, pick) => {
      // The trees share some entries unchanged, and have other facts for other paths.
      const mixed = a.filter((_, i) => (pick >> (i % 16)) & 1 || a.some(({ path }) => path.startsWith(`${a[i]?.path}/`)));
      for (const [from, to] of [
        [a, b],
        [a, mixed],
        [mixed, a],
        [a, a.map((entry) => (entry.kind === 'symlink' ? { ...entry, target: `${entry.target}.` } : { ...entry, mode: entry.mode ^ 1 }))],
      ] as [Tree, Tree][]) {
        t.deepEqual(diffTrees(from, to), expected(from, to));
      }
    }),
  );
});

test('diff laws: a tree does not differ from itself, and both directions mirror each other', (t) => {
  fc.assert(
    fc.property(anyTree, anyTree, (a, b) => {
      t.true(isEmptyDiff(diffTrees(a, a)));
      const there = diffTrees(a, b);
      const back = diffTrees(b, a);
      t.deepEqual(back, { added: there.removed, removed: there.added, changed: there.changed });
    }),
  );
});

test('R-WRITE-4: times alone make no difference', (t) => {
  fc.assert(
    fc.property(anyTree, (tree) => {
      t.true(
        isEmptyDiff(
          diffTrees(
            tree,
            tree.map((entry) => ({ ...entry, mtime: entry.mtime ^ 1n })),
          ),
        ),
      );
    }),
  );
});
