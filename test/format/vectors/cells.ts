/** Vectors of the bodies of cells and segments (SPEC.md 8). */
import { Reader, Writer } from '../../../src/base/bytes.js';
import { checkConfig, decodeEpoch, type Epoch, encodeConfig, encodeEpoch } from '../../../src/format/cells.js';
import {
  decodeEntries,
  decodeRef,
  emptyRef,
  encodeEntries,
  encodeRef,
  type HistoryEntry,
  newEntry,
  type Ref,
} from '../../../src/format/ref.js';
import { fromHex } from '../../support/hex.js';
import type { Format } from './format.js';

export const configs: Format<Record<string, never>> = {
  name: 'configs',
  section: '8.1',
  values: { 'a plain repository': {} },
  encode: () => encodeConfig(),
  decode: (bytes) => {
    checkConfig(bytes);
    return {};
  },
  refused: [
    { rule: 'R-CRYPT-2: a key slot', bytes: fromHex(`01${'00'.repeat(60)}`), code: 'UNSUPPORTED' },
    { rule: 'R-ENC-4: an odd extension', bytes: fromHex('00010100'), code: 'NEWER_VERSION' },
    { rule: 'R-ENC-3: a byte after the end', bytes: fromHex('000000') },
  ],
};

const name = (digits: string, epoch = 1): { epoch: number; name: string } => ({ epoch, name: digits.repeat(16) });

export const epochs: Format<Epoch> = {
  name: 'epochs',
  section: '8.2',
  values: {
    'as it is made': { k: 1, condemned: [] },
    'in a collection': {
      k: 300,
      condemned: [
        { folder: 'manifests', name: name('ff', 7) },
        { folder: 'packs', name: name('00', 7) },
        { folder: 'packs', name: name('01', 7) },
        { folder: 'packs', name: name('00', 299) },
        { folder: 'segments', name: name('00', 0) },
      ],
    },
  },
  encode: encodeEpoch,
  decode: decodeEpoch,
  refused: [
    { rule: 'R-EPOCH-1: k is 0', bytes: fromHex('000000') },
    {
      rule: 'R-EPOCH-1: one name twice',
      bytes: encodeEpoch({
        k: 1,
        condemned: [
          { folder: 'packs', name: name('00') },
          { folder: 'packs', name: name('00') },
        ],
      }),
    },
    {
      rule: 'R-EPOCH-1: names out of order',
      bytes: encodeEpoch({
        k: 1,
        condemned: [
          { folder: 'packs', name: name('00') },
          { folder: 'manifests', name: name('00') },
        ],
      }),
    },
    { rule: 'R-EPOCH-1: a kind R', bytes: fromHex(`01015201${'00'.repeat(16)}00`) },
    { rule: 'R-LIMIT: 131,073 names', bytes: fromHex('01818008') },
  ],
};

const commit = {
  tree: '11'.repeat(32),
  parents: [],
  time: 1_700_000_000_000,
  message: 'first',
  author: 'ada',
  labels: {},
  files: 1,
  bytes: 2,
  extensions: [],
};
const first = newEntry('commit', commit, name('aa'));
const second = newEntry('rollback', { ...commit, parents: [first.id], message: 'second' }, name('bb', 2));
const nonce = fromHex('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');
const event = { op: 'tag', time: 1_700_000_001_000, author: 'ada', nonce, detail: 'good' } as const;
const full: Ref = {
  state: 'live',
  sequence: 300,
  nonce,
  epoch: 2,
  etagStyle: 'unquoted',
  lease: { owner: 'worker-1', expiry: 1_700_000_060_000 },
  tags: new Map([
    ['good', first.id],
    ['v1', second.id],
  ]),
  entries: [second, first],
  segments: [
    { name: name('cc', 2), entries: 50 },
    { name: name('dd'), entries: 1024 },
  ],
  events: [event, { ...event, op: 'create', detail: '' }],
  head: Uint8Array.of(0x42, 0x53),
  extensions: [{ tag: 2, value: Uint8Array.of(5) }],
};
/** Returns entries of some 4 KiB each. */
const heavyEntries = (count: number): HistoryEntry[] =>
  Array.from({ length: count }, (_, i) => newEntry('commit', { ...commit, time: i, message: 'x'.repeat(4000) }, name(`${i + 10}`)));
/** Returns segments of 4,096 entries each. */
const manySegments = (count: number): Ref['segments'] =>
  Array.from({ length: count }, (_, i) => ({ name: name(`${i + 10}`), entries: 4096 }));
const empty: Ref = { ...emptyRef(), sequence: 1, nonce };

export const refs: Format<Ref> = {
  name: 'refs',
  section: '8.3',
  values: {
    'an empty session': empty,
    'a deleted session': { ...empty, state: 'deleted', sequence: 9, epoch: 3, events: [{ ...event, op: 'delete', detail: '' }] },
    'every field': full,
  },
  encode: encodeRef,
  decode: (bytes) => decodeRef(bytes, 'refs/vector'),
  refused: [
    { rule: 'R-REF-3: tags without rows', bytes: encodeRef({ ...empty, tags: full.tags }) },
    { rule: 'R-REF-3: segments without rows', bytes: encodeRef({ ...empty, segments: full.segments }) },
    { rule: 'R-REF-3: a head without rows', bytes: encodeRef({ ...empty, head: full.head }) },
    { rule: 'R-REF-3: a deleted session with rows', bytes: encodeRef({ ...full, state: 'deleted', lease: undefined, tags: new Map() }) },
    { rule: 'R-REF-3: a deleted session with a lease', bytes: encodeRef({ ...empty, state: 'deleted', lease: full.lease }) },
    { rule: 'R-REF-4: a tag HEAD', bytes: encodeRef({ ...full, tags: new Map([['HEAD', first.id]]) }) },
    { rule: 'R-REF-4: a tag of hex digits', bytes: encodeRef({ ...full, tags: new Map([['beef', first.id]]) }) },
    {
      rule: 'R-REF-2: 100 rows',
      bytes: encodeRef({ ...empty, entries: new Array(100).fill(newEntry('commit', { ...commit, message: '' }, first.manifest)) }).slice(
        0,
        100,
      ),
    },
    {
      rule: 'R-CRYPT-5, R-ENC-4: an odd extension',
      bytes: encodeRef({ ...full, extensions: [{ tag: 1, value: Uint8Array.of(5) }] }),
      code: 'NEWER_VERSION',
    },
    { rule: 'R-LIMIT: a lease up to no time', bytes: encodeRef({ ...full, lease: { owner: 'a', expiry: 8_640_000_000_000_001 } }) },
    { rule: 'R-LIMIT: an event of no time', bytes: encodeRef({ ...full, events: [{ ...event, time: 8_640_000_000_000_001 }] }) },
    { rule: 'R-REF-8: a sequence of 0', bytes: encodeRef({ ...empty, sequence: 0 }) },
    { rule: 'R-REF-7: one commit twice', bytes: encodeRef({ ...full, entries: [second, { ...second, manifest: name('ee') }] }) },
    { rule: 'R-REF-7: one manifest twice', bytes: encodeRef({ ...full, entries: [second, { ...first, manifest: second.manifest }] }) },
    {
      rule: 'R-REF-7: one segment twice',
      bytes: encodeRef({ ...full, segments: [full.segments[0], full.segments[0]] as Ref['segments'] }),
    },
    { rule: 'R-REF-2: a segment without rows', bytes: encodeRef({ ...full, segments: [{ name: name('cc', 2), entries: 0 }] }) },
    { rule: 'R-REF-2: 64 KiB of rows and some', bytes: encodeRef({ ...full, entries: heavyEntries(17) }) },
    { rule: 'R-LIMIT: 262,145 rows in all', bytes: encodeRef({ ...full, segments: manySegments(64) }) },
    { rule: 'section 8.3: a state of 2', bytes: encodeRef(empty).fill(2, 0, 1) },
    { rule: 'R-ENC-3: a byte after the end', bytes: Uint8Array.of(...encodeRef(empty), 0) },
  ],
};

function entriesOf(entries: readonly HistoryEntry[]): Uint8Array {
  const out = new Writer();
  encodeEntries(out, entries);
  return out.finish();
}

export const segments: Format<HistoryEntry[]> = {
  name: 'segments',
  section: '8.4',
  values: { 'two rows': [second, first] },
  encode: entriesOf,
  decode: (bytes) => {
    const input = new Reader(bytes, 'segments/vector');
    const entries = decodeEntries(input, 4096, 'segments/vector');
    input.end();
    return entries;
  },
  refused: [
    { rule: 'section 8.3: an operation of 4', bytes: fromHex(`010401${'00'.repeat(16)}00`) },
    { rule: 'R-LIMIT: 4,097 rows', bytes: fromHex('8120') },
    { rule: 'R-ENC-3: a byte after the end', bytes: fromHex('0000') },
    { rule: 'R-REF-7: one commit twice', bytes: entriesOf([second, { ...second, manifest: name('ee') }]) },
    { rule: 'R-REF-7: one manifest twice', bytes: entriesOf([second, { ...first, manifest: second.manifest }]) },
  ],
};
