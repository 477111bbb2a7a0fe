/** Commits (SPEC.md 3.2) and extensions (R-ENC-4). */
import test from 'ava';
import fc from 'fast-check';
import { Writer } from '../../../src/base/bytes.js';
import { type Commit, commitId, decodeCommit, encodeCommit } from '../../../src/format/commit.js';
import { objectId } from '../../../src/format/object-id.js';
import { commit as anyCommit, extensions as anyExtensions } from '../../support/arbitraries.js';
import { isCanonical, refuses, refusesTruncations } from '../../support/errors.js';

const one: Commit = {
  tree: '11'.repeat(32),
  parents: ['22'.repeat(32), '33'.repeat(32)],
  time: 1_700_000_000_000,
  message: 'logged in',
  author: 'ada@machine',
  labels: { b: '', a: 'value', '\u{10000}': 'x', '\uffff': 'y' },
  files: 3,
  bytes: 70_000,
  extensions: [],
};

test('section 3.2: every commit is read as it was written', (t) => {
  fc.assert(
    fc.property(anyCommit, anyExtensions, (value, extensions) => {
      const commit = { ...value, extensions };
      const encoded = encodeCommit(commit);
      t.deepEqual(decodeCommit(encoded), commit);
      t.deepEqual(encodeCommit(decodeCommit(encoded)), encoded);
    }),
    { numRuns: 200 },
  );
});

test('R-ENC-3: no beginning of a commit is a commit, and an altered one is rejected or another', (t) => {
  const encoded = encodeCommit({ ...one, extensions: [{ tag: 2, value: Uint8Array.of(9, 9) }] });
  refusesTruncations(t, encoded, decodeCommit);
  isCanonical(t, encoded, decodeCommit, encodeCommit);
});

test('section 3.2: labels are encoded in the order of their bytes, given in any order', (t) => {
  const labels = Object.fromEntries(Object.entries(one.labels).reverse());
  t.deepEqual(encodeCommit({ ...one, labels }), encodeCommit(one));
  t.deepEqual(Object.keys(decodeCommit(encodeCommit(one)).labels), ['a', 'b', '\uffff', '\u{10000}']);
});

test('section 3.2: __proto__ is a label like any other', (t) => {
  const labels = Object.fromEntries([['__proto__', 'x']]);
  t.deepEqual(Object.entries(decodeCommit(encodeCommit({ ...one, labels })).labels), [['__proto__', 'x']]);
});

test('R-LIMIT: a writer rejects texts and labels beyond their limits', (t) => {
  const over: Partial<Commit>[] = [
    { message: 'x'.repeat(4097) },
    { message: 'é'.repeat(2049) },
    { author: 'x'.repeat(257) },
    { labels: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, ''])) },
    { labels: { ['k'.repeat(65)]: '' } },
    { labels: { k: 'v'.repeat(257) } },
    { labels: { '': 'v' } },
    { labels: { '\ud800': 'v', '\ud801': 'w' } },
  ];
  for (const part of over) refuses(t, () => encodeCommit({ ...one, ...part }), 'USAGE', JSON.stringify(part).slice(0, 60));
  const most = { message: 'x'.repeat(4096), author: 'x'.repeat(256), labels: { ['k'.repeat(64)]: 'v'.repeat(256) } };
  t.deepEqual(decodeCommit(encodeCommit({ ...one, ...most })), { ...one, ...most });
});

interface Draft {
  parents?: string[];
  parentCount?: number;
  message?: number;
  labels?: [string, string][];
  labelCount?: number;
  tail?: Uint8Array;
}

function raw({
  parents = [],
  parentCount = parents.length,
  message = 0,
  labels = [],
  labelCount = labels.length,
  tail = Uint8Array.of(0),
}: Draft): Uint8Array {
  const out = new Writer().bytes(new Uint8Array(32)).uint(parentCount);
  for (const parent of parents) out.bytes(Uint8Array.from(Buffer.from(parent, 'hex')));
  out.uint(0).sized(new Uint8Array(message).fill(0x61)).text('').uint(labelCount);
  for (const [key, value] of labels) out.text(key).text(value);
  return out.uint(0).uint(0).bytes(tail).finish();
}

const broken: Record<string, Uint8Array> = {
  'section 3.2: one parent twice': raw({ parents: ['44'.repeat(32), '44'.repeat(32)] }),
  'section 3.2: nine parents': raw({ parents: Array.from({ length: 9 }, (_, i) => `0${i}`.repeat(32)) }),
  'R-LIMIT: a huge number of parents': raw({ parentCount: Number.MAX_SAFE_INTEGER }),
  'section 3.2: a message of 4,097 bytes': raw({ message: 4097 }),
  'section 3.2: labels out of order': raw({
    labels: [
      ['b', ''],
      ['a', ''],
    ],
  }),
  'section 3.2: one label twice': raw({
    labels: [
      ['a', ''],
      ['a', ''],
    ],
  }),
  'section 3.2: a label without a name': raw({ labels: [['', 'x']] }),
  'section 3.2: 33 labels': raw({ labels: Array.from({ length: 33 }, (_, i) => [String(i).padStart(2, '0'), '']) }),
  'R-LIMIT: a huge number of labels': raw({ labelCount: 2 ** 40 }),
  'R-ENC-4: a huge number of extensions': raw({ tail: new Writer().uint(4_000_000).finish() }),
  'R-ENC-4: extensions out of order': raw({ tail: Uint8Array.of(2, 4, 0, 2, 0) }),
  'R-ENC-4: one extension twice': raw({ tail: Uint8Array.of(2, 2, 0, 2, 0) }),
  'R-ENC-3: a byte after the end': raw({ tail: Uint8Array.of(0, 0) }),
};
for (const [rule, bytes] of Object.entries(broken)) test(`${rule} is rejected`, (t) => void refuses(t, () => decodeCommit(bytes)));

test('R-ENC-4: an unknown even extension is kept, an odd one is of a newer version', (t) => {
  t.deepEqual(decodeCommit(raw({ tail: Uint8Array.of(1, 2, 1, 9) })).extensions, [{ tag: 2, value: Uint8Array.of(9) }]);
  refuses(t, () => decodeCommit(raw({ tail: Uint8Array.of(1, 3, 1, 9) })), 'NEWER_VERSION');
});

test('R-ID: the same bytes have other ids as another type', (t) => {
  const canonical = encodeCommit(one);
  t.is(commitId(canonical), objectId('commit', canonical));
  t.is(new Set([objectId('commit', canonical), objectId('tree', canonical), objectId('blob', canonical)]).size, 3);
});
