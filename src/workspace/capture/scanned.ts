/** Entries of a scan. */
import type { BigIntStats } from 'node:fs';

export interface ScannedEntry {
  /** Path relative to the directory, `/`-separated. */
  path: string;
  kind: 'file' | 'directory' | 'symlink';
  /** The low nine mode bits. */
  mode: number;
  /** Nanoseconds since 1970, UTC. */
  mtimeNs: bigint;
  /** Bytes of a file's content; 0 for other kinds. */
  size: number;
  /** The unresolved target of a symlink. */
  target?: string | undefined;
  /** Nanoseconds since 1970, UTC. */
  ctimeNs: bigint;
  ino: bigint;
}

/**
 * The results of lstat for the entries of a scan. Columns save the memory of three BigInts for each
 * of 200,000 entries.
 */
export class Facts {
  #columns = new BigInt64Array(3 * 64);
  #count = 0;

  entry(path: string, kind: ScannedEntry['kind'], stat: BigIntStats, target?: string): ScannedEntry {
    return new Seen(path, kind, Number(stat.mode) & 0o777, kind === 'file' ? Number(stat.size) : 0, target, this, this.#add(stat));
  }

  at(i: number, column: 0 | 1 | 2): bigint {
    return this.#columns[3 * i + column] as bigint;
  }

  /** Adds the results for one entry and returns their number. */
  #add({ mtimeNs, ctimeNs, ino }: BigIntStats): number {
    if (3 * this.#count === this.#columns.length) {
      const grown = new BigInt64Array(2 * this.#columns.length);
      grown.set(this.#columns);
      this.#columns = grown;
    }
    this.#columns[3 * this.#count] = mtimeNs;
    this.#columns[3 * this.#count + 1] = ctimeNs;
    this.#columns[3 * this.#count + 2] = ino;
    return this.#count++;
  }
}

class Seen implements ScannedEntry {
  constructor(
    public path: string,
    readonly kind: ScannedEntry['kind'],
    readonly mode: number,
    readonly size: number,
    readonly target: string | undefined,
    readonly facts: Facts,
    readonly number: number,
  ) {}

  get mtimeNs(): bigint {
    return this.facts.at(this.number, 0);
  }

  get ctimeNs(): bigint {
    return this.facts.at(this.number, 1);
  }

  get ino(): bigint {
    return BigInt.asUintN(64, this.facts.at(this.number, 2));
  }
}
