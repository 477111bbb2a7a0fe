/**
 * Lists what a directory holds, as the first step of a capture (SPEC.md R-CAP-9, R-CAP-10). Nothing is read but names, link targets and what lstat tells;
 * symlinks are never followed. What cannot be part of a snapshot is an error that names it, never a silent gap: only entries that
 * the filter leaves out, that vanish meanwhile, or that are sockets, fifos or devices are not in the result.
 */
import { isUtf8 } from 'node:buffer';
import { type BigIntStats, constants, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { compareUtf8 } from '../bytes.js';
import { BrowserStateError, throwIfAborted } from '../errors.js';
import { CHUNK_SIZE, MAX_BLOBS, MAX_ENTRIES, MAX_FILE_SIZE, MAX_SYMLINK_BYTES } from '../limits.js';
import { parentPath, pathProblem } from '../object/path.js';
import { blobCount, tooLarge } from '../object/tree.js';
import { ifSeen, ifThere, quote, resolveDirectory } from './directory.js';
import { type Filter, patternFor } from './filter.js';
import { isLockName } from './live.js';

export interface ScannedEntry {
  /** Relative to the directory, `/`-separated. */
  path: string;
  kind: 'file' | 'directory' | 'symlink';
  /** The low nine mode bits. */
  mode: number;
  /** Nanoseconds since 1970, UTC. */
  mtimeNs: bigint;
  /** Bytes of a file's content; 0 for the other kinds. */
  size: number;
  /** Of a symlink, as it is. */
  target?: string | undefined;
  /** Nanoseconds since 1970, UTC. */
  ctimeNs: bigint;
  ino: bigint;
}

/** What lstat tells of the entries of a scan, in columns: three BigInts for each of 200,000 entries are much memory. */
class Facts {
  #columns = new BigInt64Array(3 * 64);
  #count = 0;

  /** Adds those of one entry and returns their number. */
  add({ mtimeNs, ctimeNs, ino }: BigIntStats): number {
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

  at(i: number, column: 0 | 1 | 2): bigint {
    return this.#columns[3 * i + column] as bigint;
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

export interface SkippedEntry {
  path: string;
  kind: 'socket' | 'fifo' | 'device';
}

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
  /** The first directory, relative to the root, of which an entry that was listed was gone when it was looked at. */
  vanished: string | undefined;
}

export interface ScanOptions {
  signal?: AbortSignal | undefined;
  /** Called now and then with the number of entries seen so far, excluded ones included. */
  onProgress?: ((entries: number) => void) | undefined;
}

/** Entries between two breaths, in which other work gets its turn and the signal is looked at: about 5 ms. */
const ENTRIES_PER_BREATH = 1000;

/**
 * Lists `dir`. Throws NOT_FOUND or USAGE where it is no directory, UNREADABLE naming what cannot be read or cannot be in a
 * snapshot, CANCELLED when the signal fires.
 */
export async function scan(dir: string, filter: Filter, options: ScanOptions = {}): Promise<Scan> {
  throwIfAborted(options.signal);
  const walk = new Walk(resolveDirectory(dir), filter, options);
  await walk.run();
  return walk.result;
}

/** A directory whose entries are yet to be looked at. */
interface Listing {
  path: string;
  names: string[];
}

class Walk {
  readonly result: Scan;
  readonly #filter: Filter;
  readonly #options: ScanOptions;
  /** What is yet to be done, the next last. */
  readonly #pending: (ScannedEntry | Listing)[] = [];
  readonly #facts = new Facts();
  #seen = 0;

  constructor(root: string, filter: Filter, options: ScanOptions) {
    this.result = { root, entries: [], excluded: { files: 0, bytes: 0 }, skipped: [], locked: [], vanished: undefined };
    this.#filter = filter;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { root, entries } = this.result;
    const before = this.#lstat('');
    let blobs = 0;
    this.#pending.push({ path: '', names: this.#list('') ?? [] });
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      if ('names' in next) await this.#lookInto(next);
      else if (entries.push(next) > MAX_ENTRIES) throw tooLarge(`${quote(root)} has more than ${MAX_ENTRIES} entries`);
      else if (next.kind === 'file') {
        blobs += blobCount(next.size);
        if (blobs > MAX_BLOBS) throw tooLarge(`${quote(root)} has files of more than ${(MAX_BLOBS * CHUNK_SIZE) / 2 ** 30} GiB`);
      }
    }
    // A directory that went away meanwhile would look like an empty profile.
    if (before === undefined || this.#lstat('')?.ino !== before.ino) {
      throw new BrowserStateError('NOT_FOUND', `${quote(root)} was removed or replaced while it was being listed`);
    }
    this.#options.onProgress?.(this.#seen);
  }

  /**
   * Looks at each name of a directory. A child directory sorts twice: itself by its name, and what is in it by its name and a
   * slash, so that the names of one directory sort into the order of whole paths.
   */
  async #lookInto({ path, names }: Listing): Promise<void> {
    const found: { key: string; work: ScannedEntry | Listing }[] = [];
    for (const name of names) {
      if (this.#breathDue()) await this.#breathe();
      const childPath = path === '' ? name : `${path}/${name}`;
      const stat = this.#lstat(childPath);
      if (stat === undefined) {
        this.#vanished(path);
        continue;
      }
      if (stat.isSymbolicLink() && isLockName(name)) this.result.locked.push(this.#absolute(path));
      if (this.#filter.excludes(childPath, stat.isDirectory())) {
        await this.#leaveOut(childPath, stat);
        continue;
      }
      const entry = this.#entry(childPath, stat);
      if (entry === undefined) continue;
      if (entry.kind === 'directory') {
        const below = this.#list(childPath);
        if (below === undefined) {
          this.#vanished(path);
          continue;
        }
        found.push({ key: `${name}/`, work: { path: childPath, names: below } });
      }
      found.push({ key: name, work: entry });
    }
    found.sort((a, b) => compareUtf8(b.key, a.key));
    for (const { work } of found) this.#pending.push(work);
  }

  /** The entry, if it is of a kind that snapshots hold and still there; one of another kind is noted. */
  #entry(path: string, stat: BigIntStats): ScannedEntry | undefined {
    const kind = kindOf(stat);
    if (kind === 'socket' || kind === 'fifo' || kind === 'device') {
      this.result.skipped.push({ path, kind });
      return undefined;
    }
    const size = kind === 'file' ? Number(stat.size) : 0;
    const problem = pathProblem(path);
    if (problem !== undefined) throw unfit(path, problem);
    if (size > MAX_FILE_SIZE) throw unfit(path, `it has ${size} bytes, more than ${MAX_FILE_SIZE}`);
    const target = kind === 'symlink' ? this.#readlink(path) : undefined;
    if (kind !== 'symlink' || target !== undefined)
      return new Seen(path, kind, Number(stat.mode) & 0o777, size, target, this.#facts, this.#facts.add(stat));
    this.#vanished(parentPath(path));
    return undefined;
  }

  /** The names in a kept directory; undefined if it vanished. Names that are not UTF-8 are left out where the filter says so. */
  #list(path: string): string[] | undefined {
    const absolute = this.#absolute(path);
    const names = ifThere(path, () => readdirSync(absolute));
    if (!names?.some((name) => name.includes('\ufffd'))) return names;
    const raw = ifThere(path, () => readdirSync(absolute, { encoding: 'buffer' })) ?? [];
    for (const name of raw.filter((bytes) => !isUtf8(bytes))) this.#refuseUnlessExcluded(path, name);
    return raw.filter((bytes) => isUtf8(bytes)).map(String);
  }

  #refuseUnlessExcluded(parent: string, name: Buffer): void {
    const decoded = parent === '' ? String(name) : `${parent}/${name}`;
    const absolute = Buffer.concat([Buffer.from(`${this.#absolute(parent)}/`), name]);
    const stat = ifThere(decoded, () => lstatSync(absolute, { throwIfNoEntry: false }));
    if (stat === undefined) return;
    if (!this.#filter.excludes(decoded, stat.isDirectory()))
      throw unfit(decoded, `its name is not UTF-8 but the bytes ${escapeBytes(name)}`);
    // A directory of such a name counts as one file: its contents are not worth a walk of their own kind.
    this.#count(stat.isFile() ? stat.size : 0);
  }

  /** Counts an excluded entry and all below it, as far as the system lets it be seen. */
  async #leaveOut(path: string, stat: BigIntStats): Promise<void> {
    if (!stat.isDirectory()) return this.#count(stat.isFile() ? Number(stat.size) : 0);
    const directories = [this.#absolute(path)];
    for (const directory of directories) {
      for (const name of ifSeen(() => readdirSync(directory)) ?? []) {
        if (this.#breathDue()) await this.#breathe();
        const child = `${directory}/${name}`;
        const childStat = ifSeen(() => lstatSync(child, { throwIfNoEntry: false }));
        if (childStat?.isSymbolicLink() && isLockName(name)) this.result.locked.push(directory);
        if (childStat?.isDirectory()) directories.push(child);
        else if (childStat !== undefined) this.#count(childStat.isFile() ? childStat.size : 0);
      }
    }
  }

  #vanished(parent: string): void {
    this.result.vanished ??= parent;
  }

  #count(bytes: number): void {
    this.result.excluded.files++;
    this.result.excluded.bytes += bytes;
  }

  #lstat(path: string): BigIntStats | undefined {
    return ifThere(path, () => lstatSync(this.#absolute(path), { bigint: true, throwIfNoEntry: false }));
  }

  #readlink(path: string): string | undefined {
    const bytes = ifThere(path, () => readlinkSync(this.#absolute(path), { encoding: 'buffer' }));
    if (bytes === undefined) return undefined;
    if (!isUtf8(bytes)) throw unfit(path, `its target is not UTF-8 but the bytes ${escapeBytes(bytes)}`);
    if (bytes.length > MAX_SYMLINK_BYTES) throw unfit(path, `its target has ${bytes.length} bytes, more than ${MAX_SYMLINK_BYTES}`);
    return String(bytes);
  }

  #absolute(path: string): string {
    return path === '' ? this.result.root : `${this.result.root}/${path}`;
  }

  #breathDue(): boolean {
    return ++this.#seen % ENTRIES_PER_BREATH === 0;
  }

  async #breathe(): Promise<void> {
    await setImmediate();
    throwIfAborted(this.#options.signal);
    this.#options.onProgress?.(this.#seen);
  }
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
