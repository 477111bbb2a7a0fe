/**
 * Repositories that break one rule of SPEC.md each, with the component that notices the violation.
 * The name of a case begins with its rules. The library's readers and its check run on the cases in
 * rule-tags.test.ts. The tests of test/format use the tags of SPEC.md, and the reader that was
 * written from SPEC.md alone.
 */
import { deflateRawSync } from 'node:zlib';
import { concat } from '../../../src/base/bytes.js';
import { MAX_PACK_SIZE } from '../../../src/base/limits.js';
import { type Frame, packHeaderLength } from '../../../src/format/locator.js';
import { encodeRef, newEntry, type Ref } from '../../../src/format/ref.js';
import { contents, entriesBody, envelope, type Forged, fileEntry, idOf, manifestBody, named, packOf, retree, SEGMENT } from '../forge.js';

/**
 * The component that notices. `reader`: a reader and verify. `blob`: a reader, and verify with all
 * data. `check`: verify alone. `data`: only verify with all data. `nobody`.
 */
export type Notices = 'reader' | 'blob' | 'check' | 'data' | 'nobody';

const flip = (bytes: Uint8Array, at: number): Uint8Array =>
  bytes.map((byte, i) => (i === (at < 0 ? bytes.length + at : at) ? byte ^ 1 : byte));
const refKey = 'refs/main';
const other = new Uint8Array(16).fill(9);
/** Alters the ref after everything else was made. */
const ref =
  (alter: (ref: Ref, repository: Forged) => Partial<Ref>) =>
  (repository: Forged): void => {
    repository.after = async (content) => {
      const { versions, id, inSegment } = repository;
      const entries = versions.map(({ op, commit, manifest }) => newEntry(op, commit, manifest)).slice(0, versions.length - inSegment);
      const base: Ref = {
        state: 'live',
        sequence: 5,
        nonce: new Uint8Array(16).fill(5),
        epoch: 1,
        etagStyle: 'returned',
        lease: undefined,
        tags: new Map([['good', idOf(versions[2] as Forged['versions'][0])]]),
        entries,
        segments: [{ name: SEGMENT, entries: inSegment }],
        events: [],
        head: content.get(`manifests/1-${versions[0].manifest.name}`) as Uint8Array,
        extensions: [],
      };
      content.set(refKey, await envelope(id, 'ref', refKey, encodeRef({ ...base, ...alter(base, repository) })));
    };
  };
const packKey = `packs/1-${'a2'.repeat(16)}`;
const newestKey = `manifests/1-${'b2'.repeat(16)}`;
const segmentKey = `segments/1-${SEGMENT.name}`;
const replace =
  (key: string, by: (bytes: Uint8Array, repository: Forged, content: Map<string, Uint8Array>) => Uint8Array | Promise<Uint8Array>) =>
  (repository: Forged): void => {
    repository.after = async (content) => void content.set(key, await by(content.get(key) as Uint8Array, repository, content));
  };
const remove =
  (key: string) =>
  (repository: Forged): void => {
    repository.after = (content) => {
      for (const each of [...content.keys()]) if (each.startsWith(key)) content.delete(each);
    };
  };
/** Moves the frame of the newest version within its pack. */
const frame =
  (parts: Partial<Frame>) =>
  (repository: Forged): void => {
    const [newest] = repository.versions;
    newest.locations = newest.locations.map((location) => ({ ...location, frame: { ...location.frame, ...parts } }));
  };

export const ruleCases: [string, Notices, (repository: Forged) => void | Promise<void>][] = [
  ['nothing is wrong', 'nobody', () => undefined],
  // 4, 8.1, 8.2: cells.
  ['R-CONFIG-2: a damaged config', 'check', replace('config', (bytes) => flip(bytes, -1))],
  ['R-EPOCH: a damaged epoch', 'check', replace('gc/epoch', (bytes) => flip(bytes, -1))],
  ['R-EPOCH: no epoch', 'check', remove('gc/epoch')],
  ['R-EPOCH: a ref of a later epoch than that of the repository', 'check', ref(() => ({ epoch: 2 }))],
  [
    'R-EPOCH: a manifest that was born after the epoch of its ref',
    'check',
    (repository) => void (repository.versions[1] as Forged['versions'][0]).manifest.epoch++,
  ],
  ['R-REF-12: refs/ removed', 'check', remove('refs/')],
  // 8.3: the ref.
  ['R-ENV-1: a damaged ref', 'reader', replace(refKey, (bytes) => flip(bytes, 60))],
  ['R-REF-8: a sequence of 0', 'reader', ref(() => ({ sequence: 0 }))],
  ['R-REF-8: a sequence above 2^52', 'reader', ref(() => ({ sequence: 2 ** 52 + 1 }))],
  ['R-REF-5: a head that is damaged', 'reader', ref(({ head }) => ({ head: flip(head, 70) }))],
  ['R-REF-5: a head that is cut', 'reader', ref(({ head }) => ({ head: head.slice(0, -1) }))],
  [
    'R-REF-5: a head that is the manifest of another commit',
    'reader',
    (repository) => {
      repository.after = async (content) => {
        ref(() => ({ head: content.get(`manifests/1-${'b1'.repeat(16)}`) as Uint8Array }))(repository);
        await repository.after(content);
      };
    },
  ],
  [
    'R-REF-9: an inline manifest of the right commit that is not the object',
    'check',
    (repository) => {
      const [newest] = repository.versions;
      const pack = named('a3');
      repository.packs.set(pack, contents[2] as Uint8Array);
      const locations = newest.locations.map((location) => ({ ...location, frame: { ...location.frame, pack } }));
      replace(newestKey, (_, { id }) => envelope(id, 'manifest', newestKey, manifestBody({ ...newest, locations })))(repository);
    },
  ],
  [
    'R-REF-6: an entry after that of its parent',
    'check',
    ref(({ entries }) => ({ entries: [...entries].reverse(), head: new Uint8Array(0) })),
  ],
  ['R-REF-7: one entry twice in the ref', 'reader', ref(({ entries }) => ({ entries: [...entries, ...entries] }))],
  ['R-REF-7: one segment twice', 'reader', ref(({ segments }) => ({ segments: [...segments, ...segments] }))],
  [
    'R-REF-7: one entry in the ref and in a segment',
    'reader',
    replace(segmentKey, (_, { id, versions: [newest] }) =>
      envelope(id, 'segment', segmentKey, entriesBody([newEntry('commit', newest.commit, named('ee'))])),
    ),
  ],
  ['R-REF-11: a tag that names no entry', 'check', ref(({ tags }) => ({ tags: new Map([...tags, ['lost', '0'.repeat(64)]]) }))],
  [
    'R-REF-2: another number of entries in a segment',
    'reader',
    ref(({ segments }) => ({ segments: segments.map((each) => ({ ...each, entries: 2 })) })),
  ],
  // 8.4: segments.
  ['R-ENV-1: a damaged segment', 'reader', replace(segmentKey, (bytes) => flip(bytes, -1))],
  [
    'R-ENV-2: a segment under another key',
    'reader',
    replace(segmentKey, (_, { id }) => envelope(id, 'segment', `segments/1-${'c1'.repeat(16)}`, entriesBody([]))),
  ],
  ['R-REF-1, R-GC-2: a segment is missing', 'reader', remove('segments/')],
  // 7: manifests.
  ['R-ENV-1: a damaged manifest', 'reader', replace(`manifests/1-${'b1'.repeat(16)}`, (bytes) => flip(bytes, -1))],
  ['R-REF-1, R-GC-2: a manifest is missing', 'reader', remove(`manifests/1-${'b1'.repeat(16)}`)],
  [
    'R-MAN-2, R-PATH: a control character',
    'reader',
    ({ versions: [newest] }) => retree(newest, [...newest.tree, { ...fileEntry('b\n'), path: 'b\n' }]),
  ],
  [
    'R-BLOB: one id, two lengths',
    'reader',
    ({ versions: [newest] }) => retree(newest, [...newest.tree, { ...fileEntry('b', contents[2] as Uint8Array), size: 5 } as never]),
  ],
  // 5, 6: packs and frames.
  ['R-GC-2: a pack is missing', 'reader', remove(packKey)],
  ["R-LOC-3: a frame inside its pack's header", 'reader', frame({ offset: 20 })],
  [
    "R-LOC-5: a frame that reaches into its pack's digest",
    'check',
    (repository) => {
      const [newest] = repository.versions;
      const [payload, pack] = [contents[2] as Uint8Array, named('a2')];
      const blob = packOf(repository.id, packKey, payload).slice(packHeaderLength(pack), -22);
      retree(newest, [fileEntry('a', blob)]);
      newest.lengths = [blob.length];
      frame({ storedLength: blob.length, length: blob.length })(repository);
      newest.locations = newest.locations.map((location) => ({ ...location, baseLength: blob.length }));
    },
  ],
  ["R-LOC-3: a frame beyond its pack's end", 'reader', frame({ offset: 100_000 })],
  [
    'R-LOC-1: other bytes where a blob should be',
    'blob',
    replace(packKey, (_, { id }) =>
      packOf(
        id,
        packKey,
        (contents[2] as Uint8Array).map((byte) => byte ^ 1),
      ),
    ),
  ],
  [
    'R-PACK-1: a pack of more than 8 MiB',
    'check',
    replace(packKey, (_, { id }) => packOf(id, packKey, concat([contents[2] as Uint8Array, new Uint8Array(MAX_PACK_SIZE)]))),
  ],
  [
    'section 5: bytes in a pack that no frame covers',
    'nobody',
    replace(packKey, (_, { id }) => packOf(id, packKey, concat([contents[2] as Uint8Array, new Uint8Array(50)]))),
  ],
  ['R-PACK-1: a pack whose digest is of other bytes', 'data', replace(packKey, (bytes) => flip(bytes, -1))],
  ['R-PACK-1: a pack of another repository', 'data', replace(packKey, () => packOf(other, packKey, contents[2] as Uint8Array))],
  [
    'R-PACK-1: a pack under another key',
    'data',
    replace(packKey, (_, { id }) => packOf(id, `packs/1-${'ad'.repeat(16)}`, contents[2] as Uint8Array)),
  ],
  // 9: names.
  ["R-NAME-4: a name that is no object's", 'check', replace('packs/readme', () => Uint8Array.of(1))],
  ['R-NAME-4: an epoch with a leading zero', 'check', replace(`segments/01-${'c9'.repeat(16)}`, () => Uint8Array.of(1))],
  [
    'section 9: an epoch of sixteen digits',
    'nobody',
    (repository) => {
      const epoch = Number.MAX_SAFE_INTEGER;
      repository.epoch = { k: epoch, condemned: [] };
      repository.ref = { epoch };
      repository.versions[0].manifest = named('b2', epoch);
    },
  ],
  // Rules for writers only.
  [
    'R-CODEC-2: compressed bytes that are more than the raw ones',
    'nobody',
    (repository) => {
      const [raw, stored] = [contents[2] as Uint8Array, deflateRawSync(contents[2] as Uint8Array, { level: 0 })];
      for (const [name] of repository.packs) if (name.name === 'a2'.repeat(16)) repository.packs.set(name, stored);
      frame({ codec: 'deflate', storedLength: stored.length, length: raw.length })(repository);
    },
  ],
  [
    'R-PATCH-2: a patch whose last page is filled up with other bytes than zeros, and a page beyond the end',
    'nobody',
    (repository) => {
      const content = contents[2] as Uint8Array;
      const pages = concat([content, new Uint8Array(8192 - content.length).fill(0xff)]);
      const pack = named('a3');
      repository.packs.set(pack, pages);
      const patchFrame: Frame = { pack, offset: packHeaderLength(pack), codec: 'raw', storedLength: 8192, length: 8192 };
      const [newest] = repository.versions;
      newest.locations = newest.locations.map((location) => ({
        ...location,
        patches: [{ frame: patchFrame, offset: 0, bitmap: 0b100001 }],
      }));
    },
  ],
];
