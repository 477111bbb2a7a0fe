/**
 * Changes of a ref that lose to another writer. Each change waits before its next attempt
 * (R-WRITE-2).
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { MAX_SWAP_ATTEMPTS } from '../../../src/base/limits.js';
import { memoryProvider, openStore, type Session, type Store } from '../../../src/index.js';
import { noise } from '../../support/content.js';
import { rejects } from '../../support/errors.js';
import { around } from '../../support/faults/providers.js';
import { fakeHost } from '../../support/host.js';
import { smallProfile, writeProfile } from '../../support/profile.js';
import { temporary } from '../../support/temporary.js';

/** Changes, each with the replica whose swaps of the ref lose. */
const changes: Readonly<
  Record<string, [where: 'home' | 'remote', act: (place: { store: Store; session: Session; dir: string }) => Promise<unknown>]>
> = {
  commit: ['home', ({ session, dir }) => session.commit(dir)],
  'rollback on this machine': ['home', ({ session }) => session.rollback('HEAD', { offline: true })],
  'tag on this machine': ['home', ({ session }) => session.tag('good', { offline: true })],
  'lease on this machine': ['home', ({ session }) => session.lease({ ttl: 1000, offline: true })],
  'delete on this machine': ['home', ({ session }) => session.delete({ offline: true })],
  pull: ['home', ({ session }) => session.pull()],
  push: ['remote', ({ session, dir }) => session.save(dir)],
  rollback: ['remote', ({ session }) => session.rollback('HEAD')],
  tag: ['remote', ({ session }) => session.tag('good')],
  lease: ['remote', ({ session }) => session.lease({ ttl: 1000 })],
  delete: ['remote', ({ session }) => session.delete()],
};

/**
 * Returns a machine with a directory to commit, and a remote. `losing.left` is the number of swaps
 * of the ref that lose.
 */
async function place(t: ExecutionContext, name: string, where: 'home' | 'remote') {
  const folder = temporary(t);
  const [home, remote] = [memoryProvider(), memoryProvider()];
  const losing = { left: 0, pauses: 0 };
  const wrapped = (inner: typeof home, isLosing: boolean) =>
    around(inner, (method, key, request) => {
      if (!isLosing || method !== 'swap' || !key.endsWith('refs/main') || losing.left === 0) return request();
      losing.left--;
      return Promise.resolve(undefined as never);
    });
  const base = fakeHost(name);
  const random = (length: number): Uint8Array => {
    if (length !== 1) return base.random(length);
    losing.pauses++;
    return new Uint8Array(1);
  };
  const host = { ...base, random, temporaryFolder: () => join(folder, 'rest') };
  const transfer = { maxRetries: 0 };
  const open = (given: typeof home, seed: string) =>
    openStore({
      home: given,
      remote,
      userId: 'tester',
      host: { ...fakeHost(seed), temporaryFolder: () => join(folder, seed) },
      transfer,
    });
  const dir = join(folder, 'profile');
  writeProfile(dir, smallProfile(noise));
  await (await open(home, 'first')).session('main').save(dir);
  if (name === 'pull') {
    writeFileSync(join(dir, 'more'), 'more');
    const other = (await open(memoryProvider(), 'other')).session('main');
    await other.pull();
    await other.save(dir);
  }
  writeFileSync(join(dir, 'more'), 'and more');
  const [here, there] = [wrapped(home, where === 'home'), wrapped(remote, where === 'remote')];
  const store = await openStore({ home: here, remote: there, userId: 'tester', host, transfer });
  const session = store.session('main');
  // The ref is known from here on, and is not created again.
  await session.exists();
  return { losing, store, session, dir };
}

for (const [name, [where, act]] of Object.entries(changes)) {
  test(`a ${name} that loses its swap waits before each further attempt, and ends after ${MAX_SWAP_ATTEMPTS}`, async (t) => {
    const few = await place(t, name, where);
    few.losing.left = 3;
    await act(few);
    t.is(few.losing.pauses, 3);
    const all = await place(t, name, where);
    all.losing.left = Number.POSITIVE_INFINITY;
    const { message, details } = await rejects(t, () => act(all), 'CONFLICT');
    t.true('session' in details && 'head' in details, JSON.stringify(details));
    t.regex(message, /gave up after [0-9]+ attempts|was not pushed/);
    t.is(all.losing.pauses, MAX_SWAP_ATTEMPTS - 1);
  });
}
