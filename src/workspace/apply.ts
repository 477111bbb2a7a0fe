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
import type { Pending, Workspace, WorkspaceRecord } from './record.js';
import { removeTree } from './remove.js';
import { undo } from './settle.js';
import { setTime } from './times.js';
import { setDirectory, type WriteOptions, writeTree } from './write-tree.js';

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
    change(workspace.dir, stage, from, to, new Set(wanted));
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

function change(dir: string, stage: string, from: Tree, to: Tree, wanted: ReadonlySet<TreeEntry>): void {
  const after = new Map(to.map((entry) => [entry.path, entry]));
  // Directories that their owner may not write to are opened for the change; those that stay get their mode at its end.
  for (const entry of from) if (entry.kind === 'directory' && (entry.mode & 0o300) !== 0o300) chmodSync(join(dir, entry.path), 0o700);
  for (const entry of [...from].reverse()) if (after.get(entry.path)?.kind !== entry.kind) remove(join(dir, entry.path), entry);
  const before = new Map(from.map((entry) => [entry.path, entry]));
  for (const entry of to) {
    const path = join(dir, entry.path);
    if (entry.kind === 'directory') makeDirectory(path);
    else if (wanted.has(entry)) renameSync(join(stage, entry.path), path);
    else touch(path, entry, before.get(entry.path));
  }
  for (const entry of [...to].reverse()) if (entry.kind === 'directory') setDirectory(dir, entry);
  chmodSync(dir, 0o700);
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

function touch(path: string, entry: TreeEntry, old: TreeEntry | undefined): void {
  if (old?.mode === entry.mode && old.mtime === entry.mtime) return;
  setTime(path, entry.mtime);
  if (entry.kind !== 'symlink') chmodSync(path, entry.mode);
}

function remove(path: string, entry: TreeEntry): void {
  try {
    if (entry.kind === 'directory') rmdirSync(path);
    else unlinkSync(path);
  } catch (error) {
    // Something that no snapshot holds keeps the directory alive; it stays.
    if (errno(error) !== 'ENOENT' && errno(error) !== 'ENOTEMPTY') throw writeFailure(path, error);
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw writeFailure(path, error);
    if (lstatSync(path).isDirectory()) return;
    // A link that stands in a directory's place leads out of the profile: what belongs here must not be written there.
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
