/** The second reader's primitives, codecs and envelopes: sections 2 to 4 of SPEC.md, and nothing of src/. */
import { createHash } from 'node:crypto';
import * as zlib from 'node:zlib';

export function must(condition: boolean, rule: string): asserts condition {
  if (!condition) throw new Error(`damage: ${rule}`);
}

export const sha256 = (...parts: Uint8Array[]): string =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const utf8 = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
export const idOf = (type: 'blob' | 'tree' | 'commit', bytes: Uint8Array): string => sha256(Buffer.from(`bs1:${type}\0`), bytes);

/** Section 2. */
export class Input {
  at = 0;
  constructor(readonly source: Uint8Array) {}
  get left(): number {
    return this.source.length - this.at;
  }
  take(count: number): Uint8Array {
    must(count <= this.left, 'R-ENC-3');
    this.at += count;
    return this.source.subarray(this.at - count, this.at);
  }
  byte(): number {
    return this.take(1)[0] as number;
  }
  uint(): number {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.byte();
      must(byte !== 0 || shift === 0n, 'R-ENC-1');
      value |= BigInt(byte & 127) << shift;
      must(value < 2n ** 53n, 'R-ENC-1');
      if (byte < 128) return Number(value);
    }
  }
  svar(): number {
    const value = this.uint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
  u16(): number {
    return this.byte() + 256 * this.byte();
  }
  int64(): bigint {
    return Buffer.from(this.take(8)).readBigInt64LE();
  }
  sized(): Uint8Array {
    return this.take(this.uint());
  }
  text(): string {
    return utf8(this.sized());
  }
  /** The key's last part of an object: birth epoch and name16 (section 9). */
  name(): string {
    return `${this.uint()}-${hex(this.take(16))}`;
  }
  list<T>(read: () => T): T[] {
    const items: T[] = [];
    for (let left = this.uint(); left > 0; left--) items.push(read());
    return items;
  }
  extensions(): void {
    this.list(() => {
      must(this.uint() % 2 === 0, 'R-ENC-4: a newer version');
      this.sized();
    });
  }
  end(): void {
    must(this.left === 0, 'R-ENC-3');
  }
}

/** R-CODEC. */
export function decompress(codec: number, bytes: Uint8Array, length: number): Uint8Array {
  const zstd = (zlib as { zstdDecompressSync?: (bytes: Uint8Array) => Buffer }).zstdDecompressSync;
  const codecs = [(raw: Uint8Array) => raw, zlib.inflateRawSync, zlib.brotliDecompressSync, zstd];
  const decode = codecs[codec];
  must(decode !== undefined, `R-CODEC: ${codec}`);
  const plain = decode(bytes);
  must(plain.length === length, 'R-ENV-3');
  return plain;
}

/** Section 4: the payload of the envelope that is stored under `key`, and the repository's id. */
export function open(bytes: Uint8Array, kind: string, key: string, repository?: string): { payload: Uint8Array; repository: string } {
  const content = bytes.subarray(0, -32);
  must(sha256(content) === hex(bytes.subarray(-32)), 'R-ENV-1');
  const input = new Input(content);
  must(utf8(input.take(2)) === 'BS' && input.byte() === 1, 'R-ENV-1');
  must(String.fromCharCode(input.byte()) === kind && input.byte() === 0, 'R-ENV-2');
  const id = hex(input.take(16));
  must((repository === undefined || id === repository) && input.text() === key, 'R-ENV-2');
  return { payload: input.take(input.left), repository: id };
}

export function bodyOf(payload: Uint8Array): Uint8Array {
  const input = new Input(payload);
  const codec = input.byte();
  const length = input.uint();
  return decompress(codec, input.take(input.left), length);
}
