/**
 * Directory locks: of all processes that share a home, one at a time works with a directory. A lock is a folder among the records with one empty file in it, which
 * is named after the owner (SPEC.md R-OUT-7). The folder is renamed into place with its file, which succeeds only where no lock is or an empty folder. A lock of
 * an owner that is gone is taken over by renaming the file, which one of any number of processes can do, since no other lock ever has a file of that name.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { toHex } from '../bytes.js';
import { BrowserStateError } from '../errors.js';
import type { Host } from '../host.js';
import { describeOwner } from '../owner-name.js';
import type { OwnerState, Owners } from '../owners.js';
import { errno } from './files.js';
import { recordFailure, recordPath } from './record.js';

type LockHost = Pick<Host, 'random' | 'owners'>;

/** Locks that come and go while one process looks. */
const MAX_LOOKS = 50;

/** Files of locks that this process released and could not remove. */
const abandoned = new Set<string>();

/** A lock of this process. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * Takes the lock of the directory with the real path `dir`. Throws BUSY if another owner has it, this process included; USAGE, FORBIDDEN or NO_SPACE if
 * nothing can be noted in `folder`.
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

/** Throws BUSY if another owner has the lock of the directory with the real path `dir`. Writes nothing. */
export async function refuseLocked(folder: string, dir: string, host: LockHost): Promise<void> {
  const path = recordPath(folder, dir, 'lock');
  const owner = await ownerOf(path);
  const state = owner === undefined ? 'gone' : await stateOf(path, owner, host.owners(folder));
  if (owner !== undefined && state !== 'gone') throw busy(dir, path, owner, state);
}

async function stateOf(path: string, owner: string, owners: Owners): Promise<OwnerState> {
  return abandoned.has(join(path, owner)) ? 'gone' : await owners.state(owner);
}

/** The owner that a lock names; undefined if nobody has it. */
async function ownerOf(path: string): Promise<string | undefined> {
  try {
    return (await readdir(path))[0];
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Puts a lock of this process in place; false if there is one. */
async function place(path: string, me: string, host: LockHost): Promise<boolean> {
  const temporary = `${path}.${toHex(host.random(8))}.${me}`;
  let isPlaced = false;
  try {
    // In two steps: on a read-only file system the first that is missing is ENOENT with `recursive`.
    await mkdir(dirname(temporary), { recursive: true, mode: 0o700 });
    await mkdir(temporary, 0o700);
    await writeFile(join(temporary, me), '', { mode: 0o600 });
    isPlaced = await renamed(temporary, path);
    return isPlaced;
  } finally {
    if (!isPlaced) await rm(temporary, { recursive: true, force: true });
  }
}

/** False if there is nothing at `from`, or a folder with something in it at `to`. */
async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(errno(error) ?? '')) return false;
    throw error;
  }
}

/** Removes this process's file first: the folder may be another's by the time that it is empty. Fails for nothing: what was done under the lock is done. */
async function remove(path: string, me: string): Promise<void> {
  const file = join(path, me);
  try {
    await unlink(file);
    await rmdir(path);
  } catch (error) {
    if (errno(error) === undefined) throw error;
    // ENOENT: another took it over. ENOTEMPTY: the folder is another's by now.
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
