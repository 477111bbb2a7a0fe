/** The operations of a session, with one law per test (SPEC.md 8.3, 11.1). */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { emptyRef } from '../../../src/format/ref.js';
import { memoryProvider } from '../../../src/index.js';
import { withTag } from '../../../src/session/tags.js';
import { prose } from '../../support/content.js';
import { refuses, rejects } from '../../support/errors.js';
import { fakeHost } from '../../support/host.js';
import { readListing, setMtime, smallProfile, writeProfile } from '../../support/profile.js';
import { freshStore, history, storeIn } from '../../support/store.js';

const nothing = { added: [], removed: [], changed: [] };

/** Returns a session with three commits, which differ in `Local State`. */
async function threeCommits(t: Parameters<typeof freshStore>[0]) {
  const made = await freshStore(t);
  const dir = join(made.folder, 'profile');
  writeProfile(dir, smallProfile(prose));
  const ids: string[] = [];
  for (const content of ['first', 'second', 'third']) {
    writeFileSync(join(dir, 'Local State'), content);
    ids.unshift((await made.session.commit(dir, { message: content, labels: { run: content } })).commit);
  }
  return { ...made, dir, ids, out: join(made.folder, 'out') };
}

test('section 3.2, R-COMMIT-2: a commit has its tree, parent, time, author and message', async (t) => {
  const { session, ids, dir } = await threeCommits(t);
  const head = await session.resolve('HEAD');
  t.like(head, {
    commit: ids[0] as string,
    parents: [ids[1] as string],
    message: 'third',
    author: 'tester@machine',
    labels: { run: 'third' },
    op: 'commit',
    tags: [],
  });
  t.is(head.files, [...readListing(dir).values()].filter((line) => line.startsWith('file')).length);
  t.deepEqual((await session.resolve('HEAD~2')).parents, []);
});

test('R-WRITE-4: the same tree makes no commit, nor do times alone', async (t) => {
  const { session, dir, ids } = await threeCommits(t);
  const again = await session.commit(dir, { message: 'again' });
  t.like(again, { changed: false, commit: ids[0] as string, parent: ids[1] as string });
  t.is(again.stats.storedBytes, 0);
  setMtime(join(dir, 'Default', 'Cookies'), 1n);
  setMtime(join(dir, 'Default', 'Empty'), 2n);
  t.false((await session.commit(dir)).changed);
  t.deepEqual(await history(session), ids);
});

test('R-WRITE-4: a tag on an unchanged directory goes to the head', async (t) => {
  const { session, dir, ids } = await threeCommits(t);
  t.false((await session.commit(dir, { tag: 'now' })).changed);
  t.is((await session.tags()).get('now'), ids[0]);
});

test('R-WRITE-4: diff(a, a) is empty, and diff(a, b) mirrors diff(b, a)', async (t) => {
  const { session, dir } = await threeCommits(t);
  rmSync(join(dir, 'Default', 'link'));
  writeFileSync(join(dir, 'Default', 'New'), 'x');
  await session.commit(dir);
  t.deepEqual(await session.diff('HEAD', 'HEAD'), nothing);
  const there = await session.diff('HEAD~2', 'HEAD');
  t.deepEqual(there, { added: ['Default/New'], removed: ['Default/link'], changed: ['Local State'] });
  t.deepEqual(await session.diff('HEAD', 'HEAD~2'), { added: there.removed, removed: there.added, changed: there.changed });
});

test('status reports what a commit would change, and writes nothing', async (t) => {
  const { session, dir, ids } = await threeCommits(t);
  t.deepEqual(await session.status(dir), nothing);
  writeFileSync(join(dir, 'Local State'), 'fourth');
  writeFileSync(join(dir, 'Other'), '');
  rmSync(join(dir, 'Default', 'Empty'), { recursive: true });
  t.deepEqual(await session.status(dir), { added: ['Other'], removed: ['Default/Empty'], changed: ['Local State'] });
  t.deepEqual(await history(session), ids);
});

test('R-WRITE-5: a rollback appends a commit with the older tree, which a checkout restores', async (t) => {
  const { session, ids, out } = await threeCommits(t);
  const entry = await session.rollback('HEAD~2');
  const older = await session.resolve(ids[2] as string);
  t.like(entry, { op: 'rollback', parents: [ids[0] as string], tree: older.tree, files: older.files, bytes: older.bytes });
  t.deepEqual(await history(session), [entry.commit, ...ids]);
  await session.checkout(out, { at: ids[2] as string });
  const expected = readListing(out);
  await session.checkout(join(out, '..', 'again'));
  t.deepEqual(readListing(join(out, '..', 'again')), expected);
});

test('R-WRITE-5: a fork has the history up to its commit, and both sessions continue independently', async (t) => {
  const { session, store, dir, ids } = await threeCommits(t);
  await session.fork('copy', { at: 'HEAD~1' });
  const copy = store.session('copy');
  t.deepEqual(await history(copy), ids.slice(1));
  writeFileSync(join(dir, 'Local State'), 'on the fork');
  const { commit } = await copy.commit(dir);
  t.deepEqual(await history(copy), [commit, ...ids.slice(1)]);
  t.deepEqual(await history(session), ids);
  await session.delete();
  t.deepEqual(await history(copy), [commit, ...ids.slice(1)]);
  t.deepEqual((await store.verify({ readData: true })).findings, []);
});

test('R-WRITE-5: a fork onto a session that exists is a conflict', async (t) => {
  const { session, store, ids } = await threeCommits(t);
  await session.fork('copy');
  await rejects(t, () => session.fork('copy'), 'CONFLICT');
  await rejects(t, () => session.fork('main'), 'CONFLICT');
  t.deepEqual(await history(store.session('main')), ids);
});

test('R-REF-3: a deleted session reads as absent, and its name can be used again', async (t) => {
  const { session, store, dir } = await threeCommits(t);
  await session.tag('kept');
  await session.delete();
  for (const read of [
    () => history(session),
    () => session.resolve('HEAD'),
    () => session.checkout(`${dir}2`),
    () => session.delete(),
    () => session.tags(),
  ]) {
    await rejects(t, read, 'NOT_FOUND');
  }
  for await (const _ of store.sessions()) t.fail('a deleted session is listed');
  const { commit, parent } = await session.commit(dir);
  t.is(parent, undefined);
  t.deepEqual(await history(session), [commit]);
  t.is((await session.tags()).size, 0);
  t.deepEqual(
    (await session.events()).map(({ op }) => op),
    ['delete', 'tag'],
  );
});

test('R-REF-4: a tag names a commit until it is moved', async (t) => {
  const { session, ids, out } = await threeCommits(t);
  await session.tag('good', { at: 'HEAD~1' });
  t.is((await session.resolve('good')).commit, ids[1] as string);
  t.deepEqual((await session.resolve('good')).tags, ['good']);
  await session.tag('good', { at: 'HEAD~2' });
  t.is((await session.resolve('good')).commit, ids[2] as string);
  await session.checkout(out, { at: 'good' });
  for (const bad of ['HEAD', 'abc123', '@noon', '.x', 'a/b', '', 'x'.repeat(129)]) await rejects(t, () => session.tag(bad), 'USAGE', bad);
  await rejects(t, () => session.tag('lost', { at: 'nowhere' }), 'NOT_FOUND');
});

test('R-LIMIT: a 1,025th tag is rejected, and any of the others can be moved', (t) => {
  const tags = new Map(Array.from({ length: 1024 }, (_, i) => [`tag-${i}`, '0'.repeat(64)]));
  refuses(t, () => withTag({ ...emptyRef(), tags }, 'one-more', '1'.repeat(64)), 'USAGE');
  const moved = withTag({ ...emptyRef(), tags }, 'tag-7', '1'.repeat(64));
  t.is(moved.size, 1024);
  t.is(moved.get('tag-7'), '1'.repeat(64));
});

test('sessions are listed by name with their heads; usage counts what is stored', async (t) => {
  const { session, store, ids } = await threeCommits(t);
  await session.fork('another', { at: 'HEAD~1' });
  const listed: string[] = [];
  for await (const info of store.sessions()) listed.push(`${info.session} ${info.commit} ${info.commits} ${info.message}`);
  t.deepEqual(listed, [`another ${ids[1]} 2 second`, `main ${ids[0]} 3 third`]);
  const usage = await store.usage();
  t.is(usage.sessions, 2);
  t.is(usage.commits, 5);
  t.true(usage.logicalBytes > usage.storedBytes);
});

test('section 9: users share a provider and see nothing of each other', async (t) => {
  const provider = memoryProvider();
  const { session, folder } = await freshStore(t, provider);
  writeProfile(join(folder, 'profile'), smallProfile(prose));
  await session.commit(join(folder, 'profile'));
  const other = await import('../../../src/index.js').then(({ openStore }) =>
    openStore({ home: provider, userId: 'somebody', host: { ...fakeHost('other'), defaultHome: () => join(folder, 'home') } }),
  );
  for await (const _ of other.sessions()) t.fail('a session of another user is listed');
  await rejects(t, () => other.session('main').checkout(join(folder, 'out')), 'NOT_FOUND');
});

test('a store that another process opens is the same store', async (t) => {
  const provider = memoryProvider();
  const { session, folder } = await freshStore(t, provider);
  writeProfile(join(folder, 'profile'), smallProfile(prose));
  const { commit } = await session.commit(join(folder, 'profile'));
  t.deepEqual(await history((await storeIn(folder, provider, 'another')).session('main')), [commit]);
});

test('R-NAME-3: an invalid session or user id is rejected', async (t) => {
  const { store } = await freshStore(t);
  for (const id of ['', '.', '..', '.hidden', 'a/b', 'a b', 'é', 'x'.repeat(129), '../x'])
    t.throws(() => store.session(id), { code: 'USAGE' }, id);
  for (const id of ['a', '@', '-', 'a.b_c-d@e', 'x'.repeat(128)]) t.notThrows(() => store.session(id));
});

test('a directory that lost nearly everything is not committed unless the caller allows it', async (t) => {
  const { session, dir, ids } = await threeCommits(t);
  rmSync(join(dir, 'Default', 'Cookies'));
  await rejects(t, () => session.commit(dir), 'SHRUNK');
  t.deepEqual(await history(session), ids);
  t.true((await session.commit(dir, { allowShrink: true })).changed);
});
