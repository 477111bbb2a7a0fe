/** Reads of a directory for a commit, repeated if it changes meanwhile. */
import { lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BrowserStateError } from '../../base/errors.js';
import { MAX_CAPTURE_ATTEMPTS } from '../../base/limits.js';
import type { TreeEntry } from '../../format/tree.js';
import { microseconds } from '../../fs/times.js';
import type { DirectoryFacts } from '../../profile/excludes.js';
import { rejectRunningBrowser } from '../../profile/running-browser.js';
import { type CaptureOptions, capture } from '../../workspace/capture/capture.js';
import { buildFilter, type CaptureRules, type Filter } from '../../workspace/capture/filter.js';
import { watchLock } from '../../workspace/capture/lock-watch.js';
import { within } from '../../workspace/capture/partial.js';
import { type Scan, scan } from '../../workspace/capture/scan.js';
import type { ScannedEntry } from '../../workspace/capture/scanned.js';
import { StatCache } from '../../workspace/capture/stat-cache.js';
import type { Workspace } from '../../workspace/workspace.js';
import type { Call } from '../call.js';

/** Captures a scanned directory, as `capture` does. */
export type ReadDirectory = (dir: string, found: Scan, options: CaptureOptions & { filter: Filter }) => Promise<TreeEntry[]>;

export interface OpenDirectory {
  /** Captures the directory, and again while it changes, up to MAX_CAPTURE_ATTEMPTS times. */
  capture(to: Pick<CaptureOptions, 'sink' | 'previous'>): Promise<TreeEntry[]>;
  /** Throws BUSY if a browser elsewhere has changed the directory since it was opened. */
  check(): Promise<void>;
  scanned(): Scan;
  /** The stat cache of this capture; undefined if a browser may change the files. */
  learn: StatCache | undefined;
  warnings: readonly string[];
}

/** Scans the directory. Throws BUSY if a browser uses the directory, unless `read` is given. */
export async function openDirectory(
  workspace: Workspace,
  facts: DirectoryFacts,
  rules: CaptureRules,
  read: ReadDirectory | undefined,
  op: Call,
): Promise<OpenDirectory> {
  const { dir, record } = workspace;
  const { host, signal } = op;
  const filter = buildFilter({ facts, ...rules });
  const learn = read === undefined ? new StatCache({ dir }, host.now()) : undefined;
  let time: bigint | undefined;
  const look = async (): Promise<Scan> => {
    time = changeTime(dir);
    const seen = await scan(dir, filter, { now: host.now(), signal });
    if (read === undefined) rejectRunningBrowser(dir, host, seen.locked);
    return seen;
  };
  let found = await look();
  const locked = read === undefined ? new Set([dir, dirname(dir), ...found.locked]) : [];
  const watch = await watchLock(dir, locked, rules, host, op);
  // The directory may have changed before the watch began.
  if (watch !== undefined) found = await look();
  const chosen = (): Scan => (record?.only ? within(found, record.only) : found);
  const attempt = async (to: Pick<CaptureOptions, 'sink' | 'previous'>): Promise<TreeEntry[]> =>
    (read ?? capture)(dir, chosen(), {
      ...to,
      filter,
      cache: await workspace.readCache(),
      learn,
      signal,
      onVanished: (parent) => {
        found.vanished ??= parent;
      },
      onProgress: op.onProgress && ((progress) => op.onProgress?.({ phase: 'capture', ...progress })),
    });
  // A checkout from another store, which does not know the locks of this one, changes the
  // directory's own entries. A listed entry that is gone may have been renamed to an unlisted name.
  const isUnsettled = (): boolean => changeTime(dir) !== time || found.vanished !== undefined || found.changing !== undefined;
  return {
    learn,
    warnings: watch?.warnings ?? [],
    scanned: () => found,
    check: async () => watch?.check(),
    async capture(to) {
      let captured = await attempt(to);
      for (let n = 1; read === undefined && isUnsettled(); n++) {
        found = await look();
        if (n < MAX_CAPTURE_ATTEMPTS) captured = await attempt(to);
        else if (found.vanished !== undefined)
          throw unsettled('UNREADABLE', join(dir, found.vanished), 'entries of it keep being renamed or removed');
        else if (isAsRead(captured, chosen())) break;
        else throw unsettled('BUSY', dir, 'another program keeps changing this directory');
      }
      return captured;
    },
  };
}

/** Returns when an entry of the directory was last created, renamed or removed. */
function changeTime(dir: string): bigint | undefined {
  return lstatSync(dir, { bigint: true, throwIfNoEntry: false })?.ctimeNs;
}

/** Returns whether a scan has the entries that were captured, by their sizes and times. */
function isAsRead(read: readonly TreeEntry[], { entries }: Scan): boolean {
  const isSame = (entry: TreeEntry, now: ScannedEntry | undefined): boolean =>
    now?.path === entry.path &&
    now.kind === entry.kind &&
    (entry.kind === 'directory' || microseconds(now.mtimeNs) === entry.mtime) &&
    (entry.kind !== 'file' || now.size === entry.size);
  return read.length === entries.length && read.every((entry, i) => isSame(entry, entries[i]));
}

function unsettled(code: 'BUSY' | 'UNREADABLE', path: string, problem: string): BrowserStateError {
  return new BrowserStateError(code, `${path}: ${problem}; nothing was committed`, {
    hint: 'Close the program that writes to it, and repeat the command.',
    details: { path },
  });
}
