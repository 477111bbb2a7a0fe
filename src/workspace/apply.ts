/**
 * In-place checkout: changes a directory whose content is known from one tree into another, writing only what differs (SPEC.md R-OUT-6).
 * New content is written beside the directory first, so that little is left to do once the directory itself is touched.
 */
import { chmodSync, lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../host.js';
import { sameContent } from '../object/diff.js';
import { parentPath } from '../object/path.js';
import type { Tree, TreeEntry } from '../object/tree.js';
import { openStage } from './checkout.js';
import { ifSeen } from './directory.js';
import { errno, writeFailure } from './files.js';
import { Below, setMode } from './handle.js';
import { mark, unmark } from './marker.js';
import type { Pending, Workspace, WorkspaceRecord } from './record.js';
import { removeTree } from './remove.js';
import { undo } from './settle.js';
import { setTime } from './times.js';
import { type WriteOptions, writeTree } from './write-tree.js';

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
  const staging = await openStage(workspace, host);
  const { stage } = staging.pending;
  try {
    // Twins are staged although one of them stays as it is: a file system that cannot hold both says so before the directory is touched.
    await writeTree(stage, withParents([...wanted, ...twins(to)], to), { ...options, keepWritable: true });
  } catch (error) {
    await undo(staging);
    throw writeFailure(workspace.dir, error);
  }
  const pending: Pending = { ...staging.pending, phase: 'apply', next: applied };
  const applying = isOwned ? await workspace.write(workspace.record, pending) : staging.workspace;
  try {
    mark(workspace.dir);
    change(workspace.dir, stage, from, to, new Set(wanted));
    unmark(workspace.dir);
  } catch (error) {
    throw writeFailure(workspace.dir, error);
  }
  await removeTree(stage);
  return applying.write(record);
}

/** Returns the entries whose paths differ from another's in case or normalization alone: some file systems take them for one. */
function twins(tree: Tree): TreeEntry[] {
  const folded = (path: string): string => path.normalize('NFD').toUpperCase().toLowerCase().normalize('NFD');
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const name of tree.map(({ path }) => folded(path))) (seen.has(name) ? shared : seen).add(name);
  return shared.size === 0 ? [] : tree.filter(({ path }) => shared.has(folded(path)));
}

/** Changes the directory, without following a symlink that somebody puts in the place of a directory meanwhile. */
function change(root: string, stage: string, from: Tree, to: Tree, wanted: ReadonlySet<TreeEntry>): void {
  const dir = new Below(root);
  const staged = new Below(stage);
  try {
    changeBelow(dir, staged, from, to, wanted);
  } finally {
    dir.close();
    staged.close();
  }
  chmodSync(root, 0o700);
}

function changeBelow(dir: Below, staged: Below, from: Tree, to: Tree, wanted: ReadonlySet<TreeEntry>): void {
  const after = new Map(to.map((entry) => [entry.path, entry]));
  // Directories that their owner may not write to are opened for the change; those that stay get their mode at its end.
  for (const { kind, mode, path } of from) if (kind === 'directory' && (mode & 0o300) !== 0o300) setMode(dir.at(path), 0o700);
  for (const entry of [...from].reverse()) if (after.get(entry.path)?.kind !== entry.kind) remove(dir, entry);
  const before = new Map(from.map((entry) => [entry.path, entry]));
  for (const entry of to) {
    const { kind, path } = entry;
    if (kind === 'directory') makeDirectory(dir.at(path));
    else if (wanted.has(entry)) renameSync(staged.at(path), dir.at(path));
    else touch(dir.at(path), entry, before.get(path));
  }
  for (const { kind, path, mode, mtime } of [...to].reverse()) {
    if (kind !== 'directory') continue;
    setTime(dir.at(path), mtime);
    setMode(dir.at(path), mode);
  }
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

function touch(path: Buffer, entry: TreeEntry, old: TreeEntry | undefined): void {
  if (old?.mode === entry.mode && old.mtime === entry.mtime) return;
  setTime(path, entry.mtime);
  if (entry.kind !== 'symlink') setMode(path, entry.mode);
}

function remove(dir: Below, { kind, path }: TreeEntry): void {
  try {
    if (kind === 'directory') rmdirSync(dir.at(path));
    else unlinkSync(dir.at(path));
  } catch (error) {
    // Something that no version holds, or a mount, keeps the directory alive; it stays.
    if (!['ENOENT', 'ENOTEMPTY', 'EBUSY'].includes(errno(error) ?? '')) throw writeFailure(path, error);
  }
}

function makeDirectory(path: Buffer): void {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw error;
    if (lstatSync(path).isDirectory()) return;
    // A symlink that stands in a directory's place leads out of the profile: what belongs here must not be written there.
    unlinkSync(path);
    mkdirSync(path, 0o700);
  }
}

/** The entries and every directory above them, in the tree's order. */
function withParents(entries: readonly TreeEntry[], tree: Tree): Tree {
  const paths = new Set<string>();
  for (const entry of entries) for (let path = entry.path; path !== '' && !paths.has(path); path = parentPath(path)) paths.add(path);
  return tree.filter((entry) => paths.has(entry.path));
}
