/**
 * Partial checkouts: the entries that such a directory may have changed, and their merge with the
 * base.
 */
import { compareUtf8 } from '../../base/bytes.js';
import { parentPath } from '../../format/path.js';
import type { Tree, TreeEntry } from '../../format/tree.js';
import { matcher } from './filter.js';
import type { Scan } from './scan.js';

/**
 * Returns the entries that a partial checkout may have changed, with the directories above them.
 */
export function within(found: Scan, only: string[]): Scan {
  const matches = matcher(only);
  const parents = new Set<string>();
  for (const { path } of found.entries) if (matches(path)) for (let up = parentPath(path); up !== ''; up = parentPath(up)) parents.add(up);
  return { ...found, entries: found.entries.filter(({ path }) => matches(path) || parents.has(path)) };
}

/** Returns the base, with everything that `only` names replaced by the content of the directory. */
export function overlay(base: Tree, captured: Tree, only: string[]): TreeEntry[] {
  const matches = matcher(only);
  const entries = new Map(base.filter(({ path }) => !matches(path)).map((entry) => [entry.path, entry]));
  // A captured entry that is not named is a directory above a named entry.
  for (const entry of captured) if (matches(entry.path) || entries.get(entry.path)?.kind !== 'directory') entries.set(entry.path, entry);
  return [...entries.values()].sort((a, b) => compareUtf8(a.path, b.path));
}
