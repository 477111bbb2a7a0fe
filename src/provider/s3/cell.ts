/**
 * The bytes of a cell in S3, and the text of its version (SPEC.md R-S3-2 to R-S3-5). An ETag alone
 * is not enough: it repeats for equal bytes, and does not show whether a swap without a response
 * took effect. So every write has a random *mark*, and a cell starts with the marks of its newest
 * writes. The marks show a writer whether its swap took effect, even after other swaps followed.
 */
import { concat, fromHex, toHex } from '../../base/bytes.js';
import { BrowserStateError, check } from '../../base/errors.js';
import { MAX_CELL_SIZE } from '../../base/limits.js';
import type { Version } from '../provider.js';

export const MARK_BYTES = 8;
/**
 * Marks that a cell keeps. A swap without a response stays unknown if more writes than this follow
 * before the cell is read back.
 */
export const MARKS = 8;
const HEAD_BYTES = MARKS * MARK_BYTES;
export const MAX_CELL_OBJECT_SIZE = HEAD_BYTES + MAX_CELL_SIZE;

/** One state of a cell: its marks in hex, newest first, and its ETag without quotes. */
export interface State {
  marks: readonly string[];
  etag: string;
}

/** Fills the marks of a cell with fewer writes. */
const NONE = '00'.repeat(MARK_BYTES);
/**
 * The ETag of a write that other writes followed before its own ETag was seen. No store returns
 * this ETag, so a swap from it loses.
 */
const SUPERSEDED = 'superseded';

export function marksAfter(expected: State | undefined, mark: Uint8Array): string[] {
  return [toHex(mark), ...(expected?.marks ?? [])].slice(0, MARKS);
}

export function encodeCell(marks: readonly string[], value: Uint8Array): Uint8Array {
  const head = new Uint8Array(HEAD_BYTES);
  head.set(fromHex(marks.join('')) as Uint8Array);
  return concat([head, value]);
}

/** Parses the bytes of a cell. Throws INTEGRITY if the bytes are not a cell. */
export function decodeCell(key: string, bytes: Uint8Array): { marks: string[]; value: Uint8Array } {
  check(bytes.length >= HEAD_BYTES, `cell ${key}: expected ${HEAD_BYTES} bytes or more, found ${bytes.length}`);
  const marks: string[] = [];
  for (let at = 0; at < HEAD_BYTES; at += MARK_BYTES) marks.push(toHex(bytes.subarray(at, at + MARK_BYTES)));
  check(marks[0] !== NONE, `cell ${key}: expected the mark of a write, found zeros`);
  const first = marks.indexOf(NONE);
  return { marks: first === -1 ? marks : marks.slice(0, first), value: bytes.slice(HEAD_BYTES) };
}

export function versionOf({ marks, etag }: State): Version {
  return `${marks.join('')}/${etag}`;
}

/**
 * Returns the state that a version names, or undefined for a version that this provider never
 * returned.
 */
export function parseVersion(version: Version): State | undefined {
  const [, marks, etag] = /^((?:[0-9a-f]{16}){1,8})\/([\x21\x23-\x29\x2b-\x7e]{1,128})$/.exec(version) ?? [];
  return marks === undefined || etag === undefined ? undefined : { marks: marks.match(/.{16}/g) ?? [], etag };
}

/** Returns an ETag without its quotes. Throws UNSUPPORTED for an ETag that no swap can use. */
export function bareEtag(etag: string | undefined): string {
  const [, bare] = /^"?([\x21\x23-\x29\x2b-\x7e]{1,128})"?$/.exec(etag ?? '') ?? [];
  if (bare !== undefined && !bare.startsWith('W/')) return bare;
  throw new BrowserStateError('UNSUPPORTED', `expected an ETag that distinguishes writes, found ${etag ?? 'none'}`, {
    hint: 'This store, or a proxy before it, cannot hold a repository.',
  });
}

/**
 * Returns the outcome of a write from `expected` (undefined: from no cell) to `marks`, seen from a
 * later state. The outcome is the write's own version, or 'unknown'. It is 'lost' if another write
 * replaced `expected`, so that this write can never take effect.
 */
export function outcome(expected: State | undefined, marks: readonly string[], now: State | undefined): Version | 'lost' | 'unknown' {
  if (now === undefined) return 'unknown';
  const history = now.marks.length < MARKS ? [...now.marks, NONE] : now.marks;
  const base = history.indexOf(expected?.marks[0] ?? NONE);
  if (base <= 0) return 'unknown';
  if (history[base - 1] !== marks[0]) return 'lost';
  return versionOf({ marks, etag: base === 1 ? now.etag : SUPERSEDED });
}
