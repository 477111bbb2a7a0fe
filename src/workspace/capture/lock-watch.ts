/**
 * Browser locks whose owner may still run, in another container on the same volume or in another
 * PID namespace. The directory is watched for a moment, since a commit during a change would be a
 * mixture.
 */
import { BrowserStateError, throwIfAborted } from '../../base/errors.js';
import type { Host } from '../../base/host.js';
import { WATCH_LOOKS, WATCH_PAUSE_MS } from '../../base/limits.js';
import { readFacts } from '../../profile/excludes.js';
import { unprovenLock } from '../../profile/running-browser.js';
import type { RequestOptions } from '../../provider/provider.js';
import { buildFilter, type CaptureRules } from './filter.js';
import { scan } from './scan.js';

export interface LockWatch {
  /** One warning for each lock, for a directory that did not change. */
  warnings: string[];
  /** Throws BUSY if the directory has changed since the watch began. */
  check(): Promise<void>;
}

/**
 * Watches a directory if one of `places` has an unproven lock: the directory itself, the directory
 * above, or profiles below. Returns undefined if there is no such lock. Throws BUSY, naming the
 * lock and a file, if the directory changes meanwhile, and if a lock's browser answers.
 */
export async function watchLock(
  dir: string,
  places: Iterable<string>,
  rules: CaptureRules,
  host: Host,
  { signal }: RequestOptions,
): Promise<LockWatch | undefined> {
  const found: { place: string; lock: string }[] = [];
  for (const place of places) {
    const unproven = await unprovenLock(place, host);
    if (unproven?.isRunning) throw busy(place, unproven.lock, 'its browser answers');
    if (unproven !== undefined) found.push({ place, lock: unproven.lock });
  }
  const [first] = found;
  if (first === undefined) return undefined;
  // Caches change first, so the watch includes them.
  const look = async (): Promise<ReadonlyMap<string, string>> => {
    const { entries } = await scan(dir, buildFilter({ facts: readFacts(dir), ...rules, keepCaches: true }), { now: host.now(), signal });
    return new Map(entries.map(({ path, size, mtimeNs, ino }) => [path, `${size} ${mtimeNs} ${ino}`]));
  };
  const before = await look();
  const check = async (): Promise<void> => {
    const path = firstChange(before, await look());
    if (path !== undefined) throw busy(first.place, first.lock, `${path} changes`, path);
  };
  for (let i = 1; i < WATCH_LOOKS; i++) {
    await host.sleep(WATCH_PAUSE_MS, signal).catch(() => throwIfAborted(signal));
    await check();
  }
  const warnings = found.map(
    ({ place, lock }) => `${place}: it has the lock of a browser that may run elsewhere (${lock}); nothing changed while it was watched`,
  );
  return { warnings, check };
}

function firstChange(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string | undefined {
  return [...now.keys(), ...before.keys()].find((path) => before.get(path) !== now.get(path));
}

function busy(dir: string, lock: string, why: string, path?: string): BrowserStateError {
  return new BrowserStateError(
    'BUSY',
    `${dir}: a browser elsewhere is using this directory: it has the lock ${lock}, and ${why}; nothing was committed`,
    {
      hint: 'Close that browser first, in its container or on its machine.',
      details: { path: dir, lock, ...(path !== undefined && { changed: path }) },
    },
  );
}
