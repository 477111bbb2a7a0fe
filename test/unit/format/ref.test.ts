/** Refs, entries and segments (SPEC.md 8.3, 8.4) as bytes. */
import assert from 'node:assert/strict';
import test from 'ava';
import fc from 'fast-check';
import { Reader, Writer } from '../../../src/base/bytes.js';
import {
  decodeEntries,
  decodeRef,
  emptyRef,
  encodeEntries,
  encodeRef,
  type HistoryEntry,
  newEntry,
  type Ref,
  type RefEvent,
} from '../../../src/format/ref.js';
import { entries as anyEntries, ref as anyRef } from '../../support/arbitraries.js';
import { isCanonical, refuses, refusesTruncations } from '../../support/errors.js';
import { hex } from '../../support/hex.js';
import { holds } from '../../support/property.js';

const decode = (bytes: Uint8Array): Ref => decodeRef(bytes, 'refs/test');
const name = { epoch: 3, name: 'ab'.repeat(16) };
const entry = newEntry(
  'rollback',
  {
    tree: '11'.repeat(32),
    parents: ['22'.repeat(32)],
    time: 1_700_000_000_000,
    message: 'm',
    author: 'w',
    labels: { a: 'b' },
    files: 1,
    bytes: 2,
    extensions: [{ tag: 4, value: Uint8Array.of(1) }],
  },
  name,
);
const event: RefEvent = { op: 'fork', time: 5, author: 'w', nonce: new Uint8Array(16).fill(2), detail: 'main' };
const full: Ref = {
  state: 'live',
  sequence: 300,
  nonce: new Uint8Array(16).fill(1),
  epoch: 2,
  etagStyle: 'unquoted',
  lease: { owner: 'worker', expiry: 9 },
  tags: new Map([
    ['good', entry.id],
    ['v1', entry.id],
  ]),
  entries: [entry],
  segments: [{ name, entries: 7 }],
  events: [event],
  head: Uint8Array.of(1, 2, 3),
  extensions: [{ tag: 2, value: Uint8Array.of(7) }],
};

test('section 8.3: every ref is read as it was written', async (t) => {
  const law = fc.property(anyRef, (ref) => {
    const encoded = encodeRef(ref);
    const decoded = decode(encoded);
    assert.deepStrictEqual(decoded, ref);
    assert.equal(hex(encodeRef(decoded)), hex(encoded));
  });
  await holds(t, law, { numRuns: 200 });
});

test('R-ENC-3: no beginning of a ref is a ref, and an altered one is rejected or another', (t) => {
  refusesTruncations(t, encodeRef(full), decode);
  isCanonical(t, encodeRef(full), decode, encodeRef);
});

test('section 8.4: entries are read as they were written, and no beginning of them is', async (t) => {
  const decodeAll = (bytes: Uint8Array): unknown => {
    const input = new Reader(bytes, 'segment');
    const entries = decodeEntries(input, 4096, 'segment');
    input.end();
    return entries;
  };
  const law = fc.property(anyEntries, (entries) => {
    const out = new Writer();
    encodeEntries(out, entries);
    assert.deepStrictEqual(decodeAll(out.finish()), entries);
  });
  await holds(t, law, { numRuns: 50 });
  const out = new Writer();
  encodeEntries(out, [entry, newEntry('commit', { ...entry.commit, message: 'n' }, { ...name, epoch: 4 })]);
  refusesTruncations(t, out.finish(), decodeAll);
});

test('R-REF-3: an empty ref and a deleted one have no entries, segments, tags, head', (t) => {
  const empty = { ...emptyRef(), sequence: 1 };
  t.deepEqual(decode(encodeRef(empty)), empty);
  t.deepEqual(decode(encodeRef({ ...empty, state: 'deleted', events: [event] })).state, 'deleted');
  const kept: Partial<Ref>[] = [
    { segments: full.segments },
    { tags: full.tags },
    { head: full.head },
    { state: 'deleted', lease: { owner: '', expiry: 0 } },
    { state: 'deleted', entries: [entry] },
  ];
  for (const part of kept) refuses(t, () => decode(encodeRef({ ...empty, ...part })), 'INTEGRITY', Object.keys(part).join());
});

const many = <T>(count: number, item: T): T[] => new Array<T>(count).fill(item);
const bad: Record<string, Partial<Ref>> = {
  'R-REF-2: 100 entries': { entries: many(100, entry) },
  'section 8.3: 4,097 segments': { segments: many(4097, { name, entries: 1 }) },
  'section 12: a segment of 4,097 entries': { segments: [{ name, entries: 4097 }] },
  'section 8.3: 51 events': { events: many(51, event) },
  'section 8.3: 1,025 tags': { tags: new Map(Array.from({ length: 1025 }, (_, i) => [`tag${i}`, entry.id])) },
  'section 8.3: an event by 257 bytes of name': { events: [{ ...event, author: 'x'.repeat(257) }] },
  'section 8.3: 257 bytes of detail': { events: [{ ...event, detail: 'x'.repeat(257) }] },
  'section 8.3: a lease of 257 bytes': { lease: { owner: 'x'.repeat(257), expiry: 1 } },
  'section 8.3: a head of more than 16 KiB': { head: new Uint8Array(16 * 1024 + 1) },
  'R-REF-4: a tag HEAD': { tags: new Map([['HEAD', entry.id]]) },
  'R-REF-4: a tag of hex digits alone': { tags: new Map([['abc123', entry.id]]) },
  'R-REF-4: a tag that begins with an at sign': { tags: new Map([['@noon', entry.id]]) },
  'R-REF-4: a tag with a slash': { tags: new Map([['a/b', entry.id]]) },
  'R-REF-4: a tag without a name': { tags: new Map([['', entry.id]]) },
  'R-REF-4: a tag of 129 characters': { tags: new Map([['x'.repeat(129), entry.id]]) },
};
for (const [rule, part] of Object.entries(bad))
  test(`${rule} is rejected`, (t) => void refuses(t, () => decode(encodeRef({ ...full, ...part }))));

test('section 8.3: tags are encoded in the order of their bytes, given in any order', (t) => {
  t.is(hex(encodeRef({ ...full, tags: new Map([...full.tags].reverse()) })), hex(encodeRef(full)));
});

/** Returns a ref's first fields. Huge counts follow. */
const head = (): Writer => new Writer().byte(0).uint(1).bytes(new Uint8Array(16)).uint(1).byte(0).byte(0);
const huge: Record<string, Uint8Array> = {
  tags: head().uint(Number.MAX_SAFE_INTEGER).finish(),
  'tags within the limit': head().uint(1024).finish(),
  entries: head().uint(0).uint(Number.MAX_SAFE_INTEGER).finish(),
  'entries within the limit': head().uint(0).uint(99).finish(),
  segments: head().uint(0).uint(0).uint(Number.MAX_SAFE_INTEGER).finish(),
  'segments within the limit': head().uint(0).uint(0).uint(4096).finish(),
  events: head().uint(0).uint(0).uint(0).uint(Number.MAX_SAFE_INTEGER).finish(),
  'a head': head().uint(0).uint(0).uint(0).uint(0).uint(16_384).finish(),
  extensions: head().uint(0).uint(0).uint(0).uint(0).uint(0).uint(4_000_000).finish(),
};
for (const [what, bytes] of Object.entries(huge))
  test(`R-LIMIT: a number of ${what} that is absent is rejected`, (t) => void refuses(t, () => decode(bytes)));

test('R-ENC-4, R-VER-2: unknown even extensions of a ref are kept, and odd ones are rejected', (t) => {
  t.deepEqual(decode(encodeRef(full)).extensions, full.extensions);
  refuses(t, () => decode(encodeRef({ ...full, extensions: [{ tag: 3, value: new Uint8Array(0) }] })), 'NEWER_VERSION');
});

test('section 8.3: known entries are reused only if they are the same to the byte', (t) => {
  const other = newEntry('rollback', { ...entry.commit, message: 'n' }, name);
  const moved = newEntry('merge', entry.commit, name);
  const renamed = newEntry('rollback', entry.commit, { ...name, epoch: 4 });
  const found = (known: HistoryEntry) => decodeRef(encodeRef(full), 'refs/test', [known]).entries;
  t.is(found(entry)[0], entry);
  for (const known of [other, moved, renamed]) t.deepEqual(found(known), [entry]);
});
