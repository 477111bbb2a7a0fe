/**
 * A session after `fork` settled its conflict (R-SYNC-5, R-SYNC-6, R-WRITE-8). The session follows
 * the remote again, and a directory of the fork never replaces its head unasked.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { memoryProvider, type Provider, type Store } from '../../../src/index.js';
import { scoped } from '../../../src/provider/wrap/scoped.js';
import { Repository } from '../../../src/repository/repository.js';
import { rejects } from '../../support/errors.js';
import { fakeHost } from '../../support/host.js';
import { history } from '../../support/store.js';
import { type Machine, machine } from '../../support/sync/machines.js';

const FILE = 'Default/Preferences';

interface Forked {
  a: Machine;
  b: Machine;
  dirs: { a: string; b: string };
  /** The provider of the local store of `b`. */
  home: Provider;
  /** The first commit, the head of the session, and the head of the fork. */
  first: string;
  theirs: string;
  ours: string;
  fork: string;
}

/** Returns two machines that committed to one session. The commit of `b` is in a fork. */
async function forked(t: ExecutionContext, settle?: (b: Machine, dir: string) => Promise<unknown>): Promise<Forked> {
  const [remote, home] = [memoryProvider(), memoryProvider()];
  const [a, b] = [await machine(t, remote), await machine(t, remote, 'main', home)];
  const dirs = { a: a.profile(), b: b.directory() };
  const { commit: first } = await a.session.save(dirs.a);
  await b.session.restore(dirs.b);
  appendFileSync(join(dirs.a, FILE), 'A1');
  appendFileSync(join(dirs.b, FILE), 'B1');
  const { commit: theirs } = await a.session.save(dirs.a);
  await (settle?.(b, dirs.b) ?? b.session.save(dirs.b, { onConflict: 'fork' }));
  const fork = (await sessionsOf(b.store)).find((name) => name !== 'main') ?? '';
  const { commit: ours } = await b.store.session(fork).resolve('HEAD');
  return { a, b, dirs, home, first, theirs, ours, fork };
}

async function sessionsOf(store: Store): Promise<string[]> {
  const names: string[] = [];
  for await (const { session } of store.sessions()) names.push(session);
  return names;
}

/** Calls that resolve the conflict of machine `b` with a fork, by name. */
const settlements: Readonly<Record<string, (b: Machine, dir: string) => Promise<unknown>>> = {
  save: ({ session }, dir) => session.save(dir, { onConflict: 'fork' }),
  push: async ({ session }, dir) => {
    await session.commit(dir);
    return session.push({ onConflict: 'fork' });
  },
  sync: async ({ session }, dir) => {
    await session.commit(dir);
    return session.sync({ onConflict: 'fork' });
  },
};

for (const [name, settle] of Object.entries(settlements)) {
  test(`R-SYNC-5: after the fork of a ${name} the local store has the head of the remote`, async (t) => {
    const { b, theirs } = await forked(t, settle);
    t.is((await b.session.resolve('HEAD', { offline: true })).commit, theirs);
    t.like(await b.session.sync(), { commit: theirs, push: undefined });
    t.like(await b.session.push(), { commit: theirs, pushed: false });
    for await (const outcome of b.store.syncAll()) t.true('result' in outcome, JSON.stringify(outcome));
  });
}

for (const onConflict of ['ours', 'theirs'] as const) {
  test(`R-REF-6: a join with ${onConflict} of a fork, whose first commit the session lacks here, has parents last`, async (t) => {
    const { b, dirs, first, theirs, ours } = await forked(t);
    appendFileSync(join(dirs.b, FILE), 'B2');
    const { commit } = await b.session.save(dirs.b, { onConflict });
    const ids = await history(b.session);
    t.is(ids[0], commit);
    for (const id of [first, theirs, ours]) t.true(ids.includes(id));
    for (const on of ['local', 'remote'] as const) t.deepEqual((await b.store.verify({ on })).findings, []);
  });
}

test('R-SYNC-6: a sync pulls a session that a fork removed and whose pull was cut off, but none that was deleted', async (t) => {
  const { b, theirs, ours, fork, home } = await forked(t);
  // A machine that was killed before the pull is in this state.
  const repository = (await Repository.open(scoped(home, 'tester/.store/'), fakeHost('killed'))) as Repository;
  const remove = async (detail: string) => {
    const token = await repository.refs.read('main');
    if (token === undefined) return t.fail();
    const emptied = { state: 'deleted', entries: [], segments: [], head: new Uint8Array(0) } as const;
    await repository.refs.swap(token, { ...emptied, ...repository.refs.event(token.ref, 'delete', detail) });
  };
  await remove(`${fork} ${ours}`);
  t.like(await b.session.sync(), { commit: theirs, push: undefined });
  t.is((await b.session.resolve('HEAD', { offline: true })).commit, theirs);
  await b.session.delete({ offline: true });
  await rejects(t, () => b.session.sync(), 'CONFLICT');
});

test('R-WRITE-8: a directory of the fork is a conflict of the session, and nothing is committed', async (t) => {
  const { a, b, dirs, theirs, ours, fork } = await forked(t);
  appendFileSync(join(dirs.b, FILE), 'B2');
  for (const offline of [false, true]) {
    const { details, hint = '' } = await rejects(t, () => b.session.save(dirs.b, { offline }), 'CONFLICT');
    t.deepEqual(details, { session: fork, base: ours, head: theirs });
    t.true(hint.includes(`browserstate snapshot DIR -s ${fork}`), hint);
  }
  await rejects(t, () => b.session.commit(dirs.b), 'CONFLICT');
  t.is((await a.session.resolve('HEAD')).commit, theirs);
  t.is((await b.store.session(fork).resolve('HEAD')).commit, ours);
  // The action follows the hint.
  t.is((await b.store.session(fork).save(dirs.b)).parent, ours);
});

test('R-WRITE-8: with fork every later commit of the directory continues the fork', async (t) => {
  const { a, b, dirs, theirs, ours, fork } = await forked(t);
  let parent = ours;
  for (const text of ['two', 'three']) {
    appendFileSync(join(dirs.b, FILE), text);
    const saved = await b.session.save(dirs.b, { onConflict: 'fork', tag: text });
    t.is(saved.parent, parent);
    t.like(saved.push, { session: 'main', forkedTo: fork, commit: saved.commit, pushed: true });
    t.is((await a.store.session(fork).resolve(text)).commit, saved.commit);
    parent = saved.commit;
  }
  t.deepEqual((await history(a.session))[0], theirs);
});

for (const keep of ['ours', 'theirs'] as const) {
  test(`R-WRITE-8: ${keep} joins the fork with the session`, async (t) => {
    const { a, b, dirs, theirs, ours, fork } = await forked(t);
    appendFileSync(join(dirs.b, FILE), 'B2');
    const { commit, tree, parent } = await b.session.save(dirs.b, { onConflict: keep, tag: 'joined' });
    const head = await a.session.resolve('HEAD');
    t.like(head, { commit, tree });
    t.is(head.parents[0], parent);
    t.is((await a.session.resolve('joined')).commit, commit);
    const all = await history(a.session);
    for (const id of [theirs, ours]) t.true(all.includes(id), id);
    const out = a.directory();
    await a.session.restore(out);
    t.regex(readFileSync(join(out, FILE), 'utf8'), keep === 'ours' ? /B1B2$/ : /A1$/);
    // The fork is missing only here, and nobody deleted it.
    t.truthy((await b.store.session(fork).sync()).pull);
    appendFileSync(join(dirs.b, FILE), 'B3');
    t.is((await b.session.save(dirs.b)).parent, commit);
  });
}

test('R-WRITE-8: a directory that was made from what the fork and the session share is committed with a warning', async (t) => {
  const { b, first, theirs } = await forked(t);
  const old = b.directory();
  await b.session.restore(old, { at: first });
  appendFileSync(join(old, FILE), 'old');
  const { parent, warnings } = await b.session.save(old);
  t.deepEqual([parent, warnings.length], [theirs, 1]);
});
