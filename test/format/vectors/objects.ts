/** Vectors of the primitives and of everything with an id: blobs, trees, commits (SPEC.md 2, 3). */
import { Reader, utf8, Writer } from '../../../src/base/bytes.js';
import { type Commit, decodeCommit, encodeCommit } from '../../../src/format/commit.js';
import { objectId } from '../../../src/format/object-id.js';
import { decodeTree, encodeTree, type TreeEntry } from '../../../src/format/tree.js';
import { fromHex } from '../../support/hex.js';
import type { Format } from './format.js';

type Primitive =
  | { type: 'uint'; value: number }
  | { type: 'int64'; value: bigint }
  | { type: 'text'; value: string }
  | { type: 'sized'; value: Uint8Array };

const uints = [0, 1, 127, 128, 255, 300, 16_383, 16_384, 2 ** 31, 2 ** 32, 2 ** 35 - 1, 2 ** 49, Number.MAX_SAFE_INTEGER];
const int64s = [0n, 1n, -1n, 258n, 1_700_000_000_123_456n, -1_000_001n, 2n ** 63n - 1n, -(2n ** 63n)];
const texts = ['', 'a', 'e\u0301', '\ufeffmark', '\u{1f600}', '\0', 'x'.repeat(200)];

export const primitives: Format<Primitive> = {
  name: 'primitives',
  section: '2',
  values: {
    ...Object.fromEntries(uints.map((value) => [`uint ${value}`, { type: 'uint', value }])),
    ...Object.fromEntries(int64s.map((value) => [`int64 ${value}`, { type: 'int64', value }])),
    ...Object.fromEntries(texts.map((value, i) => [`text ${i}`, { type: 'text', value }])),
    'sized of three bytes': { type: 'sized', value: Uint8Array.of(0, 0x80, 0xff) },
  },
  encode: (primitive) => {
    const out = new Writer();
    if (primitive.type === 'uint') out.uint(primitive.value);
    else if (primitive.type === 'int64') out.int64(primitive.value);
    else if (primitive.type === 'text') out.text(primitive.value);
    else out.sized(primitive.value);
    return out.finish();
  },
  decode: (bytes, { type }) => {
    const input = new Reader(bytes, 'vector');
    const value =
      type === 'uint'
        ? input.uint(Number.MAX_SAFE_INTEGER)
        : type === 'int64'
          ? input.int64()
          : type === 'text'
            ? input.text(1000)
            : input.sized(1000);
    input.end();
    return { type, value };
  },
  refused: [
    ...['8000', 'ff00', '80808000', '808080808080808001', 'ffffffffffffff1f', '8080808080808080808001', '80', ''].map((digits) => ({
      rule: 'R-ENC-1',
      bytes: fromHex(digits),
      as: { type: 'uint', value: 0 } as const,
    })),
    ...['01ff', '02c080', '03eda080', '04f4908080', '01c3', '0261'].map((digits) => ({
      rule: 'R-ENC-2',
      bytes: fromHex(digits),
      as: { type: 'text', value: '' } as const,
    })),
    { rule: 'R-ENC-3: a byte after the end', bytes: fromHex('0000'), as: { type: 'uint', value: 0 } },
    { rule: 'R-ENC-3: seven bytes of eight', bytes: new Uint8Array(7), as: { type: 'int64', value: 0n } },
  ],
};

const blobContents = { 'one byte': Uint8Array.of(0), 'three bytes': utf8('abc'), 'a whole chunk of zeros': new Uint8Array(65_536) };
export const blobs: Format<Uint8Array> = {
  name: 'blobs',
  section: '3',
  values: Object.fromEntries(Object.entries(blobContents).filter(([, bytes]) => bytes.length < 100)),
  encode: (bytes) => bytes,
  decode: (bytes) => bytes,
  facts: (_, bytes) => ({ id: objectId('blob', bytes), idAsTree: objectId('tree', bytes), idAsCommit: objectId('commit', bytes) }),
  refused: [],
};

const id = (digit: string): Uint8Array => fromHex(digit.repeat(64));
const mtime = 1_700_000_000_123_456n;
const entry = {
  directory: (path: string, mode = 0o755): TreeEntry => ({ kind: 'directory', path, mode, mtime }),
  file: (path: string, size = 0, ...ids: Uint8Array[]): TreeEntry => ({
    kind: 'file',
    path,
    mode: 0o600,
    mtime,
    size,
    ids: ids.map((each) => Buffer.from(each).toString('hex')).join(''),
  }),
  symlink: (path: string, target: string): TreeEntry => ({ kind: 'symlink', path, mode: 0o777, mtime, target }),
};

export const trees: Format<TreeEntry[]> = {
  name: 'trees',
  section: '3.1',
  values: {
    'no entries': [],
    'an empty directory': [entry.directory('Default')],
    'every kind': [
      entry.directory('Default', 0o700),
      { ...entry.file('Default/Cookies', 70_000, id('a'), id('b')), mtime: -1n },
      entry.file('Default/Empty'),
      { ...entry.symlink('Default/link', '../elsewhere'), mtime: -(2n ** 63n) },
      { ...entry.file('Local State', 3, id('c')), mode: 0o644 },
    ],
    'a directory, what is in it, and names around the slash': [
      entry.directory('a'),
      entry.file('a b'),
      entry.file('a-b'),
      entry.file('a/b'),
      entry.file('a0'),
    ],
    'code points beyond the basic plane': [entry.file('\ue000'), entry.file('\uffff'), entry.file('\u{10000}')],
    'names that differ in case and normalization alone': [entry.file('A'), entry.file('a'), entry.file('e\u0301'), entry.file('\u00e9')],
    'one blob three times': [entry.file('x', 196_608, id('d'), id('d'), id('d'))],
  },
  encode: encodeTree,
  decode: decodeTree,
  facts: (_, bytes) => ({ id: objectId('tree', bytes) }),
  refused: [
    { rule: 'R-TREE-1: paths out of order', bytes: encodeTree([entry.file('b'), entry.file('a')]) },
    { rule: 'R-TREE-1: one path twice', bytes: encodeTree([entry.file('a'), entry.file('a')]) },
    {
      rule: 'R-TREE-1: a shared prefix that could be longer',
      bytes: fromHex('02000261620002616301010000000000000000000000000000000000000000000000'),
    },
    { rule: 'R-TREE-2: no directory above', bytes: encodeTree([entry.file('a/b')]) },
    { rule: 'R-TREE-2: below a symlink', bytes: encodeTree([entry.symlink('a', '/etc'), entry.file('a/passwd')]) },
    { rule: 'R-TREE-2: below a file', bytes: encodeTree([entry.file('a'), entry.file('a/b')]) },
    { rule: 'R-TREE-3: setuid', bytes: encodeTree([{ ...entry.file('a'), mode: 0o4755 }]) },
    { rule: 'R-TREE-3: a symlink of mode 755', bytes: encodeTree([{ ...entry.symlink('a', 'b'), mode: 0o755 }]) },
    { rule: 'R-TREE-4: an empty target', bytes: encodeTree([entry.symlink('a', '')]) },
    { rule: 'R-TREE-4: a zero byte in a target', bytes: encodeTree([entry.symlink('a', 'b\0')]) },
    ...['..', '.', '/a', 'a//b', 'a\\b', 'a\0', '', `${'x'.repeat(256)}`, 'a\nb', '\u007f', 'a/\u0085'].map((path) => ({
      rule: 'R-PATH',
      bytes: encodeTree([entry.file(path)]),
    })),
    { rule: 'R-PATH: a path that is not UTF-8', bytes: fromHex('010001ff01000000000000000000000000') },
    { rule: 'section 3.1: a kind of 3', bytes: fromHex('01000161030000000000000000000000') },
    { rule: 'R-LIMIT: 2^53-1 entries', bytes: fromHex('ffffffffffffff0f') },
    { rule: 'R-LIMIT: a file of 2^34 + 1 bytes', bytes: fromHex('010001610100000000000000000000' + '8180808040') },
    {
      rule: 'R-LIMIT: 262,145 blobs in two files',
      bytes: fromHex('020001610001620101000000000000000000000000000000000000000080808080' + '4001'),
    },
  ],
};

const plain: Commit = {
  tree: '11'.repeat(32),
  parents: [],
  time: 0,
  message: '',
  author: '',
  labels: {},
  files: 0,
  bytes: 0,
  extensions: [],
};
const rich: Commit = {
  tree: 'ab'.repeat(32),
  parents: ['cd'.repeat(32), '00'.repeat(32)],
  time: 1_700_000_000_123,
  message: 'logged in\n\u{1f600}',
  author: 'ada@machine',
  labels: { run: '7', '\uffff': '', '\u{10000}': 'last' },
  files: 217,
  bytes: 12_345_678_901,
  extensions: [{ tag: 2, value: Uint8Array.of(1, 2, 3) }],
};
const broken = (part: string): Uint8Array => fromHex('11'.repeat(32) + part);

export const commits: Format<Commit> = {
  name: 'commits',
  section: '3.2',
  values: { 'nothing but a tree': plain, 'every field': rich },
  encode: encodeCommit,
  decode: decodeCommit,
  facts: (_, bytes) => ({ id: objectId('commit', bytes) }),
  refused: [
    { rule: 'R-COMMIT: one parent twice', bytes: encodeCommit({ ...plain, parents: [plain.tree, plain.tree] }) },
    {
      rule: 'R-COMMIT: nine parents',
      bytes: encodeCommit({ ...plain, parents: Array.from({ length: 9 }, (_, i) => `0${i}`.repeat(32)) }),
    },
    { rule: 'R-COMMIT: labels out of order', bytes: broken('0000000002016200016100000000') },
    { rule: 'R-COMMIT: one label twice', bytes: broken('0000000002016100016100000000') },
    { rule: 'R-COMMIT: a label without a name', bytes: broken('00000000010000000000') },
    { rule: 'R-LIMIT: a time after the year 275,760', bytes: encodeCommit({ ...plain, time: 8_640_000_000_000_001 }) },
    { rule: 'R-ENC-4: an odd extension', bytes: broken('00000000000000010300'), code: 'NEWER_VERSION' },
    { rule: 'R-ENC-4: extensions out of order', bytes: broken('000000000000000204000200') },
    { rule: 'R-ENC-3: a byte after the end', bytes: broken('000000000000000000') },
  ],
};
