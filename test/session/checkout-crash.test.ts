/**
 * A checkout that is killed at any step that changes the file system (SPEC.md R-OUT-2, R-OUT-3, R-OUT-6): the old content is never lost before the
 * new one is complete, no mixture is ever committed, and the next checkout gives the exact tree and leaves nothing beside it.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type Listing, readListing, writeProfile } from '../helpers/profile.js';
import { withTemporary } from '../helpers/temporary.js';
import { checkOutKilled, commitsNoMixture, commitVersions, foreign, isMixture, isSame, openHome } from './_killed.js';

interface Work {
  /** What is saved and restored as a whole: home, and the parent of the directory. */
  root: string;
  home: string;
  dir: string;
}

/** The directory as it is before, and whether it is overwritten by force. */
interface Scenario {
  prepare(work: Work): Promise<unknown>;
  force: boolean;
  /** It holds parts of two versions, which nobody may commit. */
  mixture?: true;
}

const checkOutFirst = async ({ home, dir }: Work): Promise<unknown> =>
  (await openHome(home)).session('main').checkout(dir, { at: 'HEAD~1' });

const scenarios: Record<string, Scenario> = {
  'an absent directory': { force: false, prepare: async () => undefined },
  'an empty directory': { force: false, prepare: async ({ dir }) => mkdirSync(dir) },
  'a directory with other work, by force': { force: true, prepare: async ({ dir }) => writeProfile(dir, foreign) },
  'a directory that holds another version': { force: false, prepare: checkOutFirst },
  'a mixture that an earlier crash left': { force: false, prepare: makeMixture, mixture: true },
};

function save(root: string, name: string): string {
  const saved = `${root}-${name}`;
  execFileSync('cp', ['-a', root, saved]);
  return saved;
}

function restore(root: string, saved: string): void {
  rmSync(root, { recursive: true });
  execFileSync('cp', ['-a', saved, root]);
}

/** How many steps a checkout has; everything is then as before. */
async function countSteps({ root, home, dir }: Work, force: boolean): Promise<number> {
  const saved = save(root, 'counted');
  const { steps } = await checkOutKilled(home, dir, force, 0);
  rmSync(root, { recursive: true });
  renameSync(saved, root);
  return steps;
}

async function makeMixture(work: Work): Promise<void> {
  await checkOutFirst(work);
  const saved = save(work.root, 'whole');
  for (let killAt = await countSteps(work, false); !isMixture(work.dir); killAt--) {
    restore(work.root, saved);
    await checkOutKilled(work.home, work.dir, false, killAt);
  }
}

/** What lies in the directory's place and beside it. */
function candidates(dir: string): Listing[] {
  const parent = join(dir, '..');
  return readdirSync(parent).map((name) => readListing(join(parent, name)));
}

for (const [name, { prepare, force, mixture }] of Object.entries(scenarios)) {
  test(`R-OUT-2, R-OUT-3, R-OUT-6: a checkout into ${name} is killed at any step`, async (t) => {
    await withTemporary(async (folder) => {
      const root = join(folder, 'work');
      const work: Work = { root, home: join(root, 'home'), dir: join(root, 'place', 'profile') };
      const { home, dir } = work;
      mkdirSync(join(root, 'place'), { recursive: true });
      const expected = await commitVersions(home, join(folder, 'source'));
      await prepare(work);
      const old = existsSync(dir) ? readListing(dir) : undefined;
      const versions = old === undefined || mixture ? [expected] : [old, expected];
      const saved = save(root, 'before');
      const steps = await countSteps(work, force);
      t.true(steps > 10);
      for (let killAt = 1; killAt <= steps; killAt++) {
        t.true((await checkOutKilled(home, dir, force, killAt)).killed);
        // What is of no version is nowhere else.
        const preserved = !force || candidates(dir).some((listing) => versions.some((version) => isSame(listing, version)));
        t.true(preserved, `step ${killAt} lost the old content`);
        try {
          if (killAt % 2 === 0) await commitsNoMixture(home, dir, versions);
          await (await openHome(home)).session('main').checkout(dir, { force });
          assert.deepEqual(readListing(dir), expected);
          assert.deepEqual(readdirSync(join(dir, '..')), ['profile']);
        } catch (error) {
          t.log(error);
          t.fail(`step ${killAt} of ${steps}`);
        }
        restore(root, saved);
      }
      t.log(`${steps} steps`);
    });
  });
}
