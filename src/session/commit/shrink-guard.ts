/** The guard against committing a broken directory over a good version: a failed download, or a full disk, must never become the newest profile. */
import { concat } from '../../base/bytes.js';
import { BrowserStateError, isError } from '../../base/errors.js';
import { CHUNK_SIZE } from '../../base/limits.js';
import type { ObjectId } from '../../format/object-id.js';
import { blobId, type FileEntry, measureTree, type Tree } from '../../format/tree.js';
import { type Format, isCookieStore, loginFormat } from '../../profile/login-files.js';

/** A directory with less than this share of the files of the version before is unexpectedly small. */
const SHRUNK_SHARE = 0.1;
/** With at least this many files it is so by its share alone: of a small profile a tenth is next to nothing. */
const ENOUGH_FILES = 5;

/** A version, and a way to read its blobs. */
export interface Readable {
  tree: Tree;
  read(id: ObjectId): Promise<Uint8Array>;
}

interface BrokenFile {
  path: string;
  problem: string;
}

/**
 * Throws SHRUNK if `next` holds nothing, lost its cookies or nearly all files of `previous`, or if a file that a login depends on
 * became empty, or was whole in `previous` and is broken now. A file that was broken before, or is new, loses nothing: it is committed.
 */
export async function checkShrink(dir: string, previous: Readable | undefined, next: Readable): Promise<void> {
  const problem = shrinkProblem(previous?.tree, next.tree);
  const broken = problem === undefined && previous !== undefined ? await brokenFiles(previous, next) : [];
  if (problem === undefined && broken.length === 0) return;
  const files = broken.map((file) => `${file.path} ${file.problem}`).join(', ');
  throw new BrowserStateError('SHRUNK', `${dir}: ${problem ?? `${files}, unlike in the version before`}; nothing was committed`, {
    hint: 'If the directory is right as it is, say so with --allow-shrink (allowShrink in the library); else restore the version before.',
    details: { path: dir, files: broken.map(({ path }) => path) },
  });
}

function shrinkProblem(previous: Tree | undefined, next: Tree): string | undefined {
  const now = measureTree(next);
  if (now.files === 0) return 'it holds no files';
  if (previous === undefined) return undefined;
  const before = measureTree(previous);
  if (now.files < fewestFiles(before.files)) return `it holds ${now.files} files, the version before has ${before.files}`;
  const lost = previous.find(({ kind, path }) => kind === 'file' && isCookieStore(path) && !next.some((entry) => entry.path === path));
  return lost && `it lost ${lost.path}, which the version before has`;
}

/** Returns the fewest files that are enough: a tenth, but of a small profile half. */
function fewestFiles(before: number): number {
  return Math.min(before / 2, Math.max(ENOUGH_FILES, before * SHRUNK_SHARE));
}

/** Looks only at files that changed; at the version before only if one is broken now. */
async function brokenFiles(previous: Readable, next: Readable): Promise<BrokenFile[]> {
  const wanted = new Set<string>();
  for (const { path } of next.tree)
    if (loginFormat(path) !== undefined) for (const suffix of ['', '-wal', '-journal']) wanted.add(path + suffix);
  const [before, now] = [filesOf(previous.tree, wanted), filesOf(next.tree, wanted)];
  const broken: BrokenFile[] = [];
  for (const [path, file] of now) {
    const format = loginFormat(path);
    const old = before.get(path);
    if (format === undefined || old === undefined || (old.size === file.size && old.ids === file.ids)) continue;
    const problem = await problemOf(next, now, file, format);
    const isLoss = problem !== undefined && (file.size === 0 ? old.size > 0 : await wasWhole(previous, before, old, format));
    if (isLoss) broken.push({ path, problem });
  }
  return broken;
}

/** Returns the files of the wanted paths: a large tree has few of them. */
function filesOf(tree: Tree, wanted: ReadonlySet<string>): Map<string, FileEntry> {
  const files = new Map<string, FileEntry>();
  for (const entry of tree) if (entry.kind === 'file' && wanted.has(entry.path)) files.set(entry.path, entry);
  return files;
}

async function problemOf(
  { read }: Readable,
  files: ReadonlyMap<string, FileEntry>,
  file: FileEntry,
  format: Format,
): Promise<string | undefined> {
  const [wal = 0, journal = 0] = ['wal', 'journal'].map((suffix) => files.get(`${file.path}-${suffix}`)?.size);
  const length = format.bytes(file.size);
  const blobs: Uint8Array[] = [];
  for (let i = 0; i * CHUNK_SIZE < length; i++) blobs.push(await read(blobId(file, i)));
  return format.problem({ size: file.size, start: concat(blobs).subarray(0, length), wal, journal });
}

/** Of a version that cannot be read any more nothing is known to be lost: a commit may be what replaces it. */
async function wasWhole(previous: Readable, files: ReadonlyMap<string, FileEntry>, file: FileEntry, format: Format): Promise<boolean> {
  try {
    return (await problemOf(previous, files, file, format)) === undefined;
  } catch (error) {
    if (!isError(error) || error.code === 'CANCELLED') throw error;
    return false;
  }
}
