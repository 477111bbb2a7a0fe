/**
 * Profile directories of Chromium that are to be committed without the user data directory above
 * them.
 */
import { dirname } from 'node:path';
import { BrowserStateError } from '../base/errors.js';
import type { Tree } from '../format/tree.js';
import { isLoneProfile } from './excludes.js';

/**
 * Throws SHRUNK for a profile that lacks the directory above it, which holds the key of its
 * cookies. Such a profile is committed if the caller allows it, or if the previous version lacks
 * that directory too.
 */
export function rejectLoneProfile(
  dir: string,
  previous: Tree | undefined,
  { allowPartialProfile }: { allowPartialProfile?: boolean | undefined },
): void {
  if (allowPartialProfile || (previous !== undefined && isLoneTree(previous))) return;
  const parent = dirname(dir);
  throw new BrowserStateError('SHRUNK', `${dir}: it is one profile of a browser, without the directory above it; nothing was committed`, {
    hint: `Name ${parent}, which the browser was started with; or say --allow-partial-profile (allowPartialProfile in the library).`,
    details: { path: dir, parent },
  });
}

/** Returns a warning for a version that is a profile without the directory above it. */
export function loneWarning(dir: string): string {
  return `${dir}: it is one profile of a browser, without the directory above it: the key of its cookies (Local State) is not in it`;
}

function isLoneTree(tree: Tree): boolean {
  const names = (isDirectory: boolean): Set<string> =>
    new Set(tree.flatMap(({ kind, path }) => ((kind === 'directory') === isDirectory && !path.includes('/') ? [path] : [])));
  return isLoneProfile(names(false), names(true), () => true);
}
