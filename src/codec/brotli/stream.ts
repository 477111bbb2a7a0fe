/**
 * A reader of brotli streams (RFC 7932) for runtimes without one. The reader is strict, and bounded
 * in memory and time by the length that the caller expects. (In the package brotli each part of a
 * stream can grow its output by 16 MiB, regardless of the given length.)
 */
import { check } from '../../base/errors.js';
import { Bits } from './bits.js';
import { MetaBlock, Output } from './meta-block.js';

/**
 * Returns the content of a stream, exactly `length` bytes. Throws INTEGRITY for any other stream.
 */
export function decodeBrotli(bytes: Uint8Array, length: number): Uint8Array {
  const bits = new Bits(bytes);
  const out = new Output(length, 2 ** readWindowLog(bits) - 16);
  for (let last = false; !last; ) last = readMetaBlock(bits, out);
  bits.finish();
  check(out.filled === length, `brotli frame: expected ${length} bytes, found ${out.filled}`);
  return out.bytes;
}

function readWindowLog(bits: Bits): number {
  if (bits.take(1) === 0) return 16;
  const large = bits.take(3);
  if (large > 0) return 17 + large;
  const small = bits.take(3);
  check(small !== 1, 'brotli frame: expected a window of at most 16 MiB, found a larger one');
  return small === 0 ? 17 : 8 + small;
}

/** Decodes one meta-block. Returns true if the meta-block is the last. */
function readMetaBlock(bits: Bits, out: Output): boolean {
  const last = bits.take(1) === 1;
  if (last && bits.take(1) === 1) return true;
  const nibbles = bits.take(2) + 4;
  bits.checkEnd();
  if (nibbles === 7) {
    skipMetadata(bits);
    return last;
  }
  let length = 1;
  for (let i = 0; i < nibbles; i++) {
    const nibble = bits.take(4);
    check(nibble > 0 || i < 4 || i + 1 < nibbles, 'brotli frame: expected a shortest-form length, found a padded one');
    length += nibble * 16 ** i;
  }
  const room = out.bytes.length - out.filled;
  check(length <= room, `brotli frame: expected at most ${room} more bytes, found ${length}`);
  if (!last && bits.take(1) === 1) {
    bits.align();
    out.bytes.set(bits.bytes(length), out.filled);
    out.filled += length;
  } else {
    new MetaBlock(bits, out, out.filled + length).read();
  }
  return last;
}

function skipMetadata(bits: Bits): void {
  check(bits.take(1) === 0, 'brotli frame: expected a reserved bit to be zero, found one');
  const count = bits.take(2);
  let length = 0;
  for (let i = 0; i < count; i++) {
    const byte = bits.take(8);
    check(byte > 0 || i === 0 || i + 1 < count, 'brotli frame: expected a shortest-form length, found a padded one');
    length += byte * 256 ** i;
  }
  bits.align();
  if (count > 0) bits.bytes(length + 1);
}
