/** The guard against committing a gutted directory over a good version: a failed download must never become the newest profile. */
import { BrowserStateError } from '../errors.js';
import { measureTree, type Tree } from '../object/tree.js';

/** A directory with less than this share of the files of the version before counts as gutted. */
const SHRUNK_SHARE = 0.1;
/** With at least this many files it is gutted by its share alone: of a small profile a tenth is next to nothing. */
const ENOUGH_FILES = 5;
const cookieStore = /^(?:[^/]+\/)?(?:Network\/)?Cookies$|^cookies\.sqlite$/;

/**
 * Throws SHRUNK where `next` holds nothing, lost its cookies, or lost nearly all files of `previous`. A part of a version whose record was lost looks
 * like that too.
 */
export function checkShrink(dir: string, previous: Tree | undefined, next: Tree): void {
  const problem = shrinkProblem(previous, next);
  if (problem === undefined) return;
  throw new BrowserStateError('SHRUNK', `${dir}: ${problem}; nothing was committed`, {
    hint: 'If the directory is right as it is, say so with --allow-shrink (allowShrink in the library).',
  });
}

function shrinkProblem(previous: Tree | undefined, next: Tree): string | undefined {
  const now = measureTree(next);
  if (now.files === 0) return 'it holds no files';
  if (previous === undefined) return undefined;
  const before = measureTree(previous);
  if (now.files < fewestFiles(before.files)) return `it holds ${now.files} files where the version before has ${before.files}`;
  const lost = previous.find(({ kind, path }) => kind === 'file' && cookieStore.test(path) && !next.some((entry) => entry.path === path));
  return lost && `it lost ${lost.path}, which the version before has`;
}

/** The fewest files that do not count as gutted: a tenth, but of a small profile half. */
function fewestFiles(before: number): number {
  return Math.min(before / 2, Math.max(ENOUGH_FILES, before * SHRUNK_SHARE));
}
