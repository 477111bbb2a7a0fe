/**
 * The content of one directory in a scan (SPEC.md R-CAP-9, R-CAP-10). Names and entries other than
 * regular files are read through handles of the directories above. Regular files are examined by
 * path, which is cheaper. Their content is used only if a file below such handles, or the stat
 * cache for that path, has the same metadata.
 */
import { isUtf8 } from 'node:buffer';
import { type BigIntStats, constants, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { compareUtf8 } from '../../base/bytes.js';
import { BrowserStateError } from '../../base/errors.js';
import { MAX_FILE_SIZE, MAX_SYMLINK_BYTES } from '../../base/limits.js';
import { pathProblem } from '../../format/path.js';
import { Below, type Name } from '../../fs/handle.js';
import { isSystemEntry } from '../../fs/mount-points.js';
import { ifSeen, ifThere, quote } from '../../fs/paths.js';
import { isLockName } from '../../profile/running-browser.js';
import { type Filter, patternFor } from './filter.js';
import { Facts, type ScannedEntry } from './scanned.js';
import { RACY_WINDOW_MS } from './stat-cache.js';

export interface SkippedEntry {
  path: string;
  kind: 'socket' | 'fifo' | 'device';
}

/**
 * The entries of a directory. Entries of its subdirectories are included only if the subdirectories
 * are excluded.
 */
export interface Listing {
  /** The directory itself, before its names were read. */
  own: ScannedEntry;
  /** The device of the directory. */
  dev: bigint;
  /**
   * The names, if the directory had changed shortly before the listing: its times may not show
   * another change.
   */
  names: string | undefined;
  /** Sorted by the UTF-8 bytes of their names. */
  entries: ScannedEntry[];
  excluded: { files: number; bytes: number };
  skipped: SkippedEntry[];
  locked: string[];
  /** True if a listed entry vanished before it was examined. */
  isLosing: boolean;
}

export class Lister {
  readonly #root: string;
  readonly #filter: Filter;
  readonly #now: number;
  readonly #breathe: () => Promise<void> | undefined;
  readonly #below: Below;
  readonly #facts = new Facts();

  /**
   * `now` is in milliseconds since 1970. `breathe` is called for each entry. Throws the errors of
   * opening the directory.
   */
  constructor(root: string, filter: Filter, now: number, breathe: () => Promise<void> | undefined) {
    this.#root = root;
    this.#filter = filter;
    this.#now = now;
    this.#breathe = breathe;
    this.#below = new Below(root);
  }

  /**
   * Lists a directory. Returns undefined if the directory is gone. Throws UNREADABLE, naming the
   * entry, if an entry cannot be read or represented in a snapshot.
   */
  async list(path: string): Promise<Listing | undefined> {
    const found = this.#read(path);
    if (found === undefined) return undefined;
    const { stats, names } = found;
    const isYoung = Number(stats.ctimeNs) / 1e6 + RACY_WINDOW_MS > this.#now;
    const listing: Listing = {
      own: this.#facts.entry(path, 'directory', stats),
      dev: stats.dev,
      names: isYoung ? joined(names) : undefined,
      entries: [],
      excluded: { files: 0, bytes: 0 },
      skipped: [],
      locked: [],
      isLosing: false,
    };
    const kept = names.some((name) => typeof name !== 'string') ? this.#decode(path, names, listing) : (names as string[]);
    for (const name of kept.sort(compareUtf8)) {
      const breath = this.#breathe();
      if (breath !== undefined) await breath;
      const counting = this.#look(listing, path, name);
      if (counting !== undefined) await counting;
    }
    return listing;
  }

  /** Returns whether a directory differs, or may differ, from its listing. */
  hasChanged(path: string, { own, dev, names, isLosing }: Listing): boolean {
    const now = ifThere(path, () => lstatSync(this.#absolute(path), { bigint: true, throwIfNoEntry: false }));
    if (isLosing || now === undefined) return true;
    const isSame = now.ino === own.ino && now.dev === dev && now.mtimeNs === own.mtimeNs && now.ctimeNs === own.ctimeNs;
    return !isSame || (names !== undefined && names !== joined(this.#read(path)?.names ?? []));
  }

  /** Closes handles of directories that may have been replaced since. */
  forget(): void {
    this.#below.forget();
  }

  close(): void {
    this.#below.close();
  }

  /** Reads the names in a directory. Names that are not UTF-8 are returned as bytes. */
  #read(path: string): { stats: BigIntStats; names: (string | Buffer)[] } | undefined {
    const shown = path === '' ? this.#root : path;
    return ifThere(shown, () => {
      const handle = this.#below.directory(path);
      const stats = handle.stats();
      const names = readdirSync(handle.self, 'utf8');
      if (!names.some((name) => name.includes('\ufffd'))) return { stats, names };
      return { stats, names: handle.names().map((name) => (isUtf8(name) ? String(name) : name)) };
    });
  }

  /** Returns the UTF-8 names. Throws if there is another name that the filter does not exclude. */
  #decode(parent: string, names: (string | Buffer)[], listing: Listing): string[] {
    const kept: string[] = [];
    for (const name of names) {
      if (typeof name === 'string') kept.push(name);
      else this.#refuseUnlessExcluded(listing, parent, name);
    }
    return kept;
  }

  #refuseUnlessExcluded(listing: Listing, parent: string, name: Buffer): void {
    const decoded = childOf(parent, String(name));
    const absolute = Buffer.concat([Buffer.from(`${this.#absolute(parent)}/`), name]);
    const stat = ifThere(decoded, () => lstatSync(absolute, { throwIfNoEntry: false }));
    if (stat === undefined) return;
    if (!this.#filter.excludes(decoded, stat.isDirectory()))
      throw unfit(decoded, `its name is not UTF-8 but the bytes ${escapeBytes(name)}`);
    // A directory with such a name counts as one file and is not walked.
    count(listing, stat.isFile() ? stat.size : 0);
  }

  /**
   * Adds an entry to the listing. Returns a promise to await if the entry is an excluded directory.
   */
  #look(listing: Listing, parent: string, name: string): Promise<void> | undefined {
    const path = childOf(parent, name);
    let stat = this.#lstat(path, this.#absolute(path));
    // An included directory is opened below its parent's handle, or is gone. Other entries that are
    // no files are examined there.
    const isOdd = !stat?.isFile() && (!stat?.isDirectory() || this.#filter.excludes(path, true));
    if (isOdd) stat = this.#lstat(path, () => this.#below.at(path));
    if (stat === undefined) {
      listing.isLosing = true;
      return undefined;
    }
    if (stat.isSymbolicLink() && isLockName(name)) listing.locked.push(this.#absolute(parent));
    if (this.#filter.excludes(path, stat.isDirectory())) {
      if (stat.isDirectory()) return this.#leaveOut(listing, path);
      count(listing, stat.isFile() ? Number(stat.size) : 0);
      return undefined;
    }
    // Such a directory is readable by root only.
    if (isSystemEntry(this.#absolute(parent), name, stat)) return undefined;
    const entry = this.#entry(listing, path, stat);
    if (entry !== undefined) listing.entries.push(entry);
    return undefined;
  }

  #lstat(path: string, from: string | (() => Name)): BigIntStats | undefined {
    return ifThere(path, () => lstatSync(typeof from === 'string' ? from : from(), { bigint: true, throwIfNoEntry: false }));
  }

  /**
   * Returns the entry if its kind is supported and it still exists. Notes entries of other kinds.
   */
  #entry(listing: Listing, path: string, stat: BigIntStats): ScannedEntry | undefined {
    const kind = kindOf(stat);
    if (kind === 'socket' || kind === 'fifo' || kind === 'device') {
      listing.skipped.push({ path, kind });
      return undefined;
    }
    const problem = pathProblem(path);
    if (problem !== undefined) throw unfit(path, problem);
    if (kind === 'file' && stat.size > MAX_FILE_SIZE) throw unfit(path, `it has ${stat.size} bytes, more than ${MAX_FILE_SIZE}`);
    const target = kind === 'symlink' ? this.#readlink(path) : undefined;
    if (kind !== 'symlink' || target !== undefined) return this.#facts.entry(path, kind, stat, target);
    listing.isLosing = true;
    return undefined;
  }

  #readlink(path: string): string | undefined {
    const bytes = ifThere(path, () => readlinkSync(this.#below.at(path), { encoding: 'buffer' }));
    if (bytes === undefined) return undefined;
    if (!isUtf8(bytes)) throw unfit(path, `its target is not UTF-8 but the bytes ${escapeBytes(bytes)}`);
    if (bytes.length > MAX_SYMLINK_BYTES) throw unfit(path, `its target has ${bytes.length} bytes, more than ${MAX_SYMLINK_BYTES}`);
    return String(bytes);
  }

  /** Counts all entries below an excluded directory, as far as they are readable. */
  async #leaveOut(listing: Listing, path: string): Promise<void> {
    const directories = [this.#absolute(path)];
    for (const directory of directories) {
      for (const name of ifSeen(() => readdirSync(directory)) ?? []) {
        const breath = this.#breathe();
        if (breath !== undefined) await breath;
        const child = `${directory}/${name}`;
        const childStat = ifSeen(() => lstatSync(child, { throwIfNoEntry: false }));
        if (childStat?.isSymbolicLink() && isLockName(name)) listing.locked.push(directory);
        if (childStat?.isDirectory()) directories.push(child);
        else if (childStat !== undefined) count(listing, childStat.isFile() ? childStat.size : 0);
      }
    }
  }

  #absolute(path: string): string {
    return path === '' ? this.#root : `${this.#root}/${path}`;
  }
}

function childOf(parent: string, name: string): string {
  return parent === '' ? name : `${parent}/${name}`;
}

function joined(names: readonly (string | Buffer)[]): string {
  return names
    .map((name) => (typeof name === 'string' ? name : name.toString('latin1')))
    .sort()
    .join('/');
}

function count({ excluded }: Listing, bytes: number): void {
  excluded.files++;
  excluded.bytes += bytes;
}

function kindOf(stat: BigIntStats): ScannedEntry['kind'] | SkippedEntry['kind'] {
  switch (Number(stat.mode) & constants.S_IFMT) {
    case constants.S_IFREG:
      return 'file';
    case constants.S_IFDIR:
      return 'directory';
    case constants.S_IFLNK:
      return 'symlink';
    case constants.S_IFSOCK:
      return 'socket';
    case constants.S_IFIFO:
      return 'fifo';
    default:
      return 'device';
  }
}

function unfit(path: string, problem: string): BrowserStateError {
  const hint = `Rename it, or leave it out with --exclude '${patternFor(path)}' or the same pattern in .browserstateignore.`;
  return new BrowserStateError('UNREADABLE', `cannot take ${quote(path)} into a snapshot: ${problem}`, { hint, details: { path } });
}

function escapeBytes(bytes: Uint8Array): string {
  const shown = Array.from(bytes, (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
  );
  return shown.join('');
}
