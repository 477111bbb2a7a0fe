/**
 * Checkout, which writes a tree to a directory (SPEC.md 11.3). The tree is staged next to the
 * directory and renamed into place. The record notes each step before it begins, so that the next
 * operation finishes or undoes an interrupted checkout.
 */
import { chmodSync, lstatSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { toHex } from '../../base/bytes.js';
import { BrowserStateError } from '../../base/errors.js';
import type { Host } from '../../base/host.js';
import type { Tree } from '../../format/tree.js';
import { errno, makeDirectorySync, writeFailure } from '../../fs/errors.js';
import { isMountPoint, rejectMountsBelow, systemEntries } from '../../fs/mount-points.js';
import { removeTree, requireRemovable } from '../../fs/remove.js';
import { MARKER, mark } from '../marker.js';
import type { Pending, Workspace, WorkspaceRecord } from '../workspace.js';
import { between, identityOf, moveEntries } from './exchange.js';
import { type Changing, finish, settleClear, settleSwap, undo } from './settle.js';
import { type WriteOptions, writeTree } from './write-tree.js';

/** Prefix of names that a checkout creates next to or in a directory. */
const RESERVED_PREFIX = '.browserstate-';

/** Returns the state of the path of a directory. Throws USAGE for anything except a directory. */
export function directoryState(dir: string): 'absent' | 'empty' | 'occupied' {
  try {
    return namesIn(dir).length === 0 ? 'empty' : 'occupied';
  } catch (error) {
    if (errno(error) === 'ENOENT') return 'absent';
    if (errno(error) === 'ENOTDIR')
      throw new BrowserStateError('USAGE', `${dir}: expected a directory, found something else`, { hint: 'Name another directory.' });
    throw writeFailure(dir, error);
  }
}

/** Returns the names in a directory, except those that the file system keeps in its root. */
function namesIn(dir: string): Buffer[] {
  const names = readdirSync(dir, { encoding: 'buffer' });
  const isSystem = (name: Buffer): boolean => systemEntries.has(String(name));
  return names.some(isSystem) && isMountPoint(dir) ? names.filter((name) => !isSystem(name)) : names;
}

export interface PlaceOptions extends WriteOptions {
  /** Keeps the directory itself and replaces its entries. */
  keepDirectory?: boolean | undefined;
}

/**
 * Makes the workspace's directory hold exactly `tree`, regardless of its former content. On failure
 * the directory is unchanged. Throws FORBIDDEN or USAGE before the first change if an entry cannot
 * be removed, or if there is a mount point below the directory.
 */
export async function placeTree(
  workspace: Workspace,
  tree: Tree,
  record: WorkspaceRecord,
  host: Pick<Host, 'random'>,
  { keepDirectory = false, ...options }: PlaceOptions,
): Promise<Workspace> {
  const { dir } = workspace;
  makeParent(dir);
  const present = directoryState(dir) !== 'absent';
  if (present) {
    rejectMountsBelow(dir, 'removed');
    await requireRemovable(dir, namesIn(dir));
  }
  const staging = await openStage(workspace, host);
  const { stage } = staging.pending;
  try {
    await writeTree(stage, tree, options);
    // From this time of the file system on, only other programs write to the former content.
    chmodSync(stage, 0o700);
  } catch (error) {
    await undo(staging);
    throw writeFailure(dir, error);
  }
  const since = String(lstatSync(stage, { bigint: true }).ctimeNs);
  const complete = { workspace: staging.workspace, pending: { ...staging.pending, next: record, fresh: identityOf(stage), since } };
  return dirname(stage) === dir || (keepDirectory && present) ? await moveIn(complete) : await swapIn(complete);
}

/**
 * Makes an absent or empty directory hold exactly `tree`, by one rename and without a record, for a
 * read-only store. On failure the directory is unchanged.
 */
export async function placeUnrecorded(dir: string, tree: Tree, host: Pick<Host, 'random'>, options: WriteOptions): Promise<void> {
  makeParent(dir);
  const stage = join(dirname(dir), RESERVED_PREFIX + toHex(host.random(8)));
  try {
    mkdirSync(stage, 0o700);
    await writeTree(stage, tree, options);
    chmodSync(stage, 0o700);
    renameSync(stage, dir);
  } catch (error) {
    await removeTree(stage);
    throw writeFailure(dir, error);
  }
}

/**
 * Creates the directory for new content next to the target. If the target cannot be renamed or is
 * on another file system, the directory is inside the target. The record names the directory before
 * it is created.
 */
export async function openStage(workspace: Workspace, host: Pick<Host, 'random'>): Promise<Changing> {
  const { dir } = workspace;
  const name = RESERVED_PREFIX + toHex(host.random(8));
  const present = directoryState(dir) !== 'absent';
  if (!present || !isMountPoint(dir)) {
    const staging = await announce(workspace, join(dirname(dir), name), present);
    if (await makeStage(staging, present)) return staging;
  }
  const staging = await announce(workspace, join(dir, name), present);
  await makeStage(staging, false);
  return staging;
}

async function announce(workspace: Workspace, stage: string, present: boolean): Promise<Changing> {
  const { record, pending: under } = workspace;
  const former = identityOf(workspace.dir);
  const old = present ? `${stage}-old` : undefined;
  const pending: Pending = { phase: 'stage', stage, old, previous: record, next: undefined, former, under };
  return { workspace: await workspace.write(record, pending), pending };
}

/** Creates the stage. Returns false if the system denies it and there is another location. */
async function makeStage(staging: Changing, hasOther: boolean): Promise<boolean> {
  const { stage } = staging.pending;
  try {
    mkdirSync(stage, { mode: 0o700 });
    return true;
  } catch (error) {
    if (hasOther && ['EACCES', 'EPERM', 'EROFS'].includes(errno(error) ?? '')) return false;
    await undo(staging);
    throw writeFailure(stage, error);
  }
}

/**
 * Renames the complete stage to the directory's path, or moves its entries if the directory cannot
 * be renamed.
 */
async function swapIn({ workspace, pending: staged }: Changing): Promise<Workspace> {
  const { dir } = workspace;
  const { stage, old } = staged;
  const pending: Pending = { ...staged, phase: 'swap' };
  const swapping = { workspace: await workspace.write(workspace.record, pending), pending };
  try {
    if (old !== undefined) renameSync(dir, old);
  } catch (error) {
    if (['EXDEV', 'EBUSY', 'EACCES', 'EPERM'].includes(errno(error) ?? '')) return await moveIn(swapping);
    await undo(swapping);
    throw writeFailure(dir, error);
  }
  try {
    renameSync(stage, dir);
  } catch (error) {
    await settleSwap(swapping);
    throw writeFailure(dir, error);
  }
  return await finish(swapping);
}

/** Moves the directory's entries out of it, and the complete stage's entries in. */
async function moveIn({ workspace, pending: staged }: Changing): Promise<Workspace> {
  const { dir } = workspace;
  const { stage } = staged;
  const old = staged.old as string;
  let moving: Changing = { workspace, pending: staged };
  try {
    touch(dir);
    mkdirSync(old, { mode: 0o700 });
    const pending: Pending = { ...staged, phase: 'clear', former: identityOf(dir) };
    moving = { workspace: await workspace.write(workspace.record, pending), pending };
  } catch (error) {
    await undo(moving);
    throw writeFailure(dir, error);
  }
  const fresh = readdirSync(stage, { encoding: 'buffer' });
  const onSplit = async (name: string, identity: string): Promise<void> => {
    const pending: Pending = { ...moving.pending, split: { ...moving.pending.split, [name]: identity } };
    moving = { workspace: await moving.workspace.write(workspace.record, pending), pending };
  };
  try {
    mark(dir);
    const reserved = new Set([MARKER, ...[stage, old].filter((path) => dirname(path) === dir).map((path) => basename(path))]);
    const names = namesIn(dir).filter((name) => !reserved.has(String(name)));
    await between(dir, old, (from, to) => moveEntries(from, to, names, { onSplit }));
    chmodSync(old, 0o700);
    const since = String(lstatSync(old, { bigint: true }).ctimeNs);
    const pending: Pending = { ...moving.pending, phase: 'fill', since };
    moving = { workspace: await moving.workspace.write(workspace.record, pending), pending };
    await between(stage, dir, (from, to) => moveEntries(from, to, fresh));
    chmodSync(dir, 0o700);
  } catch (error) {
    await undoMove(moving, fresh);
    throw writeFailure(dir, error);
  }
  return await finish(moving);
}

/**
 * Undoes a failed move as far as possible. The next operation undoes the rest. `fresh` contains the
 * names of the new entries.
 */
async function undoMove({ workspace, pending }: Changing, fresh: readonly Buffer[]): Promise<void> {
  const { dir } = workspace;
  const { stage } = pending;
  try {
    await between(dir, stage, (from, to) =>
      moveEntries(
        from,
        to,
        fresh.filter((name) => from.has(name) && !to.has(name)),
      ),
    );
    const clearing: Pending = { ...pending, phase: 'clear' };
    await settleClear({ workspace: await workspace.write(workspace.record, clearing), pending: clearing });
  } catch (error) {
    if (errno(error) === undefined) throw error;
  }
}

/**
 * Sets a directory's mode to its current value. On an overlay this copies the directory up, which
 * gives it its final identity.
 */
function touch(dir: string): void {
  try {
    chmodSync(dir, statSync(dir).mode & 0o7777);
  } catch (error) {
    // The directory belongs to another user, but is writable.
    if (errno(error) !== 'EPERM') throw error;
  }
}

function makeParent(dir: string): void {
  try {
    makeDirectorySync(dirname(dir));
  } catch (error) {
    throw writeFailure(dirname(dir), error);
  }
}
