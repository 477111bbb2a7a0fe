/**
 * Mounts: a separate directory for every process, made from the head and committed onto that
 * version.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { BrowserStateError, memoryProvider, type Provider } from '../../../src/index.js';
import { rejects } from '../../support/errors.js';
import { around, counting } from '../../support/faults/providers.js';
import { begin, entries, nothingLeft, profile, sessions, TestMachine, write } from '../../support/processes.js';
import { readListing } from '../../support/profile.js';

const read = (dir: string, path: string): string => readFileSync(join(dir, path), 'utf8');

/** Returns a provider that fails from a given moment on. */
function failing(inner: Provider, code: 'UNREACHABLE' | 'NOT_FOUND'): { provider: Provider; fail: (does: boolean) => void } {
  let fails = false;
  const provider = around(inner, async (method, key, request) => {
    if (fails) throw new BrowserStateError(code, `${method} ${key}: a fault that the test asked for`);
    return request();
  });
  return { provider, fail: (does) => (fails = does) };
}

test('R-MOUNT-1: a new session is an empty private directory, and commits nothing if it stays empty', async (t) => {
  const machine = new TestMachine(t, memoryProvider());
  const store = await machine.process('a');
  const mount = await store.mount('s');
  t.deepEqual(readdirSync(mount.dir), []);
  t.is(statSync(mount.dir).mode & 0o777, 0o700);
  t.true(mount.dir.startsWith(join(machine.home, 'tester/.store/workspaces/s.')));
  t.is(machine.left().notes.length, 1);
  t.like(await mount.unmount(), { changed: false, commit: undefined, pushed: false });
  t.deepEqual(machine.left(), nothingLeft);
  t.deepEqual(await sessions(store), []);
});

test('changes are committed and pushed, and mounted on another machine', async (t) => {
  const remote = memoryProvider();
  const machine = new TestMachine(t, remote);
  const store = await machine.process('a');
  const mount = await store.mount('s');
  await write(mount.dir, profile('mine'));
  const before = readListing(mount.dir);
  t.like(await mount.unmount({ message: 'done' }), { session: 's', changed: true, pushed: true });
  t.deepEqual(machine.left(), nothingLeft);
  const other = new TestMachine(t, remote);
  const there = await (await other.process('b')).mount('s');
  t.deepEqual(readListing(there.dir), before);
  t.is(statSync(there.dir).mode & 0o777, 0o700);
  t.deepEqual(
    (await entries(store.session('s'))).map(({ message }) => message),
    ['done'],
  );
});

test('round trips: an unchanged session is one request to mount and none to unmount; a small change is three', async (t) => {
  const remote = counting(memoryProvider());
  const requests = (): number => Object.values(remote.counts.requests).reduce((sum, count) => sum + count, 0);
  const machine = new TestMachine(t, remote);
  const store = await machine.process('a');
  await begin(store, 's');
  const before = requests();
  const mount = await store.mount('s');
  t.is(requests() - before, 1);
  t.like(await mount.unmount(), { changed: false, pushed: false });
  t.is(requests() - before, 1);
  const next = await store.mount('s');
  await write(next.dir, { 'Default/Preferences': '{"a":1}' });
  const mounted = requests();
  t.like(await next.unmount(), { changed: true, pushed: true });
  t.is(requests() - mounted, 3);
});

test('s1 never sees s10, and mounts of one session never share a directory', async (t) => {
  const machine = new TestMachine(t);
  const store = await machine.process('a');
  await begin(store, 's10', 'ten');
  const one = await store.mount('s1');
  t.deepEqual(readdirSync(one.dir), []);
  const mounts = await Promise.all(Array.from({ length: 6 }, () => store.mount('s10')));
  t.is(new Set(mounts.map(({ dir }) => dir)).size, 6);
  for (const mount of mounts) await mount.unmount();
  t.deepEqual(readdirSync(one.dir), []);
  await one.unmount();
  t.deepEqual(machine.left(), nothingLeft);
});

for (const code of ['UNREACHABLE', 'NOT_FOUND'] as const) {
  test(`R-MOUNT-2: a pull that fails with ${code} is an error, and leaves no directory, be the session new or known`, async (t) => {
    const { provider, fail } = failing(memoryProvider(), code);
    const machine = new TestMachine(t, provider);
    const store = await machine.process('a');
    await begin(store, 'known');
    fail(true);
    await rejects(t, () => store.mount('known'), code);
    await rejects(t, () => store.mount('new'), code);
    t.deepEqual(machine.left(), nothingLeft);
    const offline = await store.mount('known', { offline: true });
    t.is(read(offline.dir, 'Default/Cookies'), 'cookies first');
    await write(offline.dir, { 'Default/Cookies': 'cookies offline' });
    t.like(await offline.unmount(), { changed: true, pushed: false });
    fail(false);
    t.like(await (await store.mount('known')).unmount(), { changed: false, pushed: true });
  });
}

test('a session of v0 is never mounted empty', async (t) => {
  const machine = new TestMachine(t, memoryProvider());
  mkdirSync(join(machine.home, 'tester', 'old'), { recursive: true });
  const store = await machine.process('a');
  await rejects(t, () => store.mount('old'), 'LEGACY_SESSION');
  const remote = memoryProvider();
  await remote.put('tester/there/Default/Cookies', new Uint8Array(1));
  const other = await new TestMachine(t, remote).process('a');
  await rejects(t, () => other.mount('there'), 'LEGACY_SESSION');
  t.deepEqual(machine.left(), nothingLeft);
});

test('an unexpectedly small directory stays mounted and unchanged, and is committed on request', async (t) => {
  const machine = new TestMachine(t);
  const store = await machine.process('a');
  await begin(store, 's');
  const mount = await store.mount('s');
  rmSync(join(mount.dir, 'Default/Cookies'));
  const before = readListing(mount.dir);
  await rejects(t, () => mount.unmount(), 'SHRUNK');
  t.false(mount.isOver);
  t.deepEqual(readListing(mount.dir), before);
  t.is((await entries(store.session('s'))).length, 1);
  t.like(await mount.unmount({ allowShrink: true }), { changed: true });
  t.true(mount.isOver);
  t.deepEqual(machine.left(), nothingLeft);
});

test('a commit of an unmount without a network is safe on this machine, and pushed later', async (t) => {
  const { provider, fail } = failing(memoryProvider(), 'UNREACHABLE');
  const machine = new TestMachine(t, provider);
  const store = await machine.process('a');
  await begin(store, 's');
  const mount = await store.mount('s');
  await write(mount.dir, { 'Default/Cookies': 'cookies of a night train' });
  fail(true);
  const { message } = await rejects(t, () => mount.unmount(), 'UNREACHABLE');
  t.regex(message, /is safe on this machine, and was not pushed/);
  t.true(mount.isOver);
  t.deepEqual(machine.left(), nothingLeft);
  fail(false);
  t.like(await store.session('s').push(), { pushed: true, commits: 1 });
});

test('a mount that is cancelled leaves nothing', async (t) => {
  const controller = new AbortController();
  const remote = around(memoryProvider(), async (method, key, request) => {
    if (key.includes('packs/') && method === 'get') controller.abort();
    return request();
  });
  const machine = new TestMachine(t, remote);
  await begin(await machine.process('a'), 's');
  const other = new TestMachine(t, remote);
  await rejects(t, async () => (await other.process('a')).mount('s', { signal: controller.signal }), 'CANCELLED');
  t.deepEqual(other.left(), nothingLeft);
});

test('a fork is made with its first commit, and the original does not move', async (t) => {
  const machine = new TestMachine(t, memoryProvider());
  const store = await machine.process('a');
  await rejects(t, () => store.mount('s', { mode: 'fork' }), 'NOT_FOUND');
  await begin(store, 's');
  const idle = await store.mount('s', { mode: 'fork' });
  t.regex(idle.session, /^s\.fork-[0-9a-f]{12}$/);
  t.like(await idle.unmount(), { changed: false });
  t.deepEqual(await sessions(store), ['s']);
  const forks = await Promise.all(Array.from({ length: 4 }, () => store.mount('s', { mode: 'fork' })));
  for (const [i, { dir }] of forks.entries()) await write(dir, { 'Default/Cookies': `cookies of ${i}` });
  for (const mount of forks) t.like(await mount.unmount(), { session: mount.session, changed: true, pushed: true });
  t.deepEqual(await sessions(store), ['s', ...forks.map(({ session }) => session).sort()]);
  const [head] = await entries(store.session('s'));
  for (const { session } of forks) t.deepEqual((await entries(store.session(session)))[0]?.parents, [head?.commit]);
  t.deepEqual((await store.verify({ on: 'remote', readData: true })).findings, []);
});

test('an exclusive mount fails fast for a second worker, on every machine, until it is unmounted or has expired', async (t) => {
  const remote = memoryProvider();
  let now = Date.UTC(2026, 0, 1);
  const clock = { now: () => now };
  const store = await new TestMachine(t, remote).process('a', clock);
  const elsewhere = new TestMachine(t, remote);
  const other = await elsewhere.process('b', clock);
  const mount = await store.mount('s', { mode: 'exclusive', owner: 'worker 1' });
  t.regex((await rejects(t, () => other.mount('s', { mode: 'exclusive' }), 'BUSY')).message, /worker 1/);
  t.deepEqual(elsewhere.left(), nothingLeft);
  await write(mount.dir, profile('exclusive'));
  await mount.unmount();
  const second = await other.mount('s', { mode: 'exclusive', owner: 'worker 2' });
  t.is(read(second.dir, 'Default/Cookies'), 'cookies exclusive');
  now += 3_600_000;
  const third = await store.mount('s', { mode: 'exclusive' });
  await third.unmount();
  await second.discard();
});

test('a session that was deleted elsewhere is new again, and commits that are only local are a conflict', async (t) => {
  const remote = memoryProvider();
  const store = await new TestMachine(t, remote).process('a');
  const other = await new TestMachine(t, remote).process('b');
  await begin(store, 's');
  await (await other.mount('s')).unmount();
  await store.session('s').delete();
  const mount = await other.mount('s');
  t.deepEqual(readdirSync(mount.dir), []);
  await mount.unmount();
  await begin(store, 's', 'second');
  const offline = await other.mount('s');
  await write(offline.dir, { 'Default/Cookies': 'only here' });
  await offline.unmount({ offline: true });
  await store.session('s').delete();
  await rejects(t, () => other.mount('s'), 'CONFLICT');
});

test('an exclusive mount releases its lease in the swap of its push', async (t) => {
  const inner = counting(memoryProvider());
  const machine = new TestMachine(t, inner);
  const store = await machine.process('a');
  const first = await store.mount('s', { mode: 'exclusive' });
  await write(first.dir, profile('first'));
  await first.unmount();
  const mount = await store.mount('s', { mode: 'exclusive' });
  await write(mount.dir, { 'Default/more': 'more' });
  const { swap } = inner.counts.requests;
  await mount.unmount();
  t.is(inner.counts.requests.swap - swap, 1);
  const other = await (await machine.process('b')).mount('s', { mode: 'exclusive' });
  t.is(read(other.dir, 'Default/more'), 'more');
});
