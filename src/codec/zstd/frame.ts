/**
 * A reader of zstd frames (RFC 8878) for runtimes without one. The reader is strict, and bounded in
 * memory and time by the length that the caller expects. (The package fzstd bounds neither: a frame
 * of 22 bytes makes it loop forever.)
 *
 * A frame of a pack has no dictionary and no checksum (SPEC.md R-CODEC): the ids of its blobs are
 * checked after decoding.
 */
import { check } from '../../base/errors.js';
import { type HuffmanTable, PADDING, readHuffman, readHuffmanTable } from './entropy.js';
import { SequenceReader } from './sequences.js';

const MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
const MAX_BLOCK_SIZE = 128 * 1024;
/**
 * Maximum bytes of history that a frame may require, unless its content is longer (RFC 8878,
 * section 3.1.1.1.2).
 */
const MAX_WINDOW_SIZE = 8 * 1024 * 1024;

/**
 * Checks the header of a frame of `length` bytes before anything is allocated. Returns the start of
 * its blocks and the maximum size of one block.
 */
export function checkZstdHeader(bytes: Uint8Array, length: number): { start: number; maxBlockSize: number } {
  check(
    MAGIC.every((byte, i) => bytes[i] === byte),
    'zstd frame: expected its magic number, found other bytes',
  );
  const flags = bytes[4] ?? 8;
  check((flags & 0b1111) === 0, `zstd frame: expected no dictionary and no checksum, found flags ${flags}`);
  const single = (flags & 0b100000) !== 0;
  const sizeBytes = flags >> 6 === 0 ? Number(single) : 1 << (flags >> 6);
  const sizeAt = single ? 5 : 6;
  const start = sizeAt + sizeBytes;
  check(start < bytes.length, 'zstd frame: expected a header and a block, found the end');
  if (sizeBytes > 0) {
    const size = littleEndian(bytes, sizeAt, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
    check(size === length, `zstd frame: expected ${length} bytes, found a header that claims ${size}`);
  }
  const window = single ? length : windowSize(bytes[5] as number);
  check(window <= Math.max(length, MAX_WINDOW_SIZE), `zstd frame: expected a window of at most ${MAX_WINDOW_SIZE} bytes, found ${window}`);
  return { start, maxBlockSize: Math.min(window, MAX_BLOCK_SIZE) };
}

function windowSize(descriptor: number): number {
  return 2 ** (10 + (descriptor >> 3)) * (1 + (descriptor & 7) / 8);
}

function littleEndian(bytes: Uint8Array, start: number, count: number): number {
  let value = 0;
  for (let i = count - 1; i >= 0; i--) value = value * 256 + (bytes[start + i] as number);
  return value;
}

/** Returns the content of a frame, exactly `length` bytes. Throws INTEGRITY for any other frame. */
export function decodeZstd(bytes: Uint8Array, length: number): Uint8Array {
  const { start, maxBlockSize } = checkZstdHeader(bytes, length);
  const padded = new Uint8Array(bytes.length + PADDING);
  padded.set(bytes);
  return new FrameReader(padded, bytes.length, new Uint8Array(length), maxBlockSize).read(start);
}

class FrameReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  readonly #out: Uint8Array;
  readonly #maxBlockSize: number;
  readonly #literals: Uint8Array;
  readonly #sequences = new SequenceReader();
  #huffman: HuffmanTable | undefined;
  #filled = 0;

  constructor(bytes: Uint8Array, end: number, out: Uint8Array, maxBlockSize: number) {
    this.#bytes = bytes;
    this.#end = end;
    this.#out = out;
    this.#maxBlockSize = maxBlockSize;
    this.#literals = new Uint8Array(Math.min(maxBlockSize, out.length));
  }

  read(start: number): Uint8Array {
    let at = start;
    for (let last = false; !last; ) {
      check(at + 3 <= this.#end, 'zstd frame: expected another block, found the end');
      const header = littleEndian(this.#bytes, at, 3);
      last = (header & 1) === 1;
      at = this.#block((header >> 1) & 3, at + 3, header >> 3);
    }
    check(at === this.#end, `zstd frame: expected its end, found ${this.#end - at} more bytes`);
    check(this.#filled === this.#out.length, `zstd frame: expected ${this.#out.length} bytes, found ${this.#filled}`);
    return this.#out;
  }

  /** Decodes the block whose body starts at `at`. Returns the end of the body. */
  #block(type: number, at: number, size: number): number {
    check(type !== 3 && size <= this.#maxBlockSize, `zstd frame: expected a block, found type ${type} of ${size} bytes`);
    const end = at + (type === 1 ? 1 : size);
    check(end <= this.#end, `zstd frame: expected a block of ${size} bytes, found the end`);
    if (type === 2) {
      this.#compressedBlock(at, end);
    } else {
      this.#checkRoom(size);
      const to = this.#filled + size;
      if (type === 0) this.#out.set(this.#bytes.subarray(at, end), this.#filled);
      else this.#out.fill(this.#bytes[at] as number, this.#filled, to);
      this.#filled = to;
    }
    return end;
  }

  #checkRoom(size: number): void {
    const room = this.#out.length - this.#filled;
    check(size <= room, `zstd frame: expected at most ${room} more bytes, found ${size}`);
  }

  #compressedBlock(start: number, end: number): void {
    check(end - start >= 2, 'zstd frame: expected a compressed block, found less than one');
    const { literals, next } = this.#literalsSection(start, end);
    const limit = Math.min(this.#out.length, this.#filled + this.#maxBlockSize);
    this.#filled = this.#sequences.apply(this.#bytes, next, end, literals, this.#out, this.#filled, limit);
  }

  /**
   * Reads the literals of a block (RFC 8878, section 3.1.1.3.1). Returns the literals and the
   * position after them.
   */
  #literalsSection(start: number, end: number): { literals: Uint8Array; next: number } {
    const first = this.#bytes[start] as number;
    const type = first & 3;
    const format = (first >> 2) & 3;
    if (type >= 2) return this.#compressedLiterals(start, end, type === 2, format);
    const headerSize = format % 2 === 0 ? 1 : format === 1 ? 2 : 3;
    const size = littleEndian(this.#bytes, start, headerSize) >> (headerSize === 1 ? 3 : 4);
    this.#checkRoom(size);
    const from = start + headerSize;
    const next = from + (type === 0 ? size : 1);
    check(next <= end && size <= this.#literals.length, `zstd frame: expected ${size} literals, found the end of the block`);
    if (type === 0) return { literals: this.#bytes.subarray(from, next), next };
    return { literals: this.#literals.fill(this.#bytes[from] as number, 0, size).subarray(0, size), next };
  }

  #compressedLiterals(start: number, end: number, hasTable: boolean, format: number): { literals: Uint8Array; next: number } {
    const width = [10, 10, 14, 18][format] as number;
    const headerSize = (4 + 2 * width) >> 3;
    const sizes = Math.floor(littleEndian(this.#bytes, start, headerSize) / 16);
    const size = sizes % 2 ** width;
    const next = start + headerSize + Math.floor(sizes / 2 ** width);
    this.#checkRoom(size);
    check(next <= end && size <= this.#literals.length, `zstd frame: expected ${size} literals, found the end of the block`);
    let at = start + headerSize;
    if (hasTable) ({ table: this.#huffman, end: at } = readHuffmanTable(this.#bytes, at, next));
    check(this.#huffman !== undefined, 'zstd frame: expected a Huffman table before literals that reuse it, found none');
    const literals = this.#literals.subarray(0, size);
    if (format === 0) readHuffman(this.#huffman, this.#bytes, at, next, literals);
    else this.#fourStreams(this.#huffman, at, next, literals);
    return { literals, next };
  }

  #fourStreams(table: HuffmanTable, start: number, end: number, out: Uint8Array): void {
    const quarter = (out.length + 3) >> 2;
    check(start + 6 < end && 3 * quarter <= out.length, 'zstd frame: expected four streams of literals, found less');
    let at = start + 6;
    for (let i = 0; i < 4; i++) {
      const next = i < 3 ? at + littleEndian(this.#bytes, start + 2 * i, 2) : end;
      check(next <= end, 'zstd frame: expected four streams of literals, found the end of the block');
      readHuffman(table, this.#bytes, at, next, out.subarray(i * quarter, i < 3 ? (i + 1) * quarter : out.length));
      at = next;
    }
  }
}
