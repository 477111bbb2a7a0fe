/**
 * A parser of a LevelDB's MANIFEST: the tables of the database with their sizes, and the first log
 * that the database needs. The MANIFEST is an append-only log of edits in LevelDB's record format,
 * so a prefix of it is an earlier state of the database. No other file of a LevelDB is read.
 */
import { concat, Reader } from '../../base/bytes.js';
import { isError } from '../../base/errors.js';

export interface LevelDbState {
  /** Bytes of each table, by number. */
  tables: Map<number, number>;
  /** The first log that is needed, and one older log. 0 if there is none. */
  log: number;
  previousLog: number;
}

/** The kind and number of a file in a LevelDB, from its name. */
export type LevelDbFile = { kind: 'table' | 'log' | 'manifest'; number: number } | { kind: 'current' | 'other'; number: 0 };

export function levelDbFile(name: string): LevelDbFile {
  const numbered = /^(?:(MANIFEST-)|)(\d{1,15})(\.ldb|\.sst|\.log|)$/.exec(name);
  const [, manifest, digits, suffix] = numbered ?? [];
  if (manifest !== undefined && suffix === '') return { kind: 'manifest', number: Number(digits) };
  if (manifest === undefined && suffix === '.log') return { kind: 'log', number: Number(digits) };
  if (manifest === undefined && suffix) return { kind: 'table', number: Number(digits) };
  return { kind: name === 'CURRENT' ? 'current' : 'other', number: 0 };
}

const BLOCK_SIZE = 32 * 1024;
const HEADER_SIZE = 7;
const NUMBER = Number.MAX_SAFE_INTEGER;
const [FULL, FIRST, MIDDLE, LAST] = [1, 2, 3, 4];

/**
 * Returns the state after all complete edits. Returns undefined if there is content that LevelDB
 * does not write.
 */
export function readManifest(bytes: Uint8Array): LevelDbState | undefined {
  const state: LevelDbState = { tables: new Map(), log: 0, previousLog: 0 };
  try {
    for (const record of records(bytes)) if (!apply(state, new Reader(record, 'MANIFEST'))) return undefined;
  } catch (error) {
    if (!isError(error, 'INTEGRITY')) throw error;
    return undefined;
  }
  return state;
}

/** Yields complete records. Ignores an incomplete record at the end. */
function* records(bytes: Uint8Array): Generator<Uint8Array> {
  let parts: Uint8Array[] = [];
  for (let at = 0; at + HEADER_SIZE <= bytes.length; ) {
    const left = BLOCK_SIZE - (at % BLOCK_SIZE);
    if (left < HEADER_SIZE) {
      at += left;
      continue;
    }
    const length = (bytes[at + 4] as number) + 256 * (bytes[at + 5] as number);
    const type = bytes[at + 6] as number;
    const end = at + HEADER_SIZE + length;
    if (type === 0 || end > bytes.length) return;
    if (type === FULL || type === FIRST) parts = [];
    parts.push(bytes.subarray(at + HEADER_SIZE, end));
    if (type === FULL || type === LAST) yield concat(parts);
    else if (type !== FIRST && type !== MIDDLE) return;
    at = end;
  }
}

/** Applies one edit. Returns false if the edit is of an unknown kind. */
function apply(state: LevelDbState, input: Reader): boolean {
  while (input.remaining > 0) {
    switch (input.uint(NUMBER)) {
      case 1: // comparator
        input.sized(NUMBER);
        break;
      case 2:
        state.log = input.uint(NUMBER);
        break;
      case 3: // next file
      case 4: // last sequence
        input.uint(NUMBER);
        break;
      case 5: // the start of a level's next compaction
        input.uint(NUMBER);
        input.sized(NUMBER);
        break;
      case 6:
        input.uint(NUMBER);
        state.tables.delete(input.uint(NUMBER));
        break;
      case 7: {
        input.uint(NUMBER);
        const number = input.uint(NUMBER);
        state.tables.set(number, input.uint(NUMBER));
        input.sized(NUMBER);
        input.sized(NUMBER);
        break;
      }
      case 9:
        state.previousLog = input.uint(NUMBER);
        break;
      default:
        return false;
    }
  }
  return true;
}
