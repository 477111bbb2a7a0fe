/**
 * Directory locks: one process at a time works with a directory, among all that share a local
 * store. A lock is a folder in the records with one empty file, which is named after the owner
 * (SPEC.md R-OUT-7). The folder is renamed into place with its file, which succeeds only if the
 * target is absent or empty. A lock of an exited owner is taken over by renaming its file. Only one
 * process can do so, since file names are unique to locks.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toHex } from '../base/bytes.js';
import { BrowserStateError } from '../base/errors.js';
import type { Host } from '../base/host.js';
import { describeOwner } from '../base/owner-name.js';
import type { OwnerState, Owners } from '../base/owners.js';
import { processState } from '../base/process-state.js';
import { errno, makeDirectory } from '../fs/errors.js';
import { recordFailure, recordPath } from './workspace.js';

type LockHost = Pick<Host, 'random' | 'owners'>;

/** Attempts to examine a lock that other processes take and release meanwhile. */
const MAX_LOOKS = 50;

/** Lock files that this process released but could not remove. */
const abandoned = processState('abandoned locks', () => new Set<string>());

/** A lock of this process. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * Takes the lock of the directory with the real path `dir`. Throws BUSY if another owner holds the
 * lock, including this process. Throws USAGE, FORBIDDEN or NO_SPACE if `folder` cannot be written
 * to.
 */
export async function lockDirectory(folder: string, dir: string, host: LockHost): Promise<DirectoryLock> {
  const path = recordPath(folder, dir, 'lock');
  const owners = host.owners(folder);
  const { name, release } = await owners.hold();
  const unlock = (): Promise<void> => remove(path, name).finally(release);
  try {
    for (let look = 0; look < MAX_LOOKS; look++) {
      const owner = await ownerOf(path);
      if (owner === undefined) {
        if (await place(path, name, host)) return { release: unlock };
        continue;
      }
      const state = await stateOf(path, owner, owners);
      if (state !== 'gone') throw busy(dir, path, owner, state);
      if (!(await renamed(join(path, owner), join(path, name)))) continue;
      abandoned.delete(join(path, owner));
      return { release: unlock };
    }
    throw new BrowserStateError('BUSY', `${dir}: other processes keep working with this directory`, { hint: 'Repeat the command later.' });
  } catch (error) {
    await release();
    throw recordFailure(path, error);
  }
}

/**
 * Throws BUSY if another owner holds the lock of the directory with the real path `dir`. Writes
 * nothing.
 */
export async function rejectLocked(folder: string, dir: string, host: LockHost): Promise<void> {
  const path = recordPath(folder, dir, 'lock');
  const owner = await ownerOf(path);
  const state = owner === undefined ? 'gone' : await stateOf(path, owner, host.owners(folder));
  if (owner !== undefined && state !== 'gone') throw busy(dir, path, owner, state);
}

async function stateOf(path: string, owner: string, owners: Owners): Promise<OwnerState> {
  return abandoned.has(join(path, owner)) ? 'gone' : await owners.state(owner);
}

/** Returns the owner that a lock names, or undefined if the lock is free. */
async function ownerOf(path: string): Promise<string | undefined> {
  try {
    return (await readdir(path))[0];
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Puts a lock of this process in place. Returns false if there is a lock already. */
async function place(path: string, me: string, host: LockHost): Promise<boolean> {
  const temporary = `${path}.${toHex(host.random(8))}.${me}`;
  let isPlaced = false;
  try {
    await makeDirectory(dirname(temporary));
    await mkdir(temporary, 0o700);
    await writeFile(join(temporary, me), '', { mode: 0o600 });
    isPlaced = await renamed(temporary, path);
    return isPlaced;
  } finally {
    if (!isPlaced) await rm(temporary, { recursive: true, force: true });
  }
}

/**
 * Renames `from` to `to`. Returns false if `from` does not exist, or if `to` is a folder that is
 * not empty.
 */
export async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(errno(error) ?? '')) return false;
    throw error;
  }
}

/**
 * Removes a lock of this process. The file is removed first, since the empty folder may already
 * belong to another process. Never fails: the work under the lock is done.
 */
async function remove(path: string, me: string): Promise<void> {
  const file = join(path, me);
  try {
    await unlink(file);
    await rmdir(path);
  } catch (error) {
    if (errno(error) === undefined) throw error;
    // ENOENT: another process took the lock over. ENOTEMPTY: another process owns the folder now.
    if (existsSync(file)) abandoned.add(file);
  }
}

function busy(dir: string, lock: string, owner: string, state: OwnerState): BrowserStateError {
  const who = describeOwner(owner) ?? owner;
  const details = { path: dir, owner, state, lock };
  if (state === 'running') {
    return new BrowserStateError('BUSY', `${dir}: ${who} is working with this directory`, {
      hint: 'Repeat the command when it is done.',
      details,
    });
  }
  return new BrowserStateError('BUSY', `${dir}: ${who} was working with this directory, and may still be`, {
    hint: `Repeat the command when it is done; if it is gone for certain, remove ${lock} first.`,
    details,
  });
}
