/**
 * The sequences of a zstd block (RFC 8878, sections 3.1.1.3.2 and 3.1.1.4). Each sequence copies
 * some literals, then a match from the bytes decoded before. The three codes and the last three
 * offsets carry over from block to block.
 */
import { check } from '../../base/errors.js';
import { copyMatch } from '../copy-match.js';
import { BackwardBits, constantTable, type FseTable, fseTable, readFseTable } from './entropy.js';

/**
 * One of the three codes: the bounds of its tables, and the default table for a frame without one.
 */
interface Kind {
  readonly maxLog: number;
  readonly maxSymbol: number;
  readonly predefined: FseTable;
}

const ones = (count: number): number[] => Array<number>(count).fill(1);
const twos = (count: number): number[] => Array<number>(count).fill(2);
const lessThanOne = (count: number): number[] => Array<number>(count).fill(-1);

const literalKind: Kind = {
  maxLog: 9,
  maxSymbol: 35,
  predefined: fseTable([4, 3, ...twos(11), ...ones(3), ...twos(9), 3, 2, ...ones(5), ...lessThanOne(4)], 6),
};
const offsetKind: Kind = {
  maxLog: 8,
  maxSymbol: 31,
  predefined: fseTable([...ones(6), ...twos(3), ...ones(15), ...lessThanOne(5)], 5),
};
const matchKind: Kind = {
  maxLog: 9,
  maxSymbol: 52,
  predefined: fseTable([1, 4, 3, ...twos(6), ...ones(37), ...lessThanOne(7)], 6),
};

/**
 * Extra bits of the codes of literal and match lengths, and the smallest length of each code,
 * computed from them.
 */
const literalBits = Uint8Array.of(...Array<number>(16).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
const matchBits = Uint8Array.of(...Array<number>(32).fill(0), 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);
const literalBases = smallestLengths(literalBits, 0);
const matchBases = smallestLengths(matchBits, 3);

function smallestLengths(bits: Uint8Array, first: number): Uint32Array {
  let length = first;
  return Uint32Array.from(bits, (count) => {
    const smallest = length;
    length += 2 ** count;
    return smallest;
  });
}

function copyLiterals(literals: Uint8Array, from: number, out: Uint8Array, to: number, length: number): void {
  if (length > 32) {
    out.set(literals.subarray(from, from + length), to);
    return;
  }
  for (let i = 0; i < length; i++) out[to + i] = literals[from + i] as number;
}

export class SequenceReader {
  #tables: [FseTable, FseTable, FseTable] | undefined;
  readonly #offsets: [number, number, number] = [1, 4, 8];

  /**
   * Writes the block's content to `out` from `filled` on, and never past `limit`. Returns the new
   * end of the content.
   */
  apply(bytes: Uint8Array, start: number, end: number, literals: Uint8Array, out: Uint8Array, filled: number, limit: number): number {
    const { count, next } = sequenceCount(bytes, start, end);
    let at = filled;
    let from = 0;
    if (count > 0) {
      const stream = new BackwardBits(bytes, this.#readTables(bytes, next, end), end);
      [at, from] = this.#execute(stream, count, literals, out, filled, limit);
    } else {
      check(next === end, 'zstd frame: expected the end of a block without sequences, found more');
    }
    const rest = literals.length - from;
    check(at + rest <= limit, `zstd frame: expected at most ${limit} bytes, found ${at + rest}`);
    copyLiterals(literals, from, out, at, rest);
    return at + rest;
  }

  #readTables(bytes: Uint8Array, start: number, end: number): number {
    check(start < end, 'zstd frame: expected the modes of sequences, found the end of the block');
    const modes = bytes[start] as number;
    check((modes & 3) === 0, 'zstd frame: expected no reserved modes, found one');
    const old = this.#tables;
    let at = start + 1;
    const table = (kind: Kind, mode: number, previous: FseTable | undefined): FseTable => {
      if (mode === 0) return kind.predefined;
      if (mode === 1) {
        const symbol = bytes[at++] as number;
        check(at <= end && symbol <= kind.maxSymbol, `zstd frame: expected a code of at most ${kind.maxSymbol}, found ${symbol}`);
        return constantTable(symbol);
      }
      if (mode === 2) {
        const read = readFseTable(bytes, at, end, kind.maxLog, kind.maxSymbol);
        at = read.end;
        return read.table;
      }
      check(previous !== undefined, 'zstd frame: expected a table before one that repeats it, found none');
      return previous;
    };
    const literal = table(literalKind, modes >> 6, old?.[0]);
    const offset = table(offsetKind, (modes >> 4) & 3, old?.[1]);
    const match = table(matchKind, (modes >> 2) & 3, old?.[2]);
    this.#tables = [literal, offset, match];
    return at;
  }

  /** Runs `count` sequences. Returns the end of `out` and the number of used literals. */
  #execute(
    stream: BackwardBits,
    count: number,
    literals: Uint8Array,
    out: Uint8Array,
    filled: number,
    limit: number,
  ): [filled: number, literals: number] {
    const [literalTable, offsetTable, matchTable] = this.#tables as [FseTable, FseTable, FseTable];
    let literalState = stream.take(literalTable.log);
    let offsetState = stream.take(offsetTable.log);
    let matchState = stream.take(matchTable.log);
    let at = filled;
    let from = 0;
    for (let i = 1; ; i++) {
      const offsetCode = offsetTable.symbols[offsetState] as number;
      const offsetValue = 2 ** offsetCode + stream.takeLong(offsetCode);
      const matchCode = matchTable.symbols[matchState] as number;
      const matchLength = (matchBases[matchCode] as number) + stream.take(matchBits[matchCode] as number);
      const literalCode = literalTable.symbols[literalState] as number;
      const literalLength = (literalBases[literalCode] as number) + stream.take(literalBits[literalCode] as number);
      const offset = this.#offset(offsetValue, literalLength === 0);
      const to = at + literalLength;
      check(
        stream.left >= 0 && from + literalLength <= literals.length && to + matchLength <= limit && offset > 0 && offset <= to,
        'zstd frame: expected a sequence within its block, found one that goes beyond',
      );
      copyLiterals(literals, from, out, at, literalLength);
      copyMatch(out, to, offset, matchLength);
      from += literalLength;
      at = to + matchLength;
      if (i === count) break;
      literalState = (literalTable.bases[literalState] as number) + stream.take(literalTable.bits[literalState] as number);
      matchState = (matchTable.bases[matchState] as number) + stream.take(matchTable.bits[matchState] as number);
      offsetState = (offsetTable.bases[offsetState] as number) + stream.take(offsetTable.bits[offsetState] as number);
    }
    check(stream.left === 0, 'zstd frame: expected the end of the sequences, found more');
    return [at, from];
  }

  /**
   * Returns the offset that a value encodes: values up to 3 refer to the last three offsets (RFC
   * 8878, section 3.1.1.5).
   */
  #offset(value: number, noLiterals: boolean): number {
    const recent = this.#offsets;
    if (value > 3) {
      recent[2] = recent[1];
      recent[1] = recent[0];
      recent[0] = value - 3;
      return recent[0];
    }
    const index = noLiterals ? value : value - 1;
    if (index === 0) return recent[0];
    const offset = index === 3 ? recent[0] - 1 : (recent[index] as number);
    if (index > 1) recent[2] = recent[1];
    recent[1] = recent[0];
    recent[0] = offset;
    return offset;
  }
}

/** Reads the number of sequences of the block, and the end of the header of the sequences. */
function sequenceCount(bytes: Uint8Array, start: number, end: number): { count: number; next: number } {
  const [a = 0, b = 0, c = 0] = bytes.subarray(start, end);
  const size = a < 128 ? 1 : a < 255 ? 2 : 3;
  check(start + size <= end, 'zstd frame: expected the number of sequences, found the end of the block');
  if (size === 1) return { count: a, next: start + 1 };
  return { count: size === 2 ? (a - 128) * 256 + b : b + c * 256 + 0x7f00, next: start + size };
}
