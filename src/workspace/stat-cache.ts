/**
 * What lets a capture skip files that did not change: their blob ids beside what lstat said when they were read (SPEC.md R-CAP-12 to
 * R-CAP-15). A cache is whole or it is empty, and losing it costs time only. It belongs to one directory of one machine.
 */
import type { BigIntStats } from 'node:fs';
import { sha256 } from '#platform';
import { equalBytes, fromHex, Reader, toHex, utf8, Writer } from '../bytes.js';
import { invariant, isError } from '../errors.js';
import { parentPath } from '../object/path.js';
import { blobCount, type FileEntry } from '../object/tree.js';
import { ID_BYTES } from '../object-id.js';
import type { ScannedEntry } from './scanned.js';

/**
 * How much older than the scan a file must be: file systems keep times as coarsely as 2 s (FAT), so that a younger file could change
 * once more after it was read and show the same time.
 */
export const RACY_WINDOW_MS = 2000;

/** Files that browsers map into memory: a store to a mapped page can change the content and nothing that lstat tells. */
const mappedNames = /^(?:data_\d+|index)$|\.pma$|-shm$/;

/** Whether nothing but its bytes tells that the file at `path` has changed. */
export function isMapped(path: string): boolean {
  return mappedNames.test(path.slice(path.lastIndexOf('/') + 1));
}

const MAGIC = utf8('browserstate stat cache 1\n');
const HASH_BYTES = 32;
/** Size, mtime, ctime and inode, each a little-endian 64-bit integer. */
const FACTS_BYTES = 32;
/** No name holds it, and no name is empty. */
const NUL = '\0';

/** The files of one directory; 200,000 are few objects. */
interface Directory {
  /** Names that were decoded, apart by NULs, and the number of the facts of the first. */
  names: string;
  first: number;
  /** Files that were recorded since, with the numbers of their facts. */
  paths: string[];
  facts: number[];
}

/** Stands for the facts of a file that cannot be trusted to show its changes. */
const FORGOTTEN = -1;

export class StatCache {
  readonly #dir: string;
  readonly #scanStartMs: number;
  /** By path. */
  readonly #directories = new Map<string, Directory>();
  /** The files of the directory that was looked into last, and of those above it: others are as likely not asked for again. */
  readonly #opened = new Map<string, ReadonlyMap<string, number>>();
  /** The facts of each file, and where the ids of its blobs are, which lie one after the other. */
  #facts: DataView = new DataView(new ArrayBuffer(0));
  #count = 0;
  #idsAt = new Float64Array(0);
  #ids: Uint8Array = new Uint8Array(0);
  #idBytes = 0;

  /**
   * An empty cache of the directory with the real path `dir`. `scanStartMs`, in milliseconds since 1970, is when the scan (or the
   * checkout) began whose files are recorded; without it nothing is old enough to be recorded.
   */
  constructor({ dir }: { dir: string }, scanStartMs = Number.NEGATIVE_INFINITY) {
    this.#dir = dir;
    this.#scanStartMs = scanStartMs;
  }

  /** The cache that was encoded; an empty one for no bytes, other bytes, or those of another directory. Never fails. */
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

  /** Returns the ids of the file's blobs, one after the other, if it is the file that was recorded. */
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
    return isSame ? toHex(this.#idsOf(i)) : undefined;
  }

  /** Takes note of a file that was read whole and stayed as `entry` says; forgets one that cannot be trusted to show its changes. */
  record(entry: ScannedEntry, ids: string): void {
    const { path, size, mtimeNs, ctimeNs, ino } = entry;
    const bytes = fromHex(ids);
    invariant(bytes?.length === blobCount(size) * ID_BYTES, `${path} has an id for each of its blobs`);
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

  /** Takes note of a file that was written, as its descriptor shows it afterwards. */
  recordWritten({ path, ids, mode }: FileEntry, { size, mtimeNs, ctimeNs, ino }: BigIntStats): void {
    this.record({ kind: 'file', path, mode, size: Number(size), mtimeNs, ctimeNs, ino }, ids);
  }

  /** Makes room for so many files with so many blobs, which will be recorded. */
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

  /** Fills the cache from an encoding; false where it is of another version or directory. */
  #read(bytes: Uint8Array): boolean {
    if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) return false;
    const input = new Reader(bytes.subarray(MAGIC.length), 'stat cache');
    if (input.text(bytes.length) !== this.#dir) return false;
    const count = this.#readPaths(input.text(bytes.length));
    const columns = input.bytes(count * FACTS_BYTES);
    this.#facts = new DataView(columns.buffer, columns.byteOffset, columns.byteLength);
    this.#ids = input.bytes(input.remaining);
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

  #idsOf(i: number): Uint8Array {
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

  /** Makes room for the facts of so many files, and for that many bytes of ids. */
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
    const ids = new Uint8Array(Math.max(4096, idBytes, 2 * this.#idBytes));
    ids.set(this.#ids.subarray(0, this.#idBytes));
    this.#ids = ids;
  }

  #trusts({ path, kind, mtimeNs }: ScannedEntry): boolean {
    const isOld = Number(mtimeNs) / 1e6 + RACY_WINDOW_MS <= this.#scanStartMs;
    return kind === 'file' && isOld && !isMapped(path);
  }

  /** Reads `parent NUL name NUL name`, directories apart by two NULs, and returns the number of files. */
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

/** Yields the runs of consecutive numbers, each as its first and the one after its last. */
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
