/** Saves, and the outcomes of push, pull and sync of all sessions. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { isError, memoryProvider, type Outcome } from '../../../src/index.js';
import { rejects } from '../../support/errors.js';
import { around, type Method, unreachable } from '../../support/faults/providers.js';
import { machine } from '../../support/sync/machines.js';

async function collected<T>(outcomes: AsyncIterable<Outcome<T>>): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const outcome of outcomes) {
    const { session } = outcome;
    if ('result' in outcome) found[session] = 'done';
    else if ('skipped' in outcome) found[session] = `skipped, pushed: ${outcome.pushed}`;
    else found[session] = isError(outcome.error) ? outcome.error.code : String(outcome.error);
  }
  return found;
}

test('save commits and pushes, a tag of a pushed commit is pushed by itself, and push: false keeps the commit local', async (t) => {
  const remote = memoryProvider();
  const { session, profile } = await machine(t, remote);
  const dir = profile();
  const { commit, push } = await session.save(dir);
  t.like(push, { commit, pushed: true });
  const again = await session.save(dir, { tag: 'good' });
  t.false(again.changed);
  const other = await machine(t, remote);
  t.is((await other.session.resolve('good')).commit, commit);
  writeFileSync(join(dir, 'more'), 'more');
  t.is((await session.save(dir, { push: false })).push, undefined);
  t.is((await other.session.resolve('HEAD')).commit, commit);
});

test('save: an error of the push reports that the commit is safe, and a later push sends it', async (t) => {
  const remote = memoryProvider();
  let isDown = false;
  const failing = around(remote, (method: Method, key, request) => {
    if (isDown) throw unreachable(method, key);
    return request();
  });
  const { session, profile } = await machine(t, failing);
  const dir = profile();
  await session.save(dir);
  writeFileSync(join(dir, 'more'), 'more');
  isDown = true;
  const warnings: string[] = [];
  const { message, hint, details } = await rejects(t, () => session.save(dir, { onWarning: (text) => warnings.push(text) }), 'UNREACHABLE');
  const [{ commit }] = [await session.resolve('HEAD', { offline: true })];
  t.true(message.startsWith(`commit ${commit.slice(0, 12)} is safe on this machine, and was not pushed: `), message);
  t.regex(hint ?? '', /`browserstate push -s main` sends it later\.$/);
  t.like(details, { session: 'main', commit });
  isDown = false;
  t.is((await session.push()).commit, commit);
});

test('pushAll, pullAll and syncAll continue after a session that fails, and yield an outcome for each', async (t) => {
  const remote = memoryProvider();
  const first = await machine(t, remote);
  const second = await machine(t, remote);
  const [dir, other] = [first.profile(), second.profile()];
  for (const name of ['damaged', 'deleted', 'diverged', 'plain']) await first.store.session(name).save(dir);
  t.deepEqual(await collected(second.store.pullAll()), { damaged: 'done', deleted: 'done', diverged: 'done', plain: 'done' });
  writeFileSync(join(other, 'more'), 'theirs');
  await second.store.session('diverged').save(other);
  await second.store.session('deleted').delete();
  const cell = await remote.read('tester/.store/refs/damaged');
  if (cell === undefined || cell === 'unchanged') throw new Error('there is no ref');
  await remote.swap('tester/.store/refs/damaged', new Uint8Array(9), cell.version);
  writeFileSync(join(dir, 'more'), 'ours');
  await first.store.session('diverged').commit(dir);
  const expected = { damaged: 'INTEGRITY', deleted: 'skipped, pushed: true', diverged: 'CONFLICT', plain: 'done' };
  t.deepEqual(await collected(first.store.pullAll()), expected);
  t.deepEqual(await collected(first.store.syncAll({ onConflict: 'theirs' })), { ...expected, diverged: 'done' });
  t.deepEqual(await collected(first.store.pushAll()), { ...expected, diverged: 'done' });
});
