/** Changes of the history: on both sides, in the local store alone, and without the remote. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { BrowserStateError, memoryProvider, type Session } from '../../../src/index.js';
import { rejects } from '../../support/errors.js';
import { around } from '../../support/faults/providers.js';
import { machine } from '../../support/sync/machines.js';

type Change = (session: Session, at: string, options: { push?: boolean; offline?: boolean }) => Promise<unknown>;

/** The session and the revision that show a change, and the operation of the commit. */
type Shown = readonly [name: string, revision: string, op?: string];

/** The changes that name a revision. */
const changes: Readonly<Record<string, [act: Change, shown: Shown]>> = {
  rollback: [(session, at, options) => session.rollback(at, options), ['main', 'HEAD', 'rollback']],
  fork: [(session, at, options) => session.fork('forked', { at, ...options }), ['forked', 'HEAD']],
  tag: [(session, at, options) => session.tag('tagged', { at, ...options }), ['main', 'tagged']],
};

/**
 * Returns a machine that has pulled the newest of two commits of `main`, and a record of its
 * requests.
 */
async function place(t: ExecutionContext) {
  const remote = memoryProvider();
  const requests: string[] = [];
  const failing: { method?: string } = {};
  const a = await machine(t, remote);
  const dir = a.profile();
  const old = (await a.session.save(dir)).commit;
  writeFileSync(join(dir, 'Local State'), 'changed');
  const head = (await a.session.save(dir)).commit;
  let isChanged = false;
  const watched = around(remote, async (method, key, request) => {
    requests.push(`${method} ${key}`);
    if (isChanged && method === failing.method) throw new BrowserStateError('UNREACHABLE', `${key} failed`);
    const result = await request();
    isChanged ||= method === 'swap';
    return result;
  });
  const b = await machine(t, watched);
  await b.session.pull();
  requests.length = 0;
  return { a, b, dir, remote, old, head, requests, failing, writes: () => requests.filter((each) => /^(?:put|swap|delete) /.test(each)) };
}

/** Returns whether the change can be seen in the local store of a machine, or on the remote. */
async function isSeen({ store }: Awaited<ReturnType<typeof machine>>, [name, revision, op]: Shown, offline: boolean) {
  const found = await store
    .session(name)
    .resolve(revision, { offline })
    .catch(() => undefined);
  return found !== undefined && (op === undefined || found.op === op);
}

for (const [name, [act, shown]] of Object.entries(changes)) {
  test(`${name} changes the local store and the remote`, async (t) => {
    const { a, b, head } = await place(t);
    await act(b.session, head, {});
    t.true(await isSeen(b, shown, true));
    t.true(await isSeen(a, shown, false));
  });

  test(`${name} of a version that only the remote has changes the local store too`, async (t) => {
    const { a, b, old } = await place(t);
    await act(b.session, old, {});
    t.true(await isSeen(b, shown, true));
    t.true(await isSeen(a, shown, false));
  });

  test(`${name} on a machine that is behind changes the local store too`, async (t) => {
    const { a, b, dir } = await place(t);
    writeFileSync(join(dir, 'Local State'), 'changed again');
    const { commit } = await a.session.save(dir);
    await act(b.session, name === 'rollback' ? 'HEAD~1' : commit, {});
    t.true(await isSeen(b, shown, true));
    t.true(await isSeen(a, shown, false));
  });

  test(`${name} is done on the remote if the pull that follows fails`, async (t) => {
    const { a, b, old, failing } = await place(t);
    failing.method = 'get';
    await act(b.session, old, {});
    t.false(await isSeen(b, shown, true));
    t.true(await isSeen(a, shown, false));
  });

  test(`${name} on a machine without the session changes the remote alone`, async (t) => {
    const { a, head, remote } = await place(t);
    const c = await machine(t, remote);
    await act(c.session, head, {});
    t.false(await isSeen(c, shown, true));
    t.true(await isSeen(a, shown, false));
  });

  test(`${name} with push: false pulls a version that only the remote has, and writes nothing there`, async (t) => {
    const { b, old, requests, writes } = await place(t);
    await act(b.session, old, { push: false });
    t.true(requests.length > 0);
    t.deepEqual(writes(), []);
    t.true(await isSeen(b, shown, true));
  });

  for (const options of [{ push: false }, { offline: true }, { push: false, offline: true }]) {
    test(`${name} of a version that is here sends no request with ${JSON.stringify(options)}`, async (t) => {
      const { b, head, requests } = await place(t);
      await act(b.session, head, options);
      t.deepEqual(requests, []);
      t.true(await isSeen(b, shown, true));
    });
  }

  test(`${name} with offline does not find a version that only the remote has, and sends no request`, async (t) => {
    const { b, old, requests } = await place(t);
    await rejects(t, () => act(b.session, old, { offline: true }), 'NOT_FOUND');
    t.deepEqual(requests, []);
  });
}

test('a rollback to another session with push: false pulls that session, and writes nothing on the remote', async (t) => {
  const { a, b, old, writes } = await place(t);
  await a.session.fork('other', { at: old });
  const { op, tree } = await b.session.rollback('other:HEAD', { push: false });
  t.is(op, 'rollback');
  t.is(tree, (await a.session.resolve(old)).tree);
  t.deepEqual(writes(), []);
});

for (const act of [
  (session: Session) => session.delete({ offline: true }),
  (session: Session) => session.untag('good', { offline: true }),
]) {
  test(`offline, ${String(act).replace(/^.*=> session\./, '')} changes the local store alone`, async (t) => {
    const { a, b, requests } = await place(t);
    await b.session.tag('good');
    requests.length = 0;
    await act(b.session);
    t.deepEqual(requests, []);
    t.deepEqual([...(await a.session.tags()).keys()], ['good']);
    await rejects(t, () => b.session.resolve('good', { offline: true }), 'NOT_FOUND');
  });
}

for (const [name, [act, shown]] of Object.entries(changes)) {
  test(`R-REV-4: ${name} of a tag that the local store alone has changes the remote`, async (t) => {
    const { a, b, old } = await place(t);
    await b.session.tag('here', { at: old, push: false });
    await act(b.session, 'here', {});
    t.true(await isSeen(a, shown, false));
    await rejects(t, () => act(b.session, 'nowhere', {}), 'NOT_FOUND');
  });
}
