/**
 * Read-only entries (0444 files, 0555 directories). Browsers fail on such entries, so a mount makes
 * them writable. Commits of the mounted directory keep the original modes, unless something else
 * changed the modes (SPEC.md R-OUT-11).
 */
import { accessSync, constants, lstatSync, readdirSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { Tree, TreeEntry } from '../format/tree.js';
import { errno } from '../fs/errors.js';
import { setMode } from '../fs/handle.js';
import { ifSeen } from '../fs/paths.js';

/** Modes by path. */
export type OpenedEntries = Readonly<Record<string, number>>;

/** Entries between two pauses. Pauses let other work run. */
const ENTRIES_PER_BREATH = 1000;

/** Returns the mode that lets the owner change an entry. */
export function openedMode({ kind, mode }: TreeEntry): number {
  return kind === 'symlink' ? mode : mode | (kind === 'directory' ? 0o700 : 0o200);
}

/** Returns whether the owner of an entry cannot change it. */
export function isClosed(entry: TreeEntry): boolean {
  return openedMode(entry) !== entry.mode;
}

/**
 * Returns the original modes of the entries that are made writable, or undefined if there are none.
 */
export function openedIn(tree: Tree): OpenedEntries | undefined {
  const closed = tree.filter(isClosed);
  return closed.length === 0 ? undefined : Object.fromEntries(closed.map(({ path, mode }) => [path, mode]));
}

/**
 * Returns the entries of a directory, with the original modes of those that still have the opened
 * mode.
 */
export function withFormerModes(found: TreeEntry[], opened: OpenedEntries | undefined): TreeEntry[] {
  if (opened === undefined) return found;
  const modes = new Map(Object.entries(opened));
  return found.map((entry) => {
    const mode = modes.get(entry.path);
    return mode !== undefined && openedMode({ ...entry, mode }) === entry.mode ? { ...entry, mode } : entry;
  });
}

/**
 * Returns how many files and directories below `dir` this user cannot write to or make writable.
 * They belong to other users or are immutable.
 */
export async function countForeign(dir: string): Promise<number> {
  const directories = [Buffer.from(dir)];
  let seen = 0;
  let foreign = 0;
  for (const directory of directories) {
    for (const name of ifSeen(() => readdirSync(directory, { encoding: 'buffer' })) ?? []) {
      if (++seen % ENTRIES_PER_BREATH === 0) await setImmediate();
      const path = Buffer.concat([directory, Buffer.from('/'), name]);
      const stats = ifSeen(() => lstatSync(path));
      if (stats?.isDirectory()) directories.push(path);
      if ((stats?.isDirectory() || stats?.isFile()) && isForeign(path, stats.mode)) foreign++;
    }
  }
  return foreign;
}

function isForeign(path: Buffer, mode: number): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    // EPERM: the entry is immutable, since an owner may set the current mode again.
    return errno(error) === 'EPERM' || (errno(error) === 'EACCES' && !mayChange(path, mode & 0o7777));
  }
}

function mayChange(path: Buffer, mode: number): boolean {
  return ifSeen(() => setMode(path, mode) ?? true) ?? false;
}
