/**
 * Prefix codes and context maps of brotli streams (RFC 7932, sections 3, 6 and 7.3). An incomplete
 * code is rejected.
 */
import { check } from '../../base/errors.js';
import { type Bits, type PrefixCode, ROOT_BITS } from './bits.js';

const ROOT_MASK = (1 << ROOT_BITS) - 1;
const MAX_CODE_BITS = 15;
/** The order of the lengths in the code of code lengths. */
const LENGTH_ORDER = [1, 2, 3, 4, 0, 5, 17, 6, 16, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/** Reads a number of block types or of trees: 1 to 256, in 1 to 11 bits. */
export function readCount(bits: Bits): number {
  if (bits.take(1) === 0) return 1;
  const width = bits.take(3);
  return 1 + (1 << width) + bits.take(width);
}

export function readPrefixCode(bits: Bits, alphabet: number): PrefixCode {
  bits.checkEnd();
  const skip = bits.take(2);
  return buildCode(skip === 1 ? simpleLengths(bits, alphabet) : complexLengths(bits, alphabet, skip));
}

/** Reads a simple code: up to four listed symbols. Returns the lengths of all symbols' codes. */
function simpleLengths(bits: Bits, alphabet: number): Uint8Array {
  const count = bits.take(2) + 1;
  const width = 32 - Math.clz32(alphabet - 1);
  const symbols = Array.from({ length: count }, () => bits.take(width));
  const distinct = new Set(symbols).size === count && symbols.every((symbol) => symbol < alphabet);
  check(distinct, `brotli frame: expected ${count} symbols of ${alphabet}, found others`);
  const shapes = [[1], [1, 1], [1, 2, 2], [2, 2, 2, 2], [1, 2, 3, 3]];
  const shape = shapes[count === 4 ? 3 + bits.take(1) : count - 1] as number[];
  const lengths = new Uint8Array(alphabet);
  symbols.forEach((symbol, i) => {
    lengths[symbol] = shape[i] as number;
  });
  return lengths;
}

/** Reads the lengths of all symbols' codes, in a code whose own lengths come first. */
function complexLengths(bits: Bits, alphabet: number, skip: number): Uint8Array {
  const code = readLengthCode(bits, skip);
  const lengths = new Uint8Array(alphabet);
  let space = 1 << MAX_CODE_BITS;
  let previous = 8;
  let repeated = 0;
  let repeats = 0;
  for (let symbol = 0; symbol < alphabet && space > 0; ) {
    const length = bits.symbol(code);
    let run = 1;
    let value = length;
    if (length < 16) {
      repeats = 0;
      if (length > 0) previous = length;
    } else {
      value = length === 16 ? previous : 0;
      const width = length - 14;
      const old = repeated === value ? repeats : 0;
      repeated = value;
      repeats = (old > 0 ? (old - 2) << width : 0) + bits.take(width) + 3;
      run = repeats - old;
    }
    check(run <= alphabet - symbol, `brotli frame: expected the code lengths of ${alphabet} symbols, found more`);
    lengths.fill(value, symbol, symbol + run);
    symbol += run;
    if (value > 0) space -= run * ((1 << MAX_CODE_BITS) >> value);
  }
  bits.checkEnd();
  check(space === 0, 'brotli frame: expected a complete prefix code, found another');
  return lengths;
}

function readLengthCode(bits: Bits, skip: number): PrefixCode {
  const lengths = new Uint8Array(LENGTH_ORDER.length);
  let space = 32;
  let count = 0;
  for (let i = skip; i < LENGTH_ORDER.length && space > 0; i++) {
    const length = bits.symbol(lengthOfLengthCode);
    lengths[LENGTH_ORDER[i] as number] = length;
    if (length === 0) continue;
    space -= 32 >> length;
    count++;
  }
  check(space === 0 || count === 1, 'brotli frame: expected a complete prefix code of code lengths, found another');
  return buildCode(lengths);
}

/**
 * Builds the code with these lengths. They must use up the space of codes, or belong to a single
 * symbol, which has no bits.
 */
function buildCode(lengths: Uint8Array): PrefixCode {
  const symbols = Array.from(lengths.keys()).filter((symbol) => lengths[symbol] !== 0);
  const lengthOf = (symbol: number): number => lengths[symbol] as number;
  symbols.sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);
  if (symbols.length === 1) return { mask: 0, entries: Int32Array.of((symbols[0] as number) << 8) };
  const codes = reversedCodes(symbols.map(lengthOf));
  const { starts, sizes, total } = groups(codes, symbols.map(lengthOf));
  const entries = new Int32Array(total);
  symbols.forEach((symbol, i) => {
    const length = lengthOf(symbol);
    const code = codes[i] as number;
    const root = code & ROOT_MASK;
    const start = starts[root] as number;
    const size = sizes[root] as number;
    if (size === 0) {
      for (let at = code; at <= ROOT_MASK; at += 1 << length) entries[at] = length | (symbol << 8);
      return;
    }
    entries[root] = (ROOT_BITS + size) | (start << 8);
    for (let at = code >> ROOT_BITS; at < 1 << size; at += 1 << (length - ROOT_BITS)) entries[start + at] = length | (symbol << 8);
  });
  return { mask: ROOT_MASK, entries };
}

/** Returns the canonical codes of ascending lengths, their first bit lowest. */
function reversedCodes(lengths: readonly number[]): number[] {
  let code = 0;
  let width = 0;
  return lengths.map((length) => {
    code <<= length - width;
    width = length;
    let reversed = 0;
    for (let bit = 0; bit < length; bit++) reversed |= ((code >> bit) & 1) << (length - 1 - bit);
    code++;
    return reversed;
  });
}

/**
 * Returns the positions of the codes beyond 8 bits by their first 8, and how many bits choose among
 * them.
 */
function groups(codes: readonly number[], lengths: readonly number[]): { starts: Int32Array; sizes: Uint8Array; total: number } {
  const sizes = new Uint8Array(1 << ROOT_BITS);
  lengths.forEach((length, i) => {
    if (length > ROOT_BITS) sizes[(codes[i] as number) & ROOT_MASK] = length - ROOT_BITS;
  });
  let total = 1 << ROOT_BITS;
  const starts = new Int32Array(1 << ROOT_BITS);
  sizes.forEach((size, root) => {
    if (size === 0) return;
    starts[root] = total;
    total += 1 << size;
  });
  return { starts, sizes, total };
}

/** Reads which of `trees` codes each of `size` contexts uses (RFC 7932, section 7.3). */
export function readContextMap(bits: Bits, size: number, trees: number): Uint8Array {
  const map = new Uint8Array(size);
  if (trees === 1) return map;
  const maxRun = bits.take(1) === 1 ? bits.take(4) + 1 : 0;
  const code = readPrefixCode(bits, trees + maxRun);
  for (let i = 0; i < size; ) {
    bits.checkEnd();
    const symbol = bits.symbol(code);
    if (symbol === 0 || symbol > maxRun) {
      map[i++] = symbol === 0 ? 0 : symbol - maxRun;
      continue;
    }
    i += (1 << symbol) + bits.take(symbol);
    check(i <= size, `brotli frame: expected a context map of ${size}, found more`);
  }
  if (bits.take(1) === 1) undoMoveToFront(map);
  return map;
}

function undoMoveToFront(map: Uint8Array): void {
  const order = Uint8Array.from({ length: 256 }, (_, i) => i);
  map.forEach((index, i) => {
    const value = order[index] as number;
    order.copyWithin(1, 0, index);
    order[0] = value;
    map[i] = value;
  });
}

/** The fixed code of the lengths of the code of code lengths. */
const lengthOfLengthCode = buildCode(Uint8Array.of(2, 4, 3, 2, 2, 4));
