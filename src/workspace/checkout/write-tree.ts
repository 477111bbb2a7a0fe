/**
 * A writer of the entries of a tree into a directory that holds none of them yet (SPEC.md 11.3).
 * Blobs are read ahead, verified and written in order. A file gets its mode and times before it is
 * closed, and a directory after its content. Blobs of zeros become holes.
 */
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  statfsSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { readAhead } from '../../base/concurrency.js';
import { BrowserStateError, integrity, invariant, throwIfAborted } from '../../base/errors.js';
import { BLOBS_AHEAD, CHUNK_SIZE, PAGE_SIZE } from '../../base/limits.js';
import { compareFrames } from '../../format/locator.js';
import type { BlobPlace } from '../../format/manifest.js';
import { ID_DIGITS, type ObjectId, objectId } from '../../format/object-id.js';
import { blobCount, blobId, blobLength, type FileEntry, type Tree, type TreeEntry } from '../../format/tree.js';
import { writeFailure } from '../../fs/errors.js';
import { setTime } from '../../fs/times.js';
import type { BlobReader } from '../../repository/read/blob-reader.js';
import type { StatCache } from '../capture/stat-cache.js';
import { openedMode } from '../opened.js';

export interface WriteProgress {
  path: string;
  /** Files and bytes done so far, and in total. */
  files: number;
  totalFiles: number;
  bytes: number;
  totalBytes: number;
}

export interface WriteOptions {
  reader: BlobReader;
  blobs: ReadonlyMap<ObjectId, BlobPlace>;
  /** Keeps directories writable, for entries that are to be moved out of them. */
  keepWritable?: boolean;
  /** Makes every file and directory writable for the owner, overriding the version's modes. */
  opened?: boolean | undefined;
  /**
   * Records each written file by the descriptor that wrote it, since another file may be at its
   * path by then.
   */
  learn?: StatCache | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: WriteProgress) => void) | undefined;
}

/**
 * Writes the entries below `root`, which exists. Throws NO_SPACE before the first byte if the disk
 * is too small. Throws INTEGRITY before the first byte if a blob's length does not match its part
 * of a file. Throws INTEGRITY if a blob does not match its id, and NO_SPACE, FORBIDDEN or
 * UNSUPPORTED if writing fails. The caller removes the entries that were written by then.
 */
export async function writeTree(root: string, tree: Tree, options: WriteOptions): Promise<void> {
  requireSpace(root, requireLengths(tree, options.blobs));
  for (const entry of tree) if (entry.kind !== 'file') attempt(entry, () => writePlain(join(root, entry.path), entry));
  await writeFiles(root, inOrderOfPlace(tree, options.blobs), options);
  if (options.keepWritable) return;
  const { opened = false } = options;
  for (const entry of [...tree].reverse()) if (entry.kind === 'directory') attempt(entry, () => setDirectory(root, entry, opened));
}

/**
 * Returns the files in the order of their bytes in packs, so that data fetched for one file serves
 * the next files.
 */
function inOrderOfPlace(tree: Tree, blobs: WriteOptions['blobs']): FileEntry[] {
  const files = tree.filter((entry) => entry.kind === 'file');
  const placed = files.map((file) => ({ file, frame: file.size === 0 ? undefined : blobs.get(blobId(file, 0))?.location.frame }));
  placed.sort((a, b) =>
    a.frame && b.frame ? compareFrames(a.frame, b.frame) : Number(a.frame !== undefined) - Number(b.frame !== undefined),
  );
  return placed.map(({ file }) => file);
}

/** Sets the mode and time of a directory to those of its entry. */
function setDirectory(root: string, entry: TreeEntry, opened: boolean): void {
  const path = join(root, entry.path);
  setTime(path, entry.mtime);
  chmodSync(path, opened ? openedMode(entry) : entry.mode);
}

function writePlain(path: string, entry: TreeEntry): void {
  if (entry.kind === 'directory') {
    mkdirSync(path, 0o700);
    return;
  }
  invariant(entry.kind === 'symlink', 'an entry that is no file or directory is a symlink');
  symlinkSync(entry.target, path);
  setTime(path, entry.mtime);
}

async function writeFiles(root: string, files: readonly FileEntry[], options: WriteOptions): Promise<void> {
  const total = { totalFiles: files.length, totalBytes: files.reduce((sum, { size }) => sum + size, 0) };
  const done = { files: 0, bytes: 0 };
  let before = 0;
  options.reader.plan(places(files, options.blobs));
  const open = new OpenFile(root, options);
  try {
    // A file without blobs is one item without content.
    for await (const { file, index, last, content } of readAhead(items(files), BLOBS_AHEAD, (item) => load(item, options))) {
      throwIfAborted(options.signal);
      attempt(file, () => open.write(file, content, index * CHUNK_SIZE));
      // Holes count as written.
      done.bytes = before + (last ? file.size : index * CHUNK_SIZE + content.length);
      if (last) {
        attempt(file, () => open.finish(file));
        done.files++;
        before += file.size;
      }
      options.onProgress?.({ path: file.path, ...done, ...total });
    }
  } finally {
    open.abandon();
  }
}

interface Item {
  file: FileEntry;
  index: number;
  last: boolean;
}

/**
 * Yields the blobs to be written. Includes the last blob of each file, even a hole, so that the
 * file is created and closed.
 */
function* items(files: readonly FileEntry[]): Generator<Item> {
  for (const file of files) {
    const last = Math.max(0, blobCount(file.size) - 1);
    for (let index = 0; index < last; index++) if (!isHole(file, index)) yield { file, index, last: false };
    yield { file, index: last, last: true };
  }
}

async function load({ file, index, last }: Item, { reader, blobs }: WriteOptions): Promise<Item & { content: Uint8Array }> {
  if (file.size === 0 || isHole(file, index)) return { file, index, last, content: new Uint8Array(0) };
  const id = blobId(file, index);
  return { file, index, last, content: await reader.read(id, blobs.get(id) as BlobPlace) };
}

function* places(files: readonly FileEntry[], blobs: ReadonlyMap<ObjectId, BlobPlace>): Generator<BlobPlace> {
  for (const file of files)
    for (let i = 0; i < blobCount(file.size); i++) if (!isHole(file, i)) yield blobs.get(blobId(file, i)) as BlobPlace;
}

let zeroId: ObjectId | undefined;

/** Returns whether the blob is a whole chunk of zeros, by its id alone. */
function isHole({ ids, size }: FileEntry, index: number): boolean {
  zeroId ??= objectId('blob', new Uint8Array(CHUNK_SIZE));
  return blobLength(size, index) === CHUNK_SIZE && ids.startsWith(zeroId, index * ID_DIGITS);
}

/**
 * Returns the bytes that the tree needs on disk. Throws INTEGRITY if a blob's length does not match
 * its part of a file.
 */
function requireLengths(tree: Tree, blobs: WriteOptions['blobs']): number {
  let needed = 0;
  for (const entry of tree) {
    if (entry.kind !== 'file') continue;
    for (let i = 0; i < blobCount(entry.size); i++) {
      if (isHole(entry, i)) continue;
      const expected = blobLength(entry.size, i);
      const found = blobs.get(blobId(entry, i))?.length;
      if (found !== expected) throw integrity(`${entry.path}: expected a blob of ${expected} bytes at ${i * CHUNK_SIZE}, found ${found}`);
      needed += Math.ceil(expected / PAGE_SIZE) * PAGE_SIZE;
    }
  }
  return needed;
}

/** Throws NO_SPACE unless the file system of `root` has that many bytes free for this user. */
function requireSpace(root: string, needed: number): void {
  const { bavail, bsize, blocks } = statfsSync(root);
  // Some network file systems report no numbers.
  if (blocks === 0 || needed <= bavail * bsize) return;
  throw new BrowserStateError('NO_SPACE', `${root}: the version needs ${needed} bytes, and ${bavail * bsize} are free`, {
    hint: 'Free some space on that disk, or choose a directory on another one; nothing was changed.',
    details: { needed, available: bavail * bsize },
  });
}

/** The file being written: at most one at a time. */
class OpenFile {
  readonly #root: string;
  readonly #learn: StatCache | undefined;
  readonly #opened: boolean;
  #descriptor: number | undefined;

  constructor(root: string, { learn, opened = false }: WriteOptions) {
    this.#root = root;
    this.#learn = learn;
    this.#opened = opened;
  }

  /** Writes the bytes at their position. Unwritten parts before the position become holes. */
  write(file: FileEntry, content: Uint8Array, position: number): void {
    this.#descriptor ??= openSync(join(this.#root, file.path), 'wx', 0o600);
    for (let at = 0; at < content.length; ) at += writeSync(this.#descriptor, content, at, content.length - at, position + at);
  }

  /**
   * Sets the file's metadata and closes the file. Throws INTEGRITY if its size does not match its
   * entry.
   */
  finish(file: FileEntry): void {
    const descriptor = this.#descriptor as number;
    if (file.size > 0 && isHole(file, blobCount(file.size) - 1)) ftruncateSync(descriptor, file.size);
    const { size } = fstatSync(descriptor);
    if (size !== file.size) throw integrity(`${file.path}: expected a file of ${file.size} bytes, found ${size}`);
    setTime(join(this.#root, file.path), file.mtime);
    fchmodSync(descriptor, this.#opened ? openedMode(file) : file.mode);
    this.#learn?.recordWritten(file, fstatSync(descriptor, { bigint: true }));
    this.abandon();
  }

  /**
   * Closes the file, once: after a close that fails, the number may already be that of another
   * file.
   */
  abandon(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function attempt(entry: TreeEntry, action: () => void): void {
  try {
    action();
  } catch (error) {
    throw writeFailure(entry.path, error);
  }
}
