/**
 * A cache that lets a capture skip unchanged files: their blob ids, with the results of lstat when
 * they were read (SPEC.md R-CAP-12 to R-CAP-15). A cache is complete or empty, and losing it costs
 * only time. It belongs to one directory on one machine.
 */
import type { BigIntStats } from 'node:fs';
import { sha256 } from '#platform';
import { equalBytes, Reader, utf8, Writer } from '../../base/bytes.js';
import { invariant, isError } from '../../base/errors.js';
import { ID_BYTES } from '../../format/object-id.js';
import { parentPath } from '../../format/path.js';
import { blobCount, type FileEntry } from '../../format/tree.js';
import type { ScannedEntry } from './scanned.js';

/**
 * Minimum age of a file relative to the scan. File systems round times to up to 2 s (FAT), so a
 * younger file could change after it was read and keep its time.
 */
export const RACY_WINDOW_MS = 2000;

/**
 * Names of files that browsers map into memory. A store to a mapped page can change the content
 * without changing the results of lstat.
 */
const mappedNames = /^(?:data_\d+|index)$|\.pma$|-shm$/;

/** Returns whether changes of the file at `path` are visible in its bytes only. */
export function isMapped(path: string): boolean {
  return mappedNames.test(path.slice(path.lastIndexOf('/') + 1));
}

const MAGIC = utf8('browserstate stat cache 1\n');
const HASH_BYTES = 32;
/** Size, mtime, ctime and inode, each a little-endian 64-bit integer. */
const FACTS_BYTES = 32;
/** A separator of names. No name contains NUL, and no name is empty. */
const NUL = '\0';

/** The files of one directory, as few objects even for 200,000 files. */
interface Directory {
  /** Decoded names, separated by NULs, and the number of the facts of the first name. */
  names: string;
  first: number;
  /** Files recorded since decoding, with the numbers of their facts. */
  paths: string[];
  facts: number[];
}

/** A number instead of the facts of a file whose changes may be invisible. */
const FORGOTTEN = -1;

export class StatCache {
  readonly #dir: string;
  readonly #scanStartMs: number;
  /** Directories by path. */
  readonly #directories = new Map<string, Directory>();
  /**
   * The files of the last directory looked up and of the directories above it. Other directories
   * are rarely needed again.
   */
  readonly #opened = new Map<string, ReadonlyMap<string, number>>();
  /** The facts of each file, and the position of its concatenated blob ids. */
  #facts: DataView = new DataView(new ArrayBuffer(0));
  #count = 0;
  #idsAt = new Float64Array(0);
  #ids: Buffer = Buffer.alloc(0);
  #idBytes = 0;

  /**
   * Creates an empty cache of the directory with the real path `dir`. `scanStartMs`, in
   * milliseconds since 1970, is the start of the scan or checkout whose files are recorded. Without
   * it, no file is old enough to be recorded.
   */
  constructor({ dir }: { dir: string }, scanStartMs = Number.NEGATIVE_INFINITY) {
    this.#dir = dir;
    this.#scanStartMs = scanStartMs;
  }

  /**
   * Decodes a cache. Returns an empty cache for no bytes, invalid bytes, or bytes of another
   * directory. Never fails.
   */
  static decode(bytes: Uint8Array | undefined, key: { dir: string }, scanStartMs?: number): StatCache {
    const cache = new StatCache(key, scanStartMs);
    const end = (bytes?.length ?? 0) - HASH_BYTES;
    if (bytes === undefined || end < 0 || !equalBytes(sha256(bytes.subarray(0, end)), bytes.subarray(end))) return cache;
    try {
      return cache.#read(bytes.subarray(0, end)) ? cache : new StatCache(key, scanStartMs);
    } catch (error) {
      if (!isError(error, 'INTEGRITY')) throw error;
      return new StatCache(key, scanStartMs);
    }
  }

  /** Returns the concatenated blob ids of the file if its metadata matches the record. */
  lookup(entry: ScannedEntry): string | undefined {
    const { parent, name } = split(entry.path);
    const i = this.#open(parent).get(name);
    if (i === undefined || entry.kind !== 'file') return undefined;
    const at = i * FACTS_BYTES;
    const isSame =
      this.#sizeOf(i) === entry.size &&
      this.#facts.getBigInt64(at + 8, true) === entry.mtimeNs &&
      this.#facts.getBigInt64(at + 16, true) === entry.ctimeNs &&
      this.#facts.getBigUint64(at + 24, true) === entry.ino;
    return isSame ? this.#idsOf(i).toString('hex') : undefined;
  }

  /**
   * Records a file that was read completely and stayed as `entry` says. Forgets the file if its
   * changes may be invisible.
   */
  record(entry: ScannedEntry, ids: string): void {
    const { path, size, mtimeNs, ctimeNs, ino } = entry;
    const bytes = Buffer.from(ids, 'hex');
    invariant(bytes.length === blobCount(size) * ID_BYTES, `${path} has an id for each of its blobs`);
    const { parent } = split(path);
    const isTrusted = this.#trusts(entry);
    let directory = this.#directories.get(parent);
    if (directory === undefined) {
      if (!isTrusted) return;
      directory = { names: '', first: 0, paths: [], facts: [] };
      this.#directories.set(parent, directory);
    }
    this.#opened.delete(parent);
    directory.paths.push(path);
    directory.facts.push(isTrusted ? this.#count : FORGOTTEN);
    if (!isTrusted) return;
    const i = this.#count++;
    this.#reserve(this.#count, this.#idBytes + bytes.length);
    const at = i * FACTS_BYTES;
    this.#facts.setBigUint64(at, BigInt(size), true);
    this.#facts.setBigInt64(at + 8, mtimeNs, true);
    this.#facts.setBigInt64(at + 16, ctimeNs, true);
    this.#facts.setBigUint64(at + 24, ino, true);
    this.#idsAt[i] = this.#idBytes;
    this.#ids.set(bytes, this.#idBytes);
    this.#idBytes += bytes.length;
  }

  /** Records a written file, with the metadata of its descriptor afterwards. */
  recordWritten({ path, ids, mode }: FileEntry, { size, mtimeNs, ctimeNs, ino }: BigIntStats): void {
    this.record({ kind: 'file', path, mode, size: Number(size), mtimeNs, ctimeNs, ino }, ids);
  }

  /** Reserves memory for that many files and blobs. */
  expect(files: number, blobs: number): void {
    this.#reserve(this.#count + files, this.#idBytes + blobs * ID_BYTES);
  }

  encode(): Uint8Array {
    const groups: string[] = [];
    const numbers = new Uint32Array(this.#count);
    let count = 0;
    for (const [parent, directory] of this.#directories) {
      const files = filesOf(directory);
      if (files.size === 0) continue;
      groups.push([parent, ...files.keys()].join(NUL));
      for (const i of files.values()) numbers[count++] = i;
    }
    const paths = groups.join(NUL + NUL);
    const head = [MAGIC, utf8(this.#dir), utf8(paths)] as const;
    const room = head.reduce((sum, { length }) => sum + length + 8, this.#count * FACTS_BYTES + this.#idBytes + HASH_BYTES);
    const out = new Writer(room).bytes(head[0]).sized(head[1]).sized(head[2]);
    const facts = new Uint8Array(this.#facts.buffer, this.#facts.byteOffset);
    for (const [first, end] of runs(numbers.subarray(0, count))) out.bytes(facts.subarray(first * FACTS_BYTES, end * FACTS_BYTES));
    for (const [first, end] of runs(numbers.subarray(0, count))) out.bytes(this.#ids.subarray(this.#idsAt[first], this.#idsEnd(end - 1)));
    return out.bytes(sha256(out.finish())).finish();
  }

  /** Decodes the cache. Returns false if the bytes have another version or directory. */
  #read(bytes: Uint8Array): boolean {
    if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) return false;
    const input = new Reader(bytes.subarray(MAGIC.length), 'stat cache');
    if (input.text(bytes.length) !== this.#dir) return false;
    const count = this.#readPaths(input.text(bytes.length));
    const columns = input.bytes(count * FACTS_BYTES);
    this.#facts = new DataView(columns.buffer, columns.byteOffset, columns.byteLength);
    const ids = input.bytes(input.remaining);
    this.#ids = Buffer.from(ids.buffer, ids.byteOffset, ids.length);
    this.#idsAt = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      this.#idsAt[i] = this.#idBytes;
      this.#idBytes += blobCount(this.#sizeOf(i)) * ID_BYTES;
    }
    this.#count = count;
    return this.#idBytes === this.#ids.length;
  }

  #sizeOf(i: number): number {
    return Number(this.#facts.getBigUint64(i * FACTS_BYTES, true));
  }

  #idsOf(i: number): Buffer {
    return this.#ids.subarray(this.#idsAt[i], this.#idsEnd(i));
  }

  #idsEnd(i: number): number {
    return (this.#idsAt[i] as number) + blobCount(this.#sizeOf(i)) * ID_BYTES;
  }

  /** Returns the number of each file's facts, by name. */
  #open(parent: string): ReadonlyMap<string, number> {
    const known = this.#opened.get(parent);
    if (known !== undefined) return known;
    for (const other of this.#opened.keys()) if (other !== '' && !parent.startsWith(`${other}/`)) this.#opened.delete(other);
    const directory = this.#directories.get(parent);
    const files = directory === undefined ? new Map<string, number>() : filesOf(directory);
    this.#opened.set(parent, files);
    return files;
  }

  /** Reserves memory for the facts of that many files, and for that many bytes of ids. */
  #reserve(count: number, idBytes: number): void {
    if (this.#facts.byteLength < count * FACTS_BYTES) {
      const room = Math.max(64, count, 2 * this.#count);
      const facts = new Uint8Array(room * FACTS_BYTES);
      facts.set(new Uint8Array(this.#facts.buffer, this.#facts.byteOffset, this.#facts.byteLength));
      this.#facts = new DataView(facts.buffer);
      const at = new Float64Array(room);
      at.set(this.#idsAt);
      this.#idsAt = at;
    }
    if (this.#ids.length >= idBytes) return;
    const ids = Buffer.alloc(Math.max(4096, idBytes, 2 * this.#idBytes));
    ids.set(this.#ids.subarray(0, this.#idBytes));
    this.#ids = ids;
  }

  #trusts({ path, kind, mtimeNs }: ScannedEntry): boolean {
    const isOld = Number(mtimeNs) / 1e6 + RACY_WINDOW_MS <= this.#scanStartMs;
    return kind === 'file' && isOld && !isMapped(path);
  }

  /**
   * Reads `parent NUL name NUL name`, with two NULs between directories. Returns the number of
   * files.
   */
  #readPaths(text: string): number {
    let count = 0;
    for (const group of text === '' ? [] : text.split(NUL + NUL)) {
      const end = group.indexOf(NUL);
      if (end === -1) continue;
      const names = group.slice(end + 1);
      this.#directories.set(group.slice(0, end), { names, first: count, paths: [], facts: [] });
      for (let at = 0; at !== -1; at = names.indexOf(NUL, at + 1)) count++;
    }
    return count;
  }
}

/** Returns the number of each file's facts, by name. */
function filesOf({ names, first, paths, facts }: Directory): Map<string, number> {
  const files = new Map<string, number>();
  for (const [i, name] of (names === '' ? [] : names.split(NUL)).entries()) files.set(name, first + i);
  for (const [i, path] of paths.entries()) {
    const { name } = split(path);
    const number = facts[i] as number;
    if (number === FORGOTTEN) files.delete(name);
    else files.set(name, number);
  }
  return files;
}

/**
 * Yields runs of consecutive numbers. Each run is its first number and the number after its last.
 */
function* runs(numbers: Uint32Array): Generator<[number, number]> {
  for (let from = 0, to = 1; from < numbers.length; from = to++) {
    while (to < numbers.length && numbers[to] === (numbers[to - 1] as number) + 1) to++;
    yield [numbers[from] as number, (numbers[to - 1] as number) + 1];
  }
}

function split(path: string): { parent: string; name: string } {
  const parent = parentPath(path);
  return { parent, name: parent === '' ? path : path.slice(parent.length + 1) };
}
