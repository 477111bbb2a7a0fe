/**
 * The bits of a brotli stream and the symbols that they encode. Bits beyond the input read as zeros
 * until `checkEnd` finds them.
 */
import { check } from '../../base/errors.js';

/** Readable zero bytes after the input, so that a whole word may be loaded at its last byte. */
const PADDING = 8;
/** Bits of the first look-up in a prefix code. */
export const ROOT_BITS = 8;

/**
 * A prefix code, indexed by the next 8 bits of the stream. An entry is `bits | symbol << 8`. The
 * entry of a longer code is `bits of its group | start of the group << 8`, and the bits after the
 * first 8 choose within the group.
 */
export interface PrefixCode {
  readonly mask: number;
  readonly entries: Int32Array;
}

/** A stream of bits, from the lowest bit of each byte on. */
export class Bits {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = new Uint8Array(bytes.length + PADDING);
    this.#bytes.set(bytes);
    this.#end = 8 * bytes.length;
  }

  /** Returns the next 25 bits or more without consuming them. */
  #peek(): number {
    const bytes = this.#bytes;
    const at = this.#at >>> 3;
    const word =
      (bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24);
    return word >>> (this.#at & 7);
  }

  /** Consumes up to 24 bits. */
  take(count: number): number {
    const value = this.#peek() & ((1 << count) - 1);
    this.#at += count;
    return value;
  }

  symbol({ mask, entries }: PrefixCode): number {
    const word = this.#peek();
    let entry = entries[word & mask] as number;
    if ((entry & 255) > ROOT_BITS) {
      const rest = (1 << ((entry & 255) - ROOT_BITS)) - 1;
      entry = entries[(entry >> 8) + ((word >> ROOT_BITS) & rest)] as number;
    }
    this.#at += entry & 255;
    return entry >> 8;
  }

  /** Throws INTEGRITY if more bits were consumed than the stream has. */
  checkEnd(): void {
    check(this.#at <= this.#end, 'brotli frame: expected more, found the end');
  }

  /** Advances to the next whole byte. Throws INTEGRITY unless the bits in between are zero. */
  align(): void {
    check(this.take(-this.#at & 7) === 0, 'brotli frame: expected zero bits before a whole byte, found others');
  }

  /** Returns a view of the next whole bytes. */
  bytes(count: number): Uint8Array {
    const start = this.#at >>> 3;
    this.#at += 8 * count;
    this.checkEnd();
    return this.#bytes.subarray(start, start + count);
  }

  /** Throws INTEGRITY if anything except padding is left. */
  finish(): void {
    this.align();
    check(this.#at === this.#end, `brotli frame: expected its end after ${this.#end / 8} bytes, found it after ${this.#at / 8}`);
  }
}
