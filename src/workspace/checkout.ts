/**
 * Checkout: makes a directory hold a tree (SPEC.md 11.3). The tree is written beside the directory and renamed into place; what is under
 * way is noted in the workspace's record before it begins, so that a crash at any point is finished or undone by the next operation.
 */
import { chmodSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toHex } from '../bytes.js';
import { BrowserStateError } from '../errors.js';
import type { Host } from '../host.js';
import type { Tree } from '../object/tree.js';
import { ifSeen } from './directory.js';
import { errno, writeFailure } from './files.js';
import type { Pending, Workspace, WorkspaceRecord } from './record.js';
import { type WriteOptions, writeTree } from './write-tree.js';

/** Names of what a checkout puts beside or into a directory while it is under way. */
const RESERVED_PREFIX = '.browserstate-';

/** What is at the path of a directory. Throws USAGE for anything but a directory. */
export function directoryState(dir: string): 'absent' | 'empty' | 'occupied' {
  try {
    return readdirSync(dir).length === 0 ? 'empty' : 'occupied';
  } catch (error) {
    if (errno(error) === 'ENOENT') return 'absent';
    if (errno(error) === 'ENOTDIR') throw new BrowserStateError('USAGE', `${dir}: expected a directory, found something else`);
    throw writeFailure(dir, error);
  }
}

/** A workspace in which a change is under way. */
export interface Changing {
  workspace: Workspace;
  pending: Pending;
}

/** Finishes or undoes what a process that died had begun in the workspace, whose lock the caller has; nothing is left beside the directory. */
export async function settleWorkspace(workspace: Workspace): Promise<Workspace> {
  const { pending } = workspace;
  if (pending === undefined) return workspace;
  switch (pending.phase) {
    case 'stage':
      return await undo({ workspace, pending });
    case 'swap':
      return await settleSwap({ workspace, pending });
    case 'clear':
    case 'fill':
      return await moveIn({ workspace, pending });
    case 'apply':
      // The directory is a mixture that only a new checkout mends.
      await removeTree(pending.stage);
      return workspace;
  }
}

/** Throws DIRTY where a checkout was cut off that had begun to change the directory itself. */
export function refuseHalfDone({ dir, pending }: Workspace): void {
  if (pending === undefined || (pending.phase === 'stage' && !pending.mixture)) return;
  throw new BrowserStateError('DIRTY', `${dir}: a checkout into this directory was cut off, and it holds parts of two versions`, {
    hint: 'Restore into it again; it will be written anew.',
  });
}

async function settleSwap({ workspace, pending }: Changing): Promise<Workspace> {
  const { dir } = workspace;
  const { stage, old } = pending;
  const staged = isDirectory(stage);
  const present = directoryState(dir) !== 'absent';
  if (!present && !staged && old !== undefined && isDirectory(old)) renameSync(old, dir);
  if (present === staged) return await undo({ workspace, pending });
  if (staged) renameSync(stage, dir);
  if (old !== undefined) await removeTree(old);
  return await workspace.write(workspace.record);
}

/** Takes back a change that has not touched the directory yet. */
export async function undo({ workspace, pending }: Changing): Promise<Workspace> {
  await removeTree(pending.stage);
  return await workspace.write(pending.previous, pending.mixture ? { ...pending, phase: 'apply' } : undefined);
}

export interface PlaceOptions extends WriteOptions {
  /** The directory itself stays, and its entries are replaced. */
  keepDirectory?: boolean | undefined;
}

/**
 * Makes the workspace's directory hold exactly `tree`, whatever it held before. Before anything is moved a failure leaves the directory as it was.
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
  const staging = await openStage(workspace, host);
  const { stage } = staging.pending;
  const moves = dirname(stage) === dir || (keepDirectory && present);
  try {
    if (moves) for (const name of ['new', 'old']) mkdirSync(join(stage, name), { mode: 0o700 });
    await writeTree(moves ? join(stage, 'new') : stage, tree, options);
  } catch (error) {
    await undo(staging);
    throw writeFailure(dir, error);
  }
  const pending: Pending = { ...staging.pending, phase: moves ? 'clear' : 'swap' };
  const complete = { workspace: await staging.workspace.write(record, pending), pending };
  return moves ? await moveIn(complete) : await swapIn(complete);
}

/**
 * Makes the directory that new content is written to: beside the target, or inside where the target cannot be renamed or moved into from there. The
 * record names it before it is made.
 */
export async function openStage(workspace: Workspace, host: Pick<Host, 'random'>): Promise<Changing> {
  const { dir } = workspace;
  const name = RESERVED_PREFIX + toHex(host.random(8));
  const present = directoryState(dir) !== 'absent';
  if (!present || !isMountPoint(dir)) {
    const beside = join(dirname(dir), name);
    const staging = await announce(workspace, beside, present ? `${beside}-old` : undefined);
    if (await makeStage(staging, present)) return staging;
  }
  const staging = await announce(workspace, join(dir, name), undefined);
  await makeStage(staging, false);
  return staging;
}

async function announce(workspace: Workspace, stage: string, old: string | undefined): Promise<Changing> {
  const mixture = workspace.pending?.phase === 'apply';
  const pending: Pending = { phase: 'stage', stage, old, previous: workspace.record, mixture };
  return { workspace: await workspace.write(workspace.record, pending), pending };
}

/** False where the system refuses and there is another place. */
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

/** Renames the complete stage to the directory's place. */
async function swapIn({ workspace, pending }: Changing): Promise<Workspace> {
  const { dir } = workspace;
  const { stage, old } = pending;
  try {
    if (old !== undefined) renameSync(dir, old);
    renameSync(stage, dir);
  } catch (error) {
    if (old !== undefined && isDirectory(old) && directoryState(dir) === 'absent') renameSync(old, dir);
    await undo({ workspace, pending });
    throw writeFailure(dir, error);
  }
  // The record forgets the old directory only when it is gone.
  if (old !== undefined) await removeTree(old);
  return await workspace.write(workspace.record);
}

/** Moves the directory's entries into the stage, and those of the complete new tree out of it, from wherever a process left off. */
async function moveIn({ workspace, pending }: Changing): Promise<Workspace> {
  const { dir, record } = workspace;
  const { stage } = pending;
  try {
    if (pending.phase === 'clear') {
      for (const name of readdirSync(dir)) if (join(dir, name) !== stage) renameSync(join(dir, name), join(stage, 'old', name));
      await workspace.write(record, { ...pending, phase: 'fill' });
    }
    const fresh = join(stage, 'new');
    for (const name of isDirectory(fresh) ? readdirSync(fresh) : []) renameSync(join(fresh, name), join(dir, name));
    await removeTree(stage);
    chmodSync(dir, 0o700);
  } catch (error) {
    throw writeFailure(dir, error);
  }
  return await workspace.write(record);
}

function makeParent(dir: string): void {
  try {
    mkdirSync(dirname(dir), { recursive: true });
  } catch (error) {
    throw writeFailure(dirname(dir), error);
  }
}

/** Whether something is mounted there, be it a directory of the same file system. */
function isMountPoint(dir: string): boolean {
  if (statSync(dir).dev !== statSync(dirname(dir)).dev) return true;
  const mounts = ifSeen(() => readFileSync('/proc/self/mountinfo', 'utf8')) ?? '';
  const unescaped = (path: string): string =>
    path.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  return mounts.split('\n').some((line) => unescaped(line.split(' ')[4] ?? '') === dir);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Removes a directory with all in it, also where its owner may not write to parts of it. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (errno(error) !== 'EACCES' && errno(error) !== 'EPERM') throw error;
    makeWritable(path);
    await rm(path, { recursive: true, force: true });
  }
}

function makeWritable(dir: string): void {
  chmodSync(dir, 0o700);
  for (const child of readdirSync(dir, { withFileTypes: true })) if (child.isDirectory()) makeWritable(join(dir, child.name));
}
