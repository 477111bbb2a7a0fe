/**
 * A checkout that is killed at any step that changes the file system (SPEC.md R-OUT-2, R-OUT-3,
 * R-OUT-6). The old content is never lost before the new content is complete, and no mixture is
 * ever committed. The next checkout gives the exact tree and leaves nothing else.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { checkOutKilled, commitsNoMixture, commitVersions, foreign, isMixture, isSame, openHome } from '../support/exhaustive/killed.js';
import { type Listing, readListing, writeProfile } from '../support/profile.js';
import { withTemporary } from '../support/temporary.js';

interface Work {
  home: string;
  dir: string;
}

/** The initial state of the directory, and whether a checkout overwrites it by force. */
interface Scenario {
  prepare(work: Work): Promise<unknown>;
  force: boolean;
  /** The directory itself stays. */
  keep?: true;
  /** The directory holds parts of two versions, which must not be committed. */
  mixture?: true;
}

const checkOutFirst = async ({ home, dir }: Work): Promise<unknown> =>
  (await openHome(home)).session('main').checkout(dir, { at: 'HEAD~1' });

const scenarios: Record<string, Scenario> = {
  'an absent directory': { force: false, prepare: async () => undefined },
  'an empty directory': { force: false, prepare: async ({ dir }) => mkdirSync(dir) },
  'a directory with other work, by force': { force: true, prepare: async ({ dir }) => writeProfile(dir, foreign) },
  'a directory that is kept, by force': { force: true, keep: true, prepare: async ({ dir }) => writeProfile(dir, foreign) },
  'a directory that holds another version': { force: false, prepare: checkOutFirst },
  'a mixture that an earlier crash left': { force: false, prepare: makeMixture, mixture: true },
};

/** Prepares the directory anew, without a record of it. */
async function begin(work: Work, { prepare }: Pick<Scenario, 'prepare'>): Promise<void> {
  rmSync(join(work.home, 'tester', '.store', 'records'), { recursive: true, force: true });
  rmSync(join(work.dir, '..'), { recursive: true, force: true });
  mkdirSync(join(work.dir, '..'));
  await prepare(work);
}

/** The last step at which a checkout in place is a mixture. Found once. */
let mixtureAt: number | undefined;

/** Kills a checkout in place at that step. */
async function makeMixture(work: Work): Promise<void> {
  const inPlace = { prepare: checkOutFirst };
  await begin(work, inPlace);
  mixtureAt ??= (await checkOutKilled(work.home, work.dir, false, 0)).steps;
  for (; ; mixtureAt--) {
    await begin(work, inPlace);
    await checkOutKilled(work.home, work.dir, false, mixtureAt);
    if (isMixture(work.dir)) return;
  }
}

/** Returns the entries at the path of the directory and next to it. */
function candidates(dir: string): Listing[] {
  const parent = join(dir, '..');
  return readdirSync(parent).map((name) => readListing(join(parent, name)));
}

for (const [name, scenario] of Object.entries(scenarios)) {
  const { force, keep } = scenario;
  test(`R-OUT-2, R-OUT-3, R-OUT-6: a checkout into ${name} is killed at any step`, async (t) => {
    await withTemporary(async (folder) => {
      const work: Work = { home: join(folder, 'home'), dir: join(folder, 'place', 'profile') };
      const { home, dir } = work;
      const expected = await commitVersions(home, join(folder, 'source'));
      await begin(work, scenario);
      const { steps } = await checkOutKilled(home, dir, force, 0, keep);
      t.true(steps > 10);
      for (let killAt = 1; killAt <= steps; killAt++) {
        await begin(work, scenario);
        const old = existsSync(dir) ? readListing(dir) : undefined;
        const versions = old === undefined || scenario.mixture ? [expected] : [old, expected];
        t.true((await checkOutKilled(home, dir, force, killAt, keep)).killed);
        // Files of no version exist nowhere else. If entries are moved one by one, neither version
        // is whole meanwhile.
        const preserved = !force || keep || candidates(dir).some((listing) => versions.some((version) => isSame(listing, version)));
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
      }
      t.log(`${steps} steps`);
    });
  });
}
