/**
 * Trees: the canonical list of all entries of one profile (SPEC.md 3.1). Encoding is by column, so
 * that ids (which do not compress) and paths (which do) are apart. Decoding validates every rule
 * before it returns.
 */
import { compareUtf8, fromHex, fromUtf8, Reader, toHex, utf8, Writer } from '../base/bytes.js';
import { BrowserStateError, integrity, invariant } from '../base/errors.js';
import {
  CHUNK_SIZE,
  MAX_BLOBS,
  MAX_ENTRIES,
  MAX_FILE_SIZE,
  MAX_PATH_BYTES,
  MAX_SYMLINK_BYTES,
  MAX_TREE_PATH_BYTES,
} from '../base/limits.js';
import { ID_BYTES, ID_DIGITS, type ObjectId, objectId } from './object-id.js';
import { parentPath, pathProblem } from './path.js';

interface EntryBase {
  path: string;
  /** The low nine mode bits. */
  mode: number;
  /** Microseconds since 1970, UTC. */
  mtime: bigint;
}
export interface DirectoryEntry extends EntryBase {
  kind: 'directory';
}
export interface FileEntry extends EntryBase {
  kind: 'file';
  /** Number of bytes of the content. */
  size: number;
  /**
   * The concatenated ids of the file's blobs. A single blob's id is the same string as its key in
   * maps of blobs, so that a large tree has the string once.
   */
  ids: string;
}
export interface SymlinkEntry extends EntryBase {
  kind: 'symlink';
  target: string;
}
export type TreeEntry = DirectoryEntry | FileEntry | SymlinkEntry;

/** One profile's entries, sorted by the UTF-8 bytes of their paths. */
export type Tree = readonly TreeEntry[];

/** Maximum bytes of the kind, mode, time and size of a file in a tree's encoding. */
const FACTS_BYTES = 19;

const kinds = ['directory', 'file', 'symlink'] as const;

/** Returns the number of blobs of a file of `size` bytes. */
export function blobCount(size: number): number {
  return Math.ceil(size / CHUNK_SIZE);
}

/** Returns the bytes of the blob at `index` of a file of `size` bytes. */
export function blobLength(size: number, index: number): number {
  return Math.min(CHUNK_SIZE, size - index * CHUNK_SIZE);
}

/** Returns the id of the file's blob at `index`. */
export function blobId({ ids }: Pick<FileEntry, 'ids'>, index: number): ObjectId {
  return ids.slice(index * ID_DIGITS, (index + 1) * ID_DIGITS);
}

/**
 * Returns the distinct blobs of a tree with their lengths, in the order of first appearance
 * (SPEC.md 6). Throws INTEGRITY if one id has two lengths (R-BLOB): no content has both, so one of
 * the files would be written wrong.
 */
export function distinctBlobs(tree: Tree): Map<ObjectId, number> {
  const lengths = new Map<ObjectId, number>();
  for (const entry of tree) {
    if (entry.kind !== 'file') continue;
    for (let i = 0; i < blobCount(entry.size); i++) {
      const id = blobId(entry, i);
      const length = blobLength(entry.size, i);
      const known = lengths.get(id);
      if (known === undefined) lengths.set(id, length);
      else if (known !== length)
        throw integrity(`tree: expected one length of the blob ${id}, found ${known} bytes and, in ${quote(entry.path)}, ${length}`);
    }
  }
  return lengths;
}

/** Returns the number of files and the sum of their sizes. */
export function measureTree(tree: Tree): { files: number; bytes: number } {
  let files = 0;
  let bytes = 0;
  for (const entry of tree) {
    if (entry.kind !== 'file') continue;
    files++;
    bytes += entry.size;
  }
  return { files, bytes };
}

/** Returns the error for a directory that exceeds a limit of the format. */
export function tooLarge(why: string): BrowserStateError {
  return new BrowserStateError('UNREADABLE', `the directory is too large for one version: ${why}`, {
    hint: 'Leave out what the browser does not need with --exclude or .browserstateignore.',
  });
}

/**
 * Returns the canonical bytes of a tree whose entries are sorted and valid. Throws UNREADABLE for a
 * tree that exceeds a limit as a whole.
 */
export function encodeTree(tree: Tree): Uint8Array {
  const paths = new Writer().uint(tree.length);
  let previous: Uint8Array = new Uint8Array(0);
  let total = 0;
  for (const { path } of tree) {
    const bytes = utf8(path);
    const shared = sharedLength(previous, bytes);
    paths.uint(shared).sized(bytes.subarray(shared));
    previous = bytes;
    total += bytes.length;
  }
  if (total > MAX_TREE_PATH_BYTES) throw tooLarge(`its paths have ${total} bytes in all, more than ${MAX_TREE_PATH_BYTES}`);
  const blobs = tree.reduce((sum, entry) => sum + (entry.kind === 'file' ? blobCount(entry.size) : 0), 0);
  if (blobs > MAX_BLOBS) throw tooLarge(`its files have ${blobs} blobs of ${CHUNK_SIZE} bytes, more than ${MAX_BLOBS}`);
  const out = new Writer(paths.length + tree.length * FACTS_BYTES + blobs * ID_BYTES).bytes(paths.finish());
  for (const entry of tree) out.byte(kinds.indexOf(entry.kind));
  for (const { mode } of tree) out.byte(mode & 255).byte(mode >> 8);
  for (const { mtime } of tree) out.int64(mtime);
  for (const entry of tree) if (entry.kind === 'file') out.uint(entry.size);
  for (const entry of tree) if (entry.kind === 'symlink') out.text(entry.target);
  for (const entry of tree) {
    if (entry.kind !== 'file') continue;
    const ids = fromHex(entry.ids);
    invariant(ids?.length === blobCount(entry.size) * ID_BYTES, `${entry.path} has an id for each of its blobs`);
    out.bytes(ids);
  }
  return out.finish();
}

export function treeId(tree: Tree): ObjectId {
  return objectId('tree', encodeTree(tree));
}

/** Decodes and validates a tree. Throws INTEGRITY for any other bytes. */
export function decodeTree(bytes: Uint8Array): TreeEntry[] {
  const input = new Reader(bytes, 'tree');
  const count = input.uint(Math.min(MAX_ENTRIES, bytes.length));
  const paths = readPaths(input, count);
  const tags = input.bytes(count);
  const modes = input.bytes(2 * count);
  const mtimes = new Reader(input.bytes(8 * count), 'tree');
  // Whole columns are read first, so that each entry is created once, with all of its fields.
  const sizes = new Float64Array(count);
  for (const [i, tag] of tags.entries()) if (kinds[tag] === 'file') sizes[i] = input.uint(MAX_FILE_SIZE);
  const blobs = sizes.reduce((sum, size) => sum + blobCount(size), 0);
  if (blobs > MAX_BLOBS) throw integrity(`tree: expected at most ${MAX_BLOBS} blobs, found ${blobs}`);
  const targets = new Map<number, string>();
  for (const [i, tag] of tags.entries()) if (kinds[tag] === 'symlink') targets.set(i, readTarget(input, paths[i] as string));
  const tree = paths.map((path, i): TreeEntry => {
    const kind = kinds[tags[i] as number];
    const mode = (modes[2 * i] as number) + (modes[2 * i + 1] as number) * 256;
    const mtime = mtimes.int64();
    if (kind === undefined) throw integrity(`tree: expected a kind of 0 to 2 for ${quote(path)}, found ${tags[i]}`);
    if (mode > 0o777 || (kind === 'symlink' && mode !== 0o777))
      throw integrity(`tree: expected nine mode bits for ${quote(path)}, found ${mode}`);
    if (kind === 'directory') return { path, kind, mode, mtime };
    if (kind === 'symlink') return { path, kind, mode, mtime, target: targets.get(i) as string };
    const size = sizes[i] as number;
    return { path, kind, mode, mtime, size, ids: toHex(input.bytes(blobCount(size) * ID_BYTES)) };
  });
  input.end();
  checkParents(tree);
  return tree;
}

function readPaths(input: Reader, count: number): string[] {
  const paths: string[] = [];
  let previous: Uint8Array = new Uint8Array(0);
  let previousText = '';
  let total = 0;
  for (let i = 0; i < count; i++) {
    const shared = input.uint(previous.length);
    const rest = input.sized(MAX_PATH_BYTES);
    total += shared + rest.length;
    if (total > MAX_TREE_PATH_BYTES) throw integrity(`tree: expected paths of at most ${MAX_TREE_PATH_BYTES} bytes in all, found more`);
    const bytes = new Uint8Array(shared + rest.length);
    bytes.set(previous.subarray(0, shared));
    bytes.set(rest, shared);
    if (sharedLength(previous, bytes) !== shared) throw integrity(`tree: expected the longest shared prefix after ${quote(previousText)}`);
    const path = fromUtf8(bytes, 'path in a tree');
    const problem = pathProblem(path);
    if (problem !== undefined) throw integrity(`tree: expected a relative path, found ${quote(path)}: ${problem}`);
    if (i > 0 && compareUtf8(previousText, path) >= 0)
      throw integrity(`tree: expected rising paths, found ${quote(path)} after ${quote(previousText)}`);
    paths.push(path);
    previous = bytes;
    previousText = path;
  }
  return paths;
}

function readTarget(input: Reader, path: string): string {
  const target = input.text(MAX_SYMLINK_BYTES);
  if (target === '' || target.includes('\0')) throw integrity(`tree: expected a symlink target for ${quote(path)}, found ${quote(target)}`);
  return target;
}

function checkParents(tree: Tree): void {
  const directories = new Set(['']);
  for (const entry of tree) {
    const parent = parentPath(entry.path);
    if (!directories.has(parent)) throw integrity(`tree: expected a directory above ${quote(entry.path)}, found none`);
    if (entry.kind === 'directory') directories.add(entry.path);
  }
}

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  const limit = Math.min(a.length, b.length);
  let length = 0;
  while (length < limit && a[length] === b[length]) length++;
  return length;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
