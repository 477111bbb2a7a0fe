/** Long histories: chains of patches, and entries that move to segments. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { memoryProvider, type Session } from '../../../src/index.js';
import { noise, withPages } from '../../support/content.js';
import { EPOCH_START } from '../../support/host.js';
import { file, type Listing, readListing, setMtime, writeProfile } from '../../support/profile.js';
import { freshStore, history } from '../../support/store.js';

async function isExactly(t: ExecutionContext, session: Session, dir: string, at: string, expected: Listing | undefined): Promise<void> {
  await session.checkout(dir, { at });
  t.deepEqual(readListing(dir), expected as Listing, at);
}

test('R-LOC-2: a chunk that changes in every one of 30 commits has every version, cut short and grown in between', async (t) => {
  const { store, folder, session } = await freshStore(t);
  const dir = join(folder, 'profile');
  writeProfile(dir, new Map([['Cookies', file(noise(65_536, 'first'))]]));
  let bytes = noise(65_536, 'first');
  const versions: [string, Listing][] = [];
  for (let i = 0; i < 30; i++) {
    bytes = withPages(bytes, [i % 16, (i * 7) % 16], i);
    if (i % 6 === 4) bytes = bytes.slice(0, 65_536 - 3000 * i);
    if (i % 6 === 5) bytes = Uint8Array.from([...bytes, ...noise(65_536 - bytes.length, i)]);
    writeFileSync(join(dir, 'Cookies'), bytes);
    const { commit, stats } = await session.commit(dir);
    t.true(i === 0 || stats.newBytes <= 65_536);
    versions.push([commit, readListing(dir)]);
  }
  for (const [commit, listing] of versions) await isExactly(t, session, join(folder, 'out'), commit, listing);
  t.deepEqual((await store.verify({ readData: true })).findings, []);
});

test('R-WRITE-4: two pages that change in place are stored as two pages', async (t) => {
  const { folder, session } = await freshStore(t);
  const dir = join(folder, 'profile');
  const bytes = noise(10 * 65_536, 'history');
  writeProfile(dir, new Map([['History', file(bytes)]]));
  await session.commit(dir);
  for (let i = 0; i < 12; i++) {
    writeFileSync(join(dir, 'History'), withPages(bytes, [3, 100], i));
    const { stats } = await session.commit(dir);
    t.true(stats.newBytes <= 2 * 4096, `${stats.newBytes} in commit ${i}`);
  }
});

const COMMITS = 135;

test('R-REF-2: entries that moved to segments are found by every kind of revision', async (t) => {
  const provider = memoryProvider();
  const { store, folder, session } = await freshStore(t, provider);
  const dir = join(folder, 'profile');
  writeProfile(dir, new Map([['Preferences', file('0')]]));
  const ids: string[] = [];
  const listings: Listing[] = [];
  const times: Date[] = [];
  for (let i = 0; i < COMMITS; i++) {
    writeFileSync(join(dir, 'Preferences'), `version ${i}`);
    setMtime(join(dir, 'Preferences'), BigInt(EPOCH_START + i) * 1000n);
    const { commit } = await session.commit(dir, { message: `commit ${i}` });
    ids.unshift(commit);
    listings.unshift(readListing(dir));
    times.unshift((await session.resolve('HEAD')).time);
    if (i === 3) await session.tag('early');
  }
  const segments: string[] = [];
  for await (const { key } of provider.list('tester/.store/segments/')) segments.push(key);
  t.true(segments.length > 0);

  t.deepEqual(await history(session), ids);
  const newest: string[] = [];
  for await (const { commit } of session.log({ limit: 120 })) newest.push(commit);
  t.deepEqual(newest, ids.slice(0, 120));

  const out = join(folder, 'out');
  const old = ids[120] as string;
  for (const revision of ['HEAD~120', 'HEAD~100~20', old, old.slice(0, 16), `@${(times[120] as Date).toISOString()}`, 'early']) {
    const index = revision === 'early' ? COMMITS - 4 : 120;
    t.is((await session.resolve(revision)).commit, ids[index] as string, revision);
    await isExactly(t, session, out, revision, listings[index]);
  }
  t.is((await session.resolve('early~3')).commit, ids.at(-1) as string);
  t.is((await session.resolve('early')).tags[0], 'early');
  for await (const { commits } of store.sessions()) t.is(commits, COMMITS);
  t.is((await store.verify({ readData: true })).commits, COMMITS);

  await session.fork('old', { at: 'HEAD~120' });
  t.deepEqual(await history(store.session('old')), ids.slice(120));
  await isExactly(t, store.session('old'), out, 'HEAD~10', listings[130]);
  const { commit } = await session.rollback(ids.at(-1) as string);
  t.deepEqual(await history(session), [commit, ...ids]);
  await isExactly(t, session, out, 'HEAD', listings.at(-1));
  await session.fork('whole');
  t.deepEqual(await history(store.session('whole')), [commit, ...ids]);
});
