/**
 * A program for a namespace in which it may mount. It checks out into a mount point, which cannot
 * be renamed (SPEC.md R-OUT-2), and is killed at any step. `bind` mounts a directory of the same
 * file system, and `tmpfs` mounts another file system. The program fails if a check fails.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { checkOutKilled, commitsNoMixture, commitVersions, first, foreign, openHome } from '../exhaustive/killed.js';
import { readListing, writeProfile } from '../profile.js';

const [folder, kind] = process.argv.slice(2) as [string, 'bind' | 'tmpfs'];
const home = join(folder, 'home');
const dir = join(folder, 'mounted here');
mkdirSync(dir);
if (kind === 'tmpfs') execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', dir]);
else {
  mkdirSync(join(folder, 'elsewhere'));
  execFileSync('mount', ['--bind', join(folder, 'elsewhere'), dir]);
}
const expected = await commitVersions(home, join(folder, 'source'));

function clear(): void {
  for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true });
}

async function isExact(options: { force?: boolean; at?: string }, listing = expected): Promise<void> {
  await (await openHome(home)).session('main').checkout(dir, options);
  assert.deepEqual(readListing(dir), listing);
  assert.equal(statSync(dir).mode & 0o777, 0o700);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('.')),
    [],
  );
}

await isExact({});
await isExact({ at: 'HEAD~1' }, await listingOfFirst());
await isExact({});

async function listingOfFirst(): Promise<ReturnType<typeof readListing>> {
  const other = join(folder, 'first');
  writeProfile(other, first);
  return readListing(other);
}

const preparations: [boolean, () => Promise<unknown>][] = [
  [true, async () => writeProfile(dir, foreign)],
  [false, async () => (await openHome(home)).session('main').checkout(dir, { at: 'HEAD~1' })],
];
for (const [force, prepare] of preparations) {
  const begin = async (): Promise<void> => {
    clear();
    await prepare();
  };
  await begin();
  const old = readListing(dir);
  const { steps } = await checkOutKilled(home, dir, force, 0);
  for (let killAt = 1; killAt <= steps; killAt++) {
    await begin();
    assert.ok((await checkOutKilled(home, dir, force, killAt)).killed, `step ${killAt} of ${steps}`);
    if (killAt % 2 === 0) await commitsNoMixture(home, dir, [old, expected]);
    await isExact({ force });
  }
}
