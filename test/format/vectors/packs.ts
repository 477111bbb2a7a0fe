/** Vectors of packs, patches, locator tables and manifests (SPEC.md 5 to 7). */
import { concat, Writer } from '../../../src/base/bytes.js';
import { encodeCommit } from '../../../src/format/commit.js';
import { envelopeHeader, openEnvelope } from '../../../src/format/envelope.js';
import { decodeLocators, encodeLocators, type Frame, type Location } from '../../../src/format/locator.js';
import { decodeManifest, encodeManifest } from '../../../src/format/manifest.js';
import { objectId } from '../../../src/format/object-id.js';
import { applyPatches, extractPages } from '../../../src/format/patch.js';
import { encodeTree, measureTree, type TreeEntry, treeId } from '../../../src/format/tree.js';
import { fromHex } from '../../support/hex.js';
import { compressed, repository, seal } from './envelopes.js';
import type { Format } from './format.js';

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
  /** The lengths of the blobs. The tree has them. */
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
      rule: 'R-LOC-6: packs out of order',
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
    {
      rule: "R-LOC-3: a frame that begins inside its pack's header",
      bytes: encodeLocators([whole(frame('0a', 61), 0, 10)], [10]),
      as: ten,
    },
    {
      rule: 'R-LOC-3: a frame that reaches into the digest of the longest pack',
      bytes: encodeLocators([whole(frame('0a', 8 * 2 ** 20 - 32 - 999), 0, 10)], [10]),
      as: ten,
    },
    { rule: 'R-LIMIT: 2^53-1 packs', bytes: fromHex('ffffffffffffff0f'), as: ten },
  ],
};

const content = new TextEncoder().encode('hello');
const id = objectId('blob', content);
const tree: TreeEntry[] = [
  { kind: 'directory', path: 'Default', mode: 0o700, mtime: 0n },
  { kind: 'file', path: 'Default/a', mode: 0o600, mtime: 1n, size: 5, ids: id },
  { kind: 'file', path: 'Default/b', mode: 0o644, mtime: 2n, size: 5, ids: id },
];
const commit = { tree: treeId(tree), parents: [], time: 1000, message: 'm', author: 'w', labels: {}, ...measureTree(tree), extensions: [] };
const packName = `packs/1-${'0a'.repeat(16)}`;
const packHeader = envelopeHeader({ kind: 'pack', repository, key: packName });
const place = { location: whole(frame('0a', packHeader.length, { codec: 'raw', storedLength: 5, length: 5 }), 0, 5), length: 5 };

interface Body {
  commit: typeof commit;
  tree: TreeEntry[];
  locations: Location[];
}
/**
 * Returns a manifest whose two files have one blob id, for 5 bytes and for 100. No writer of this
 * library makes such a manifest.
 */
function twoLengths(): Uint8Array {
  const twisted = tree.map((entry) => (entry.path === 'Default/b' ? { ...entry, size: 100 } : entry)) as TreeEntry[];
  const of = { ...commit, tree: treeId(twisted), ...measureTree(twisted) };
  return new Writer()
    .sized(encodeCommit(of))
    .sized(encodeTree(twisted))
    .bytes(encodeLocators([place.location], [5]))
    .finish();
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
    { rule: 'R-BLOB: one id, two lengths', bytes: twoLengths() },
    { rule: 'R-ID, R-MAN-1: another tree', bytes: encodeManifest({ ...commit, tree: '0'.repeat(64) }, tree, new Map([[id, place]])) },
    { rule: 'R-COMMIT: another number of files', bytes: encodeManifest({ ...commit, files: 3 }, tree, new Map([[id, place]])) },
    { rule: 'R-COMMIT: another number of bytes', bytes: encodeManifest({ ...commit, bytes: 9 }, tree, new Map([[id, place]])) },
  ],
};

/** A pack of two frames: `hello` uncompressed, then `text` by deflate. */
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
