/**
 * Units of a browser's directory: files that belong together. A unit decides whether copies made
 * while it changed still represent one moment (SPEC.md R-LIVE-2, R-LIVE-3). Copies of an unchanged
 * unit always do.
 */
import { constants, openSync, readdirSync, readSync } from 'node:fs';
import { equalBytes } from '../../base/bytes.js';
import { MAX_LEVELDB_MANIFEST, MAX_NAME_BYTES } from '../../base/limits.js';
import { parentPath, pathProblem } from '../../format/path.js';
import { type Below, closeRead, type Name } from '../../fs/handle.js';
import { ifThere } from '../../fs/paths.js';
import { levelDbFile, readManifest } from '../../profile/formats/leveldb.js';
import type { Filter } from './filter.js';
import type { Scan } from './scan.js';
import type { ScannedEntry } from './scanned.js';

/** Files that are valid only together. */
export interface Unit {
  name: string;
  /** The files that the scan found. */
  entries: ScannedEntry[];
  /** Returns the paths that may exist now, in the order of copying. */
  paths(root: Below): string[];
  /** Returns whether copies made while files changed represent one moment. May add copies. */
  holds(attempt: Attempt): Promise<boolean>;
}

/** A file of an attempt: copied or known. */
export interface Taken {
  entry: ScannedEntry;
  copy: string | undefined;
}

interface Attempt {
  /** The files of the attempt, except those that vanished before they were copied. */
  taken: Taken[];
  /** True if a file vanished. */
  hasGone: boolean;
  /** The files after the last copy. */
  after: ReadonlyMap<string, ScannedEntry>;
  /** Returns whether the file certainly did not change since before the first copy. */
  isStill(entry: ScannedEntry): boolean;
  /** Copies a file that was added later. */
  take(path: string): Promise<Taken | undefined>;
  /** Returns the path of a file's source. */
  source(entry: ScannedEntry): Name;
}

/**
 * Returns the LevelDBs, and every other file with its journal and wal. Whether such a file is an
 * SQLite database matters only if it has a journal or a wal.
 */
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
 * Returns the unit of a database with its journal and wal. Copies remain valid if the wal grew,
 * since a prefix of it is an earlier state. Copies are invalid if the database changed, or if the
 * wal's header shows a restart.
 */
function database(name: string, filter: Filter): Unit {
  const wal = `${name}-wal`;
  return {
    name,
    entries: [],
    paths: () => [name, `${name}-journal`, wal].filter((path) => pathProblem(path) === undefined && !filter.excludes(path, false)),
    async holds({ taken, hasGone, after, isStill, source }) {
      // A journal that vanishes marks the end of a transaction.
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

/** Returns the first bytes of a file, or fewer if the file is shorter or gone. */
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
 * Returns the unit of a LevelDB. Copies tables, then logs, then the files that name them. A table
 * never changes once it is named; logs and the MANIFEST are only appended to. The copy represents
 * one moment if two conditions hold. Every table in the copied MANIFEST is complete, and only the
 * newest log has grown since it was copied.
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
  // The browser may have replaced the directory since the last attempt.
  root.forget();
  return readdirSync(root.directory(path).self, 'utf8');
}

/** Copies a table that was added after the other tables were copied. */
async function takeTable(number: number, size: number, take: Attempt['take'], below: (file: string) => string): Promise<Taken | undefined> {
  for (const suffix of ['.ldb', '.sst']) {
    const table = await take(below(`${String(number).padStart(6, '0')}${suffix}`));
    if (table !== undefined) return table.entry.size === size ? table : undefined;
  }
  return undefined;
}

/**
 * Returns the rank of a file in the order of copying. Logs sort by number: all but the newest must
 * be complete.
 */
function copyOrder(name: string): number {
  const { kind, number } = levelDbFile(name);
  const rank = { other: 0, table: 1, log: 2, manifest: 3, current: 4 }[kind];
  return rank * 1e16 + (kind === 'log' ? number : 0);
}
