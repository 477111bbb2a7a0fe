/**
 * The compressed content of a brotli stream (RFC 7932, sections 4, 5, 9.2 and 9.3): commands, each
 * with some literals and a copy.
 */
import { integrity } from '../../base/errors.js';
import { copyMatch } from '../copy-match.js';
import type { Bits, PrefixCode } from './bits.js';
import { readContextMap, readCount, readPrefixCode } from './codes.js';
import { type ContextTables, contextTables } from './context.js';
import { dictionaryWord } from './words.js';

const COMMANDS = 704;
const BLOCK_LENGTHS = 26;
const SHORT_DISTANCES = 16;

/** Codes of lengths: the extra bits and the smallest length of each code. */
interface LengthCode {
  readonly bits: readonly number[];
  readonly bases: readonly number[];
}
const blockLengths = lengthCode([2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 7, 8, 9, 10, 11, 12, 13, 24], 1);
const insertLengths = lengthCode([0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 12, 14, 24], 0);
const copyLengths = lengthCode([0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 24], 2);
/** For each 64 commands, the first insert code and the first copy code that they combine. */
const INSERT_CODES = [0, 0, 0, 0, 8, 8, 0, 16, 8, 16, 16];
const COPY_CODES = [0, 8, 0, 8, 0, 8, 16, 0, 16, 8, 16];
/**
 * For the distance codes below 16, the index in the last four distances and the difference to add.
 */
const RECENT = [0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1];
const NEARBY = [0, 0, 0, 0, -1, 1, -2, 2, -3, 3, -1, 1, -2, 2, -3, 3];

function lengthCode(bits: readonly number[], first: number): LengthCode {
  let length = first;
  const bases = bits.map((count) => {
    const base = length;
    length += 2 ** count;
    return base;
  });
  return { bits, bases };
}

function readLength(bits: Bits, { bits: widths, bases }: LengthCode, code: number): number {
  return (bases[code] as number) + bits.take(widths[code] as number);
}

/** The decoded bytes so far, and the last distances, which outlive a meta-block. */
export class Output {
  readonly bytes: Uint8Array;
  readonly maxDistance: number;
  /** The last four distances, the newest first. */
  readonly distances = [4, 11, 15, 16];
  filled = 0;

  constructor(length: number, maxDistance: number) {
    this.bytes = new Uint8Array(length);
    this.maxDistance = maxDistance;
  }
}

/**
 * The blocks of one kind of element: each block has a type, which chooses the codes of its
 * elements.
 */
class Blocks {
  readonly types: number;
  readonly #typeCode: PrefixCode | undefined;
  readonly #lengthCode: PrefixCode | undefined;
  #left = Number.POSITIVE_INFINITY;
  #previous = 1;
  type = 0;

  constructor(bits: Bits) {
    this.types = readCount(bits);
    if (this.types === 1) return;
    this.#typeCode = readPrefixCode(bits, this.types + 2);
    this.#lengthCode = readPrefixCode(bits, BLOCK_LENGTHS);
    this.#left = readLength(bits, blockLengths, bits.symbol(this.#lengthCode));
  }

  /**
   * Consumes up to `count` elements of one block, continuing with the next block if this one has
   * ended. Returns the number of consumed elements.
   */
  take(bits: Bits, count: number): number {
    if (this.#left === 0) this.#switch(bits);
    const run = Math.min(count, this.#left);
    this.#left -= run;
    return run;
  }

  #switch(bits: Bits): void {
    const code = bits.symbol(this.#typeCode as PrefixCode);
    const type = code === 0 ? this.#previous : code === 1 ? (this.type + 1) % this.types : code - 2;
    this.#previous = this.type;
    this.type = type;
    this.#left = readLength(bits, blockLengths, bits.symbol(this.#lengthCode as PrefixCode));
  }
}

/** One meta-block: its codes, then its commands. */
export class MetaBlock {
  readonly #bits: Bits;
  readonly #out: Output;
  readonly #end: number;
  readonly #literalBlocks: Blocks;
  readonly #commandBlocks: Blocks;
  readonly #distanceBlocks: Blocks;
  readonly #postfixBits: number;
  readonly #directDistances: number;
  readonly #contexts: ContextTables[];
  readonly #literalMap: Uint8Array;
  readonly #distanceMap: Uint8Array;
  readonly #literalCodes: PrefixCode[];
  readonly #commandCodes: PrefixCode[];
  readonly #distanceCodes: PrefixCode[];

  constructor(bits: Bits, out: Output, end: number) {
    this.#bits = bits;
    this.#out = out;
    this.#end = end;
    this.#literalBlocks = new Blocks(bits);
    this.#commandBlocks = new Blocks(bits);
    this.#distanceBlocks = new Blocks(bits);
    this.#postfixBits = bits.take(2);
    this.#directDistances = bits.take(4) << this.#postfixBits;
    this.#contexts = Array.from({ length: this.#literalBlocks.types }, () => contextTables[bits.take(2)] as ContextTables);
    const literalTrees = readCount(bits);
    this.#literalMap = readContextMap(bits, 64 * this.#literalBlocks.types, literalTrees);
    const distanceTrees = readCount(bits);
    this.#distanceMap = readContextMap(bits, 4 * this.#distanceBlocks.types, distanceTrees);
    const distances = SHORT_DISTANCES + this.#directDistances + (48 << this.#postfixBits);
    this.#literalCodes = Array.from({ length: literalTrees }, () => readPrefixCode(bits, 256));
    this.#commandCodes = Array.from({ length: this.#commandBlocks.types }, () => readPrefixCode(bits, COMMANDS));
    this.#distanceCodes = Array.from({ length: distanceTrees }, () => readPrefixCode(bits, distances));
  }

  read(): void {
    const bits = this.#bits;
    while (this.#out.filled < this.#end) {
      this.#commandBlocks.take(bits, 1);
      const command = bits.symbol(this.#commandCodes[this.#commandBlocks.type] as PrefixCode);
      const insertCode = (INSERT_CODES[command >> 6] as number) + ((command >> 3) & 7);
      const copyCode = (COPY_CODES[command >> 6] as number) + (command & 7);
      const insertLength = readLength(bits, insertLengths, insertCode);
      const copyLength = readLength(bits, copyLengths, copyCode);
      this.#checkRoom(insertLength);
      this.#insert(insertLength);
      if (this.#out.filled < this.#end) this.#copy(copyLength, command < 128 ? 0 : this.#distanceCode(copyLength));
      bits.checkEnd();
    }
  }

  #checkRoom(length: number): void {
    const room = this.#end - this.#out.filled;
    if (length > room) throw integrity(`brotli frame: expected at most ${room} more bytes in a meta-block, found ${length}`);
  }

  #insert(count: number): void {
    const bits = this.#bits;
    const { bytes, filled } = this.#out;
    const end = filled + count;
    let last = bytes[filled - 1] ?? 0;
    let beforeLast = bytes[filled - 2] ?? 0;
    for (let at = filled; at < end; ) {
      const runEnd = at + this.#literalBlocks.take(bits, end - at);
      const { type } = this.#literalBlocks;
      const [ofLast, ofBeforeLast] = this.#contexts[type] as ContextTables;
      for (; at < runEnd; at++) {
        const context = (ofLast[last] as number) | (ofBeforeLast[beforeLast] as number);
        const literal = bits.symbol(this.#literalCodes[this.#literalMap[64 * type + context] as number] as PrefixCode);
        bytes[at] = literal;
        beforeLast = last;
        last = literal;
      }
    }
    this.#out.filled = end;
  }

  #distanceCode(copyLength: number): number {
    this.#distanceBlocks.take(this.#bits, 1);
    const context = 4 * this.#distanceBlocks.type + Math.min(copyLength - 2, 3);
    return this.#bits.symbol(this.#distanceCodes[this.#distanceMap[context] as number] as PrefixCode);
  }

  #distance(code: number): number {
    if (code < SHORT_DISTANCES) {
      const distance = (this.#out.distances[RECENT[code] as number] as number) + (NEARBY[code] as number);
      if (distance <= 0) throw integrity(`brotli frame: expected a distance, found ${distance}`);
      return distance;
    }
    const direct = code - SHORT_DISTANCES;
    if (direct < this.#directDistances) return direct + 1;
    const rest = direct - this.#directDistances;
    const high = rest >> this.#postfixBits;
    const low = rest & ((1 << this.#postfixBits) - 1);
    const width = 1 + (high >> 1);
    const offset = (2 + (high & 1)) * 2 ** width - 4 + this.#bits.take(width);
    return offset * 2 ** this.#postfixBits + low + this.#directDistances + 1;
  }

  /**
   * Copies from the decoded bytes. A distance beyond them copies from the dictionary that all
   * streams share.
   */
  #copy(length: number, code: number): void {
    const out = this.#out;
    const distance = this.#distance(code);
    const reach = Math.min(out.maxDistance, out.filled);
    if (distance > reach) {
      const word = dictionaryWord(length, distance - reach - 1);
      this.#checkRoom(word.length);
      out.bytes.set(word, out.filled);
      out.filled += word.length;
      return;
    }
    if (code !== 0) {
      out.distances.pop();
      out.distances.unshift(distance);
    }
    this.#checkRoom(length);
    copyMatch(out.bytes, out.filled, distance, length);
    out.filled += length;
  }
}
