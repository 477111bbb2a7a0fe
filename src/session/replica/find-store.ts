/** Finds stores in the file system by their content: mounts and symlinks make paths ambiguous. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, relative, sep } from 'node:path';
import { STORE_FOLDER } from '../../format/keys.js';
import { placesOf } from '../../fs/mount-points.js';
import { ifSeen } from '../../fs/paths.js';

const WORKSPACES = 'workspaces';
/** Limits of the search. In a folder of stores, each store is two levels below. */
const MAX_LEVELS = 4;
const MAX_DIRECTORIES = 5000;

/** Returns the store that is or contains `dir`, a real path; undefined for a mounted directory. */
export function storeAbove(dir: string): string | undefined {
  const places = placesOf(dir);
  for (const path of [dir, ...(places?.others ?? [])]) {
    const store = visibleStoreAbove(path);
    if (store !== undefined) return store;
  }
  // The rest of the store may not be mounted here: then only its name identifies it.
  const parts = places?.inFileSystem.split('/') ?? [];
  const at = parts.lastIndexOf(STORE_FOLDER);
  const isHidden = at !== -1 && !dir.split('/').includes(STORE_FOLDER) && !isMounted(parts.slice(at + 1).join(sep));
  return isHidden ? dir : undefined;
}

function visibleStoreAbove(dir: string): string | undefined {
  for (let above = dir; ; above = dirname(above)) {
    if (isStore(above) && !isMounted(relative(above, dir))) return above;
    if (dirname(above) === above) return undefined;
  }
}

/** Returns whether a path relative to a store is that of a mounted directory, or leads into one. */
function isMounted(path: string): boolean {
  const [first, second] = path.split(sep);
  return first === WORKSPACES && second !== undefined;
}

/** Returns a store that the directory contains; undefined if there is none. */
export function storeBelow(dir: string): string | undefined {
  let level = [dir];
  let seen = 0;
  for (let depth = 1; depth <= MAX_LEVELS && level.length > 0; depth++) {
    const next: string[] = [];
    for (const directory of level) {
      const store = `${directory}/${STORE_FOLDER}`;
      if (isStore(store)) return store;
      if (++seen > MAX_DIRECTORIES) return undefined;
      if (depth === MAX_LEVELS) continue;
      const entries = ifSeen(() => readdirSync(directory, { withFileTypes: true })) ?? [];
      for (const entry of entries) if (entry.isDirectory()) next.push(`${directory}/${entry.name}`);
    }
    level = next;
  }
  return undefined;
}

/** Returns whether a directory has the config of a store (SPEC.md 9): a cell with a generation. */
function isStore(dir: string): boolean {
  const cell = `${dir}/config.cell`;
  // Checked first, since the error for a missing directory is slow to create.
  return existsSync(cell) && (ifSeen(() => readdirSync(cell)) ?? []).some((name) => name.startsWith('g-'));
}
