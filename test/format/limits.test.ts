/**
 * The limits of SPEC.md 12. The library and the reader that was written from SPEC.md have the same
 * limits (B5).
 */
import test from 'ava';
import * as library from '../../src/base/limits.js';
import { specText } from '../support/spec/rules.js';
import { limits } from './reader/limits.js';

/** Rows of the table, by the beginning of their text. */
const rows: [string, number[], number[]][] = [
  ['blob', [library.CHUNK_SIZE], [limits.blob]],
  ['frame, uncompressed', [library.MAX_FRAME_SIZE], [limits.frame]],
  ['pack', [library.MAX_PACK_SIZE], [limits.pack]],
  ['patches of a blob', [library.MAX_PATCHES], [limits.patches]],
  [
    'name / path / depth',
    [library.MAX_NAME_BYTES, library.MAX_PATH_BYTES, library.MAX_DEPTH],
    [limits.nameBytes, limits.pathBytes, limits.depth],
  ],
  ['symlink target', [library.MAX_SYMLINK_BYTES], [limits.target]],
  ['entries of a tree', [library.MAX_ENTRIES], [limits.entries]],
  ['bytes of all paths of a tree', [library.MAX_TREE_PATH_BYTES], [limits.allPaths]],
  ['blobs of a tree', [library.MAX_BLOBS], [limits.blobs]],
  ['file', [library.MAX_FILE_SIZE], [limits.file]],
  ['manifest body', [library.MAX_MANIFEST_SIZE], [limits.manifestBody]],
  ['body of a config or ref', [library.MAX_CELL_BODY], [limits.cellBody]],
  ['body of the epoch / condemned names', [library.MAX_EPOCH_BODY, library.MAX_CONDEMNED], [limits.epochBody, limits.condemned]],
  ['body of a segment', [library.MAX_SEGMENT_SIZE], [limits.segmentBody]],
  ['value of a cell', [library.MAX_CELL_SIZE], [limits.cell]],
  ['history entries of a segment', [library.MAX_SEGMENT_ENTRIES], [limits.segmentEntries]],
  ['history entries of a session', [library.MAX_SESSION_ENTRIES], [limits.sessionEntries]],
  ['sequence of a ref', [library.MAX_SEQUENCE], [limits.sequence]],
  ['a time in milliseconds', [library.MAX_TIME], [limits.time]],
];

/**
 * Returns the numbers of a cell such as `255 bytes / 3,840 bytes`, `8 MiB` or `2^34 bytes (16
 * GiB)`.
 */
function numbersIn(cell: string): number[] {
  return cell.split(' / ').map((part) => {
    const [, digits = '', power, unit] = /^([\d,]+)(?:\^(\d+))?(?: (MiB))?/.exec(part) ?? [];
    return Number(digits.replaceAll(',', '')) ** Number(power ?? 1) * (unit === undefined ? 1 : 2 ** 20);
  });
}

test('section 12: the limits are those of the library and of the second reader', (t) => {
  const section = specText.slice(specText.indexOf('## 12. Limits'), specText.indexOf('## 13. '));
  const table = [...section.matchAll(/^\| (.+?) \| (.+?) \|$/gm)].map(([, what = '', most = '']) => ({ what, most }));
  for (const [label, here, alone] of rows) {
    const row = table.find(({ what }) => what === label || what.startsWith(`${label},`) || what.startsWith(`${label}:`));
    t.deepEqual(numbersIn(row?.most ?? ''), here, label);
    t.deepEqual(alone, here, label);
  }
});
