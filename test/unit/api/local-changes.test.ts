/** Changes of the history: on both sides, in the local store alone, and without the remote. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { memoryProvider, type Session } from '../../../src/index.js';
import { rejects } from '../../support/errors.js';
import { around } from '../../support/faults/providers.js';
import { machine } from '../../support/sync/machines.js';

type Change = (session: Session, at: string, options: { push?: boolean; offline?: boolean }) => Promise<unknown>;

/**
 * The changes that name a revision, each with the session and the revision that show the change.
 */
const changes: Readonly<Record<string, [act: Change, shownBy: (session: Session, at: string) => [name: string, revision: string]]>> = {
  rollback: [(session, at, options) => session.rollback(at, options), () => ['main', 'HEAD~1']],
  fork: [(session, at, options) => session.fork('forked', { at, ...options }), () => ['forked', 'HEAD']],
  tag: [(session, at, options) => session.tag('tagged', { at, ...options }), () => ['main', 'tagged']],
};

/**
 * Returns a machine that has pulled the newest of two commits of `main`, and a record of its
 * requests.
 */
async function place(t: ExecutionContext) {
  const remote = memoryProvider();
  const requests: string[] = [];
  const a = await machine(t, remote);
  const dir = a.profile();
  const old = (await a.session.save(dir)).commit;
  writeFileSync(join(dir, 'Local State'), 'changed');
  const head = (await a.session.save(dir)).commit;
  const watched = around(remote, (method, key, request) => {
    requests.push(`${method} ${key}`);
    return request();
  });
  const b = await machine(t, watched);
  await b.session.pull();
  requests.length = 0;
  return { a, b, old, head, requests, writes: () => requests.filter((each) => /^(?:put|swap|delete) /.test(each)) };
}

/** Returns whether the change can be seen in the local store of a machine, or on the remote. */
async function isSeen({ store }: Awaited<ReturnType<typeof machine>>, [name, revision]: [string, string], offline: boolean) {
  const found = await store
    .session(name)
    .resolve(revision, { offline })
    .catch(() => undefined);
  return found !== undefined;
}

for (const [name, [act, shownBy]] of Object.entries(changes)) {
  const shown = shownBy as () => [string, string];

  test(`${name} changes the local store and the remote`, async (t) => {
    const { a, b, head } = await place(t);
    if (name === 'rollback') t.false((await b.session.resolve('HEAD')).op === 'rollback');
    await act(b.session, head, {});
    t.true(await isSeen(b, shown(), true));
    t.true(await isSeen(a, shown(), false));
  });

  test(`${name} with push: false pulls a version that only the remote has, and writes nothing there`, async (t) => {
    const { b, old, requests, writes } = await place(t);
    await act(b.session, old, { push: false });
    t.true(requests.length > 0);
    t.deepEqual(writes(), []);
    t.true(await isSeen(b, shown(), true));
  });

  for (const options of [{ push: false }, { offline: true }, { push: false, offline: true }]) {
    test(`${name} of a version that is here sends no request with ${JSON.stringify(options)}`, async (t) => {
      const { b, head, requests } = await place(t);
      await act(b.session, head, options);
      t.deepEqual(requests, []);
      t.true(await isSeen(b, shown(), true));
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
