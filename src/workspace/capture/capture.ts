/**
 * Capture, which turns a scanned directory into a tree and reads only files without a valid entry
 * in the stat cache (SPEC.md 11.4). Content goes to a sink chunk by chunk. No file is held in
 * memory as a whole.
 */
import { type BigIntStats, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { compareUtf8 } from '../../base/bytes.js';
import { BrowserStateError, throwIfAborted } from '../../base/errors.js';
import { CHUNK_SIZE, MAX_CAPTURE_ATTEMPTS, READ_SIZE } from '../../base/limits.js';
import { sameEntry } from '../../format/diff.js';
import type { Manifest } from '../../format/manifest.js';
import { type ObjectId, objectId } from '../../format/object-id.js';
import { parentPath } from '../../format/path.js';
import { blobCount, blobId, blobLength, type FileEntry, type TreeEntry } from '../../format/tree.js';
import { readFailure } from '../../fs/errors.js';
import { Below, closeRead, type Name } from '../../fs/handle.js';
import { ifThere } from '../../fs/paths.js';
import { microseconds } from '../../fs/times.js';
import type { Predecessor } from '../../repository/write/blob-writer.js';
import type { Scan } from './scan.js';
import type { ScannedEntry } from './scanned.js';
import type { StatCache } from './stat-cache.js';

type Capturing = CaptureOptions & {
  /** Called after each block of a file, with the bytes of the file read so far. */
  tell: (path: string, read: number) => void;
  /** Returns the location of a file of the directory. */
  locate: (path: string) => Place;
};

/** A file: the path that errors show, and a path that passes no symlink. */
interface Place {
  shown: string;
  /**
   * Returns the path. Throws ENOENT, ENOTDIR or ELOOP if a path above the file is no directory any
   * more.
   */
  path(): Name;
}

/** A receiver of chunks: a BlobWriter stores them, `hashOnly` only computes their ids. */
export interface BlobSink {
  /** Reserves memory for the next bytes, which are then added as blobs. */
  reserve(length: number): Promise<Uint8Array>;
  /** Returns the id of a blob within the memory that was reserved last. */
  add(bytes: Uint8Array, predecessor?: Predecessor): ObjectId;
  /** Returns whether the blob of that length is available without its bytes. */
  use(id: ObjectId, length: number): boolean;
}

/** A sink that stores nothing. */
export const hashOnly: BlobSink = {
  reserve: async (length) => new Uint8Array(length),
  add: (bytes) => objectId('blob', bytes),
  use: () => true,
};

export interface CaptureProgress {
  path: string;
  /** Files and bytes done so far, and in total. */
  files: number;
  totalFiles: number;
  bytes: number;
  totalBytes: number;
}

export interface CaptureOptions {
  sink: BlobSink;
  /** Results of earlier captures of the same directory. */
  cache: StatCache;
  /**
   * Receives the results of this capture. Undefined if no results may be recorded, because a
   * browser is running.
   */
  learn: StatCache | undefined;
  /** The version that the directory probably resembles. */
  previous: Manifest | undefined;
  /** Copies to read instead of the files, by path. Nothing changes the copies. */
  copies?: ReadonlyMap<string, string> | undefined;
  /**
   * Called with the directory, relative to the scanned one, of a file that vanished since the scan.
   */
  onVanished?: ((parent: string) => void) | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: CaptureProgress) => void) | undefined;
}

/**
 * Reads the scanned entries below `dir`. Removes each entry from the scan, so that a large
 * directory is not held twice. Follows no symlink, and omits files that vanished since the scan.
 * Throws UNREADABLE, naming the file, if a file cannot be read or keeps changing.
 */
export async function capture(dir: string, scan: Scan, options: CaptureOptions): Promise<TreeEntry[]> {
  // An unchanged directory is never opened.
  let below: Below | undefined;
  const locate = (path: string): Place => ({
    shown: join(dir, path),
    path() {
      below ??= new Below(dir);
      return below.at(path);
    },
  });
  try {
    return await captureEntries(scan, options, locate);
  } finally {
    below?.close();
  }
}

async function captureEntries(scan: Scan, options: CaptureOptions, locate: Capturing['locate']): Promise<TreeEntry[]> {
  const previous = options.previous?.tree ?? [];
  let next = 0;
  let blobs = 0;
  const progress = { files: 0, totalFiles: 0, bytes: 0, totalBytes: 0 };
  for (const { kind, size } of scan.entries) {
    if (kind !== 'file') continue;
    progress.totalFiles++;
    progress.totalBytes += size;
    blobs += blobCount(size);
  }
  options.learn?.expect(progress.totalFiles, blobs);
  const entries = scan.entries.splice(0).reverse();
  const tree: TreeEntry[] = [];
  const tell = (path: string, read: number) => options.onProgress?.({ path, ...progress, bytes: progress.bytes + read });
  const capturing: Capturing = { ...options, tell, locate };
  for (let entry = entries.pop(); entry !== undefined; entry = entries.pop()) {
    // Both trees are sorted by path.
    while (next < previous.length && compareUtf8((previous[next] as TreeEntry).path, entry.path) < 0) next++;
    const old = previous[next]?.path === entry.path ? previous[next] : undefined;
    // Two versions of a large directory share the texts of their paths.
    if (old !== undefined) entry.path = old.path;
    const made = entry.kind === 'file' ? await captureFile(entry, old?.kind === 'file' ? old : undefined, capturing) : plainEntry(entry);
    if (made === undefined) {
      options.onVanished?.(parentPath(entry.path));
      continue;
    }
    tree.push(old !== undefined && old.mtime === made.mtime && sameEntry(old, made) ? old : made);
    if (made.kind !== 'file') continue;
    progress.files++;
    progress.bytes += made.size;
    tell(entry.path, 0);
  }
  return tree;
}

function plainEntry({ kind, path, mode, mtimeNs, target }: ScannedEntry): TreeEntry {
  const mtime = microseconds(mtimeNs);
  return kind === 'symlink' ? { kind, path, mode: 0o777, mtime, target: target as string } : { kind: 'directory', path, mode, mtime };
}

async function captureFile(scanned: ScannedEntry, old: FileEntry | undefined, options: Capturing): Promise<FileEntry | undefined> {
  const copy = options.copies?.get(scanned.path);
  if (copy !== undefined) return captureCopy(copy, scanned, old, options);
  const cached = knownIds(scanned, options, old);
  if (cached !== undefined) {
    options.learn?.record(scanned, cached);
    return fileEntry(scanned, cached);
  }
  let entry: ScannedEntry | undefined = scanned;
  const place = options.locate(scanned.path);
  for (let attempt = 0; attempt < MAX_CAPTURE_ATTEMPTS && entry !== undefined; attempt++) {
    const ids = await readFile(place, entry, old, options);
    if (ids !== undefined) {
      options.learn?.record(entry, ids);
      return fileEntry(entry, ids);
    }
    entry = lookAgain(place, entry);
  }
  if (entry === undefined) return undefined;
  throw new BrowserStateError('UNREADABLE', `${entry.path}: it changed while it was read, ${MAX_CAPTURE_ATTEMPTS} times in a row`, {
    hint: 'Close the browser that uses this profile, or leave the file out with --exclude; nothing was committed.',
  });
}

/** Captures the content of a copy, with the metadata of the file itself from `scanned`. */
async function captureCopy(copy: string, scanned: ScannedEntry, old: FileEntry | undefined, options: Capturing): Promise<FileEntry> {
  const place: Place = { shown: copy, path: () => copy };
  const entry = lookAgain(place, scanned);
  const ids = entry?.size === scanned.size ? await readFile(place, entry, old, options) : undefined;
  if (ids !== undefined) return fileEntry(scanned, ids);
  throw new BrowserStateError('UNREADABLE', `${copy}: the copy of ${scanned.path} was changed or removed; nothing was committed`, {
    hint: 'Something else tidies up in the store: keep it away from there.',
  });
}

/**
 * Returns the concatenated blob ids of a file that need not be read, or undefined if the file must
 * be read. Shares the text with `old` if the ids are equal.
 */
export function knownIds(
  entry: ScannedEntry,
  { cache, sink }: Pick<CaptureOptions, 'cache' | 'sink'>,
  old?: FileEntry,
): string | undefined {
  const found = cache.lookup(entry);
  const cached = found === old?.ids ? old?.ids : found;
  return cached !== undefined && usesAll(sink, cached, entry.size) ? cached : undefined;
}

function usesAll(sink: BlobSink, ids: string, size: number): boolean {
  for (let i = 0; i < blobCount(size); i++) {
    if (!sink.use(blobId({ ids }, i), blobLength(size, i))) return false;
  }
  return true;
}

/**
 * Returns the concatenated blob ids of a file. Returns undefined if the file did not match `entry`
 * during the whole read.
 */
async function readFile(place: Place, entry: ScannedEntry, old: FileEntry | undefined, options: Capturing): Promise<string | undefined> {
  const file = ifThere(place.shown, () => openSync(place.path(), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
  if (file === undefined) return undefined;
  try {
    // A named pipe may have replaced the file.
    if (!fstatSync(file).isFile()) return undefined;
    const ids = await readChunks(file, entry, old, options);
    return ids !== undefined && isSame(entry, fstatSync(file, { bigint: true })) ? ids : undefined;
  } catch (error) {
    throw readFailure(place.shown, error);
  } finally {
    closeRead(file);
  }
}

async function readChunks(file: number, entry: ScannedEntry, old: FileEntry | undefined, options: Capturing): Promise<string | undefined> {
  const ids: ObjectId[] = [];
  let position = 0;
  while (position < entry.size) {
    throwIfAborted(options.signal);
    const block = await options.sink.reserve(Math.min(READ_SIZE, entry.size - position));
    if (!fill(file, position, block)) return undefined;
    for (let at = 0; at < block.length; at += CHUNK_SIZE) {
      ids.push(options.sink.add(block.subarray(at, at + CHUNK_SIZE), predecessor(old, ids.length, options.previous)));
    }
    position += block.length;
    if (position === entry.size) break;
    options.tell(entry.path, position);
    await yieldToEvents();
  }
  return ids.join('');
}

/** Fills the block from the file. Returns false if the file ends before the end of the block. */
function fill(file: number, position: number, block: Uint8Array): boolean {
  for (let filled = 0; filled < block.length; ) {
    const count = readSync(file, block, filled, block.length - filled, position + filled);
    if (count === 0) return false;
    filled += count;
  }
  return true;
}

function predecessor(old: FileEntry | undefined, index: number, manifest: Manifest | undefined): Predecessor | undefined {
  if (old === undefined || index >= blobCount(old.size)) return undefined;
  const id = blobId(old, index);
  const place = manifest?.blobs.get(id);
  return place && { id, place };
}

function lookAgain(place: Place, entry: ScannedEntry): ScannedEntry | undefined {
  const stats = ifThere(place.shown, () => lstatSync(place.path(), { bigint: true, throwIfNoEntry: false }));
  if (stats === undefined || !stats.isFile()) return undefined;
  return {
    path: entry.path,
    kind: 'file',
    size: Number(stats.size),
    mode: Number(stats.mode & 0o777n),
    mtimeNs: stats.mtimeNs,
    ctimeNs: stats.ctimeNs,
    ino: stats.ino,
  };
}

function isSame(entry: ScannedEntry, stats: BigIntStats): boolean {
  return BigInt(entry.size) === stats.size && entry.mtimeNs === stats.mtimeNs && entry.ctimeNs === stats.ctimeNs && entry.ino === stats.ino;
}

function fileEntry({ path, mode, mtimeNs, size }: ScannedEntry, ids: string): FileEntry {
  return { kind: 'file', path, mode, mtime: microseconds(mtimeNs), size, ids };
}
