/**
 * Metadata of the files of a mounted directory: path, size, time and the SHA-256 of the content. It
 * is updated by repeated scans, which read only files whose lstat results changed. No commit
 * depends on it.
 */

import { createHash } from 'node:crypto';
import { type BigIntStats, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { READ_SIZE } from '../base/limits.js';
import { closeRead } from '../fs/handle.js';
import { ifSeen } from '../fs/paths.js';
import { readFacts } from '../profile/excludes.js';
import { buildFilter, readRules } from '../workspace/capture/filter.js';

export interface FileMetadata {
  /** Relative to the directory, `/`-separated. */
  path: string;
  /** The SHA-256 of the content, in hex. */
  hash: string;
  size: number;
  /** Milliseconds since 1970, UTC. */
  modTime: number;
}

/** Steps between two pauses that let other work run. A step is an entry or a read of 256 KiB. */
const STEPS_PER_PAUSE = 64;

export class FileTracker {
  #files: ReadonlyMap<string, FileMetadata> | undefined;
  #facts = new Map<string, string>();

  /** `rules`: exclusions, as for a commit. */
  constructor(
    private readonly dir: string,
    private readonly rules: { keepCaches?: boolean | undefined; exclude?: readonly string[] | undefined } = {},
  ) {}

  /** Returns the results of the last, or first, scan. Unreadable files are omitted. */
  files(): ReadonlyMap<string, FileMetadata> {
    if (this.#files === undefined) for (const _step of this.#look());
    return this.#files ?? new Map();
  }

  async look(signal?: AbortSignal): Promise<void> {
    let steps = 0;
    for (const _step of this.#look()) {
      if (++steps % STEPS_PER_PAUSE === 0) await turn();
      if (signal?.aborted) return;
    }
  }

  *#look(): Generator<void> {
    const filter = ifSeen(() => buildFilter({ facts: readFacts(this.dir), ...readRules(this.dir, this.rules) }));
    if (filter === undefined) return;
    const before = this.#files ?? new Map<string, FileMetadata>();
    const files = new Map<string, FileMetadata>();
    const facts = new Map<string, string>();
    const directories = [''];
    for (const directory of directories) {
      for (const name of ifSeen(() => readdirSync(join(this.dir, directory))) ?? []) {
        yield;
        const path = directory === '' ? name : `${directory}/${name}`;
        const stat = ifSeen(() => lstatSync(join(this.dir, path), { bigint: true, throwIfNoEntry: false }));
        if (stat === undefined || filter.excludes(path, stat.isDirectory())) continue;
        if (stat.isDirectory()) directories.push(path);
        if (!stat.isFile()) continue;
        const seen = factsOf(stat);
        const known = this.#facts.get(path) === seen ? before.get(path) : undefined;
        const file = known ?? (yield* this.#read(path, stat));
        if (file === undefined) continue;
        files.set(path, file);
        facts.set(path, seen);
      }
    }
    this.#files = files;
    this.#facts = facts;
  }

  /** Returns the metadata of a file; undefined if the file vanished meanwhile or is unreadable. */
  *#read(path: string, { size, mtimeNs }: BigIntStats): Generator<void, FileMetadata | undefined> {
    const file = ifSeen(() => openSync(join(this.dir, path), 'r'));
    if (file === undefined) return undefined;
    try {
      const hash = createHash('sha256');
      const block = new Uint8Array(READ_SIZE);
      for (;;) {
        const length = ifSeen(() => readSync(file, block, 0, block.length, null));
        if (length === undefined) return undefined;
        if (length === 0) break;
        hash.update(block.subarray(0, length));
        yield;
      }
      return { path, hash: hash.digest('hex'), size: Number(size), modTime: Number(mtimeNs / 1_000_000n) };
    } finally {
      closeRead(file);
    }
  }
}

function factsOf({ size, mtimeNs, ctimeNs, ino }: BigIntStats): string {
  return `${size} ${mtimeNs} ${ctimeNs} ${ino}`;
}
