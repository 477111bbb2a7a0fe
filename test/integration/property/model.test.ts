/**
 * Any profile with any edits. Every version restores exactly (path, kind, mode, time to the
 * microsecond, content).
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { localProvider, type Session } from '../../../src/index.js';
import { fakeHost } from '../../support/host.js';
import { type Listing, type Profile, readListing, writeProfile } from '../../support/profile.js';
import { changeProfile, type Edit, edit, profile } from '../../support/profile-changes.js';
import { holds } from '../../support/property.js';
import { history, storeIn } from '../../support/store.js';
import { withTemporary } from '../../support/temporary.js';

interface Version {
  commit: string;
  listing: Listing;
}

const scripts = fc.array(fc.array(edit, { minLength: 1, maxLength: 5 }), { maxLength: 5 });

/** Returns the relevant facts of a listing: all except the times. */
function withoutTimes(listing: Listing): string {
  return JSON.stringify([...listing].map(([path, line]) => [path, line.replace(/^(\w+ \d+) -?\d+/, '$1')]));
}

/** Commits the profile and every edit of it. Checks the law of R-WRITE-4 after each edit. */
async function commitAll(session: Session, dir: string, first: Profile, edits: Edit[][]): Promise<Version[]> {
  const versions: Version[] = [];
  writeProfile(dir, first);
  let current = first;
  for (const script of [[], ...edits]) {
    const next = script.reduce((before, { apply }) => apply(before), current);
    changeProfile(dir, current, next);
    current = next;
    const listing = readListing(dir);
    const head = versions.at(-1);
    const { commit, changed, parent } = await session.commit(dir, { allowShrink: true });
    assert.equal(changed, head === undefined || withoutTimes(listing) !== withoutTimes(head.listing));
    if (changed) {
      assert.equal(parent, head?.commit);
      versions.push({ commit, listing });
    } else assert.equal(commit, head?.commit);
  }
  return versions;
}

async function checkVersion(session: Session, dir: string, { commit, listing }: Version): Promise<void> {
  const result = await session.checkout(dir, { at: commit });
  assert.equal(result.commit, commit);
  assert.deepEqual(readListing(dir), listing);
}

test('checkout(commit(x)) is x, for every version at any later time, and the log lists them newest first', async (t) => {
  const law = fc.asyncProperty(profile, scripts, async (first, edits) => {
    await withTemporary(async (folder) => {
      const store = await storeIn(folder);
      const session = store.session('main');
      const versions = await commitAll(session, join(folder, 'profile'), first, edits);
      for (const [i, version] of versions.entries()) await checkVersion(session, join(folder, `out-${i}`), version);
      assert.deepEqual(await history(session), versions.map(({ commit }) => commit).reverse());
      assert.deepEqual((await store.verify({ readData: true })).findings, []);
    });
  });
  await holds(t, law, { numRuns: 40 });
});

test('R-OUT-6: in-place checkouts between versions, in any order, give each exactly', async (t) => {
  const law = fc.asyncProperty(profile, scripts, fc.array(fc.nat(), { minLength: 1, maxLength: 8 }), async (first, edits, order) => {
    await withTemporary(async (folder) => {
      const session = (await storeIn(folder)).session('main');
      const versions = await commitAll(session, join(folder, 'profile'), first, edits);
      for (const pick of order) await checkVersion(session, join(folder, 'out'), versions[pick % versions.length] as Version);
    });
  });
  await holds(t, law, { numRuns: 40 });
});

test('a directory that was committed can be changed into any other version in place, and committed on', async (t) => {
  const law = fc.asyncProperty(profile, scripts, fc.nat(), async (first, edits, pick) => {
    await withTemporary(async (folder) => {
      const session = (await storeIn(folder)).session('main');
      const dir = join(folder, 'profile');
      const versions = await commitAll(session, dir, first, edits);
      await checkVersion(session, dir, versions[pick % versions.length] as Version);
      const { commit } = await session.commit(dir, { allowShrink: true });
      await checkVersion(session, join(folder, 'out'), { commit, listing: (versions[pick % versions.length] as Version).listing });
    });
  });
  await holds(t, law, { numRuns: 20 });
});

test('the same holds in a local folder', async (t) => {
  const law = fc.asyncProperty(profile, scripts, async (first, edits) => {
    await withTemporary(async (folder) => {
      const provider = localProvider(join(folder, 'store'), fakeHost('provider'));
      const session = (await storeIn(folder, provider)).session('main');
      const versions = await commitAll(session, join(folder, 'profile'), first, edits);
      for (const [i, version] of versions.entries()) await checkVersion(session, join(folder, `out-${i}`), version);
    });
  });
  await holds(t, law, { numRuns: 10 });
});
