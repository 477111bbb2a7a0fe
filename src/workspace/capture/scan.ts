/**
 * A list of the content of a directory: the first step of a capture (SPEC.md R-CAP-9, R-CAP-10). A
 * scan reads only names, link targets and the results of lstat, and never follows symlinks. It
 * omits only excluded entries, entries that vanish meanwhile, sockets, fifos and devices. Any other
 * entry that a snapshot cannot contain is an error that names it.
 */
import { type BigIntStats, lstatSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { compareUtf8 } from '../../base/bytes.js';
import { BrowserStateError, throwIfAborted } from '../../base/errors.js';
import { CHUNK_SIZE, MAX_BLOBS, MAX_ENTRIES, MAX_SCAN_ROUNDS } from '../../base/limits.js';
import { blobCount, tooLarge } from '../../format/tree.js';
import { readFailure } from '../../fs/errors.js';
import { ifThere, quote, resolveDirectory } from '../../fs/paths.js';
import type { Filter } from './filter.js';
import { Lister, type Listing, type SkippedEntry } from './listing.js';
import type { ScannedEntry } from './scanned.js';

export type { SkippedEntry } from './listing.js';

export interface Scan {
  /** The real path of the directory. */
  root: string;
  /**
   * Entries sorted by the UTF-8 bytes of their paths, so that a directory precedes its content.
   * Contains directories, but not the root.
   */
  entries: ScannedEntry[];
  /**
   * The excluded entries, including readable entries below excluded directories. Everything except
   * directories counts as a file.
   */
  excluded: { files: number; bytes: number };
  skipped: SkippedEntry[];
  /**
   * Absolute paths of the directories, excluded ones too, that contain a link with the name of a
   * browser's lock.
   */
  locked: string[];
  /**
   * The first directory, relative to the root, with an entry that was listed but gone each time it
   * was examined.
   */
  vanished: string | undefined;
  /**
   * The first directory, relative to the root, that was replaced after each listing. Entries may
   * have been moved into it unseen.
   */
  changing: string | undefined;
}

export interface ScanOptions {
  /**
   * The current time in milliseconds since 1970. If omitted, every directory is treated as recently
   * changed.
   */
  now?: number | undefined;
  signal?: AbortSignal | undefined;
  /** Called at intervals with the number of entries seen so far, including excluded ones. */
  onProgress?: ((entries: number) => void) | undefined;
}

/** Entries between two pauses, about 5 ms. Pauses let other work run and check the signal. */
const ENTRIES_PER_BREATH = 1000;

/**
 * Lists `dir` as of one moment. Directories that change during the scan are listed again, a few
 * times. Throws NOT_FOUND or USAGE if `dir` is no directory. Throws UNREADABLE, naming the entry,
 * if an entry cannot be read or represented in a snapshot. Throws CANCELLED when the signal fires.
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
      this.#lister.forget();
      changed = await this.#changed();
    }
    // A directory that vanished meanwhile would look like an empty profile.
    if (ino === undefined || this.#lstat()?.ino !== ino) throw replaced(this.#root);
    this.#options.onProgress?.(this.#seen);
    return this.#result(changed);
  }

  close(): void {
    this.#lister.close();
  }

  /** Lists directories, and those of their subdirectories that are not listed yet. */
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

  /** Returns the directories that differ, or may differ, from their listings. */
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
   * Yields the entries in the order of their paths, and the path of each directory before its
   * entries. A directory sorts twice: itself by its name, its entries by its name and a slash. The
   * names in one directory thereby sort into the order of paths.
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

  /** Counts an entry. Returns a promise to await at intervals. */
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
