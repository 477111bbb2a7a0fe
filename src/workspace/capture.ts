/**
 * Capture: turns a scanned directory into a tree, reading only what the stat cache does not vouch for (SPEC.md 11.4). Content goes
 * to a sink chunk by chunk; no file is ever held whole.
 */
import { type BigIntStats, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { compareUtf8 } from '../bytes.js';
import { BrowserStateError, throwIfAborted } from '../errors.js';
import { CHUNK_SIZE, MAX_CAPTURE_ATTEMPTS, READ_SIZE } from '../limits.js';
import { sameEntry } from '../object/diff.js';
import { parentPath } from '../object/path.js';
import { blobCount, blobId, blobLength, type FileEntry, type TreeEntry } from '../object/tree.js';
import { type ObjectId, objectId } from '../object-id.js';
import type { Predecessor } from '../repository/blob-writer.js';
import type { Manifest } from '../repository/manifest.js';
import { ifThere } from './directory.js';
import { readFailure } from './files.js';
import { Below, closeRead, type Name } from './handle.js';
import type { Scan } from './scan.js';
import type { ScannedEntry } from './scanned.js';
import type { StatCache } from './stat-cache.js';
import { microseconds } from './times.js';

type Capturing = CaptureOptions & {
  /** Called after each block of a file, with the bytes of it that were read so far. */
  tell: (path: string, read: number) => void;
  /** Returns where a file of the directory lies. */
  locate: (path: string) => Place;
};

/** A file by the path that errors show, and by one that leads through no symlink. */
interface Place {
  shown: string;
  /** Throws ENOENT, ENOTDIR or ELOOP if a directory above the file is none any more. */
  path(): Name;
}

/** Where chunks go: a BlobWriter to store them, or `hashOnly` to learn their ids. */
export interface BlobSink {
  /** Memory for the next bytes, which are then added as blobs. */
  reserve(length: number): Promise<Uint8Array>;
  /** The id of a blob that lies in what was reserved last. */
  add(bytes: Uint8Array, predecessor?: Predecessor): ObjectId;
  /** Whether the blob of that length can be had without its bytes. */
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
  /** Files and bytes done so far, and in all. */
  files: number;
  totalFiles: number;
  bytes: number;
  totalBytes: number;
}

export interface CaptureOptions {
  sink: BlobSink;
  /** What is known from earlier captures of the same directory. */
  cache: StatCache;
  /** Takes what this capture learns; undefined where nothing may be learnt (a live directory). */
  learn: StatCache | undefined;
  /** The version that the directory is likely to resemble. */
  previous: Manifest | undefined;
  /** Where files are read from that are not read where they lie, by path: copies of them, which nobody changes. */
  copies?: ReadonlyMap<string, string> | undefined;
  /** Told the directory, relative to the scanned one, of a file that is gone since the scan. */
  onVanished?: ((parent: string) => void) | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: CaptureProgress) => void) | undefined;
}

/**
 * Reads the scanned entries below `dir`, and takes each out of the scan, so that a large directory is not held twice. No symlink is
 * followed. Throws UNREADABLE naming the file that cannot be read or that keeps changing. A file that vanished since the scan is left
 * out.
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
    // Both are in the order of their paths.
    while (next < previous.length && compareUtf8((previous[next] as TreeEntry).path, entry.path) < 0) next++;
    const old = previous[next]?.path === entry.path ? previous[next] : undefined;
    // What two versions of a large directory share is held once, the text of a path as well.
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

/** The content of a copy, with what `scanned` says of the file itself. */
async function captureCopy(copy: string, scanned: ScannedEntry, old: FileEntry | undefined, options: Capturing): Promise<FileEntry> {
  const place: Place = { shown: copy, path: () => copy };
  const entry = lookAgain(place, scanned);
  const ids = entry?.size === scanned.size ? await readFile(place, entry, old, options) : undefined;
  if (ids !== undefined) return fileEntry(scanned, ids);
  throw new BrowserStateError('UNREADABLE', `${copy}: the copy of ${scanned.path} was changed or removed; nothing was committed`, {
    hint: 'Something else tidies up in the store: keep it away from there.',
  });
}

/** Returns the ids of the blobs of a file that need not be read; undefined if it must be. Text that `old` has already is not kept twice. */
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

/** Returns the ids of a file's blobs, one after the other; undefined if the file was not, or did not stay, what `entry` says. */
async function readFile(place: Place, entry: ScannedEntry, old: FileEntry | undefined, options: Capturing): Promise<string | undefined> {
  const file = ifThere(place.shown, () => openSync(place.path(), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
  if (file === undefined) return undefined;
  try {
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

/** Fills the block from the file; false where the file ends before. */
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
