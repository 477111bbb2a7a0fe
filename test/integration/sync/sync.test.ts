/** Push and pull of several machines with one remote (SPEC.md 11.5). */
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { memoryProvider } from '../../../src/index.js';
import { noise, prose, withPages } from '../../support/content.js';
import { rejects } from '../../support/errors.js';
import { counting } from '../../support/faults/providers.js';
import { file, type ProfileEntry, readListing, smallProfile } from '../../support/profile.js';
import { history } from '../../support/store.js';
import { machine } from '../../support/sync/machines.js';
import { measured } from '../../support/sync/measured.js';

const database = noise(300_000, 'database');
const withDatabase = (bytes: Uint8Array) => new Map<string, ProfileEntry>([...smallProfile(noise), ['Default/Database', file(bytes)]]);

test('R-SYNC-3: another machine checks out a pushed commit byte for byte', async (t) => {
  const remote = memoryProvider();
  const [a, b] = [await machine(t, remote), await machine(t, remote)];
  const dir = a.profile(withDatabase(database));
  const { commit } = await a.session.commit(dir);
  const pushed = await a.session.push();
  t.is(pushed.commit, commit);
  t.true(pushed.pushed);
  const target = b.directory();
  const { commit: got, fetchedBytes } = await b.session.checkout(target);
  t.is(got, commit);
  t.true(fetchedBytes > 300_000);
  t.deepEqual(readListing(target), readListing(dir));
  t.deepEqual((await b.store.verify({ readData: true })).findings, []);
  t.deepEqual((await b.store.verify({ readData: true, on: 'remote' })).findings, []);
});

test('a small change sends its pages, and a second mount of an unchanged session fetches nothing', async (t) => {
  const remote = counting(memoryProvider());
  const [a, b] = [await machine(t, remote), await machine(t, remote)];
  const dir = a.profile(withDatabase(database));
  await a.session.commit(dir);
  await a.session.push();
  await b.session.checkout(b.directory());
  writeFileSync(join(dir, 'Default/Database'), withPages(database, [3], 'changed'));
  await a.session.commit(dir);
  const { sent } = remote.counts;
  const { bytes, objects, commits } = await a.session.push();
  t.is(commits, 1);
  t.is(objects, 2);
  t.true(bytes < 4096 + 8000, `${bytes} bytes`);
  t.true(remote.counts.sent - sent < 20_000);
  const again = b.directory();
  const { fetchedBytes } = await b.session.pull();
  t.true(fetchedBytes < 10_000);
  await b.session.checkout(again);
  t.deepEqual(readListing(again), readListing(dir));
  t.is((await b.session.pull()).pulled, false);
});

test('R-SYNC-1, R-SYNC-8: every path stays within its budget of round trips and requests', async (t) => {
  const { remote, cost } = measured();
  const [a, b] = [await machine(t, remote), await machine(t, remote)];
  const dir = a.profile(withDatabase(database));
  await a.session.commit(dir);
  await a.session.push();
  t.deepEqual(await cost(() => a.session.push()), [0, 0], 'push of nothing');
  const other = a.store.session('other');
  await other.commit(a.profile(smallProfile((length, seed) => noise(length, `another ${seed}`))));
  t.deepEqual(await cost(() => other.push()), [3, 4], 'first commit of a session');
  t.deepEqual(await cost(() => b.session.checkout(b.directory())), [2, 2], 'cold mount with the manifest in the ref');
  t.deepEqual(await cost(() => b.session.pull()), [1, 1], 'mount with nothing changed');
  writeFileSync(join(dir, 'Default/Preferences'), prose(5000, 'preferences'));
  await a.session.commit(dir);
  t.deepEqual(await cost(() => a.session.push()), [2, 3], 'save with a change');
  t.deepEqual(await cost(() => a.session.tag('good')), [1, 1], 'tag');
  t.deepEqual(await cost(() => a.session.rollback('HEAD~1')), [3, 3], 'rollback');
  t.deepEqual(await cost(() => a.session.fork('experiment')), [3, 5], 'fork');
  t.deepEqual(await cost(() => history(b.session)), [1, 1], 'log');
});

test('offline commits are sent together, and later mounts see each', async (t) => {
  const remote = memoryProvider();
  const [a, b] = [await machine(t, remote), await machine(t, remote)];
  const dir = a.profile(withDatabase(database));
  const listings = [];
  for (let i = 0; i < 5; i++) {
    writeFileSync(join(dir, 'Default/Database'), withPages(database, [i, i + 10], i));
    await a.session.commit(dir, { message: `run ${i}` });
    listings.push(readListing(dir));
  }
  t.is((await a.session.push()).commits, 5);
  t.deepEqual(await history(b.session), await history(a.session));
  for (const [i, listing] of listings.entries()) {
    const target = b.directory();
    await b.session.checkout(target, { at: `HEAD~${4 - i}` });
    t.deepEqual(readListing(target), listing);
  }
  t.deepEqual(await history(a.store.session('main')), await history(b.session));
  t.deepEqual((await b.store.verify({ readData: true })).findings, []);
});

test('R-SYNC-5, fail: a push that loses is a conflict, and its commit is on the remote under the name in the error', async (t) => {
  const remote = memoryProvider();
  const [a, b] = [await machine(t, remote), await machine(t, remote)];
  const dir = a.profile();
  await a.session.commit(dir);
  await a.session.push();
  const other = b.directory();
  await b.session.checkout(other);
  appendFileSync(join(dir, 'Default/Preferences'), 'from a');
  appendFileSync(join(other, 'Default/Preferences'), 'from b');
  await a.session.commit(dir);
  await a.session.push();
  const { commit } = await b.session.commit(other);
  const error = await rejects(t, () => b.session.push(), 'CONFLICT');
  const [, fork] = /as session (\S+)$/.exec(error.message) ?? [];
  t.truthy(fork, error.message);
  const c = await machine(t, remote, fork);
  t.is((await history(c.session))[0], commit);
  t.is((await history(c.session)).length, 2);
  const target = c.directory();
  await c.session.checkout(target);
  t.deepEqual(readListing(target), readListing(other));
  await rejects(t, () => b.session.pull(), 'CONFLICT');
  await rejects(t, () => b.session.push(), 'CONFLICT');
  t.deepEqual((await b.store.verify({ readData: true, on: 'remote' })).findings, []);
});

for (const keep of ['ours', 'theirs'] as const) {
  test(`${keep}: a commit with both heads as parents has the tree of one`, async (t) => {
    const remote = memoryProvider();
    const [a, b, c] = [await machine(t, remote), await machine(t, remote), await machine(t, remote)];
    const dir = a.profile();
    await a.session.commit(dir);
    await a.session.push();
    const other = b.directory();
    await b.session.checkout(other);
    appendFileSync(join(dir, 'Default/Preferences'), 'from a');
    appendFileSync(join(other, 'Default/Preferences'), 'from b');
    const theirs = await a.session.commit(dir);
    await a.session.push();
    const ours = await b.session.commit(other);
    const pushed = await b.session.push({ onConflict: keep });
    const head = await c.session.resolve('HEAD');
    t.is(head.commit, pushed.commit);
    t.deepEqual(head.parents, keep === 'ours' ? [ours.commit, theirs.commit] : [theirs.commit, ours.commit]);
    const target = c.directory();
    await c.session.checkout(target);
    t.deepEqual(readListing(target), readListing(keep === 'ours' ? other : dir));
    t.is((await b.session.resolve('HEAD', { offline: true })).commit, pushed.commit);
    t.true((await history(c.session)).includes(ours.commit));
    t.true((await history(c.session)).includes(theirs.commit));
    t.deepEqual((await b.store.verify({ readData: true })).findings, []);
    t.deepEqual((await b.store.verify({ readData: true, on: 'remote' })).findings, []);
  });
}

test('fork: the commit continues as a new session, and this machine follows the remote again', async (t) => {
  const remote = memoryProvider();
  const [a, b] = [await machine(t, remote), await machine(t, remote)];
  const dir = a.profile();
  await a.session.commit(dir);
  await a.session.push();
  const other = b.directory();
  await b.session.checkout(other);
  appendFileSync(join(dir, 'Default/Preferences'), 'from a');
  appendFileSync(join(other, 'Default/Preferences'), 'from b');
  const theirs = await a.session.commit(dir);
  await a.session.push();
  const ours = await b.session.commit(other);
  const { forkedTo } = await b.session.push({ onConflict: 'fork' });
  t.is((await b.store.session(forkedTo as string).resolve('HEAD', { offline: true })).commit, ours.commit);
  t.is((await b.session.pull()).commit, theirs.commit);
});

test('a machine with an empty local store commits on top of the remote head', async (t) => {
  const remote = memoryProvider();
  const [a, b, c] = [await machine(t, remote), await machine(t, remote), await machine(t, remote)];
  const first = await a.session.commit(a.profile(withDatabase(database)));
  await a.session.push();
  const same = await b.session.commit(b.profile(withDatabase(database)));
  t.false(same.changed);
  t.is(same.commit, first.commit);
  const gutted = b.directory();
  const dir = b.profile(withDatabase(withPages(database, [7], 'changed')));
  rmSync(join(dir, 'Default/Cookies'));
  await rejects(t, () => b.session.commit(dir), 'SHRUNK');
  t.truthy(gutted);
  const second = await b.session.commit(dir, { allowShrink: true });
  t.is(second.parent, first.commit);
  t.is((await b.session.push()).commits, 1);
  const target = c.directory();
  await c.session.checkout(target);
  t.deepEqual(readListing(target), readListing(dir));
  t.is((await c.session.resolve('HEAD~1')).commit, first.commit);
});

test('rollback, tag, fork and delete reach the remote from a machine without the session', async (t) => {
  const remote = memoryProvider();
  const [a, b] = [await machine(t, remote), await machine(t, remote)];
  const dir = a.profile();
  const before = readListing(dir);
  const first = await a.session.commit(dir);
  appendFileSync(join(dir, 'Default/Preferences'), 'more');
  await a.session.commit(dir);
  await a.session.push();
  await b.session.tag('good', { at: 'HEAD~1' });
  await b.session.rollback('good');
  await b.session.fork('experiment');
  t.deepEqual([...(await a.session.tags())], [['good', first.commit]]);
  const target = a.directory();
  t.true((await a.session.pull()).pulled);
  await a.session.checkout(target);
  t.deepEqual(readListing(target), before);
  t.is((await history(a.store.session('experiment'))).length, 3);
  await b.session.delete();
  await rejects(t, () => a.session.pull(), 'NOT_FOUND');
  await rejects(t, () => b.session.checkout(b.directory()), 'NOT_FOUND');
  const names = [];
  for await (const { session } of b.store.sessions()) names.push(session);
  t.deepEqual(names, ['experiment']);
});

test('R-SYNC-6: a session that was deleted on the remote is not restored by a later save', async (t) => {
  const remote = memoryProvider();
  const [a, b] = [await machine(t, remote), await machine(t, remote)];
  const dir = a.profile();
  await a.session.commit(dir);
  await a.session.push();
  await b.session.delete();
  appendFileSync(join(dir, 'Default/Preferences'), 'more');
  const { commit } = await a.session.commit(dir);
  const error = await rejects(t, () => a.session.push(), 'CONFLICT');
  t.regex(error.message, /deleted/);
  t.is((await a.session.push({ onConflict: 'ours' })).commit, commit);
  t.is((await history(b.session)).length, 2);
});

test('a session is copied from one remote to another with no loss', async (t) => {
  const [one, two] = [memoryProvider(), memoryProvider({ url: 'memory:two' })];
  const a = await machine(t, one);
  const dir = a.profile(withDatabase(database));
  await a.session.commit(dir);
  await a.session.push();
  const b = await machine(t, two);
  const other = await machine(t, two);
  await rejects(t, () => b.session.checkout(b.directory()), 'NOT_FOUND');
  const again = await b.session.commit(dir);
  t.is(again.tree, (await a.session.resolve('HEAD')).tree);
  await b.session.push();
  const target = other.directory();
  await other.session.checkout(target);
  t.deepEqual(readListing(target), readListing(dir));
});

test('content that another session has on the remote is not resent', async (t) => {
  const remote = counting(memoryProvider());
  const a = await machine(t, remote);
  const dir = a.profile(withDatabase(database));
  await a.session.commit(dir);
  await a.session.push();
  const other = a.store.session('other');
  await other.commit(dir);
  const { bytes } = await other.push();
  t.true(bytes < 4000, `${bytes} bytes`);
  t.deepEqual((await a.store.verify({ readData: true, on: 'remote' })).findings, []);
});
