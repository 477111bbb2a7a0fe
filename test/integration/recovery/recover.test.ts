/**
 * Abandoned mounts. The next mount finds them. They are recovered once, never over a better
 * version, and never under a running browser.
 */
import { closeSync, existsSync, openSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test from 'ava';
import type { Owners } from '../../../src/base/owners.js';
import { type Mount, memoryProvider, type Store } from '../../../src/index.js';
import { rejects } from '../../support/errors.js';
import { begin, entries, nothingLeft, sessions, TestMachine, write } from '../../support/processes.js';

const cookiesIn = ({ dir }: Mount): string => readFileSync(join(dir, 'Default/Cookies'), 'utf8');

/** Returns a machine on which the process `dead` mounted a session, wrote to it, and died. */
async function afterCrash(t: Parameters<typeof rejects>[0], files: Record<string, string> = { 'Default/Cookies': 'of the dead' }) {
  const machine = new TestMachine(t, memoryProvider());
  const dead = await machine.process('dead');
  await begin(dead, 's');
  const mount = await dead.mount('s');
  await write(mount.dir, files);
  machine.kill('dead');
  const warnings: string[] = [];
  const store = await machine.process('next');
  return { machine, mount, store, warnings, onWarning: (message: string) => void warnings.push(message) };
}

test('R-MOUNT-5: the next mount of the session recovers the abandoned one as a commit with a message, and reports it', async (t) => {
  const { machine, store, mount, warnings, onWarning } = await afterCrash(t);
  const [left] = await store.abandonedMounts();
  t.like(left, { session: 's', dir: mount.dir, base: mount.base, mode: 'shared', isCertain: true });
  const other = await store.mount('another');
  t.true(existsSync(mount.dir), 'a mount of another session leaves it alone');
  await other.unmount();
  const next = await store.mount('s', { onWarning });
  t.is(cookiesIn(next), 'of the dead');
  t.false(existsSync(mount.dir));
  t.deepEqual(await store.abandonedMounts(), []);
  t.deepEqual(
    warnings.map((message) => /was recovered$/.test(message)),
    [true],
  );
  const [head] = await entries(store.session('s'));
  t.like(head, { op: 'recovered', commit: next.base });
  t.like(await next.unmount(), { changed: false });
  t.deepEqual(machine.left(), nothingLeft);
});

test('an abandoned mount is discarded on request', async (t) => {
  const { machine, store } = await afterCrash(t);
  const next = await store.mount('s', { recover: 'discard' });
  t.is(cookiesIn(next), 'cookies first');
  await next.unmount();
  t.is((await entries(store.session('s'))).length, 1);
  t.deepEqual(machine.left(), nothingLeft);
});

test('an unchanged abandoned mount makes no commit', async (t) => {
  const { machine, store } = await afterCrash(t, {});
  await (await store.mount('s')).unmount();
  t.is((await entries(store.session('s'))).length, 1);
  t.deepEqual(machine.left(), nothingLeft);
});

for (const where of ['here', 'on the remote'] as const) {
  test(`if the session has moved ${where}, the abandoned mount becomes a conflict session`, async (t) => {
    const remote = memoryProvider();
    const machine = new TestMachine(t, remote);
    const dead = await machine.process('dead');
    await begin(dead, 's');
    const mount = await dead.mount('s');
    await write(mount.dir, { 'Default/Cookies': 'of the dead' });
    const mover: Store = await (where === 'here' ? machine : new TestMachine(t, remote)).process('mover');
    const moving = await mover.mount('s');
    await write(moving.dir, { 'Default/Cookies': 'of the mover' });
    await moving.unmount();
    machine.kill('dead');
    const store = await machine.process('next');
    const next = await store.mount('s');
    t.is(cookiesIn(next), 'of the mover');
    await next.unmount();
    const [, aside] = await sessions(store);
    t.regex(aside as string, /^s\.conflict-/);
    const recovered = await store.mount(aside as string);
    t.is(cookiesIn(recovered), 'of the dead');
    await recovered.unmount();
    t.like((await entries(store.session(aside as string)))[0], { op: 'recovered', parents: [mount.base] });
    const viewer = await new TestMachine(t, remote).process('viewer');
    t.true(await viewer.session(aside as string).exists(), 'it was pushed');
    t.deepEqual(machine.left(), nothingLeft);
  });
}

test('an abandoned fork is recovered as that fork', async (t) => {
  const machine = new TestMachine(t);
  const dead = await machine.process('dead');
  await begin(dead, 's');
  const mount = await dead.mount('s', { mode: 'fork' });
  await write(mount.dir, { 'Default/Cookies': 'of the fork' });
  machine.kill('dead');
  const store = await machine.process('next');
  const [left] = await store.abandonedMounts();
  t.like(await store.recover(left as never, 'commit'), { session: mount.session, outcome: 'committed' });
  t.is((await entries(store.session('s'))).length, 1);
  t.is((await entries(store.session(mount.session)))[0]?.op, 'recovered');
});

test('an empty or unexpectedly small mount is never committed over a good head, but kept and reported', async (t) => {
  for (const gut of [(dir: string) => rmSync(join(dir, 'Default/Cookies')), emptied]) {
    const { store, mount, warnings, onWarning } = await afterCrash(t);
    gut(mount.dir);
    const next = await store.mount('s', { onWarning });
    t.is(cookiesIn(next), 'cookies first');
    await next.unmount();
    t.is(warnings.length, 1);
    t.regex(warnings[0] as string, /nothing was committed/);
    t.true(existsSync(mount.dir));
    const [left] = await store.abandonedMounts();
    await rejects(t, () => store.recover(left as never, 'commit'), 'SHRUNK');
    t.is((await store.abandonedMounts()).length, 1);
    t.is((await entries(store.session('s'))).length, 1);
  }
});

function emptied(dir: string): void {
  for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true });
}

test('an empty mount of a new session is not recovered after a crash', async (t) => {
  const machine = new TestMachine(t);
  await (await machine.process('dead')).mount('s');
  machine.kill('dead');
  const store = await machine.process('next');
  const [left] = await store.abandonedMounts();
  t.like(await store.recover(left as never, 'commit'), { outcome: 'unchanged', commit: undefined });
  t.deepEqual(machine.left(), nothingLeft);
});

test('a stale lock is ignored, and a running browser keeps its directory', async (t) => {
  const { machine, mount, warnings, onWarning } = await afterCrash(t);
  symlinkSync(`machine-${process.pid}`, join(mount.dir, 'SingletonLock'));
  // The open file makes the test's own process look like a browser that uses the directory.
  const file = openSync(join(mount.dir, 'Local State'), 'r');
  const live = await machine.process('next', { isAlive: (pid) => pid === process.pid });
  const [left] = await live.abandonedMounts();
  await rejects(t, () => live.recover(left as never, 'commit'), 'BUSY');
  await rejects(t, () => live.recover(left as never, 'discard'), 'BUSY');
  const next = await live.mount('s', { onWarning });
  t.is(cookiesIn(next), 'cookies first');
  await next.unmount();
  t.true(existsSync(mount.dir));
  t.regex(warnings[0] as string, /is using this directory/);
  closeSync(file);
  const later = await machine.process('later');
  t.like(await later.recover((await later.abandonedMounts())[0] as never, 'commit'), { outcome: 'committed', session: 's' });
  t.deepEqual(machine.left(), nothingLeft);
});

test('R-MOUNT-4: of several concurrent recoveries exactly one succeeds', async (t) => {
  const { machine, store } = await afterCrash(t);
  const [left] = await store.abandonedMounts();
  const stores = await Promise.all(Array.from({ length: 8 }, (_, i) => machine.process(`racer ${i}`)));
  const outcomes = await Promise.allSettled(stores.map((each) => each.recover(left as never, 'commit')));
  t.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  t.is((await entries(store.session('s'))).length, 2);
  t.deepEqual(machine.left(), nothingLeft);
});

test('concurrent mounts recover once, and lose nothing', async (t) => {
  const { machine, store } = await afterCrash(t);
  const stores = await Promise.all(Array.from({ length: 6 }, (_, i) => machine.process(`racer ${i}`)));
  const mounts = await Promise.all(stores.map((each) => each.mount('s')));
  for (const mount of mounts) await mount.unmount();
  t.deepEqual(
    (await entries(store.session('s'))).map(({ op }) => op),
    ['recovered', 'commit'],
  );
  t.deepEqual(machine.left(), nothingLeft);
});

test('the next process recovers after one that died during its recovery', async (t) => {
  const { machine, store, mount } = await afterCrash(t);
  const notes = join(machine.home, 'tester/.store/records/mounts');
  const take = (from: string, to: string): void => renameSync(join(notes, `${mount.id}~${from}`), join(notes, `${mount.id}~${to}`));
  await machine.process('recovering');
  take('dead', 'recovering');
  t.deepEqual(await store.abandonedMounts(), []);
  machine.kill('recovering');
  t.is(cookiesIn(await store.mount('s')), 'of the dead');
  t.is((await entries(store.session('s')))[0]?.op, 'recovered');
});

for (const isNoted of [true, false]) {
  test(`a commit made before the process died${isNoted ? '' : ', and not noted any more,'} is not committed again`, async (t) => {
    const { machine, store, mount } = await afterCrash(t);
    if (isNoted) await mount.commit();
    else await store.session('s').commit(mount.dir, { offline: true });
    // Another process continues from there.
    const elsewhere = join(machine.home, '..', 'elsewhere');
    await store.session('s').checkout(elsewhere);
    await write(elsewhere, { 'Default/Cookies': 'of another' });
    await store.session('s').commit(elsewhere);
    t.like(await store.recover((await store.abandonedMounts())[0] as never, 'commit'), { outcome: 'unchanged' });
    t.deepEqual(await sessions(store), ['s']);
    t.is((await entries(store.session('s'))).length, 3);
    t.deepEqual(machine.left().workspaces, []);
  });
}

test('a mount of a process with an unknown state is left alone unless it is named', async (t) => {
  const { machine, mount } = await afterCrash(t);
  const warnings: string[] = [];
  const owners: Owners = {
    hold: async () => ({ name: 'next', release: async () => undefined }),
    state: async (owner) => (owner === 'next' ? 'running' : 'unknown'),
  };
  const container = await machine.process('next', { owners: () => owners });
  const next = await container.mount('s', { onWarning: (message) => void warnings.push(message) });
  t.is(cookiesIn(next), 'cookies first');
  await next.unmount();
  t.regex(warnings[0] as string, /it is unknown whether its process dead still runs$/);
  t.true(existsSync(mount.dir));
  const [left] = await container.abandonedMounts();
  t.false(left?.isCertain);
  t.like(await container.recover(left as never, 'commit'), { outcome: 'committed' });
  t.deepEqual(machine.left(), nothingLeft);
});

test('a damaged note loses only its own content', async (t) => {
  const { machine, store } = await afterCrash(t);
  const [note] = machine.left().notes;
  writeFileSync(join(machine.home, 'tester/.store/records/mounts', note as string), 'damaged');
  const next = await store.mount('s');
  t.is(cookiesIn(next), 'of the dead');
  await next.unmount();
  t.deepEqual(machine.left(), nothingLeft);
});

test('a removed directory is not recovered', async (t) => {
  const { machine, store, mount } = await afterCrash(t);
  rmSync(mount.dir, { recursive: true });
  t.is(cookiesIn(await store.mount('s')), 'cookies first');
  t.is((await entries(store.session('s'))).length, 1);
  t.is(machine.left().notes.length, 1);
});
