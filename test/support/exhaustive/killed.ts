/** Checkouts that are killed at a step, and their initial state. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rmSync } from 'node:fs';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { isError, openStore, type Store } from '../../../src/index.js';
import { prose } from '../content.js';
import { directory, file, type Listing, type ProfileEntry, readListing, symlink, writeProfile } from '../profile.js';

/** Two versions between which every kind of entry becomes every other, and an unknown directory. */
export const first = new Map<string, ProfileEntry>([
  ['a', directory(0o750)],
  ['a/one', file('one')],
  ['b', file(prose(300, 'b'))],
  ['c', file('a file, then a directory')],
  ['link', symlink('b')],
]);
const second = new Map<string, ProfileEntry>([
  ['a', file('a directory, then a file')],
  ['b', file(prose(300, 'b2'), 0o640)],
  ['c', directory()],
  ['c/two', file('two')],
  ['link', symlink('c/two')],
]);
export const foreign = new Map<string, ProfileEntry>([
  ['b', file('of nobody')],
  ['d', directory()],
  ['d/e', file('of nobody either')],
]);

/** Returns a newly opened store, as another process would open it. */
export function openHome(home: string): Promise<Store> {
  return openStore({ home, userId: 'tester' });
}

/** Commits both versions to the session `main`. Returns the content of the second. */
export async function commitVersions(home: string, source: string): Promise<Listing> {
  const session = (await openHome(home)).session('main');
  for (const version of [first, second]) {
    rmSync(source, { recursive: true, force: true });
    writeProfile(source, version);
    await session.commit(source);
  }
  return readListing(source);
}

const child = fileURLToPath(new URL('../programs/checkout.js', import.meta.url));
const hook = new URL('../programs/kill-hook.js', import.meta.url).href;

/**
 * Checks out the head in a process that is killed at that step. At step 0 the process is not
 * killed, and counts the steps.
 */
export function checkOutKilled(
  home: string,
  dir: string,
  force: boolean,
  killAt: number,
  keep = false,
): Promise<{ killed: boolean; steps: number }> {
  const program = ['--import', hook, child, home, dir, 'HEAD', force ? 'force' : '', keep ? 'keep' : ''];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, program, { env: { ...process.env, KILL_AT: String(killAt) } }, (error, stdout, stderr) => {
      if (error === null) resolve({ killed: false, steps: Number(stdout) });
      else if (error.signal === 'SIGKILL') resolve({ killed: true, steps: killAt });
      else reject(new Error(stderr));
    });
  });
}

export function isSame(a: Listing, b: Listing): boolean {
  return JSON.stringify([...a]) === JSON.stringify([...b]);
}

/**
 * Commits the directory to a new session. Asserts that the commit fails unless the directory holds
 * exactly one of the versions.
 */
export async function commitsNoMixture(home: string, dir: string, versions: Listing[]): Promise<void> {
  try {
    await (await openHome(home)).session('probe').commit(dir, { allowShrink: true });
  } catch (error) {
    assert.ok(isError(error, 'DIRTY', 'NOT_FOUND'), String(error));
    return;
  }
  const found = readListing(dir);
  assert.ok(
    versions.some((version) => isSame(found, version)),
    `a mixture was committed: ${[...found.keys()].join(', ')}`,
  );
}

/** Returns whether the directory holds neither of the versions. */
export function isMixture(dir: string): boolean {
  const paths = (version: ReadonlyMap<string, unknown>): string => [...version.keys()].sort().join();
  const found = paths(readListing(dir));
  return found !== paths(first) && found !== paths(second);
}
