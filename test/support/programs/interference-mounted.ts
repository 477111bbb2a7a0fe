/**
 * A program for a namespace in which it may mount. It interferes with checkouts into a mount point
 * (`tmpfs`) or a directory of an overlay's lower layer (`overlay`). The latter and its directories
 * cannot be renamed. The program fails if a check fails.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { countSteps, interfere, interferences, starts, type Target } from '../exhaustive/interference.js';
import { commitVersions, foreign } from '../exhaustive/killed.js';
import { writeProfile } from '../profile.js';

const [folder, kind, stride] = process.argv.slice(2) as [string, 'tmpfs' | 'overlay', string];
const home = join(folder, 'home');
const expected = await commitVersions(home, join(folder, 'source'));

function tmpfs(): Target {
  const dir = join(folder, 'place', 'profile');
  mkdirSync(dir, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', dir]);
  return { dir, home, expected, isMount: true };
}

function overlay(): Target {
  const base = join(folder, 'layers');
  const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => join(base, name)) as [
    string,
    string,
    string,
    string,
  ];
  mkdirSync(base);
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', base]);
  for (const each of [lower, merged]) mkdirSync(each);
  writeProfile(join(lower, 'profile'), foreign);
  mkdirSync(join(lower, 'profile', 'deep', 'deeper'), { recursive: true });
  writeFileSync(join(lower, 'profile', 'deep', 'deeper', 'file'), 'of the image');
  const renew = (): void => {
    // The first time, the overlay is not mounted.
    if (lstatSync(merged).dev !== lstatSync(base).dev) execFileSync('umount', [merged]);
    for (const each of [upper, work]) {
      rmSync(each, { recursive: true, force: true });
      mkdirSync(each);
    }
    const layers = `lowerdir=${lower},upperdir=${upper},workdir=${work},userxattr`;
    execFileSync('mount', ['-t', 'overlay', '-o', layers, 'overlay', merged]);
  };
  const dir = join(merged, 'profile');
  renew();
  assert.throws(() => renameSync(dir, `${dir}-moved`), { code: 'EXDEV' });
  assert.throws(() => renameSync(join(dir, 'deep'), join(dir, 'moved')), { code: 'EXDEV' });
  return { dir, home, expected, renew };
}

const target = kind === 'tmpfs' ? tmpfs() : overlay();
const wrong: string[] = [];
let offset = 0;
for (const start of kind === 'tmpfs' ? (Object.keys(starts) as (keyof typeof starts)[]) : (['replaced'] as const)) {
  const steps = await countSteps(target, start);
  for (const interference of Object.keys(interferences)) {
    for (let killAt = 1 + (offset++ % Number(stride)); killAt <= steps; killAt += Number(stride)) {
      try {
        await interfere(target, start, interference, killAt);
      } catch (error) {
        wrong.push(`${start}: ${interference} after step ${killAt} of ${steps}: ${error}`);
      }
    }
  }
}
assert.deepEqual(wrong, []);
