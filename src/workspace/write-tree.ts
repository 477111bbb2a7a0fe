/**
 * Writes a tree's entries into a directory that holds none of them yet (SPEC.md 11.3). Blobs are read ahead, verified, and written in
 * order; a file's mode and times are set before it is closed, a directory's after its content.
 */
import { chmodSync, closeSync, fchmodSync, mkdirSync, openSync, symlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { readAhead } from '../concurrency.js';
import { invariant, throwIfAborted } from '../errors.js';
import { BLOBS_AHEAD } from '../limits.js';
import { blobCount, blobId, type FileEntry, type Tree, type TreeEntry } from '../object/tree.js';
import type { ObjectId } from '../object-id.js';
import { compareFrames } from '../pack/locator.js';
import type { BlobReader } from '../repository/blob-reader.js';
import type { BlobPlace } from '../repository/manifest.js';
import { writeFailure } from './files.js';
import { setTime } from './times.js';

export interface WriteProgress {
  path: string;
  /** Files and bytes done so far, and in all. */
  files: number;
  totalFiles: number;
  bytes: number;
  totalBytes: number;
}

export interface WriteOptions {
  reader: BlobReader;
  blobs: ReadonlyMap<ObjectId, BlobPlace>;
  /** Leaves directories writable, for entries that are to be moved out of them. */
  keepWritable?: boolean;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: WriteProgress) => void) | undefined;
}

/**
 * Writes the entries below `root`, which exists. Throws INTEGRITY where a blob is not what its id says, NO_SPACE, FORBIDDEN or UNSUPPORTED (a name
 * that the file system cannot hold) where writing fails; what was written by then stays, for the caller to remove.
 */
export async function writeTree(root: string, tree: Tree, options: WriteOptions): Promise<void> {
  for (const entry of tree) if (entry.kind !== 'file') attempt(entry, () => writePlain(join(root, entry.path), entry));
  await writeFiles(root, inOrderOfPlace(tree, options.blobs), options);
  if (options.keepWritable) return;
  for (const entry of [...tree].reverse()) if (entry.kind === 'directory') attempt(entry, () => setDirectory(root, entry));
}

/** The files in the order in which their bytes lie in packs, so that what is fetched for one is still there for its neighbours. */
function inOrderOfPlace(tree: Tree, blobs: WriteOptions['blobs']): FileEntry[] {
  const files = tree.filter((entry) => entry.kind === 'file');
  const placed = files.map((file) => ({ file, frame: file.size === 0 ? undefined : blobs.get(blobId(file, 0))?.location.frame }));
  placed.sort((a, b) =>
    a.frame && b.frame ? compareFrames(a.frame, b.frame) : Number(a.frame !== undefined) - Number(b.frame !== undefined),
  );
  return placed.map(({ file }) => file);
}

/** Gives a directory the mode and time of its entry. */
export function setDirectory(root: string, entry: TreeEntry): void {
  const path = join(root, entry.path);
  setTime(path, entry.mtime);
  chmodSync(path, entry.mode);
}

function writePlain(path: string, entry: TreeEntry): void {
  if (entry.kind === 'directory') {
    mkdirSync(path, 0o700);
    return;
  }
  invariant(entry.kind === 'symlink', 'what is neither file nor directory is a symlink');
  symlinkSync(entry.target, path);
  setTime(path, entry.mtime);
}

async function writeFiles(root: string, files: readonly FileEntry[], options: WriteOptions): Promise<void> {
  const total = { totalFiles: files.length, totalBytes: files.reduce((sum, { size }) => sum + size, 0) };
  const done = { files: 0, bytes: 0 };
  options.reader.plan(places(files, options.blobs));
  const open = new OpenFile(root);
  try {
    // A file without blobs is one item without content.
    for await (const { file, last, content } of readAhead(items(files), BLOBS_AHEAD, (item) => load(item, options))) {
      throwIfAborted(options.signal);
      attempt(file, () => open.write(file, content, last));
      done.bytes += content.length;
      if (last) done.files++;
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

function* items(files: readonly FileEntry[]): Generator<Item> {
  for (const file of files) {
    const count = Math.max(1, blobCount(file.size));
    for (let index = 0; index < count; index++) yield { file, index, last: index === count - 1 };
  }
}

async function load(
  { file, index, last }: Item,
  { reader, blobs }: WriteOptions,
): Promise<{ file: FileEntry; last: boolean; content: Uint8Array }> {
  if (file.size === 0) return { file, last, content: new Uint8Array(0) };
  const id = blobId(file, index);
  return { file, last, content: await reader.read(id, blobs.get(id) as BlobPlace) };
}

function* places(files: readonly FileEntry[], blobs: ReadonlyMap<ObjectId, BlobPlace>): Generator<BlobPlace> {
  for (const file of files) for (let i = 0; i < blobCount(file.size); i++) yield blobs.get(blobId(file, i)) as BlobPlace;
}

/** The file that is being written: at most one at a time. */
class OpenFile {
  readonly #root: string;
  #descriptor: number | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  write(file: FileEntry, content: Uint8Array, last: boolean): void {
    const path = join(this.#root, file.path);
    this.#descriptor ??= openSync(path, 'wx', 0o600);
    for (let at = 0; at < content.length; ) at += writeSync(this.#descriptor, content, at);
    if (!last) return;
    setTime(path, file.mtime);
    fchmodSync(this.#descriptor, file.mode);
    this.abandon();
  }

  abandon(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

function attempt(entry: TreeEntry, action: () => void): void {
  try {
    action();
  } catch (error) {
    throw writeFailure(entry.path, error);
  }
}
