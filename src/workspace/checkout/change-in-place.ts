/**
 * In-place checkout, which changes a directory with known content from one tree to another and
 * writes only the differences (SPEC.md R-OUT-6). New content is first staged next to the directory,
 * so that changing the directory itself is short.
 */
import { chmodSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BrowserStateError } from '../../base/errors.js';
import type { Host } from '../../base/host.js';
import { sameContent } from '../../format/diff.js';
import { parentPath } from '../../format/path.js';
import type { Tree, TreeEntry } from '../../format/tree.js';
import { errno, writeFailure } from '../../fs/errors.js';
import { Below, DirectoryHandle, setMode } from '../../fs/handle.js';
import { rejectMountsBelow } from '../../fs/mount-points.js';
import { ifSeen } from '../../fs/paths.js';
import { removeTree } from '../../fs/remove.js';
import { mark, unmark } from '../marker.js';
import type { Pending, Workspace, WorkspaceRecord } from '../workspace.js';
import { openStage } from './replace-directory.js';
import { Reversible } from './reversible.js';
import { undo } from './settle.js';
import { type WriteOptions, writeTree } from './write-tree.js';

/** The parts of the stage: the new entries, and the replaced ones until the change is complete. */
const FRESH = 'new';
const KEPT = 'old';

/**
 * Returns an entry of `dir` that is not in `from` and obstructs `to`, such as a cache that no
 * version holds. Returns undefined if there is none. `dir` holds `from` and other entries.
 */
export function findObstacle(dir: string, from: Tree, to: Tree): string | undefined {
  const known = new Set(from.map(({ path }) => path));
  const isKnown = (path: string): boolean => known.has(path) && namesIn(join(dir, path)).every((name) => isKnown(`${path}/${name}`));
  const inTheWay = ({ kind, path }: TreeEntry): boolean => kind !== 'directory' && isDirectory(join(dir, path)) && !isKnown(path);
  return to.find(inTheWay)?.path;
}

/**
 * Changes the entries of `from` into those of `to`. Keeps paths in neither tree. If the directory
 * holds nothing but `from` (`isOwned`), the record says so during the change, and a crash leads to
 * a complete rewrite. Other content is never put at that risk. `record` is the record afterwards;
 * `applied` is the version of `to`.
 */
export async function applyTree(
  workspace: Workspace,
  from: Tree,
  to: Tree,
  record: WorkspaceRecord | undefined,
  isOwned: boolean,
  applied: WorkspaceRecord,
  host: Pick<Host, 'random'>,
  options: WriteOptions,
): Promise<Workspace> {
  const before = new Map(from.map((entry) => [entry.path, entry]));
  const wanted = to.filter((entry) => entry.kind !== 'directory' && !isSame(before.get(entry.path), entry));
  const changed = changedPaths(from, to);
  rejectMountsBelow(workspace.dir, 'changed', (mount) => changed.some((path) => path === mount || path.startsWith(`${mount}/`)));
  const staging = await openStage(workspace, host);
  const { stage } = staging.pending;
  try {
    for (const part of [FRESH, KEPT]) mkdirSync(join(stage, part), 0o700);
    // Twins are staged even if one of them is unchanged. A file system that cannot hold both then
    // fails before the directory is touched.
    await writeTree(join(stage, FRESH), withParents([...wanted, ...twins(to)], to), { ...options, keepWritable: true });
  } catch (error) {
    await undo(staging);
    throw writeFailure(workspace.dir, error);
  }
  const pending: Pending = { ...staging.pending, phase: 'apply', next: applied };
  const applying = isOwned ? await workspace.write(workspace.record, pending) : staging.workspace;
  try {
    change(workspace.dir, stage, from, to, new Set(wanted));
  } catch (error) {
    if (!(error instanceof Mixture)) await undo(staging);
    else if (!isOwned) await workspace.write(workspace.record, workspace.pending);
    throw error instanceof Mixture ? mixed(workspace.dir, stage, error.cause) : writeFailure(workspace.dir, error);
  }
  await removeTree(stage);
  return applying.write(record);
}

/** Returns the paths that a change from one tree to the other adds, changes or removes. */
function changedPaths(from: Tree, to: Tree): string[] {
  const before = new Map(from.map((entry) => [entry.path, entry]));
  const kept = new Set(to.map(({ path }) => path));
  const isChanged = (entry: TreeEntry): boolean => {
    const old = before.get(entry.path);
    return !isSame(old, entry) || old?.mode !== entry.mode || (entry.kind !== 'directory' && old.mtime !== entry.mtime);
  };
  return [...to.filter(isChanged), ...from.filter(({ path }) => !kept.has(path))].map(({ path }) => path);
}

/**
 * Returns the entries whose paths differ only in case or normalization, which some file systems do
 * not distinguish.
 */
function twins(tree: Tree): TreeEntry[] {
  const folded = (path: string): string => path.normalize('NFD').toUpperCase().toLowerCase().normalize('NFD');
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const name of tree.map(({ path }) => folded(path))) (seen.has(name) ? shared : seen).add(name);
  return shared.size === 0 ? [] : tree.filter(({ path }) => shared.has(folded(path)));
}

/** A failed change that could not be undone. */
class Mixture extends Error {}

function mixed(dir: string, stage: string, cause: unknown): BrowserStateError {
  const kept = join(stage, KEPT);
  const isKept = namesIn(kept).length > 0;
  return new BrowserStateError('DIRTY', `${dir}: could not be changed nor put back: ${errno(cause)}; it holds parts of two versions`, {
    hint: `\`browserstate restore ${dir}\` finishes it once that is mended.${isKept ? ` Parts of what it held lie in ${kept}.` : ''}`,
    details: { dir, leftovers: isKept ? [{ path: kept, holds: 'the former content' }] : [] },
    cause,
  });
}

/**
 * Changes the directory. Does not follow a symlink that replaces a directory meanwhile. Restores
 * the directory on failure. Throws Mixture if restoring fails too.
 */
function change(root: string, stage: string, from: Tree, to: Tree, wanted: ReadonlySet<TreeEntry>): void {
  const dir = new Below(root);
  const staged = new Below(join(stage, FRESH));
  const kept = DirectoryHandle.open(join(stage, KEPT));
  const changes = new Reversible(dir, kept);
  try {
    mark(root);
    changeBelow(dir, staged, changes, from, to, wanted);
    chmodSync(root, 0o700);
    unmark(root);
  } catch (error) {
    if (changes.undo(from.filter(({ kind }) => kind === 'directory')) && isUnmarked(root)) throw error;
    throw new Mixture('the change was not undone', { cause: error });
  } finally {
    for (const each of [dir, staged, kept]) each.close();
  }
}

function changeBelow(dir: Below, staged: Below, changes: Reversible, from: Tree, to: Tree, wanted: ReadonlySet<TreeEntry>): void {
  const after = new Map(to.map((entry) => [entry.path, entry]));
  // Makes directories writable for the change. Directories that remain get their mode at its end.
  for (const { kind, mode, path } of from) if (kind === 'directory' && (mode & 0o300) !== 0o300) setMode(dir.at(path), 0o700);
  for (const entry of [...from].reverse()) if (after.get(entry.path)?.kind !== entry.kind) remove(changes, entry);
  const before = new Map(from.map((entry) => [entry.path, entry]));
  for (const entry of to) {
    const { kind, path } = entry;
    const old = before.get(path);
    if (kind === 'directory') changes.makeDirectory(path);
    else if (wanted.has(entry)) changes.moveIn(staged.at(path), path);
    else if (old?.mode !== entry.mode || old.mtime !== entry.mtime) changes.touch(path, entry);
  }
  for (const entry of [...to].reverse()) if (entry.kind === 'directory') changes.touch(entry.path, entry);
}

function isUnmarked(root: string): boolean {
  return (
    ifSeen(() => {
      unmark(root);
      return true;
    }) ?? false
  );
}

function isDirectory(path: string): boolean {
  return ifSeen(() => lstatSync(path).isDirectory()) ?? false;
}

/** Returns the names in a directory. Returns no names if the path is not a directory. */
function namesIn(path: string): string[] {
  return isDirectory(path) ? readdirSync(path) : [];
}

function isSame(old: TreeEntry | undefined, entry: TreeEntry): boolean {
  return old !== undefined && sameContent(old, entry);
}

function remove(changes: Reversible, { kind, path }: TreeEntry): void {
  try {
    if (kind === 'directory') changes.removeDirectory(path);
    else changes.remove(path);
  } catch (error) {
    // The directory is kept if it holds entries of no version, or is a mount point.
    if (!['ENOENT', 'ENOTEMPTY', 'EBUSY'].includes(errno(error) ?? '')) throw writeFailure(path, error);
  }
}

/** Returns the entries and all directories above them, in the order of the tree. */
function withParents(entries: readonly TreeEntry[], tree: Tree): Tree {
  const paths = new Set<string>();
  for (const entry of entries) for (let path = entry.path; path !== '' && !paths.has(path); path = parentPath(path)) paths.add(path);
  return tree.filter((entry) => paths.has(entry.path));
}
