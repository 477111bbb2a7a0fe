/**
 * The entropy codes of zstd (RFC 8878, sections 4 and 5): FSE and Huffman tables, and the streams
 * that are read backwards with them. Every table comes from bytes that may be hostile. Unchecked
 * values cannot leave the table's own bounds.
 */
import { check } from '../../base/errors.js';

/**
 * Bytes that callers keep readable (as zeros) after the input, so that a reader may load a whole
 * word at its last byte.
 */
export const PADDING = 8;

/**
 * A state machine that reads symbols: state s emits `symbols[s]`, and its successor is `bases[s]`
 * plus `bits[s]` bits of the stream.
 */
export interface FseTable {
  readonly log: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
  readonly bases: Uint16Array;
}

/**
 * A prefix code: the next `log` bits of the stream index the symbol and its actual number of bits.
 */
export interface HuffmanTable {
  readonly log: number;
  readonly symbols: Uint8Array;
  readonly bits: Uint8Array;
}

const MAX_HUFFMAN_BITS = 11;
const MAX_WEIGHT_LOG = 6;

function highBit(value: number): number {
  return 31 - Math.clz32(value);
}

/**
 * Reads a stream from its last bit to its first. The highest set bit of the last byte marks the
 * start.
 */
export class BackwardBits {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  /** Bits left. Negative if more bits were consumed than the stream has. */
  left: number;

  constructor(bytes: Uint8Array, start: number, end: number) {
    const last = end > start ? (bytes[end - 1] as number) : 0;
    check(last !== 0, 'zstd frame: expected an end mark in a bit stream, found none');
    this.#bytes = bytes;
    this.#start = start;
    this.left = (end - start - 1) * 8 + highBit(last);
  }

  /**
   * Consumes up to 25 bits. Bits before the stream's start have no meaning: the caller checks
   * `left`.
   */
  take(count: number): number {
    this.left -= count;
    const bytes = this.#bytes;
    const at = this.#start + (this.left >> 3);
    if (at < 0) return 0;
    const word =
      (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
    return (word >>> (this.left & 7)) & ((1 << count) - 1);
  }

  /** Consumes up to 31 bits. */
  takeLong(count: number): number {
    if (count <= 16) return this.take(count);
    const high = this.take(count - 16);
    return high * 65536 + this.take(16);
  }
}

/** Returns a table of one symbol, which has no bits. */
export function constantTable(symbol: number): FseTable {
  return { log: 0, symbols: Uint8Array.of(symbol), bits: Uint8Array.of(0), bases: Uint16Array.of(0) };
}

/**
 * Returns the table of a distribution: for each symbol its share of 2^log states, or -1 for less
 * than one state (RFC 8878, section 4.1.1).
 */
export function fseTable(shares: readonly number[], log: number): FseTable {
  const size = 1 << log;
  const symbols = new Uint8Array(size);
  const next = new Uint16Array(shares.length);
  let high = size;
  shares.forEach((share, symbol) => {
    if (share === -1) symbols[--high] = symbol;
    next[symbol] = Math.abs(share);
  });
  const step = (size >> 1) + (size >> 3) + 3;
  let at = 0;
  shares.forEach((share, symbol) => {
    for (let i = 0; i < share; i++) {
      symbols[at] = symbol;
      do at = (at + step) & (size - 1);
      while (at >= high);
    }
  });
  const bits = new Uint8Array(size);
  const bases = new Uint16Array(size);
  for (let state = 0; state < size; state++) {
    const symbol = symbols[state] as number;
    const order = next[symbol] as number;
    next[symbol] = order + 1;
    bits[state] = log - highBit(order);
    bases[state] = (order << (bits[state] as number)) - size;
  }
  return { log, symbols, bits, bases };
}

/**
 * Reads the description of an FSE table between `start` and `end`. Returns the table and the end of
 * the description.
 */
export function readFseTable(
  bytes: Uint8Array,
  start: number,
  end: number,
  maxLog: number,
  maxSymbol: number,
): { table: FseTable; end: number } {
  let bit = start * 8;
  const peek = (count: number): number => {
    const at = bit >>> 3;
    const word = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
    return (word >> (bit & 7)) & ((1 << count) - 1);
  };
  const log = peek(4) + 5;
  check(log <= maxLog, `zstd frame: expected an FSE table of at most 2^${maxLog} states, found 2^${log}`);
  bit += 4;
  const shares: number[] = [];
  let rest = 1 << log;
  while (rest > 0) {
    check(bit <= end * 8 && shares.length <= maxSymbol, 'zstd frame: expected an FSE table, found one that does not add up');
    const width = highBit(rest + 1) + 1;
    const short = (1 << width) - 2 - rest;
    let value = peek(width);
    if ((value & ((1 << (width - 1)) - 1)) < short) {
      value &= (1 << (width - 1)) - 1;
      bit += width - 1;
    } else {
      if (value >= 1 << (width - 1)) value -= short;
      bit += width;
    }
    shares.push(value - 1);
    rest -= Math.abs(value - 1);
    for (let more = value === 1 ? 3 : 0; more === 3; ) {
      more = peek(2);
      bit += 2;
      check(bit <= end * 8 && shares.length + more <= maxSymbol + 1, 'zstd frame: expected an FSE table, found too many symbols');
      for (let i = 0; i < more; i++) shares.push(0);
    }
  }
  const next = (bit + 7) >>> 3;
  check(rest === 0 && next <= end && shares.length <= maxSymbol + 1, 'zstd frame: expected an FSE table, found one that does not add up');
  return { table: fseTable(shares, log), end: next };
}

/**
 * Reads the description of a Huffman table between `start` and `end`. Returns the table and the end
 * of the description.
 */
export function readHuffmanTable(bytes: Uint8Array, start: number, end: number): { table: HuffmanTable; end: number } {
  check(start < end, 'zstd frame: expected a Huffman table, found the end of the block');
  const header = bytes[start] as number;
  const size = header < 128 ? header : (header - 127 + 1) >> 1;
  const next = start + 1 + size;
  check(next <= end, `zstd frame: expected a Huffman table of ${size} bytes, found ${end - start - 1}`);
  const weights = header < 128 ? compressedWeights(bytes, start + 1, next) : plainWeights(bytes, start + 1, header - 127);
  return { table: huffmanTable(weights), end: next };
}

function plainWeights(bytes: Uint8Array, start: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => {
    const pair = bytes[start + (i >> 1)] as number;
    return i % 2 === 0 ? pair >> 4 : pair & 15;
  });
}

/**
 * Reads the weights by two states that alternate on one stream. The last weights are those of the
 * states at the end of the stream.
 */
function compressedWeights(bytes: Uint8Array, start: number, end: number): number[] {
  const { table, end: at } = readFseTable(bytes, start, end, MAX_WEIGHT_LOG, MAX_HUFFMAN_BITS + 1);
  const stream = new BackwardBits(bytes, at, end);
  const weights: number[] = [];
  let state = stream.take(table.log);
  let other = stream.take(table.log);
  check(stream.left >= 0, 'zstd frame: expected Huffman weights, found a short stream');
  for (;;) {
    weights.push(table.symbols[state] as number);
    check(weights.length < 255, 'zstd frame: expected at most 255 Huffman weights, found more');
    const moved = (table.bases[state] as number) + stream.take(table.bits[state] as number);
    if (stream.left < 0) break;
    state = other;
    other = moved;
  }
  weights.push(table.symbols[other] as number);
  return weights;
}

/**
 * Returns the table of the weights (RFC 8878, section 4.2.1). The last symbol's weight is the
 * remainder to a power of two.
 */
function huffmanTable(weights: number[]): HuffmanTable {
  let sum = 0;
  for (const weight of weights) {
    check(weight <= MAX_HUFFMAN_BITS, `zstd frame: expected Huffman weights of at most ${MAX_HUFFMAN_BITS}, found ${weight}`);
    if (weight > 0) sum += 1 << (weight - 1);
  }
  const log = highBit(sum) + 1;
  const rest = (1 << log) - sum;
  check(sum > 0 && log <= MAX_HUFFMAN_BITS && (rest & (rest - 1)) === 0, 'zstd frame: expected Huffman weights that add up, found others');
  const all = [...weights, highBit(rest) + 1];
  check(all.includes(1), 'zstd frame: expected Huffman weights from 1 on, found larger ones');
  const symbols = new Uint8Array(1 << log);
  const bits = new Uint8Array(1 << log);
  let at = 0;
  for (let weight = 1; weight <= log; weight++) {
    all.forEach((other, symbol) => {
      if (other !== weight) return;
      const width = 1 << (weight - 1);
      symbols.fill(symbol, at, at + width);
      bits.fill(log + 1 - weight, at, at + width);
      at += width;
    });
  }
  return { log, symbols, bits };
}

/** Decodes the stream between `start` and `end` to exactly `out`. */
export function readHuffman(table: HuffmanTable, bytes: Uint8Array, start: number, end: number, out: Uint8Array): void {
  const { log, symbols, bits } = table;
  const mask = (1 << log) - 1;
  // `bit` counts from the start of `bytes`, which has room for the bits that a look-ahead reads
  // from before the stream.
  const first = start * 8;
  let bit = first + new BackwardBits(bytes, start, end).left;
  for (let i = 0; i < out.length; i++) {
    check(bit > first, 'zstd frame: expected more literals, found the end of their stream');
    const from = bit - log;
    const at = from >>> 3;
    const word = (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16);
    const index = (word >> (from & 7)) & mask;
    out[i] = symbols[index] as number;
    bit -= bits[index] as number;
  }
  check(bit === first, 'zstd frame: expected the end of the literals, found more');
}
