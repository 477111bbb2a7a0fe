/**
 * Settling, which finishes or undoes an interrupted checkout after any changes of its directories.
 * Changes made by a person or a browser meanwhile are kept. The checkout then remains pending, and
 * every leftover is named (SPEC.md R-OUT-3).
 */
import { lstatSync, readdirSync, renameSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { BrowserStateError } from '../../base/errors.js';
import { errno, writeFailure } from '../../fs/errors.js';
import { ifSeen } from '../../fs/paths.js';
import { removeTree } from '../../fs/remove.js';
import { unmark } from '../marker.js';
import type { Pending, Workspace, WorkspaceRecord } from '../workspace.js';
import { between, findConflicts, identityOf, moveEntries } from './exchange.js';

/** A workspace with a change in progress. */
export interface Changing {
  workspace: Workspace;
  pending: Pending;
}

/** A remnant of an interrupted checkout, and its meaning. */
export interface Leftover {
  path: string;
  holds: 'the new version' | 'the former content' | 'parts of two versions';
}

/**
 * Finishes or undoes the change of a dead process in the workspace. The caller holds the
 * workspace's lock. The result has a pending change if the directory is a mixture, or if later
 * changes obstruct it.
 */
export async function settleWorkspace(workspace: Workspace): Promise<Workspace> {
  const { pending } = workspace;
  if (pending === undefined) return workspace;
  try {
    return await settle({ workspace, pending });
  } catch (error) {
    throw writeFailure(workspace.dir, error);
  }
}

async function settle(changing: Changing): Promise<Workspace> {
  const { workspace, pending } = changing;
  switch (pending.phase) {
    case 'stage':
      return isOccupied(pending.old) ? await settleClear(changing) : await undo(changing);
    case 'swap':
      return await settleSwap(changing);
    case 'clear':
      return await settleClear(changing);
    case 'fill':
      return await settleFill(changing);
    case 'drop':
      return isWrittenSince(pending) ? workspace : await drop(changing);
    case 'apply':
      // The directory is a mixture that only a new checkout repairs.
      await removeTree(pending.stage);
      return identityOf(workspace.dir) === pending.former ? workspace : await workspace.write(undefined);
  }
}

/** Settles an exchange of whole directories. */
export async function settleSwap({ workspace, pending }: Changing): Promise<Workspace> {
  const { dir } = workspace;
  const { stage, old, former, fresh } = pending;
  const there = identityOf(dir);
  if (there !== undefined && there === fresh) return await settleDrop({ workspace, pending });
  if (there !== undefined && there === former) return await undo({ workspace, pending });
  const isKept = old !== undefined && exists(old);
  if (there !== undefined && !removeEmpty(dir)) return isKept ? workspace : await undo({ workspace, pending });
  if (identityOf(stage) === fresh && !isWrittenSince(pending)) {
    renameSync(stage, dir);
    return await finish({ workspace, pending });
  }
  if (isKept) renameSync(old, dir);
  return await undo({ workspace, pending });
}

/** Moves the former entries back, unless their paths are taken by now. */
export async function settleClear({ workspace, pending }: Changing): Promise<Workspace> {
  const { dir } = workspace;
  const { old, former, split } = pending;
  if (identityOf(dir) !== former || old === undefined || !exists(old)) return workspace;
  const isBack = await between(old, dir, async (from, to) => {
    if (findConflicts(from, to, split).length > 0) return false;
    await moveEntries(from, to, from.names(), { merge: true });
    return true;
  });
  return isBack ? await undo({ workspace, pending }) : workspace;
}

/** Moves the remaining new entries in, unless their paths are taken by now. */
async function settleFill({ workspace, pending }: Changing): Promise<Workspace> {
  const { dir } = workspace;
  const { stage, old, former, previous } = pending;
  const there = identityOf(dir);
  if (there !== former) {
    // New content of the directory is gone with the directory. The former content is complete.
    if (old === undefined || !exists(old) || (there !== undefined && !removeEmpty(dir))) return workspace;
    renameSync(old, dir);
    return await undo({ workspace, pending }, previous);
  }
  if (!exists(stage)) return workspace;
  const isIn = await between(stage, dir, async (from, to) => {
    if (findConflicts(from, to).length > 0) return false;
    await moveEntries(from, to, from.names());
    return true;
  });
  return isIn ? await settleDrop({ workspace, pending }) : workspace;
}

async function settleDrop({ workspace, pending }: Changing): Promise<Workspace> {
  if (!isWrittenSince(pending)) return await finish({ workspace, pending });
  return await workspace.write(pending.next, { ...pending, phase: 'drop' });
}

/**
 * Finishes a change whose new content is in place. Removes the former content, and remnants of
 * earlier attempts.
 */
export async function finish({ workspace, pending }: Changing): Promise<Workspace> {
  const dropping: Pending = { ...pending, phase: 'drop' };
  return await drop({ workspace: await workspace.write(pending.next, dropping), pending: dropping });
}

async function drop({ workspace, pending }: Changing): Promise<Workspace> {
  for (let each: Pending | undefined = pending; each !== undefined; each = each.under) {
    for (const path of [each.stage, each.old]) if (path !== undefined) await removeTree(path);
  }
  unmark(workspace.dir);
  return await workspace.write(workspace.record);
}

/** Undoes a change that has not touched the directory, or has left no trace in it. */
export async function undo({ workspace, pending }: Changing, record = recordBefore(workspace, pending)): Promise<Workspace> {
  const { phase, stage, old, under } = pending;
  await removeTree(stage);
  if (old !== undefined && exists(old)) removeEmpty(old);
  // If an earlier change made the directory a mixture, it still is one.
  if (phase !== 'stage' && under?.phase !== 'apply') unmark(workspace.dir);
  return await workspace.write(record, under);
}

function recordBefore({ dir, record }: Workspace, { former, previous }: Pending): WorkspaceRecord | undefined {
  return identityOf(dir) === former ? previous : record;
}

/** Returns whether any former content is younger than the exchange. */
function isWrittenSince({ old, since }: Pending): boolean {
  if (old === undefined || since === undefined) return false;
  const directories = [old];
  for (const directory of directories) {
    for (const entry of ifSeen(() => readdirSync(directory)) ?? []) {
      const path = join(directory, entry);
      const stat = ifSeen(() => lstatSync(path, { bigint: true, throwIfNoEntry: false }));
      if (stat?.isDirectory()) directories.push(path);
      else if (stat !== undefined && stat.ctimeNs > BigInt(since)) return true;
    }
  }
  return false;
}

/**
 * Throws DIRTY, naming every leftover, if an interrupted checkout began to change the directory or
 * was not settled.
 */
export function rejectUnfinished(workspace: Workspace): void {
  const { dir, pending } = workspace;
  const begun = pending?.phase === 'stage' && !isOccupied(pending.old) ? pending.under : pending;
  if (begun === undefined) return;
  const leftovers = leftoversOf(workspace);
  const named = leftovers.map(({ path, holds }) => `${path} holds ${holds}`).join(', ');
  const session = begun.next?.session;
  const command = `browserstate restore ${dir}${session === undefined ? '' : ` -s ${session}`}`;
  throw new BrowserStateError('DIRTY', `${dir}: a checkout into this directory was cut off: ${named || 'its own content is lost'}`, {
    hint: `\`${command}\` finishes or undoes it; if something was written here since, copy that elsewhere first and add --force.`,
    details: { dir, leftovers: leftovers.map(({ path, holds }) => ({ path, holds })) },
  });
}

/** Returns the existing remnants of interrupted checkouts. */
export function leftoversOf({ dir, pending }: Pick<Workspace, 'dir' | 'pending'>): Leftover[] {
  const found: Leftover[] = [];
  for (let each = pending; each !== undefined; each = each.under) {
    if (each.phase === 'apply') found.push({ path: dir, holds: 'parts of two versions' });
    if (exists(each.stage)) found.push({ path: each.stage, holds: 'the new version' });
    if (each.old !== undefined && exists(each.old)) found.push({ path: each.old, holds: 'the former content' });
  }
  return found;
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Returns whether the path is a directory that is not empty. */
function isOccupied(path: string | undefined): boolean {
  return path !== undefined && (ifSeen(() => readdirSync(path)) ?? []).length > 0;
}

/** Removes a directory if it is empty. Returns whether the directory was removed. */
function removeEmpty(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    if (errno(error) === 'ENOTEMPTY' || errno(error) === 'EEXIST' || errno(error) === 'ENOTDIR' || errno(error) === 'EBUSY') return false;
    throw error;
  }
}
