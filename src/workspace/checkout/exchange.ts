/**
 * Moves of entries between directories one by one, for directories that cannot be renamed
 * themselves.
 */
import { type BigIntStats, chmodSync, lstatSync, mkdirSync, renameSync, rmdirSync } from 'node:fs';
import { BrowserStateError } from '../../base/errors.js';
import { errno } from '../../fs/errors.js';
import { DirectoryHandle, withHandle } from '../../fs/handle.js';
import { quote } from '../../fs/paths.js';
import { makeWritable } from '../../fs/remove.js';
import { microseconds, setTime } from '../../fs/times.js';

/** Called before an entry that cannot be renamed is moved in parts. */
type OnSplit = (name: string, identity: string) => Promise<unknown>;

/**
 * Returns the identity of an entry, which differs from that of any other entry at its path. Returns
 * undefined if there is no entry.
 */
export function identityOf(path: string | Buffer): string | undefined {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`;
}

/** Runs `work` with handles of two directories. */
export function between<T>(from: string, to: string, work: (from: DirectoryHandle, to: DirectoryHandle) => Promise<T>): Promise<T> {
  return withHandle(DirectoryHandle.open(from), (source) => withHandle(DirectoryHandle.open(to), (target) => work(source, target)));
}

export interface MoveOptions {
  onSplit?: OnSplit | undefined;
  /** True if directories at the target are those that were moved in part before. */
  merge?: boolean | undefined;
}

/**
 * Moves the named entries. A directory that cannot be renamed, such as a directory of a lower
 * overlay layer, is moved in parts. Throws BUSY if the target of an entry exists.
 */
export async function moveEntries(
  from: DirectoryHandle,
  to: DirectoryHandle,
  names: readonly Buffer[],
  options: MoveOptions = {},
): Promise<void> {
  for (const name of names) await move(from, to, name, options);
}

async function move(from: DirectoryHandle, to: DirectoryHandle, name: Buffer, { onSplit, merge = false }: MoveOptions): Promise<void> {
  const isPart = from.isDirectory(name) && to.isDirectory(name);
  if (to.has(name) && !(merge && isPart))
    throw new BrowserStateError('BUSY', `another program made ${quote(String(name))} meanwhile`, {
      hint: 'Close it, and repeat the command.',
    });
  if (!isPart) {
    try {
      return rename(from, to, name);
    } catch (error) {
      if (errno(error) !== 'EXDEV' || !from.isDirectory(name)) throw error;
    }
  }
  const stats = lstatSync(isPart ? to.at(name) : from.at(name), { bigint: true });
  if (onSplit !== undefined) {
    // A change copies the directory to the overlay's upper layer, which gives it another identity.
    chmodSync(from.at(name), Number(stats.mode) & 0o7777);
    await onSplit(name.toString('latin1'), identityOf(from.at(name)) as string);
  }
  if (!isPart) mkdirSync(to.at(name), { mode: (Number(stats.mode) & 0o777) | 0o700 });
  await moveParts(from, to, name, stats, merge);
}

async function moveParts(
  from: DirectoryHandle,
  to: DirectoryHandle,
  name: Buffer,
  { mode, mtimeNs }: BigIntStats,
  merge: boolean,
): Promise<void> {
  const source = from.child(name);
  const target = to.child(name);
  try {
    makeWritable(source);
    makeWritable(target);
    await moveEntries(source, target, source.names(), { merge });
  } finally {
    source.close();
    target.close();
  }
  setTime(to.at(name), microseconds(mtimeNs));
  chmodSync(to.at(name), Number(mode) & 0o7777);
  rmdirSync(from.at(name));
}

/** Renames an entry. A directory must be writable by its owner to get another parent. */
function rename(from: DirectoryHandle, to: DirectoryHandle, name: Buffer): void {
  try {
    renameSync(from.at(name), to.at(name));
  } catch (error) {
    if (errno(error) !== 'EACCES' || !from.isDirectory(name)) throw error;
    const child = from.child(name);
    try {
      const mode = makeWritable(child);
      if (mode === undefined) throw error;
      renameSync(from.at(name), to.at(name));
      chmodSync(child.self, mode);
    } finally {
      child.close();
    }
  }
}

/**
 * Returns the entries of `from` that cannot be moved because their targets exist. The rest of a
 * directory in `split`, which was moved in part, is no conflict.
 */
export function findConflicts(from: DirectoryHandle, to: DirectoryHandle, split: Readonly<Record<string, string>> = {}): Buffer[] {
  return from.names().filter((name) => {
    if (!to.has(name)) return false;
    return split[name.toString('latin1')] !== identityOf(to.at(name)) || !canMerge(from, to, name);
  });
}

function canMerge(from: DirectoryHandle, to: DirectoryHandle, name: Buffer): boolean {
  if (!to.has(name)) return true;
  if (!from.isDirectory(name) || !to.isDirectory(name)) return false;
  const source = from.child(name);
  const target = to.child(name);
  try {
    return source.names().every((child) => canMerge(source, target, child));
  } finally {
    source.close();
    target.close();
  }
}
