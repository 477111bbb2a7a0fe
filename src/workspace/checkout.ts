/**
 * Checkout: makes a directory hold a tree (SPEC.md 11.3). The tree is written beside the directory and renamed into place; what is under
 * way is noted in the workspace's record before it begins, so that a crash at any point is finished or undone by the next operation.
 */
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toHex } from '../bytes.js';
import { BrowserStateError } from '../errors.js';
import type { Host } from '../host.js';
import type { Tree } from '../object/tree.js';
import { errno, writeFailure } from './files.js';
import type { Workspace, WorkspaceRecord } from './record.js';
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

/** Finishes or undoes what a process that died had begun in the workspace; nothing is left beside the directory. */
export async function settleWorkspace(workspace: Workspace): Promise<Workspace> {
  const { pending, dir } = workspace;
  if (pending === undefined) return workspace;
  const { phase, stage, old, previous } = pending;
  if (phase === 'apply') {
    // The directory is a mixture that only a new checkout mends.
    await rm(stage, { recursive: true, force: true });
    return workspace;
  }
  const staged = isDirectory(stage);
  const present = directoryState(dir) !== 'absent';
  if (phase === 'stage' || (present && staged)) {
    await rm(stage, { recursive: true, force: true });
    return workspace.write(previous);
  }
  if (!present && !staged) {
    if (old !== undefined && isDirectory(old)) renameSync(old, dir);
    return workspace.write(previous);
  }
  if (staged) renameSync(stage, dir);
  if (old !== undefined) await rm(old, { recursive: true, force: true });
  return workspace.write(workspace.record);
}

/**
 * Makes the workspace's directory hold exactly `tree`, whatever it held before. Before anything is renamed a failure leaves the directory as it was.
 */
export async function placeTree(
  workspace: Workspace,
  tree: Tree,
  record: WorkspaceRecord,
  host: Pick<Host, 'random'>,
  options: WriteOptions,
): Promise<Workspace> {
  const { dir } = workspace;
  makeParent(dir);
  const token = toHex(host.random(8));
  if (directoryState(dir) !== 'absent' && (isMountPoint(dir) || !canMakeSibling(dir, token))) {
    return placeInside(workspace, tree, record, join(dir, RESERVED_PREFIX + token), options);
  }
  const stage = join(dirname(dir), `${RESERVED_PREFIX}${token}`);
  const old = directoryState(dir) === 'absent' ? undefined : `${stage}-old`;
  const pending = { stage, old, previous: workspace.record };
  const staged = await workspace.write(workspace.record, { phase: 'stage', ...pending });
  let swapping: Workspace;
  try {
    mkdirSync(stage, { mode: 0o700 });
    await writeTree(stage, tree, options);
    swapping = await staged.write(record, { phase: 'swap', ...pending });
    if (old !== undefined) renameSync(dir, old);
    renameSync(stage, dir);
  } catch (error) {
    if (old !== undefined && isDirectory(old) && directoryState(dir) === 'absent') renameSync(old, dir);
    await rm(stage, { recursive: true, force: true });
    await workspace.write(workspace.record, workspace.pending);
    throw writeFailure(dir, error);
  }
  const placed = await swapping.write(record);
  if (old !== undefined) await rm(old, { recursive: true, force: true });
  return placed;
}

/** For a directory that cannot be renamed: the tree is written to a reserved directory inside it, and moved up entry by entry. */
async function placeInside(
  workspace: Workspace,
  tree: Tree,
  record: WorkspaceRecord,
  stage: string,
  options: WriteOptions,
): Promise<Workspace> {
  const { dir } = workspace;
  const staging = await workspace.write(workspace.record, { phase: 'stage', stage, old: undefined, previous: workspace.record });
  const fresh = join(stage, 'new');
  const old = join(stage, 'old');
  try {
    mkdirSync(fresh, { recursive: true, mode: 0o700 });
    mkdirSync(old, { mode: 0o700 });
    await writeTree(fresh, tree, options);
  } catch (error) {
    await rm(stage, { recursive: true, force: true });
    await staging.write(workspace.record, workspace.pending);
    throw writeFailure(dir, error);
  }
  const applying = await staging.write(record, { phase: 'apply', stage, old: undefined, previous: undefined });
  for (const name of readdirSync(dir)) if (join(dir, name) !== stage) renameSync(join(dir, name), join(old, name));
  for (const name of readdirSync(fresh)) renameSync(join(fresh, name), join(dir, name));
  await rm(stage, { recursive: true, force: true });
  chmodSync(dir, 0o700);
  return applying.write(record);
}

function makeParent(dir: string): void {
  try {
    mkdirSync(dirname(dir), { recursive: true });
  } catch (error) {
    throw writeFailure(dirname(dir), error);
  }
}

function canMakeSibling(dir: string, token: string): boolean {
  const probe = join(dirname(dir), `${RESERVED_PREFIX}${token}`);
  try {
    mkdirSync(probe);
    rmSync(probe, { recursive: true });
    return true;
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes(errno(error) ?? '')) return false;
    throw writeFailure(probe, error);
  }
}

function isMountPoint(dir: string): boolean {
  return statSync(dir).dev !== statSync(dirname(dir)).dev;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
