/**
 * Lists what a directory holds, as the first step of a capture (SPEC.md R-CAP-9, R-CAP-10). Nothing is read but names, link targets
 * and the results of lstat; symlinks are never followed. An entry that cannot be part of a snapshot is an error that names it, never
 * a silent gap: only entries that the filter leaves out, that vanish meanwhile, or that are sockets, fifos or devices are missing.
 */
import { type BigIntStats, lstatSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { compareUtf8 } from '../bytes.js';
import { BrowserStateError, throwIfAborted } from '../errors.js';
import { CHUNK_SIZE, MAX_BLOBS, MAX_ENTRIES, MAX_SCAN_ROUNDS } from '../limits.js';
import { blobCount, tooLarge } from '../object/tree.js';
import { ifThere, quote, resolveDirectory } from './directory.js';
import { readFailure } from './files.js';
import type { Filter } from './filter.js';
import { Lister, type Listing, type SkippedEntry } from './listing.js';
import type { ScannedEntry } from './scanned.js';

export type { SkippedEntry } from './listing.js';

export interface Scan {
  /** The real path of the directory. */
  root: string;
  /** Sorted by the UTF-8 bytes of their paths, so that a directory comes before what is in it. Directories are entries, the root is not. */
  entries: ScannedEntry[];
  /** What the filter left out, below excluded directories too as far as they can be read: everything but directories counts as a file. */
  excluded: { files: number; bytes: number };
  skipped: SkippedEntry[];
  /** Absolute paths of the directories, excluded ones too, with a link that has the name of a browser's lock. */
  locked: string[];
  /** The first directory, relative to the root, of which an entry that was listed was gone whenever it was looked at. */
  vanished: string | undefined;
  /** The first directory, relative to the root, that was another one after each listing: something may have been moved into it unseen. */
  changing: string | undefined;
}

export interface ScanOptions {
  /** Milliseconds since 1970. Without it, every directory is taken for one that changed just now. */
  now?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Called now and then with the number of entries seen so far, excluded ones included. */
  onProgress?: ((entries: number) => void) | undefined;
}

/** Entries between two breaths, in which other work gets its turn and the signal is looked at: about 5 ms. */
const ENTRIES_PER_BREATH = 1000;

/**
 * Lists `dir` as it was at one moment: directories that changed before all were listed are listed again, a few times. Throws NOT_FOUND
 * or USAGE if it is no directory, UNREADABLE naming what cannot be read or cannot be in a snapshot, CANCELLED when the signal fires.
 */
export async function scan(dir: string, filter: Filter, options: ScanOptions = {}): Promise<Scan> {
  throwIfAborted(options.signal);
  const walk = new Walk(resolveDirectory(dir), filter, options);
  try {
    return await walk.run();
  } finally {
    walk.close();
  }
}

class Walk {
  readonly #root: string;
  readonly #options: ScanOptions;
  readonly #lister: Lister;
  readonly #listings = new Map<string, Listing>();
  #entries = 0;
  #seen = 0;

  constructor(root: string, filter: Filter, options: ScanOptions) {
    this.#root = root;
    this.#options = options;
    try {
      this.#lister = new Lister(root, filter, options.now ?? Number.NEGATIVE_INFINITY, () => this.#breathe());
    } catch (error) {
      throw this.#lstat()?.isDirectory() ? readFailure(root, error) : replaced(root);
    }
  }

  async run(): Promise<Scan> {
    const { ino } = this.#lstat() ?? { ino: undefined };
    let changed = [''];
    for (let round = 0; round < MAX_SCAN_ROUNDS && changed.length > 0; round++) {
      this.#lister.forget();
      await this.#list(changed);
      changed = await this.#changed();
    }
    // A directory that went away meanwhile would look like an empty profile.
    if (ino === undefined || this.#lstat()?.ino !== ino) throw replaced(this.#root);
    this.#options.onProgress?.(this.#seen);
    return this.#result(changed);
  }

  close(): void {
    this.#lister.close();
  }

  /** Lists directories, and those in them that are not known. */
  async #list(paths: readonly string[]): Promise<void> {
    const pending = [...paths];
    for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
      const listing = await this.#lister.list(path);
      this.#entries += (listing?.entries.length ?? 0) - (this.#listings.get(path)?.entries.length ?? 0);
      if (this.#entries > MAX_ENTRIES) throw tooLarge(`${quote(this.#root)} has more than ${MAX_ENTRIES} entries`);
      if (listing === undefined) {
        this.#listings.delete(path);
        continue;
      }
      this.#listings.set(path, listing);
      for (const entry of listing.entries) if (entry.kind === 'directory' && !this.#listings.has(entry.path)) pending.push(entry.path);
    }
  }

  /** Returns the directories that are no longer, or may not be, as they were listed. */
  async #changed(): Promise<string[]> {
    const changed: string[] = [];
    const paths = [''];
    for (const [i, path] of paths.entries()) {
      if ((i + 1) % ENTRIES_PER_BREATH === 0) await this.#breath();
      const listing = this.#listings.get(path);
      if (listing === undefined || this.#lister.hasChanged(path, listing)) changed.push(path);
      for (const { kind, path: child } of listing?.entries ?? []) if (kind === 'directory') paths.push(child);
    }
    return changed;
  }

  /**
   * Yields the entries in the order of their paths, and the path of each directory before the entries in it. A directory sorts twice:
   * itself by its name, and its entries by its name and a slash, so that the names of one directory sort into the order of paths.
   */
  *#inOrder(): Generator<ScannedEntry | string> {
    const pending: (ScannedEntry | string)[] = [''];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      yield next;
      if (typeof next !== 'string') continue;
      const { entries = [] } = this.#listings.get(next) ?? {};
      const directories = entries.filter(({ kind }) => kind === 'directory');
      if (directories.length === 0) {
        yield* entries;
        continue;
      }
      const found = entries.map((work): { key: string; work: ScannedEntry | string } => ({ key: work.path, work }));
      for (const { path } of directories) found.push({ key: `${path}/`, work: path });
      found.sort((a, b) => compareUtf8(b.key, a.key));
      for (const { work } of found) pending.push(work);
    }
  }

  #result(changed: readonly string[]): Scan {
    const vanished = changed.find((path) => this.#listings.get(path)?.isLosing ?? true);
    const result: Scan = {
      root: this.#root,
      entries: [],
      excluded: { files: 0, bytes: 0 },
      skipped: [],
      locked: [],
      vanished,
      changing: changed[0],
    };
    let blobs = 0;
    for (const next of this.#inOrder()) {
      if (typeof next === 'string') {
        const listing = this.#listings.get(next);
        result.excluded.files += listing?.excluded.files ?? 0;
        result.excluded.bytes += listing?.excluded.bytes ?? 0;
        result.skipped.push(...(listing?.skipped ?? []));
        result.locked.push(...(listing?.locked ?? []));
        continue;
      }
      if (next.kind === 'directory') {
        const listing = this.#listings.get(next.path);
        if (listing !== undefined) result.entries.push(listing.own);
        continue;
      }
      result.entries.push(next);
      if (next.kind !== 'file') continue;
      blobs += blobCount(next.size);
      if (blobs > MAX_BLOBS) throw tooLarge(`${quote(this.#root)} has files of more than ${(MAX_BLOBS * CHUNK_SIZE) / 2 ** 30} GiB`);
    }
    return result;
  }

  #lstat(): BigIntStats | undefined {
    return ifThere(this.#root, () => lstatSync(this.#root, { bigint: true, throwIfNoEntry: false }));
  }

  /** Returns what to wait for now and then. */
  #breathe(): Promise<void> | undefined {
    return ++this.#seen % ENTRIES_PER_BREATH === 0 ? this.#breath() : undefined;
  }

  async #breath(): Promise<void> {
    await setImmediate();
    throwIfAborted(this.#options.signal);
    this.#options.onProgress?.(this.#seen);
  }
}

function replaced(root: string): BrowserStateError {
  return new BrowserStateError('NOT_FOUND', `${quote(root)} was removed or replaced while it was being listed`, {
    hint: 'Repeat the command when no other program changes it.',
  });
}
