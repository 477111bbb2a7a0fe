/**
 * In-place checkout: changes a directory whose content is known from one tree into another, writing only what differs (SPEC.md R-OUT-6).
 * New content is written beside the directory first, so that little is left to do once the directory itself is touched.
 */
import { chmodSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { BrowserStateError } from '../errors.js';
import type { Host } from '../host.js';
import { sameContent } from '../object/diff.js';
import { parentPath } from '../object/path.js';
import type { Tree, TreeEntry } from '../object/tree.js';
import { openStage } from './checkout.js';
import { ifSeen } from './directory.js';
import { errno, writeFailure } from './files.js';
import { Below, DirectoryHandle, setMode } from './handle.js';
import { mark, unmark } from './marker.js';
import { refuseMountsBelow } from './mount-points.js';
import type { Pending, Workspace, WorkspaceRecord } from './record.js';
import { removeTree } from './remove.js';
import { Reversible } from './reversible.js';
import { undo } from './settle.js';
import { type WriteOptions, writeTree } from './write-tree.js';

/** The parts of the stage: the new entries, and those that they replace until all is done. */
const FRESH = 'new';
const KEPT = 'old';

/**
 * A directory that has to become something else and holds what is not in `from`, such as caches that no version has; undefined where there is none. `dir`
 * holds `from` and other entries.
 */
export function findObstacle(dir: string, from: Tree, to: Tree): string | undefined {
  const known = new Set(from.map(({ path }) => path));
  const isKnown = (path: string): boolean => known.has(path) && namesIn(join(dir, path)).every((name) => isKnown(`${path}/${name}`));
  const inTheWay = ({ kind, path }: TreeEntry): boolean => kind !== 'directory' && isDirectory(join(dir, path)) && !isKnown(path);
  return to.find(inTheWay)?.path;
}

/**
 * Changes what `from` describes into `to`; paths in neither stay as they are. Where `from` is all that the directory holds (`isOwned`) the record
 * says so while it runs, and after a crash the directory is written anew as a whole; other work in it is never put at that risk. `record`
 * is what the record says afterwards, `applied` the version that `to` is of.
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
  refuseMountsBelow(workspace.dir, 'changed', (mount) => changed.some((path) => path === mount || path.startsWith(`${mount}/`)));
  const staging = await openStage(workspace, host);
  const { stage } = staging.pending;
  try {
    for (const part of [FRESH, KEPT]) mkdirSync(join(stage, part), 0o700);
    // Twins are staged although one of them stays as it is: a file system that cannot hold both says so before the directory is touched.
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

/** Returns the paths of entries that a change from one tree to the other makes, changes or removes. */
function changedPaths(from: Tree, to: Tree): string[] {
  const before = new Map(from.map((entry) => [entry.path, entry]));
  const kept = new Set(to.map(({ path }) => path));
  const isChanged = (entry: TreeEntry): boolean => {
    const old = before.get(entry.path);
    return !isSame(old, entry) || old?.mode !== entry.mode || (entry.kind !== 'directory' && old.mtime !== entry.mtime);
  };
  return [...to.filter(isChanged), ...from.filter(({ path }) => !kept.has(path))].map(({ path }) => path);
}

/** Returns the entries whose paths differ from another's in case or normalization alone: some file systems take them for one. */
function twins(tree: Tree): TreeEntry[] {
  const folded = (path: string): string => path.normalize('NFD').toUpperCase().toLowerCase().normalize('NFD');
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const name of tree.map(({ path }) => folded(path))) (seen.has(name) ? shared : seen).add(name);
  return shared.size === 0 ? [] : tree.filter(({ path }) => shared.has(folded(path)));
}

/** A change failed, and so did taking it back. */
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
 * Changes the directory, without following a symlink that somebody puts in the place of a directory meanwhile. After a failure it is as it
 * was, or else the error is a Mixture.
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
    if (changes.takeBack(from.filter(({ kind }) => kind === 'directory')) && isUnmarked(root)) throw error;
    throw new Mixture('the change was not taken back', { cause: error });
  } finally {
    for (const each of [dir, staged, kept]) each.close();
  }
}

function changeBelow(dir: Below, staged: Below, changes: Reversible, from: Tree, to: Tree, wanted: ReadonlySet<TreeEntry>): void {
  const after = new Map(to.map((entry) => [entry.path, entry]));
  // Directories that their owner may not write to are opened for the change; those that stay get their mode at its end.
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

/** The names in a directory, if it is one. */
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
    // Something that no version holds, or a mount, keeps the directory alive; it stays.
    if (!['ENOENT', 'ENOTEMPTY', 'EBUSY'].includes(errno(error) ?? '')) throw writeFailure(path, error);
  }
}

/** The entries and every directory above them, in the tree's order. */
function withParents(entries: readonly TreeEntry[], tree: Tree): Tree {
  const paths = new Set<string>();
  for (const entry of entries) for (let path = entry.path; path !== '' && !paths.has(path); path = parentPath(path)) paths.add(path);
  return tree.filter((entry) => paths.has(entry.path));
}
