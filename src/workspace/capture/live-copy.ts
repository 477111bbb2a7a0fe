/**
 * A consistent copy of a directory that a running browser uses (SPEC.md 11.7). The files of a unit
 * (a database with its journal, a LevelDB) are copied until the copies represent one moment. The
 * browser's files are only read. Different databases may represent different moments, as after a
 * browser was killed.
 */
import { constants, lstatSync, openSync, readSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { compareUtf8, equalBytes } from '../../base/bytes.js';
import { throwIfAborted } from '../../base/errors.js';
import { LIVE_COPY_ATTEMPTS, LIVE_COPY_WAIT_CAP_MS, LIVE_COPY_WAIT_MS, READ_SIZE } from '../../base/limits.js';
import { copyChangingFile } from '../../fs/copy-changing-file.js';
import { errno, readFailure, writeFailure } from '../../fs/errors.js';
import { Below, closeRead, type Name } from '../../fs/handle.js';
import { ifThere } from '../../fs/paths.js';
import type { Filter } from './filter.js';
import { type Taken, type Unit, unitsOf } from './live-units.js';
import type { Scan } from './scan.js';
import type { ScannedEntry } from './scanned.js';
import { isMapped, RACY_WINDOW_MS } from './stat-cache.js';

/**
 * Delay after which a copy is complete with respect to a file's time. The time may change before
 * the bytes do.
 */
const SETTLED_NS = BigInt(RACY_WINDOW_MS) * 1_000_000n;

export interface LiveCopyOptions {
  /**
   * An empty private directory on the file system of the copied directory. Its clock determines
   * which files are too young to trust.
   */
  stage: string;
  filter: Filter;
  /**
   * Returns whether the file's content is known from its record. A known file need not be copied.
   */
  isKnown(entry: ScannedEntry): boolean;
  signal?: AbortSignal | undefined;
}

export interface LiveCopy {
  /** The scan, with the state of each copied file at the time of its copy. */
  found: Scan;
  /** Paths of the copies, by file. Files without a copy are known. */
  copies: ReadonlyMap<string, string>;
}

/**
 * Copies the unknown files of the scanned directory into the stage. Resolves to the path of the
 * first database or file that kept changing, if there is one. Throws UNREADABLE (naming the file),
 * NO_SPACE or CANCELLED.
 */
export async function copyLive(scan: Scan, options: LiveCopyOptions): Promise<LiveCopy | { unsteady: string }> {
  const below = openRoot(scan.root);
  try {
    return await copyUnits(scan, new Copier(below, options), options);
  } finally {
    below.close();
  }
}

function openRoot(root: string): Below {
  try {
    return new Below(root);
  } catch (error) {
    throw readFailure(root, error);
  }
}

async function copyUnits(scan: Scan, copier: Copier, options: LiveCopyOptions): Promise<LiveCopy | { unsteady: string }> {
  const entries = scan.entries.filter(({ kind }) => kind !== 'file');
  const copies = new Map<string, string>();
  for (const unit of unitsOf(scan, options.filter)) {
    const taken = unit.entries.every(options.isKnown) ? unit.entries.map((entry) => ({ entry, copy: undefined })) : await copier.copy(unit);
    if (taken === undefined) return { unsteady: unit.name };
    for (const { entry, copy } of taken) {
      entries.push(entry);
      if (copy !== undefined) copies.set(entry.path, copy);
    }
  }
  entries.sort((a, b) => compareUtf8(a.path, b.path));
  return { found: { ...scan, entries }, copies };
}

class Copier {
  readonly #below: Below;
  readonly #options: LiveCopyOptions;
  /**
   * Copies of this unit's files, including earlier attempts: files that did not change are not
   * copied again.
   */
  readonly #made = new Map<string, { seen: ScannedEntry; since: bigint; taken: Taken }>();
  #copies = 0;

  constructor(below: Below, options: LiveCopyOptions) {
    this.#below = below;
    this.#options = options;
  }

  /** Returns the unit's files as of one moment, or undefined if they kept changing. */
  async copy(unit: Unit): Promise<Taken[] | undefined> {
    for (let attempt = 0; attempt < LIVE_COPY_ATTEMPTS; attempt++) {
      if (attempt > 0) await this.#pause(attempt - 1);
      throwIfAborted(this.#options.signal);
      const taken = await this.#attempt(unit);
      if (taken === undefined) continue;
      this.#made.clear();
      return taken;
    }
    return undefined;
  }

  async #attempt(unit: Unit): Promise<Taken[] | undefined> {
    const since = this.#tick();
    // A directory may have been replaced since it was last opened.
    this.#below.forget();
    const before = this.#look(unit.paths(this.#below));
    const taken: Taken[] = [];
    for (const entry of before.values()) {
      const one = await this.#take(entry, since);
      if (one !== undefined) taken.push(one);
    }
    const after = this.#look(unit.paths(this.#below));
    const isStill = (entry: ScannedEntry): boolean => {
      const [was, is] = [before.get(entry.path), after.get(entry.path)];
      return was !== undefined && is !== undefined && was.size === entry.size && isSame(was, is) && is.ctimeNs < since;
    };
    if (!taken.every((one) => this.#isFaithful(one))) return undefined;
    const hasGone = taken.length < before.size;
    if (!hasGone && taken.length === after.size && taken.every(({ entry }) => isStill(entry))) return taken;
    const take = async (path: string): Promise<Taken | undefined> => {
      const entry = this.#look([path]).get(path);
      return entry && this.#take(entry, since);
    };
    const holds = await unit.holds({ taken, hasGone, after, isStill, take, source: (entry) => this.#source(entry) });
    return holds ? taken : undefined;
  }

  /**
   * Returns the current time of the file system. Later writes have the same time or a later one.
   */
  #tick(): bigint {
    const path = join(this.#options.stage, 'tick');
    try {
      writeFileSync(path, '.', { mode: 0o600 });
      return lstatSync(path, { bigint: true }).mtimeNs;
    } catch (error) {
      throw writeFailure(path, error);
    }
  }

  #look(paths: readonly string[]): Map<string, ScannedEntry> {
    const found = new Map<string, ScannedEntry>();
    for (const path of paths) {
      const stats = ifThere(path, () => lstatSync(this.#below.at(path), { bigint: true, throwIfNoEntry: false }));
      if (!stats?.isFile()) continue;
      const { mtimeNs, ctimeNs, ino } = stats;
      found.set(path, { path, kind: 'file', mode: Number(stats.mode & 0o777n), size: Number(stats.size), mtimeNs, ctimeNs, ino });
    }
    return found;
  }

  /** Returns the file as examined after `since`, or undefined if the file is gone. */
  async #take(seen: ScannedEntry, since: bigint): Promise<Taken | undefined> {
    if (this.#options.isKnown(seen)) return { entry: seen, copy: undefined };
    const made = this.#made.get(seen.path);
    if (made !== undefined && isSame(made.seen, seen) && seen.ctimeNs < made.since - SETTLED_NS && !isMapped(seen.path)) return made.taken;
    const copy = join(this.#options.stage, String(this.#copies++));
    try {
      if (made?.taken.copy !== undefined) await rm(made.taken.copy, { force: true });
      await copyChangingFile(this.#source(seen), copy);
      const taken = { entry: { ...seen, size: lstatSync(copy).size }, copy };
      this.#made.set(seen.path, { seen, since, taken });
      return taken;
    } catch (error) {
      if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errno(error) ?? '')) return undefined;
      throw errno(error) === 'ENOSPC' || errno(error) === 'EDQUOT' ? writeFailure(copy, error) : readFailure(seen.path, error);
    }
  }

  /**
   * Returns whether the copy of a memory-mapped file is complete, which only its bytes can show.
   */
  #isFaithful({ entry, copy }: Taken): boolean {
    if (copy === undefined || !isMapped(entry.path)) return true;
    return ifThere(entry.path, () => isSameContent(this.#source(entry), copy)) ?? false;
  }

  /** Returns the path of a file. The path passes no symlink. */
  #source({ path }: ScannedEntry): Name {
    return this.#below.at(path);
  }

  async #pause(attempt: number): Promise<void> {
    const { signal } = this.#options;
    const time = Math.min(LIVE_COPY_WAIT_CAP_MS, LIVE_COPY_WAIT_MS * 2 ** attempt);
    await sleep(time, undefined, signal ? { signal } : {}).catch(() => throwIfAborted(signal));
  }
}

/** Compares two files block by block, so that size does not matter. */
function isSameContent(one: Name, other: string): boolean {
  const files: number[] = [];
  try {
    for (const path of [one, other]) files.push(openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
    const buffers = [Buffer.allocUnsafe(READ_SIZE), Buffer.allocUnsafe(READ_SIZE)];
    for (let at = 0; ; ) {
      const [here = 0, there = 0] = files.map((file, i) => readSync(file, buffers[i] as Buffer, 0, READ_SIZE, at));
      if (here !== there || !equalBytes(...(buffers.map((buffer) => buffer.subarray(0, here)) as [Buffer, Buffer]))) return false;
      if (here === 0) return true;
      at += here;
    }
  } finally {
    for (const file of files) closeRead(file);
  }
}

function isSame(a: ScannedEntry, b: ScannedEntry): boolean {
  return a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.ctimeNs === b.ctimeNs;
}
