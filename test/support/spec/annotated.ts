/** An annotated hex dump: every byte has a line with its meaning. */
import { hex } from '../hex.js';

const BYTES_PER_LINE = 16;

export class Annotated {
  readonly #bytes: Uint8Array;
  readonly #lines: string[] = [];
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Returns bytes as text. */
  text(at: number, count: number): string {
    return Buffer.from(this.#bytes.subarray(at, at + count)).toString('latin1');
  }

  /** Annotates the next `count` bytes. */
  take(count: number, what: string): void {
    if (this.at + count > this.#bytes.length) throw new Error(`${what}: the bytes end before`);
    for (let done = 0; done < count || done === 0; done += BYTES_PER_LINE) {
      const part = this.#bytes.subarray(this.at + done, this.at + Math.min(count, done + BYTES_PER_LINE));
      const digits = hex(part).replace(/..(?=.)/g, '$& ');
      const line = `${(this.at + done).toString(16).padStart(4, '0')}  ${digits.padEnd(3 * BYTES_PER_LINE - 1)}  ${done === 0 ? what : ''}`;
      this.#lines.push(line.trimEnd());
    }
    this.at += count;
  }

  /** Annotates a uint, with its value. */
  uint(what: string): void {
    const { value, size } = this.#peek();
    this.take(size, `${what}: ${value}`);
  }

  /** Annotates a uint and the bytes that it counts. */
  sized(what: string): void {
    const { value, size } = this.#peek();
    this.take(size + value, what);
  }

  /** Returns the lines. Throws if a byte has no line. */
  lines(): string[] {
    if (this.at !== this.#bytes.length) throw new Error(`${this.#bytes.length - this.at} bytes are left`);
    return this.#lines;
  }

  #peek(): { value: number; size: number } {
    let value = 0;
    for (let size = 0; ; size++) {
      const byte = this.#bytes[this.at + size] as number;
      value += (byte & 127) * 128 ** size;
      if (byte < 128) return { value, size: size + 1 };
    }
  }
}
