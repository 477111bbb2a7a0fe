/**
 * What lets a capture skip files that did not change: their blob ids beside what lstat said when they were read (SPEC.md R-CAP-12 to
 * R-CAP-15). A cache is whole or it is empty, and losing it costs time only. It belongs to one directory of one machine.
 */
import type { BigIntStats } from 'node:fs';
import { sha256 } from '#platform';
import { concat, equalBytes, Reader, utf8, Writer } from '../bytes.js';
import { invariant, isError } from '../errors.js';
import { parentPath } from '../object/path.js';
import { blobCount, type FileEntry } from '../object/tree.js';
import { ID_BYTES } from '../object-id.js';
import type { ScannedEntry } from './scan.js';

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

interface KnownFile {
  size: number;
  mtimeNs: bigint;
  ctimeNs: bigint;
  ino: bigint;
  /** The ids of its blobs, 32 bytes each, one after the other. */
  ids: Uint8Array;
}

export class StatCache {
  readonly #dir: string;
  readonly #scanStartMs: number;
  readonly #files = new Map<string, KnownFile>();

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

  /** The ids of the file's blobs, 32 bytes each, one after the other, if it is the file that was recorded. */
  lookup(entry: ScannedEntry): Uint8Array | undefined {
    const known = this.#files.get(entry.path);
    if (known === undefined || entry.kind !== 'file') return undefined;
    if (known.mtimeNs !== entry.mtimeNs || known.ctimeNs !== entry.ctimeNs || known.ino !== entry.ino || known.size !== entry.size)
      return undefined;
    return known.ids;
  }

  /** Takes note of a file that was read whole and stayed as `entry` says; forgets one that cannot be trusted to show its changes. */
  record(entry: ScannedEntry, ids: Uint8Array): void {
    const { path, size, mtimeNs, ctimeNs, ino } = entry;
    invariant(ids.length === blobCount(size) * ID_BYTES, `${path} has an id for each of its blobs`);
    if (this.#trusts(entry)) this.#files.set(path, { size, mtimeNs, ctimeNs, ino, ids });
    else this.#files.delete(path);
  }

  /** Takes note of a file that was written, as its descriptor shows it afterwards. */
  recordWritten({ path, ids, mode }: FileEntry, { size, mtimeNs, ctimeNs, ino }: BigIntStats): void {
    this.record({ kind: 'file', path, mode, size: Number(size), mtimeNs, ctimeNs, ino }, ids);
  }

  encode(): Uint8Array {
    const groups = this.#byDirectory();
    const files = [...groups.values()].flatMap((group) => group.files);
    const out = new Writer().bytes(MAGIC).text(this.#dir);
    out.text([...groups].map(([parent, { names }]) => [parent, ...names].join(NUL)).join(NUL + NUL));
    const facts = new DataView(new ArrayBuffer(files.length * FACTS_BYTES));
    for (const [i, file] of files.entries()) {
      facts.setBigUint64(i * FACTS_BYTES, BigInt(file.size), true);
      facts.setBigInt64(i * FACTS_BYTES + 8, file.mtimeNs, true);
      facts.setBigInt64(i * FACTS_BYTES + 16, file.ctimeNs, true);
      facts.setBigUint64(i * FACTS_BYTES + 24, file.ino, true);
    }
    const body = concat([out.finish(), new Uint8Array(facts.buffer), ...files.map(({ ids }) => ids)]);
    return concat([body, sha256(body)]);
  }

  /** Fills the cache from an encoding; false where it is of another version or directory. */
  #read(bytes: Uint8Array): boolean {
    if (!equalBytes(bytes.subarray(0, MAGIC.length), MAGIC)) return false;
    const input = new Reader(bytes.subarray(MAGIC.length), 'stat cache');
    if (input.text(bytes.length) !== this.#dir) return false;
    const paths = readPaths(input.text(bytes.length));
    const columns = input.bytes(paths.length * FACTS_BYTES);
    const facts = new DataView(columns.buffer, columns.byteOffset, columns.byteLength);
    for (const [i, path] of paths.entries()) {
      const at = i * FACTS_BYTES;
      const size = Number(facts.getBigUint64(at, true));
      const ids = input.bytes(blobCount(size) * ID_BYTES);
      const mtimeNs = facts.getBigInt64(at + 8, true);
      const ctimeNs = facts.getBigInt64(at + 16, true);
      this.#files.set(path, { size, mtimeNs, ctimeNs, ino: facts.getBigUint64(at + 24, true), ids });
    }
    input.end();
    return true;
  }

  #trusts({ path, kind, mtimeNs }: ScannedEntry): boolean {
    const isOld = Number(mtimeNs) / 1e6 + RACY_WINDOW_MS <= this.#scanStartMs;
    return kind === 'file' && isOld && !isMapped(path);
  }

  #byDirectory(): Map<string, { names: string[]; files: KnownFile[] }> {
    const groups = new Map<string, { names: string[]; files: KnownFile[] }>();
    for (const [path, file] of this.#files) {
      const parent = parentPath(path);
      const group = groups.get(parent) ?? { names: [], files: [] };
      groups.set(parent, group);
      group.names.push(parent === '' ? path : path.slice(parent.length + 1));
      group.files.push(file);
    }
    return groups;
  }
}

/** Paths from the names of each directory: `parent NUL name NUL name`, directories apart by two NULs. */
function readPaths(text: string): string[] {
  if (text === '') return [];
  return text.split(NUL + NUL).flatMap((group) => {
    const [parent, ...names] = group.split(NUL);
    return parent === '' ? names : names.map((name) => `${parent}/${name}`);
  });
}
