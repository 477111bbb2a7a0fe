/** The difference of two trees, by path. */
import { compareUtf8 } from '../base/bytes.js';
import type { Tree, TreeEntry } from './tree.js';

export interface TreeDiff {
  /** Paths that only the second tree has. */
  added: string[];
  /** Paths that only the first tree has. */
  removed: string[];
  /** Paths with different content, kind, target or mode. */
  changed: string[];
}

/**
 * Compares two trees in one walk. Modification times alone make no difference (SPEC.md R-WRITE-4).
 */
export function diffTrees(from: Tree, to: Tree): TreeDiff {
  const diff: TreeDiff = { added: [], removed: [], changed: [] };
  let i = 0;
  let j = 0;
  while (i < from.length || j < to.length) {
    const a = from[i];
    const b = to[j];
    const order = a === undefined ? 1 : b === undefined ? -1 : compareUtf8(a.path, b.path);
    if (order < 0) diff.removed.push((a as TreeEntry).path);
    else if (order > 0) diff.added.push((b as TreeEntry).path);
    else if (!sameEntry(a as TreeEntry, b as TreeEntry)) diff.changed.push((b as TreeEntry).path);
    if (order <= 0) i++;
    if (order >= 0) j++;
  }
  return diff;
}

export function isEmptyDiff({ added, removed, changed }: TreeDiff): boolean {
  return added.length + removed.length + changed.length === 0;
}

/** Returns true if two entries of one path are equal except for their times. */
export function sameEntry(a: TreeEntry, b: TreeEntry): boolean {
  return a.kind === b.kind && a.mode === b.mode && sameContent(a, b);
}

/** Returns true if two entries of one path have equal content. Ignores their modes and times. */
export function sameContent(a: TreeEntry, b: TreeEntry): boolean {
  if (a.kind === 'file') return b.kind === 'file' && a.size === b.size && a.ids === b.ids;
  if (a.kind === 'symlink') return b.kind === 'symlink' && a.target === b.target;
  return b.kind === 'directory';
}
