/** Stores in the file system: found by looking for what a store holds, since paths differ by mounts and symlinks. */
import { readdirSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { ifSeen } from './directory.js';
import { placesOf } from './mount-points.js';

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

/** Returns the store that the directory is or lies in, by whichever mount. */
export function storeAbove(dir: string): string | undefined {
  const places = placesOf(dir);
  for (const path of [dir, ...(places?.others ?? [])]) {
    const store = visibleStoreAbove(path);
    if (store !== undefined) return store;
  }
  // The rest of the store may be mounted nowhere here: then its name is all there is to go by.
  const parts = places?.inFileSystem.split('/') ?? [];
  const at = parts.lastIndexOf(STORE);
  const isHidden = at !== -1 && !dir.split('/').includes(STORE) && !isMounted(parts.slice(at + 1).join(sep));
  return isHidden ? dir : undefined;
}

function visibleStoreAbove(dir: string): string | undefined {
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
