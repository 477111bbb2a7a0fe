/** The guard against committing a broken directory, such as one after a failed download. */
import { concat } from '../../base/bytes.js';
import { BrowserStateError, isError } from '../../base/errors.js';
import { CHUNK_SIZE } from '../../base/limits.js';
import { diffTrees, sameContent } from '../../format/diff.js';
import type { ObjectId } from '../../format/object-id.js';
import { blobId, type FileEntry, measureTree, type Tree } from '../../format/tree.js';
import { type Format, isCookieStore, loginFormat } from '../../profile/login-files.js';

/** A directory with a smaller share of the files of the previous version is unexpectedly small, */
const SHRUNK_SHARE = 0.1;
/** unless it has this many files: a tenth of a small profile is next to nothing. */
const ENOUGH_FILES = 5;

/** A version, and a way to read its blobs. */
export interface Readable {
  tree: Tree;
  read(id: ObjectId): Promise<Uint8Array>;
}

/** Throws SHRUNK if `next` has no files, or has lost its cookies, most files, or a login file. */
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
  const fewest = Math.min(before.files / 2, Math.max(ENOUGH_FILES, before.files * SHRUNK_SHARE));
  if (now.files < fewest) return `it holds ${now.files} files, the version before has ${before.files}`;
  const lost = previous.find(({ kind, path }) => kind === 'file' && isCookieStore(path) && !next.some((entry) => entry.path === path));
  return lost && `it lost ${lost.path}, which the version before has`;
}

/** Returns the login files that have changed and are broken, unlike in `previous`. */
async function brokenFiles(previous: Readable, next: Readable): Promise<{ path: string; problem: string }[]> {
  const broken: { path: string; problem: string }[] = [];
  const logins = diffTrees(previous.tree, next.tree).changed.filter((path) => loginFormat(path) !== undefined);
  if (logins.length === 0) return broken;
  const wanted = new Set(logins.flatMap((path) => ['', '-wal', '-journal'].map((suffix) => path + suffix)));
  const [before, now] = [filesOf(previous.tree, wanted), filesOf(next.tree, wanted)];
  for (const [path, file] of now) {
    const format = loginFormat(path);
    const old = before.get(path);
    if (format === undefined || old === undefined || sameContent(old, file)) continue;
    const problem = await problemOf(next, now, file, format);
    if (problem === undefined) continue;
    // A previous version that cannot be read loses nothing: the commit may replace it.
    const wasBroken = async () =>
      problemOf(previous, before, old, format).catch((error: unknown) => {
        if (!isError(error) || error.code === 'CANCELLED') throw error;
        return 'it cannot be read';
      });
    const isLoss = file.size === 0 ? old.size > 0 : (await wasBroken()) === undefined;
    if (isLoss) broken.push({ path, problem });
  }
  return broken;
}

function filesOf(tree: Tree, wanted: ReadonlySet<string>): Map<string, FileEntry> {
  return new Map(tree.flatMap((entry) => (entry.kind === 'file' && wanted.has(entry.path) ? [[entry.path, entry]] : [])));
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
