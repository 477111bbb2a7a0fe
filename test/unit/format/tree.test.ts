/** Trees (SPEC.md 3.1): each tree has one encoding, and every broken rule is rejected. */
import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { Writer } from '../../../src/base/bytes.js';
import {
  blobCount,
  blobLength,
  decodeTree,
  distinctBlobs,
  encodeTree,
  measureTree,
  type TreeEntry,
  treeId,
} from '../../../src/format/tree.js';
import { tree as anyTree } from '../../support/arbitraries.js';
import { isCanonical, refuses, refusesTruncations } from '../../support/errors.js';
import { holds } from '../../support/property.js';

const dir = (path: string, mode = 0o755): TreeEntry => ({ kind: 'directory', path, mode, mtime: 1n });
const link = (path: string, target: string): TreeEntry => ({ kind: 'symlink', path, mode: 0o777, mtime: -1n, target });
const file = (path: string, size = 3): TreeEntry => ({
  kind: 'file',
  path,
  mode: 0o600,
  mtime: 2n ** 60n,
  size,
  ids: '07'.repeat(32 * blobCount(size)),
});
const small = [dir('a'), file('a/b'), file('a/empty', 0), link('a/c', '../x'), file('z', 65_537)].sort((x, y) =>
  x.path < y.path ? -1 : 1,
);

test('R-TREE-1 to 4: every tree is read as it was written', async (t) => {
  const law = fc.property(anyTree, (tree) => {
    const encoded = encodeTree(tree);
    const decoded = decodeTree(encoded);
    assert.deepStrictEqual(decoded, tree);
    assert.deepStrictEqual(encodeTree(decoded), encoded);
  });
  await holds(t, law, { numRuns: 300 });
});

test('R-ENC-3: no beginning of a tree is a tree', (t) => {
  refusesTruncations(t, encodeTree(small), decodeTree);
  refusesTruncations(t, encodeTree([]), decodeTree);
  fc.assert(
    fc.property(anyTree, (tree) => refusesTruncations(t, encodeTree(tree), decodeTree)),
    { numRuns: 10 },
  );
});

test('R-ENC-3: an altered tree is rejected or is another tree', (t) => {
  isCanonical(t, encodeTree(small), decodeTree, encodeTree);
});

const broken: Record<string, TreeEntry[]> = {
  'R-TREE-1: paths out of order': [file('b'), file('a')],
  'R-TREE-1: one path twice': [file('a'), file('a')],
  'R-TREE-1: UTF-16 order instead of bytes': [file('\u{10000}'), file('\uffff')],
  'R-TREE-1: a directory after what is in it': [file('a/b'), dir('a')],
  'R-TREE-2: a missing parent': [file('a/b')],
  'R-TREE-2: a missing grandparent': [dir('a/b'), file('a/b/c')],
  'R-TREE-2: an entry below a file': [file('a'), file('a/b')],
  'R-TREE-2: an entry below a symlink': [link('a', '/etc'), file('a/passwd')],
  'R-TREE-2: a directory below a symlink': [link('a', '/etc'), dir('a/b')],
  'R-TREE-3: a setuid bit': [{ ...file('a'), mode: 0o4755 }],
  'R-TREE-3: a file type in the mode': [dir('a', 0o40_755)],
  'R-TREE-3: a symlink with a mode of its own': [{ ...link('a', 'b'), mode: 0o644 }],
  'R-TREE-4: an empty target': [link('a', '')],
  'R-TREE-4: a target with a zero byte': [link('a', 'b\0c')],
  'R-TREE-4: a target of 4,096 bytes': [link('a', 'x'.repeat(4096))],
  'R-PATH: traversal': [dir('..'), file('../evil')],
  'R-PATH: a path from the root': [dir(''), file('/evil')],
  'R-PATH: traversal with backslashes': [file('..\\evil')],
  'R-PATH: an empty component': [dir('a'), file('a//b')],
  'R-PATH: a zero byte': [file('a\0')],
  'R-PATH: a name of 256 bytes': [file('x'.repeat(256))],
};
for (const [rule, tree] of Object.entries(broken)) test(`${rule} is rejected`, (t) => void refuses(t, () => decodeTree(encodeTree(tree))));

/** Returns the encoding of a tree of one entry, with any part replaced. */
function raw(parts: { count?: number; paths?: [number, string][]; kinds?: number[]; sizes?: number[]; ids?: number }): Uint8Array {
  const { count = 1, paths = [[0, 'a']], kinds = [1], sizes = [3], ids = 32 } = parts;
  const out = new Writer().uint(count);
  for (const [shared, rest] of paths) out.uint(shared).text(rest);
  for (const kind of kinds) out.byte(kind);
  for (const _ of paths) out.byte(0).byte(0);
  for (const _ of paths) out.int64(0n);
  for (const size of sizes) out.uint(size);
  return out.bytes(new Uint8Array(ids)).finish();
}

test('R-TREE-1: the shared length is the longest possible', (t) => {
  const paths = (shared: number, rest: string): [number, string][] => [
    [0, 'ab'],
    [shared, rest],
  ];
  const both = { count: 2, kinds: [1, 1], sizes: [0, 0], ids: 0 };
  t.is(decodeTree(raw({ ...both, paths: paths(1, 'c') })).length, 2);
  refuses(t, () => decodeTree(raw({ ...both, paths: paths(0, 'ac') })));
  refuses(t, () => decodeTree(raw({ ...both, paths: paths(3, 'x') })));
});

test('section 3.1: a fourth kind is rejected', (t) => {
  t.is(decodeTree(raw({})).length, 1);
  refuses(t, () => decodeTree(raw({ kinds: [3] })));
});

test('R-LIMIT: counts and sizes beyond the bytes or the limits are rejected at once', (t) => {
  for (const count of [2, 1000, 1_000_001, 2 ** 32, Number.MAX_SAFE_INTEGER])
    refuses(t, () => decodeTree(raw({ count })), 'INTEGRITY', String(count));
  for (const size of [2 ** 34 + 1, Number.MAX_SAFE_INTEGER, 2 ** 34, 2 ** 30])
    refuses(t, () => decodeTree(raw({ sizes: [size] })), 'INTEGRITY', String(size));
});

test('R-LIMIT: paths of more than 256 MiB in total are rejected, with any number of encoded bytes', (t) => {
  const deep = Array.from({ length: 15 }, () => 'x'.repeat(250)).join('/');
  const out = new Writer().uint(80_000).uint(0).text(deep);
  let previous = '';
  for (let i = 1; i < 80_000; i++) {
    const name = `/${String(i).padStart(5, '0')}`;
    let shared = 0;
    while (shared < previous.length && previous[shared] === name[shared]) shared++;
    out.uint(deep.length + shared).text(name.slice(shared));
    previous = name;
  }
  // That many entries need the other columns, which the reader never reads.
  const error = refuses(t, () => decodeTree(out.bytes(new Uint8Array(1000)).finish()));
  t.regex(error.message, /bytes in all/);
});

test('R-LIMIT: more than 4,194,304 blobs are rejected even if they repeat', (t) => {
  const files = Array.from({ length: 65 }, (_, i) => `f${String(i).padStart(2, '0')}`);
  const out = new Writer().uint(files.length);
  for (const [i, path] of files.entries())
    out.uint(i === 0 ? 0 : i % 10 === 0 ? 1 : 2).text(i === 0 ? path : path.slice(i % 10 === 0 ? 1 : 2));
  for (const _ of files) out.byte(1);
  for (const _ of files) out.byte(0).byte(0);
  for (const _ of files) out.int64(0n);
  for (const _ of files) out.uint(2 ** 32);
  const error = refuses(t, () => decodeTree(out.finish()));
  t.regex(error.message, /blobs|more bytes/);
});

test('R-BLOB: blobs are 65,536 bytes but for the last', (t) => {
  t.deepEqual([0, 1, 65_535, 65_536, 65_537, 131_072].map(blobCount), [0, 1, 1, 1, 2, 2]);
  t.is(blobLength(65_537, 0), 65_536);
  t.is(blobLength(65_537, 1), 1);
  t.is(blobLength(65_536, 0), 65_536);
});

test('section 6: distinct blobs come in the order of first appearance', (t) => {
  const ids = (...marks: number[]): string => marks.map((mark) => `0${mark}`.repeat(32)).join('');
  const tree: TreeEntry[] = [
    { ...file('a', 131_073), ids: ids(2, 2, 1) } as TreeEntry,
    { ...file('b', 65_537), ids: ids(2, 1) } as TreeEntry,
    { ...file('c', 5), ids: ids(3) } as TreeEntry,
  ];
  t.deepEqual(
    Array.from(distinctBlobs(tree), ([id, length]) => [id.slice(0, 2), length]),
    [
      ['02', 65_536],
      ['01', 1],
      ['03', 5],
    ],
  );
  t.deepEqual(measureTree(tree), { files: 3, bytes: 131_073 + 65_537 + 5 });
});

test("R-ID: a tree's id depends on every fact of every entry", (t) => {
  const ids = new Set([
    treeId([file('a')]),
    treeId([file('b')]),
    treeId([{ ...file('a'), mode: 0o644 }]),
    treeId([{ ...file('a'), mtime: 0n }]),
    treeId([{ ...file('a'), ids: '08'.repeat(32) } as TreeEntry]),
    treeId([{ ...file('a', 4) }]),
    treeId([dir('a')]),
    treeId([link('a', 'b')]),
    treeId([]),
  ]);
  t.is(ids.size, 9);
});
