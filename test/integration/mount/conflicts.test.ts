/**
 * Several workers on one session, on one machine and on two machines. None of their commits is
 * lost.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type BrowserStateError, isError, type MountMode, memoryProvider, type OnConflict, type Store } from '../../../src/index.js';
import { rejects } from '../../support/errors.js';
import { begin, entries, nothingLeft, sessions, TestMachine, write } from '../../support/processes.js';

const WORKERS = 8;

async function cookies(store: Store, session: string): Promise<string> {
  const mount = await store.mount(session);
  const text = readFileSync(join(mount.dir, 'Default/Cookies'), 'utf8');
  await mount.discard();
  return text;
}

/** Returns the cookies of all commits of a session. */
async function contents(store: Store, session: string, dir: string): Promise<string[]> {
  const found: string[] = [];
  for (const [i, { commit }] of (await entries(store.session(session))).entries()) {
    const target = join(dir, `${session}-${i}`);
    await store.session(session).checkout(target, { at: commit, offline: true });
    found.push(readFileSync(join(target, 'Default/Cookies'), 'utf8'));
  }
  return found;
}

for (const places of ['one machine', 'two machines'] as const) {
  /**
   * Returns two workers that mounted the same version. The first worker has unmounted another
   * version.
   */
  const meet = async (t: ExecutionContext, onConflict: OnConflict | undefined) => {
    const remote = memoryProvider();
    const machine = new TestMachine(t, remote);
    const first = await machine.process('a');
    const second = await (places === 'one machine' ? machine : new TestMachine(t, remote)).process('b');
    await begin(first, 's');
    const [one, two] = [await first.mount('s'), await second.mount('s')];
    await write(one.dir, { 'Default/Cookies': 'of the first' });
    await write(two.dir, { 'Default/Cookies': 'of the second' });
    await one.unmount();
    const outcome = await two.unmount({ onConflict }).catch((error: unknown) => error);
    t.true(two.isOver);
    const viewer = await new TestMachine(t, remote).process('viewer');
    return { second, outcome, viewer, head: await cookies(viewer, 's'), names: await namesOf(viewer) };
  };
  const namesOf = async (store: Store): Promise<string[]> => {
    const names: string[] = [];
    for await (const { session } of store.sessions()) names.push(session);
    return names;
  };

  test(`R-MOUNT-3: ${places}, fail: the second gets an error, and its commit is a conflict session`, async (t) => {
    const { outcome, viewer, head, names } = await meet(t, undefined);
    t.true(isError(outcome, 'CONFLICT'), String(outcome));
    t.is(head, 'of the first');
    t.is(names.length, 2);
    t.regex(names[1] as string, /^s\.conflict-[0-9a-f]{12}$/);
    t.true((outcome as Error).message.includes(names[1] as string));
    t.is(await cookies(viewer, names[1] as string), 'of the second');
    const name = names[1] as string;
    if (places === 'one machine') t.true((outcome as BrowserStateError).hint?.includes(`rollback -s s --to ${name}:HEAD\``));
    const error = await rejects(t, () => viewer.session('s').rollback(name), 'NOT_FOUND');
    t.true(error.hint?.includes(`${name}:HEAD`));
    await viewer.session('s').rollback(`${name}:HEAD`);
    t.is(await cookies(viewer, 's'), 'of the second');
  });

  test(`${places}, fork: its commit is a conflict session, without an error`, async (t) => {
    const { outcome, viewer, head, names, second } = await meet(t, 'fork');
    t.like(outcome, { changed: true, session: names[1] });
    t.is(head, 'of the first');
    t.is(await cookies(viewer, names[1] as string), 'of the second');
    t.is(await cookies(second, 's'), 'of the first');
  });

  for (const [onConflict, kept] of [
    ['ours', 'of the second'],
    ['theirs', 'of the first'],
  ] as const) {
    test(`${places}, ${onConflict}: one commit joins both`, async (t) => {
      const { outcome, viewer, head, names, second } = await meet(t, onConflict);
      t.like(outcome, { session: 's', changed: true });
      t.deepEqual(names, ['s']);
      t.is(head, kept);
      t.is(await cookies(second, 's'), kept);
      await viewer.session('s').pull();
      t.is((await entries(viewer.session('s')))[0]?.parents.length, 2);
      t.deepEqual((await viewer.verify({ on: 'remote', readData: true })).findings, []);
    });
  }
}

/** Ways to mount a directory that loses its cookies. */
const gutted: Record<string, { mode?: MountMode; onConflict?: OnConflict; isLeft?: true }> = {
  'a mount': {},
  'a mount with ours': { onConflict: 'ours' },
  'a mount in mode fork': { mode: 'fork' },
  'an abandoned mount': { isLeft: true },
};

for (const [name, { mode, onConflict, isLeft }] of Object.entries(gutted)) {
  test(`R-MOUNT-3: ${name} that lost its cookies, whose session moved meanwhile, is SHRUNK and makes no session`, async (t) => {
    const machine = new TestMachine(t);
    const [other, store] = [await machine.process('other'), await machine.process('b')];
    await begin(other, 's');
    const mount = await store.mount('s', { mode });
    rmSync(join(mount.dir, 'Default/Cookies'));
    await begin(other, 's', 'second');
    if (isLeft) machine.kill('b');
    const act = async (options: { allowShrink?: boolean } = {}): Promise<unknown> => {
      if (!isLeft) return mount.unmount({ ...options, onConflict });
      const [left] = await other.abandonedMounts();
      return left && other.recover(left, 'commit', options);
    };
    for (const _ of [1, 2]) {
      await rejects(t, () => act(), 'SHRUNK');
      t.deepEqual(await sessions(other), ['s']);
    }
    const done = await act({ allowShrink: true }).catch((error: unknown) => error);
    t.true(!isError(done) || done.code === 'CONFLICT', String(done));
    const names = await sessions(other);
    const [made] = names.filter((each) => each !== 's');
    // The parents are the previous head and the directory's version joined, or the version that the
    // directory was made from.
    const { removed } = await other.session(made ?? 's').diff('HEAD~1');
    t.deepEqual([names.length, removed], [onConflict === 'ours' ? 1 : 2, onConflict === 'ours' ? removed : ['Default/Cookies']]);
    t.is((await entries(other.session(made ?? 's'))).length, onConflict === 'ours' ? 4 : 2);
  });
}

test('a worker that changed nothing meets no conflict', async (t) => {
  const machine = new TestMachine(t);
  const [a, b] = [await machine.process('a'), await machine.process('b')];
  await begin(a, 's');
  const [one, two] = [await a.mount('s'), await b.mount('s')];
  await write(one.dir, { 'Default/Cookies': 'changed' });
  await one.unmount();
  t.like(await two.unmount(), { changed: false, session: 's' });
  t.is((await entries(a.session('s'))).length, 2);
});

test('a mount that continues after it kept theirs does not overwrite that with its own', async (t) => {
  const machine = new TestMachine(t);
  const [a, b] = [await machine.process('a'), await machine.process('b')];
  await begin(a, 's');
  const [one, two] = [await a.mount('s'), await b.mount('s')];
  await write(one.dir, { 'Default/Cookies': 'of the first' });
  await write(two.dir, { 'Default/Cookies': 'of the second' });
  await one.unmount();
  await two.commit({ onConflict: 'theirs' });
  t.like(await two.unmount({ onConflict: 'theirs' }), { changed: false });
  t.is(await cookies(a, 's'), 'of the first');
  t.deepEqual(await sessions(a), ['s']);
});

test('of two workers that begin the same new session the second gets a conflict session', async (t) => {
  const machine = new TestMachine(t);
  const [a, b] = [await machine.process('a'), await machine.process('b')];
  const [one, two] = [await a.mount('s'), await b.mount('s')];
  await write(one.dir, { 'Local State': 'one', 'Default/Cookies': 'one' });
  await write(two.dir, { 'Local State': 'two', 'Default/Cookies': 'two' });
  await one.unmount();
  await rejects(t, () => two.unmount(), 'CONFLICT');
  t.is(await cookies(a, 's'), 'one');
  const [, aside] = await sessions(a);
  t.is(await cookies(a, aside as string), 'two');
});

test('a mount with unpushed commits of a remote that has moved is a conflict, decided by its options', async (t) => {
  const remote = memoryProvider();
  const store = await new TestMachine(t, remote).process('a');
  const machine = new TestMachine(t, remote);
  const other = await machine.process('b');
  await begin(store, 's');
  const mount = await other.mount('s');
  await write(mount.dir, { 'Default/Cookies': 'not pushed' });
  await mount.unmount({ offline: true });
  const moving = await store.mount('s');
  await write(moving.dir, { 'Default/Cookies': 'pushed' });
  await moving.unmount();
  await rejects(t, () => other.mount('s'), 'CONFLICT');
  t.deepEqual(machine.left(), nothingLeft);
  const decided = await other.mount('s', { onConflict: 'ours' });
  t.is(readFileSync(join(decided.dir, 'Default/Cookies'), 'utf8'), 'not pushed');
  await decided.unmount();
});

/**
 * The modes in which eight workers run. Each worker mounts, writes its own content, and unmounts,
 * until its commit is reported to exist.
 */
for (const mode of ['shared', 'exclusive', 'fork'] satisfies MountMode[]) {
  for (const places of ['one machine', 'a machine each'] as const) {
    test(`${WORKERS} workers at once, ${mode}, on ${places}: every outcome is a documented one, and no update is lost`, async (t) => {
      const remote = memoryProvider();
      const shared = new TestMachine(t, remote);
      const all = places === 'one machine' ? [shared] : Array.from({ length: WORKERS }, () => new TestMachine(t, remote));
      await begin(await (all[0] as TestMachine).process('begin'), 's');
      const outcomes = await Promise.all(
        Array.from({ length: WORKERS }, async (_, i) => {
          const store = await (all[i % all.length] as TestMachine).process(`worker ${i}`);
          try {
            const mount = await store.mount('s', { mode });
            await write(mount.dir, { 'Default/Cookies': `worker ${i}` });
            return { i, session: (await mount.unmount()).session };
          } catch (error) {
            return { i, error };
          }
        }),
      );
      for (const machine of all) t.deepEqual(machine.left(), nothingLeft);
      const viewer = new TestMachine(t, remote);
      const store = await viewer.process('viewer');
      const names: string[] = [];
      for await (const { session } of store.sessions()) names.push(session);
      for (const name of names) await pullAll(store, name);
      const found = new Map<string, string[]>();
      for (const name of names) found.set(name, await contents(store, name, viewer.home.replace(/home$/, 'out')));
      const everything = new Set([...found.values()].flat());
      for (const { i, session, error } of outcomes as { i: number; session?: string; error?: unknown }[]) {
        const isBusy = isError(error, 'BUSY');
        t.true(error === undefined || isBusy || isError(error, 'CONFLICT'), String(error));
        if (isBusy) t.is(mode, 'exclusive');
        // A worker that was rejected has written nothing. The commits of all others exist.
        t.is(everything.has(`worker ${i}`), !isBusy, `worker ${i}: ${String(error)}`);
        if (session !== undefined) t.true(found.get(session)?.includes(`worker ${i}`), `worker ${i} in ${session}`);
      }
      const told = outcomes.filter((outcome) => 'session' in outcome).length;
      t.true(mode === 'fork' ? told === WORKERS : told >= 1);
      if (mode === 'fork') t.deepEqual(found.get('s'), ['cookies first']);
      t.deepEqual((await store.verify({ on: 'remote', readData: true })).findings, []);
    });
  }
}

/** Reads every version of a session. */
async function pullAll(store: Store, session: string): Promise<void> {
  const commits: string[] = [];
  for await (const { commit } of store.session(session).log()) commits.push(commit);
  for (const at of commits) await store.session(session).pull({ at });
}
