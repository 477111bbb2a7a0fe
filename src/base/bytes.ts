/**
 * Readers and writers of the canonical binary encodings (SPEC.md, "Encoding primitives"). The
 * reader rejects every encoding that the writer would not have produced, so that one value has one
 * encoding.
 */
import { check, integrity, invariant } from './errors.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Decodes UTF-8. Throws INTEGRITY, naming `what`, if the bytes are not UTF-8. */
export function fromUtf8(bytes: Uint8Array, what: string): string {
  try {
    return decoder.decode(bytes);
  } catch {
    check(false, `${what}: expected UTF-8, found other bytes`);
  }
}

const hexDigits = Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0));
/** Digits of an id, reused for every id: ids are created by the ten thousand. */
const hexCodes = new Array<number>(64);

/** Bytes whose digits fit into the arguments of one call. */
const HEX_AT_ONCE = 4096;

export function toHex(bytes: Uint8Array): string {
  const { length } = bytes;
  if (length > HEX_AT_ONCE) return toHex(bytes.subarray(0, length >> 1)) + toHex(bytes.subarray(length >> 1));
  // One call that makes a flat string: strings joined digit by digit are slow as keys of a Map.
  const codes = length === hexCodes.length / 2 ? hexCodes : new Array<number>(2 * length);
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    codes[2 * i] = hexDigits[byte >> 4] as number;
    codes[2 * i + 1] = hexDigits[byte & 15] as number;
  }
  return String.fromCharCode(...codes);
}

/**
 * Returns the bytes of an even number of lower-case hex digits, or undefined for any other text.
 */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text)) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = hexValue(text.charCodeAt(2 * i)) * 16 + hexValue(text.charCodeAt(2 * i + 1));
  return bytes;
}

/** Returns the value of a lower-case hex digit, by its code. */
function hexValue(code: number): number {
  return code < 0x3a ? code - 0x30 : code - 0x57;
}

/** Orders byte strings as unsigned bytes. A prefix comes first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && compareBytes(a, b) === 0;
}

/** Orders strings like their UTF-8 bytes, that is, by code point. */
export function compareUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    let x = a.charCodeAt(i);
    let y = b.charCodeAt(i);
    if (x === y) continue;
    // Surrogates (which encode code points above U+FFFF) sort after the rest of the basic plane.
    if (x >= 0xd800 && y >= 0xd800) {
      x = x >= 0xe000 ? x - 0x2000 : x + 0x2000;
      y = y >= 0xe000 ? y - 0x2000 : y + 0x2000;
    }
    return x - y;
  }
  return a.length - b.length;
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Bytes from which a copy costs more than the unused part of the buffer. */
const MUCH = 64 * 1024;

/** Appends values to a growing buffer. */
export class Writer {
  #buffer: Uint8Array<ArrayBuffer>;
  #length = 0;

  /**
   * `capacity` is the expected number of bytes, if they are many and known. Up to 64 bytes need no
   * memory outside of the heap.
   */
  constructor(capacity = 64) {
    this.#buffer = new Uint8Array(capacity);
  }

  get length(): number {
    return this.#length;
  }

  bytes(value: Uint8Array): this {
    this.#reserve(value.length);
    this.#buffer.set(value, this.#length);
    this.#length += value.length;
    return this;
  }

  byte(value: number): this {
    // The message is created only if the check fails: this runs for every byte of a manifest.
    if (!(value >= 0 && value <= 255 && Number.isInteger(value))) invariant(false, `${value} is a byte`);
    this.#reserve(1);
    this.#buffer[this.#length++] = value;
    return this;
  }

  /** Writes an integer below 2^53 as unsigned LEB128. */
  uint(value: number): this {
    if (!(Number.isSafeInteger(value) && value >= 0)) invariant(false, `${value} is an unsigned integer`);
    this.#reserve(8);
    let rest = value;
    while (rest >= 128) {
      this.#buffer[this.#length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    this.#buffer[this.#length++] = rest;
    return this;
  }

  /** Writes a signed 64-bit integer, little-endian. */
  int64(value: bigint): this {
    this.#reserve(8);
    new DataView(this.#buffer.buffer).setBigInt64(this.#length, value, true);
    this.#length += 8;
    return this;
  }

  /** Writes a length as `uint`, then the bytes. */
  sized(value: Uint8Array): this {
    return this.uint(value.length).bytes(value);
  }

  text(value: string): this {
    return this.sized(utf8(value));
  }

  /**
   * Returns the written bytes, without a copy if they are many. The writer cannot be used
   * afterwards.
   */
  finish(): Uint8Array {
    return this.#length < MUCH ? this.#buffer.slice(0, this.#length) : this.#buffer.subarray(0, this.#length);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const grown = new Uint8Array(Math.max(this.#buffer.length * 2, this.#length + more));
    grown.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = grown;
  }
}

/**
 * Reads values from bytes that may be hostile. Every error is INTEGRITY and names `what`, the kind
 * of the bytes.
 */
export class Reader {
  readonly #source: Uint8Array;
  readonly #what: string;
  #at = 0;

  constructor(source: Uint8Array, what: string) {
    // A Buffer's slice() is no copy, so a plain Uint8Array is used.
    this.#source = new Uint8Array(source.buffer, source.byteOffset, source.length);
    this.#what = what;
  }

  get remaining(): number {
    return this.#source.length - this.#at;
  }

  /** Returns a view of the next `length` bytes, not a copy. */
  bytes(length: number): Uint8Array {
    // The message is created only if the check fails: this runs for every value of a manifest.
    if (length > this.remaining) throw integrity(`${this.#what}: expected ${length} more bytes, found ${this.remaining}`);
    const view = this.#source.subarray(this.#at, this.#at + length);
    this.#at += length;
    return view;
  }

  byte(): number {
    const byte = this.#source[this.#at];
    if (byte === undefined) throw integrity(`${this.#what}: expected one more byte, found the end`);
    this.#at++;
    return byte;
  }

  /**
   * Reads an unsigned LEB128 of at most `max`. Throws INTEGRITY unless the encoding is the
   * shortest.
   */
  uint(max: number): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; ; i++) {
      const byte = this.byte();
      if (i >= 8 || (byte === 0 && i > 0)) throw integrity(`${this.#what}: expected a shortest-form integer, found a padded one`);
      value += (byte & 127) * scale;
      if (byte < 128) break;
      scale *= 128;
    }
    if (value > max) throw integrity(`${this.#what}: expected a number of at most ${max}, found ${value}`);
    return value;
  }

  int64(): bigint {
    const view = this.bytes(8);
    return new DataView(view.buffer, view.byteOffset, 8).getBigInt64(0, true);
  }

  sized(maxLength: number): Uint8Array {
    return this.bytes(this.uint(maxLength));
  }

  text(maxBytes: number): string {
    return fromUtf8(this.sized(maxBytes), this.#what);
  }

  /** Throws INTEGRITY if bytes are left. */
  end(): void {
    check(this.remaining === 0, `${this.#what}: expected its end, found ${this.remaining} more bytes`);
  }
}
