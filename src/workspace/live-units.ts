/**
 * What belongs together in a browser's directory, and when copies of it that were made while it changed are those of one moment nevertheless (SPEC.md R-LIVE-2,
 * R-LIVE-3). Where nothing of it changed they always are.
 */
import { constants, openSync, readdirSync, readSync } from 'node:fs';
import { equalBytes } from '../bytes.js';
import { MAX_LEVELDB_MANIFEST, MAX_NAME_BYTES } from '../limits.js';
import { parentPath, pathProblem } from '../object/path.js';
import { ifThere } from './directory.js';
import type { Filter } from './filter.js';
import { type Below, closeRead, type Name } from './handle.js';
import { levelDbFile, readManifest } from './leveldb.js';
import type { Scan } from './scan.js';
import type { ScannedEntry } from './scanned.js';

/** Files that mean something together only. */
export interface Unit {
  name: string;
  /** Those that the scan saw. */
  entries: ScannedEntry[];
  /** The paths that there may be now, in the order in which they are copied. */
  paths(root: Below): string[];
  /** Whether copies that were made while files changed are those of one moment nevertheless; it may add to them. */
  holds(attempt: Attempt): Promise<boolean>;
}

/** A file as it was taken: copied, or known. */
export interface Taken {
  entry: ScannedEntry;
  copy: string | undefined;
}

interface Attempt {
  /** What was there, save files that went away before they were copied. */
  taken: Taken[];
  /** Whether there were such. */
  hasGone: boolean;
  /** The files after the last was copied. */
  after: ReadonlyMap<string, ScannedEntry>;
  /** Whether the file is what it was before the first was copied, for certain. */
  isStill(entry: ScannedEntry): boolean;
  /** Takes a file that came later. */
  take(path: string): Promise<Taken | undefined>;
  /** The path of a file's source. */
  source(entry: ScannedEntry): Name;
}

/** LevelDBs, and every other file with the journal and the wal beside it: whether it is a database of SQLite matters only where it has one. */
export function unitsOf({ entries }: Scan, filter: Filter): Unit[] {
  const files = entries.filter(({ kind }) => kind === 'file');
  const levelDbs = new Set(files.filter(({ path }) => nameOf(path) === 'CURRENT').map(({ path }) => parentPath(path)));
  const units = new Map<string, Unit>();
  for (const entry of files) {
    const parent = parentPath(entry.path);
    const isLevelDb = levelDbs.has(parent);
    const name = isLevelDb ? parent : entry.path.replace(/-(?:journal|wal)$/, '');
    const key = `${isLevelDb ? 'LevelDB' : 'file'} ${name}`;
    const unit = units.get(key) ?? (isLevelDb ? levelDb(name, filter) : database(name, filter));
    units.set(key, unit);
    unit.entries.push(entry);
  }
  return [...units.values()];
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

const WAL_HEADER_SIZE = 32;

/**
 * A database, its journal, its wal. A wal that grew meanwhile is no harm: the beginning of one is an earlier state, as long as the database stayed, and the wal
 * did not begin anew, which its header tells.
 */
function database(name: string, filter: Filter): Unit {
  const wal = `${name}-wal`;
  return {
    name,
    entries: [],
    paths: () => [name, `${name}-journal`, wal].filter((path) => pathProblem(path) === undefined && !filter.excludes(path, false)),
    async holds({ taken, hasGone, after, isStill, source }) {
      // A journal that goes is a transaction that ends.
      if (hasGone) return false;
      const log = taken.find(({ entry }) => entry.path === wal);
      const now = after.get(wal);
      if (log?.copy === undefined || now === undefined || now.ino !== log.entry.ino || now.size < log.entry.size) return false;
      if (taken.length !== after.size || !taken.every((one) => one === log || isStill(one.entry))) return false;
      const { copy } = log;
      const header = beginning(wal, () => copy, Math.min(WAL_HEADER_SIZE, log.entry.size));
      return equalBytes(
        header,
        beginning(wal, () => source(log.entry), header.length),
      );
    },
  };
}

/** Returns the first bytes of a file, or fewer if it is shorter or gone. */
function beginning(name: string, locate: () => Name, length: number): Uint8Array {
  const file = ifThere(name, () => openSync(locate(), constants.O_RDONLY | constants.O_NOFOLLOW));
  if (file === undefined) return new Uint8Array(0);
  try {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, readSync(file, bytes, 0, length, 0));
  } finally {
    closeRead(file);
  }
}

/**
 * A LevelDB: tables, then logs, then what names them. A table is never changed once it is named, logs and MANIFEST are only appended to; so the copy is the database
 * of one moment if every table that the copied MANIFEST names is there whole, and no log but the newest has grown since it was copied.
 */
function levelDb(name: string, filter: Filter): Unit {
  const below = (file: string): string => (name === '' ? file : `${name}/${file}`);
  return {
    name,
    entries: [],
    paths: (root) => {
      const names = ifThere(name, () => namesIn(root, name)) ?? [];
      const kept = names.filter((file) => !filter.excludes(below(file), false));
      return kept.sort((a, b) => copyOrder(a) - copyOrder(b)).map(below);
    },
    async holds({ taken, after, isStill, take, source }) {
      const files = taken.map((one) => ({ ...one, ...levelDbFile(nameOf(one.entry.path)) }));
      const current = files.find(({ kind }) => kind === 'current');
      if (current === undefined || !isStill(current.entry)) return false;
      const named = Buffer.from(beginning(current.entry.path, () => current.copy ?? source(current.entry), MAX_NAME_BYTES))
        .toString('latin1')
        .trim();
      const manifest = files.find(({ kind, entry }) => kind === 'manifest' && nameOf(entry.path) === named);
      const isReadable = manifest?.copy !== undefined && manifest.entry.size <= MAX_LEVELDB_MANIFEST;
      const state = isReadable ? readManifest(beginning(named, () => manifest.copy as string, manifest.entry.size)) : undefined;
      if (state === undefined) return false;
      const needed = files.filter(({ kind, number }) => kind === 'log' && (number >= state.log || number === state.previousLog));
      const complete = needed.slice(0, -1).every(({ entry }) => after.get(entry.path)?.size === entry.size);
      if (!complete || !files.every(({ kind, entry }) => kind !== 'other' || isStill(entry))) return false;
      for (const [number, size] of state.tables) {
        const there = files.find((file) => file.kind === 'table' && file.number === number);
        if (there?.entry.size === size) continue;
        const late = await takeTable(number, size, take, below);
        if (late === undefined) return false;
        const at = taken.findIndex(({ entry }) => entry.path === late.entry.path);
        taken.splice(at === -1 ? taken.length : at, at === -1 ? 0 : 1, late);
      }
      return true;
    },
  };
}

function namesIn(root: Below, path: string): string[] {
  const handle = root.open(path);
  try {
    return readdirSync(handle.self, 'utf8');
  } finally {
    handle.close();
  }
}

/** A table that was named after the others were copied. */
async function takeTable(number: number, size: number, take: Attempt['take'], below: (file: string) => string): Promise<Taken | undefined> {
  for (const suffix of ['.ldb', '.sst']) {
    const table = await take(below(`${String(number).padStart(6, '0')}${suffix}`));
    if (table !== undefined) return table.entry.size === size ? table : undefined;
  }
  return undefined;
}

/** Logs by number: all but the newest of them must be whole. */
function copyOrder(name: string): number {
  const { kind, number } = levelDbFile(name);
  const rank = { other: 0, table: 1, log: 2, manifest: 3, current: 4 }[kind];
  return rank * 1e16 + (kind === 'log' ? number : 0);
}
