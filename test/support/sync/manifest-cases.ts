/**
 * Manifests made by hand that break a rule in the newest version, with valid digests and ids (B1,
 * B3). The library's readers and its check run on them in hostile-manifests.test.ts. The tests of
 * test/format run the reader that was written from SPEC.md alone.
 */
import type { Commit } from '../../../src/format/commit.js';
import type { Frame } from '../../../src/format/locator.js';
import { objectId } from '../../../src/format/object-id.js';
import type { TreeEntry } from '../../../src/format/tree.js';
import { contents, fileEntry, retree, type Version } from '../forge.js';

const newest = contents[2] as Uint8Array;
export const file = (path: string, content = newest, parts: Partial<TreeEntry> = {}): TreeEntry =>
  ({ ...fileEntry(path, content), ...parts }) as TreeEntry;
const link = (path: string): TreeEntry => ({ kind: 'symlink', path, mode: 0o777, mtime: 0n, target: '/etc' });
const tree =
  (...entries: TreeEntry[]) =>
  (version: Version): void =>
    retree(version, entries);
const commit =
  (parts: Partial<Commit>) =>
  (version: Version): void => {
    version.commit = { ...version.commit, ...parts };
  };
const frame =
  (parts: Partial<Frame>) =>
  (version: Version): void => {
    version.locations = version.locations.map((location) => ({ ...location, frame: { ...location.frame, ...parts } }));
  };

export const manifestCases: [string, (version: Version) => void][] = [
  ['R-BLOB: one id for 1,800 bytes and for 5', tree(file('a'), file('b', newest, { size: 5 }))],
  ['R-BLOB: one id for 1,800 bytes and for 65,536', tree(file('a'), file('b', newest, { size: 65_536 }))],
  [
    'R-BLOB: one id twice in a file, whole and as its end',
    tree(file('a', newest, { size: 65_541, ids: objectId('blob', newest).repeat(2) })),
  ],
  ['R-LOC-2: a base shorter than its blob', tree(file('a', newest, { size: 1_801 }))],
  ['R-PATH: a line feed', tree(file('a'), file('b\n'))],
  ['R-PATH: U+007F', tree(file('a'), file('b\u007f'))],
  ['R-PATH: U+0085', tree(file('a'), file('b\u0085'))],
  ['R-PATH: ..', tree(file('..'), file('a'))],
  ['R-PATH: a backslash', tree(file('..\\a'), file('a'))],
  ['R-TREE-1: one path twice', tree(file('a'), file('a'))],
  ['R-TREE-1: paths out of order', tree(file('b'), file('a'))],
  ['R-TREE-2: below a symlink', tree(link('a'), file('a/passwd'))],
  ['R-TREE-3: setuid', tree(file('a', newest, { mode: 0o4755 }))],
  ['R-COMMIT: another number of files', commit({ files: 2 })],
  ['R-COMMIT: another number of bytes', commit({ bytes: 5 })],
  ['R-MAN-1: another tree', commit({ tree: '0'.repeat(64) })],
  ['R-LOC-3: a frame in the header of its pack', frame({ offset: 20 })],
  ['R-LOC-3: a frame beyond the longest pack', frame({ offset: 2 ** 23 })],
  ['R-PACK-2: a frame of 262,145 bytes', frame({ codec: 'brotli', length: 262_145 })],
  ['R-LOC-2: a base that reaches out of its frame', frame({ length: 1_799, storedLength: 1_799 })],
];
