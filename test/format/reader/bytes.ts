/**
 * The second reader's outcomes, hashes and primitives: SPEC.md 2, 3 and "How to read this
 * document", and nothing of src/.
 */
import { createHash } from 'node:crypto';

export type Outcome = 'damage' | 'newer version' | 'unsupported';

/** Data that the reader rejects: the outcome, and the broken rule. */
export class Refusal extends Error {
  constructor(
    readonly outcome: Outcome,
    readonly rule: string,
    what = '',
  ) {
    super(`${outcome}: ${rule} ${what}`);
  }
}

/** Throws `Refusal` for damage unless the rule holds. */
export function must(holds: boolean, rule: string, what?: string): asserts holds {
  if (!holds) throw new Refusal('damage', rule, what);
}

export const sha256 = (...parts: Uint8Array[]): string =>
  parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest('hex');
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const idOf = (type: 'blob' | 'tree' | 'commit', bytes: Uint8Array): string => sha256(Buffer.from(`bs1:${type}\0`), bytes);

export function utf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Refusal('damage', 'R-ENC-2');
  }
}

/** The name of an object (section 9): its birth epoch and its name16 in hex. */
export interface Name {
  epoch: number;
  name: string;
}

export const keyOf = (folder: string, { epoch, name }: Name): string => `${folder}/${epoch}-${name}`;

/** Orders names by epoch, then by the bytes of the name. */
export function compareNames(a: Name, b: Name): number {
  return a.epoch - b.epoch || (a.name < b.name ? -1 : Number(a.name > b.name));
}

/** Throws unless each item of a list is above the previous item (section 2). */
export function mustRise<T>(items: readonly T[], compare: (a: T, b: T) => number, rule: string): void {
  items.forEach((item, i) => void must(i === 0 || compare(items[i - 1] as T, item) < 0, rule));
}

export const compareText = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

export interface Extension {
  tag: number;
  value: Uint8Array;
}

/** A reader of the primitives of section 2. */
export class Input {
  at = 0;
  constructor(readonly source: Uint8Array) {}
  get left(): number {
    return this.source.length - this.at;
  }
  take(count: number): Uint8Array {
    must(count <= this.left, 'R-ENC-3', `${count} bytes`);
    this.at += count;
    return this.source.subarray(this.at - count, this.at);
  }
  byte(): number {
    return this.take(1)[0] as number;
  }
  uint(most = Number.MAX_SAFE_INTEGER): number {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.byte();
      must(byte !== 0 || shift === 0n, 'R-ENC-1');
      value |= BigInt(byte & 127) << shift;
      must(value < 2n ** 53n && shift < 56n, 'R-ENC-1');
      if (byte < 128) break;
    }
    must(Number(value) <= most, 'R-LIMIT', `${value} of ${most}`);
    return Number(value);
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
  /** Reads a byte of 0 or 1. */
  flag(): boolean {
    const byte = this.byte();
    must(byte <= 1, 'R-ENC-3', 'a flag');
    return byte === 1;
  }
  /** Reads a byte. Returns the value of a table with that number. */
  oneOf<T extends string>(values: readonly T[]): T {
    const value = values[this.byte()];
    must(value !== undefined, 'R-ENC-3', `one of ${values.join(', ')}`);
    return value;
  }
  sized(most?: number): Uint8Array {
    return this.take(this.uint(most));
  }
  text(most?: number): string {
    return utf8(this.sized(most));
  }
  name(): Name {
    return { epoch: this.uint(), name: hex(this.take(16)) };
  }
  list<T>(most: number, read: () => T): T[] {
    const items: T[] = [];
    for (let left = this.uint(most); left > 0; left--) items.push(read());
    return items;
  }
  /** Reads extensions (R-ENC-4). */
  extensions(): Extension[] {
    const found = this.list(this.left, () => {
      const tag = this.uint();
      if (tag % 2 === 1) throw new Refusal('newer version', 'R-ENC-4', `extension ${tag}`);
      return { tag, value: this.sized() };
    });
    mustRise(found, (a, b) => a.tag - b.tag, 'R-ENC-4');
    return found;
  }
  end(): void {
    must(this.left === 0, 'R-ENC-3', `${this.left} bytes after the end`);
  }
}
