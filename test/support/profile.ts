/** Profiles as values: written to a directory, and read back into a form that tests compare. */
import { createHash } from 'node:crypto';
import {
  type BigIntStats,
  chmodSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

interface Common {
  /** Microseconds since 1970. */
  mtime: bigint;
}
export type ProfileEntry =
  | (Common & { kind: 'directory'; mode: number })
  | (Common & { kind: 'file'; mode: number; content: Uint8Array })
  | (Common & { kind: 'symlink'; target: string });

/** Entries by path. Every directory above an entry is an entry. */
export type Profile = ReadonlyMap<string, ProfileEntry>;

/**
 * One line of text for each path, in the order of the paths, with everything that a version keeps.
 * Tests compare listings.
 */
export type Listing = ReadonlyMap<string, string>;

/** A time in 2023, so that the stat cache trusts it. */
const USUAL_MTIME = 1_700_000_000_123_456n;

export const file = (content: Uint8Array | string, mode = 0o600, mtime = USUAL_MTIME): ProfileEntry => ({
  kind: 'file',
  mode,
  mtime,
  content: typeof content === 'string' ? new TextEncoder().encode(content) : content,
});
export const directory = (mode = 0o700, mtime = USUAL_MTIME): ProfileEntry => ({ kind: 'directory', mode, mtime });
export const symlink = (target: string, mtime = USUAL_MTIME): ProfileEntry => ({ kind: 'symlink', mtime, target });

/** Writes the profile to `dir`, which does not exist or is empty. */
export function writeProfile(dir: string, profile: Profile): void {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const entries = [...profile].sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [path, entry] of entries) writeEntry(join(dir, path), entry);
  for (const [path, entry] of entries.reverse()) setFacts(join(dir, path), entry);
}

/** Makes the entry at `path` one of that kind and content. A directory may exist already. */
export function writeEntry(path: string, entry: ProfileEntry): void {
  if (entry.kind === 'directory') mkdirSync(path, { recursive: true });
  else if (entry.kind === 'symlink') symlinkSync(entry.target, path);
  else writeFileSync(path, entry.content);
}

/** Gives the entry at `path` the mode and time of `entry`. */
export function setFacts(path: string, entry: ProfileEntry): void {
  setMtime(path, entry.mtime);
  if (entry.kind !== 'symlink') chmodSync(path, entry.mode);
}

/** Sets the modification time of the entry at `path`, in microseconds. */
export function setMtime(path: string, mtime: bigint): void {
  // Half a microsecond is added or subtracted, because libuv truncates fractions. Its versions
  // differ on times before 1970.
  for (const half of [0.5, -0.5]) {
    const seconds = Number(mtime / 1_000_000n) + (Number(mtime % 1_000_000n) + half) / 1e6;
    lutimesSync(path, String(seconds), String(seconds));
    if (mtimeOf(lstatSync(path, { bigint: true })) === mtime) return;
  }
  throw new Error(`${path}: this file system does not hold the time ${mtime}`);
}

function mtimeOf({ mtimeNs }: BigIntStats): bigint {
  return (mtimeNs - (((mtimeNs % 1000n) + 1000n) % 1000n)) / 1000n;
}

/** Returns the listing of everything below `dir`. */
export function readListing(dir: string): Listing {
  const lines: [string, string][] = [];
  const walk = (below: string): void => {
    for (const name of readdirSync(join(dir, below))) {
      const path = below === '' ? name : `${below}/${name}`;
      const stats = lstatSync(join(dir, path), { bigint: true });
      lines.push([path, readLine(join(dir, path), stats)]);
      if (stats.isDirectory()) walk(path);
    }
  };
  walk('');
  return sorted(lines);
}

function readLine(path: string, stats: BigIntStats): string {
  const mtime = mtimeOf(stats);
  const mode = Number(stats.mode & 0o7777n);
  if (stats.isDirectory()) return describeEntry('directory', mode, mtime, '');
  if (stats.isSymbolicLink()) return describeEntry('symlink', mode, mtime, readlinkSync(path));
  return describeEntry('file', mode, mtime, readFileSync(path));
}

/**
 * Returns the line of an entry. `holds` is the bytes of a file, the target of a symlink, or
 * undefined.
 */
export function describeEntry(kind: ProfileEntry['kind'], mode: number, mtime: bigint, holds: Uint8Array | string): string {
  const described = typeof holds === 'string' ? holds : `${holds.length} bytes ${createHash('sha256').update(holds).digest('hex')}`;
  return `${kind} ${mode.toString(8)} ${mtime} ${described}`;
}

function sorted(lines: [string, string][]): Listing {
  return new Map(lines.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Returns a small profile of every kind of entry. It resembles a browser's, without names that are
 * left out of snapshots.
 */
export function smallProfile(content: (length: number, seed: string) => Uint8Array): Map<string, ProfileEntry> {
  return new Map<string, ProfileEntry>([
    ['Default', directory()],
    ['Default/Cookies', file(content(20_480, 'cookies'))],
    ['Default/Empty', directory(0o750)],
    ['Default/History', file(content(70_000, 'history'), 0o644)],
    ['Default/Local Storage', directory()],
    ['Default/Local Storage/000003.log', file('')],
    ['Default/Preferences', file(content(3_000, 'preferences'))],
    ['Default/link', symlink('Cookies')],
    ['Local State', file(content(900, 'state'))],
  ]);
}
