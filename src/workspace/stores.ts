/** Stores in the file system: found by looking for what a store holds, since paths differ by mounts and symlinks. */
import { readdirSync, statSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { ifSeen } from './directory.js';

/** The name of a store in the folder of its user. */
const STORE = '.store';
/** Where mounted directories lie in a store. */
const WORKSPACES = 'workspaces';
/** Levels of directories that are looked into, and directories in all: a folder of stores has its stores two levels below. */
const MAX_LEVELS = 4;
const MAX_DIRECTORIES = 5000;

/** Returns the store that a directory with the real path `dir` is, lies in or holds; undefined if there is none. A mounted directory lies in none. */
export function findStore(dir: string): string | undefined {
  return storeAbove(dir) ?? storeBelow(dir);
}

/** Returns the store that the directory is or lies in. */
export function storeAbove(dir: string): string | undefined {
  for (let above = dir; ; above = dirname(above)) {
    if (isStore(above) && !isMounted(relative(above, dir))) return above;
    if (dirname(above) === above) return undefined;
  }
}

/** Whether a path relative to a store is that of a mounted directory, or leads into one. */
function isMounted(path: string): boolean {
  const [first, second] = path.split(sep);
  return first === WORKSPACES && second !== undefined;
}

function storeBelow(dir: string): string | undefined {
  let level = [dir];
  let seen = 0;
  for (let depth = 0; depth < MAX_LEVELS && level.length > 0; depth++) {
    const next: string[] = [];
    for (const directory of level) {
      if (isStore(join(directory, STORE))) return join(directory, STORE);
      if (++seen > MAX_DIRECTORIES) return undefined;
      const entries = ifSeen(() => readdirSync(directory, { withFileTypes: true })) ?? [];
      for (const entry of entries) if (entry.isDirectory()) next.push(join(directory, entry.name));
    }
    level = next;
  }
  return undefined;
}

/** Whether a directory holds the config of a store (SPEC.md 9): a cell with a generation. */
function isStore(dir: string): boolean {
  return (ifSeen(() => readdirSync(join(dir, 'config.cell'))) ?? []).some((name) => name.startsWith('g-'));
}

/** Whether two paths are one directory, be it by a mount of one at the other. */
export function isSameDirectory(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => ifSeen(() => statSync(path, { bigint: true })));
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino;
}
