/** Vectors of envelopes, packs, patches, locator tables and manifests (SPEC.md 4 to 7). */
import { createHash } from 'node:crypto';
import { concat, Writer } from '../../src/bytes.js';
import { measureTree, type TreeEntry, treeId } from '../../src/object/tree.js';
import { objectId } from '../../src/object-id.js';
import { decode as decompress } from '../../src/pack/codec.js';
import { type EnvelopeKind, envelopeHeader, openEnvelope, unwrap, wrap } from '../../src/pack/envelope.js';
import { decodeLocators, encodeLocators, type Frame, type Location } from '../../src/pack/locator.js';
import { applyPatches, extractPages } from '../../src/pack/patch.js';
import type { Codec } from '../../src/platform/platform.js';
import { decodeManifest, encodeManifest } from '../../src/repository/manifest.js';
import { fromHex } from '../helpers/hex.js';
import type { Format } from './_format.js';

const repository = fromHex('000102030405060708090a0b0c0d0e0f');
const text = new TextEncoder().encode('browser state, '.repeat(20));

/** `text` by each compressor: fixed bytes, for the outputs of compressors differ between versions. */
const compressed: Record<Exclude<Codec, 'raw'>, string> = {
  deflate: '4b2aca2f2f4e2d52282e492c49d551481ae5e2e60200',
  brotli: '1b2b01f82500729042064b015878a98c87af00',
  zstd: '28b52ffd602c00b500007862726f777365722073746174652c2001001aa2ce3a',
};

interface Wrapped {
  kind: EnvelopeKind;
  repository: Uint8Array;
  key: string;
  body: Uint8Array;
}
const wrapped = (kind: EnvelopeKind, key: string, body: Uint8Array): Wrapped => ({ kind, repository, key, body });
const some = wrapped('ref', 'refs/me', Uint8Array.of(1, 2, 3));

function seal(...parts: Uint8Array[]): Uint8Array {
  const content = concat(parts);
  return concat([content, createHash('sha256').update(content).digest()]);
}

/** The envelope of `some` with other bytes at its front and another payload, well sealed. */
function altered(front: Record<number, number>, payload: Uint8Array = Uint8Array.of(0, 3, 1, 2, 3)): Uint8Array {
  const header = envelopeHeader(some);
  for (const [at, byte] of Object.entries(front)) header[Number(at)] = byte;
  return seal(header, payload);
}

const payload = (codec: number, length: number, stored: Uint8Array): Uint8Array =>
  new Writer().byte(codec).uint(length).bytes(stored).finish();

export const envelopes: Format<Wrapped> = {
  name: 'envelopes',
  section: '4',
  values: {
    'a ref': some,
    'a config': wrapped('config', 'config', Uint8Array.of(0, 0)),
    'an epoch': wrapped('epoch', 'gc/epoch', Uint8Array.of(1, 0, 0)),
    'a segment': wrapped('segment', `segments/1-${'ab'.repeat(16)}`, Uint8Array.of(0)),
    'a manifest without a body': wrapped('manifest', `manifests/12-${'cd'.repeat(16)}`, new Uint8Array(0)),
  },
  encode: ({ body, ...identity }) => wrap(identity, body, 'off'),
  decode: async (bytes, { kind, repository: wanted, key }) => ({ kind, key, ...(await unwrap(bytes, { kind, repository: wanted, key })) }),
  refused: [
    { rule: 'R-ENV-1: a digest of other bytes', bytes: altered({}).fill(0, -1), as: some },
    { rule: 'R-ENV-1: a newer version', bytes: altered({ 2: 2 }), as: some, code: 'NEWER_VERSION' },
    { rule: 'R-ENV-1: a version of 0', bytes: altered({ 2: 0 }), as: some },
    { rule: 'R-ENV-1: other magic bytes', bytes: altered({ 0: 0x50, 1: 0x4b }), as: some },
    { rule: 'R-ENV-2: another kind', bytes: altered({ 3: 0x53 }), as: some },
    { rule: 'section 13: encrypted', bytes: altered({ 4: 1 }), as: some, code: 'UNSUPPORTED' },
    { rule: 'section 4: a cipher of 2', bytes: altered({ 4: 2 }), as: some },
    { rule: 'R-ENV-2: of another repository', bytes: altered({ 5: 9 }), as: some },
    { rule: 'R-ENV-2: of another key', bytes: altered({ 28: 0x66 }), as: some },
    { rule: 'R-CODEC: a codec of 4', bytes: altered({}, payload(4, 3, Uint8Array.of(1, 2, 3))), as: some },
    { rule: 'R-ENV-3: a body shorter than declared', bytes: altered({}, payload(0, 4, Uint8Array.of(1, 2, 3))), as: some },
    { rule: 'R-ENV-3: a body longer than declared', bytes: altered({}, payload(1, 299, fromHex(compressed.deflate))), as: some },
    { rule: 'R-LIMIT: 4 MiB and a byte', bytes: altered({}, payload(1, 4 * 1024 * 1024 + 1, fromHex(compressed.deflate))), as: some },
    { rule: 'section 4: no payload', bytes: altered({}, new Uint8Array(0)), as: some },
  ],
};

interface Stream {
  codec: Codec;
  length: number;
  stored: Uint8Array;
}
const stream = (codec: Codec, stored: Uint8Array, length = text.length): Stream => ({ codec, length, stored });
const refusedStreams: [string, Stream][] = [
  ...(['deflate', 'brotli', 'zstd'] as const).flatMap((codec): [string, Stream][] => [
    [`${codec}: a byte less than declared`, stream(codec, fromHex(compressed[codec]), text.length + 1)],
    [`${codec}: a byte more than declared`, stream(codec, fromHex(compressed[codec]), text.length - 1)],
    [`${codec}: cut short`, stream(codec, fromHex(compressed[codec]).slice(0, -1))],
    [`${codec}: a byte after its end`, stream(codec, concat([fromHex(compressed[codec]), Uint8Array.of(0)]))],
  ]),
  ['raw: not as long as declared', stream('raw', text, text.length - 1)],
];

/** The same bytes in each codec: what a reader must decompress. A writer may compress them otherwise. */
export const codecs: Format<Stream> = {
  name: 'codecs',
  section: '4, R-CODEC',
  values: {
    raw: stream('raw', text),
    ...Object.fromEntries((['deflate', 'brotli', 'zstd'] as const).map((codec) => [codec, stream(codec, fromHex(compressed[codec]))])),
  },
  encode: () => text,
  decode: async (bytes, value) => ({
    ...value,
    stored: Buffer.compare(await decompress(value), bytes) === 0 ? value.stored : 'other bytes',
  }),
  refused: refusedStreams.map(([rule, as]) => ({ rule: `R-CODEC ${rule}`, bytes: text, as })),
};

interface Patched {
  base: Uint8Array;
  bitmap: number;
  blob: Uint8Array;
}
export const patches: Format<Patched> = {
  name: 'patches',
  section: '5, R-PATCH',
  values: {
    'the first page of a short blob': { base: Uint8Array.of(1, 2, 3), bitmap: 1, blob: Uint8Array.of(9, 2, 3, 4) },
    'the second page, cut short, of a blob that grew': {
      base: new Uint8Array(4100).fill(7),
      bitmap: 0b10,
      blob: new Uint8Array(4200).fill(7).fill(9, 4098),
    },
  },
  encode: ({ bitmap, blob }) => extractPages(blob, bitmap),
  decode: (pages, { base, bitmap, blob }) => ({ base, bitmap, blob: applyPatches(base, [{ bitmap, pages }], blob.length) }),
  refused: [],
};

const frame = (name: string, offset: number, parts: Partial<Frame> = {}): Frame => ({
  pack: { epoch: 1, name: name.repeat(16) },
  offset,
  codec: 'brotli',
  storedLength: 1000,
  length: 131_072,
  ...parts,
});
const whole = (at: Frame, offset: number, baseLength: number): Location => ({ frame: at, offset, baseLength, patches: [] });
const first = frame('0a', 81);
const second = frame('0a', 1081, { codec: 'raw', storedLength: 12_288, length: 12_288 });
const third = { ...frame('0b', 81), pack: { epoch: 2, name: '00'.repeat(16) } };

interface Table {
  /** The lengths of the blobs, which the tree tells. */
  lengths: number[];
  locations: Location[];
}
const tables: Record<string, Table> = {
  'no blobs': { lengths: [], locations: [] },
  'one blob': { lengths: [3], locations: [whole(frame('ff', 81, { codec: 'raw', storedLength: 3, length: 3 }), 0, 3)] },
  'two in one frame': { lengths: [65_536, 100], locations: [whole(first, 0, 65_536), whole(first, 65_536, 100)] },
  'three frames in two packs, backwards': {
    lengths: [10, 10, 10],
    locations: [whole(third, 5, 10), whole(second, 0, 10), whole(first, 7, 10)],
  },
  'patches on a base that is shorter, and on one that is longer': {
    lengths: [65_536, 5000],
    locations: [
      {
        ...whole(first, 0, 60_000),
        patches: [
          { frame: second, offset: 0, bitmap: 0x8001 },
          { frame: third, offset: 4096, bitmap: 2 },
        ],
      },
      { ...whole(third, 65_536, 65_536), patches: [{ frame: second, offset: 8192, bitmap: 1 }] },
    ],
  },
};
const tableOf = (tail: string): Uint8Array => fromHex(`0101${'0a'.repeat(16)}${tail}`);
const ten: Table = { lengths: [10], locations: [] };

export const locators: Format<Table> = {
  name: 'locators',
  section: '6',
  values: tables,
  encode: ({ lengths, locations }) => encodeLocators(locations, lengths),
  decode: (bytes, { lengths }) => ({ lengths, locations: decodeLocators(bytes, lengths) }),
  refused: [
    { rule: 'R-LOC-3: a frame that is not used', bytes: tableOf('0200510164f40300000164f403000000'), as: ten },
    { rule: 'R-LOC-3: a pack without a frame', bytes: fromHex(`0201${'0a'.repeat(16)}01${'0b'.repeat(16)}0100510164f403000000`), as: ten },
    {
      rule: 'section 6: packs out of order',
      bytes: fromHex(`0201${'0b'.repeat(16)}01${'0a'.repeat(16)}0200510164f40301000164f403000000020000`),
      as: { lengths: [10, 10], locations: [] },
    },
    {
      rule: 'R-LOC-2: a base that reaches out of its frame',
      bytes: encodeLocators([whole(frame('0a', 81, { length: 15 }), 6, 10)], [10]),
      as: ten,
    },
    {
      rule: 'R-LOC-2: nine patches',
      bytes: encodeLocators([{ ...whole(first, 0, 10), patches: new Array(9).fill({ frame: second, offset: 0, bitmap: 1 }) }], [10]),
      as: ten,
    },
    {
      rule: 'R-LOC-2: a patch that reaches out of its frame',
      bytes: encodeLocators([{ ...whole(first, 0, 10), patches: [{ frame: second, offset: 1, bitmap: 7 }] }], [10]),
      as: ten,
    },
    { rule: 'R-LOC-2: a base length of 0', bytes: tableOf('0100510164f40300000100'), as: ten },
    { rule: 'R-LOC-2: a base shorter than its blob, and no patches', bytes: encodeLocators([whole(first, 0, 9)], [10]), as: ten },
    {
      rule: 'R-PATCH: a patch without pages',
      bytes: encodeLocators([{ ...whole(first, 0, 10), patches: [{ frame: second, offset: 0, bitmap: 0 }] }], [10]),
      as: ten,
    },
    { rule: "R-ENC-3: the blob's own length as a base length", bytes: tableOf('0100510164f4030000010a'), as: ten },
    {
      rule: 'R-PACK-2: a frame of 262,145 bytes',
      bytes: encodeLocators([whole(frame('0a', 81, { length: 262_145 }), 0, 10)], [10]),
      as: ten,
    },
    { rule: 'R-LIMIT: 2^53-1 packs', bytes: fromHex('ffffffffffffff0f'), as: ten },
  ],
};

const content = new TextEncoder().encode('hello');
const id = objectId('blob', content);
const tree: TreeEntry[] = [
  { kind: 'directory', path: 'Default', mode: 0o700, mtime: 0n },
  { kind: 'file', path: 'Default/a', mode: 0o600, mtime: 1n, size: 5, ids: fromHex(id) },
  { kind: 'file', path: 'Default/b', mode: 0o644, mtime: 2n, size: 5, ids: fromHex(id) },
];
const commit = { tree: treeId(tree), parents: [], time: 1000, message: 'm', who: 'w', labels: {}, ...measureTree(tree), extensions: [] };
const packName = `packs/1-${'0a'.repeat(16)}`;
const packHeader = envelopeHeader({ kind: 'pack', repository, key: packName });
const place = { location: whole(frame('0a', packHeader.length, { codec: 'raw', storedLength: 5, length: 5 }), 0, 5), length: 5 };

interface Body {
  commit: typeof commit;
  tree: TreeEntry[];
  locations: Location[];
}
export const manifests: Format<Body> = {
  name: 'manifests',
  section: '7',
  values: { 'two files of one content': { commit, tree, locations: [place.location] } },
  encode: (value) => encodeManifest(value.commit, value.tree, new Map([[id, place]])),
  decode: (bytes) => {
    const manifest = decodeManifest(bytes);
    return { commit: manifest.commit, tree: manifest.tree, locations: [...manifest.blobs.values()].map(({ location }) => location) };
  },
  facts: (_, bytes) => ({ commitId: decodeManifest(bytes).id }),
  refused: [
    { rule: 'R-MAN-1: another tree', bytes: encodeManifest({ ...commit, tree: '0'.repeat(64) }, tree, new Map([[id, place]])) },
    { rule: 'R-COMMIT: another number of files', bytes: encodeManifest({ ...commit, files: 3 }, tree, new Map([[id, place]])) },
    { rule: 'R-COMMIT: another number of bytes', bytes: encodeManifest({ ...commit, bytes: 9 }, tree, new Map([[id, place]])) },
  ],
};

/** A pack of two frames: `hello` as it is, then `text` by deflate. */
export const packs: Format<{ key: string; repository: Uint8Array; frames: Uint8Array }> = {
  name: 'packs',
  section: '5',
  values: { 'two frames': { key: packName, repository, frames: concat([content, fromHex(compressed.deflate)]) } },
  encode: ({ frames }) => seal(packHeader, frames),
  decode: (bytes, { key }) => {
    const opened = openEnvelope(bytes, { kind: 'pack', repository, key });
    return { key, repository: opened.repository, frames: opened.payload };
  },
  facts: () => ({ offsets: [packHeader.length, packHeader.length + content.length] }),
  refused: [
    {
      rule: 'R-ENV-1: a digest of other bytes',
      bytes: seal(packHeader, content).fill(0, -1),
      as: { key: packName, repository, frames: content },
    },
  ],
};
