/** Leases: advice on the worker of a session, granted by the swap alone (SPEC.md 11.6). */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Lease, localProvider, memoryProvider, openStore, type Provider, type Session, type Store } from '../../../src/index.js';
import { rejects } from '../../support/errors.js';
import { counting, failNth } from '../../support/faults/providers.js';
import { EPOCH_START, fakeHost } from '../../support/host.js';
import { temporary } from '../../support/temporary.js';

const MINUTE = 60_000;

interface Clock {
  time: number;
}

interface Worker {
  store: Store;
  session: Session;
  dir: string;
}

let workers = 0;

/** Returns a new machine, with a profile that is not committed. */
async function worker(t: ExecutionContext, remote: Provider | undefined, clock: Clock, home?: Provider): Promise<Worker> {
  const folder = temporary(t);
  const name = `worker ${workers++}`;
  const host = { ...fakeHost(name), author: () => name, now: () => clock.time, defaultHome: () => folder };
  const store = await openStore({ home: home ?? join(folder, 'home'), remote, host, transfer: { maxRetries: 0 } });
  const dir = join(folder, 'profile');
  mkdirSync(dir);
  writeFileSync(join(dir, 'Cookies'), name);
  return { store, session: store.session('main'), dir };
}

const start = (): Clock => ({ time: EPOCH_START });

async function begun(t: ExecutionContext, remote: Provider, clock: Clock): Promise<[Worker, Worker]> {
  const [a, b] = [await worker(t, remote, clock), await worker(t, remote, clock)];
  await a.session.commit(a.dir);
  await a.session.push();
  return [a, b];
}

async function infoOf(store: Store) {
  for await (const info of store.sessions()) return info;
  return undefined;
}

/**
 * Requests the lease from eight sessions at once. Asserts that one gets the lease, and that the
 * others get its name.
 */
async function race(t: ExecutionContext, sessions: readonly Session[]): Promise<void> {
  const answers = await Promise.allSettled(sessions.map((session) => session.lease({ ttl: MINUTE })));
  const won = answers.filter((answer) => answer.status === 'fulfilled');
  t.is(won.length, 1);
  const owner = won[0]?.value.owner ?? 'nobody';
  for (const answer of answers) {
    if (answer.status === 'fulfilled') continue;
    t.is(answer.reason.code, 'BUSY');
    t.true(answer.reason.message.includes(owner), answer.reason.message);
  }
}

/** Stores, each with a way to open the store for each client. */
const places: Record<string, (t: ExecutionContext) => () => Provider> = {
  memory: () => {
    const shared = memoryProvider();
    return () => shared;
  },
  local: (t) => {
    const folder = temporary(t);
    return () => localProvider(folder, fakeHost(`provider ${workers}`));
  },
};

for (const [name, provider] of Object.entries(places)) {
  for (const exists of [true, false]) {
    test(`R-LEASE-2: of eight requests at once for a session that ${exists ? 'exists' : 'does not'} one gets the lease (${name} remote)`, async (t) => {
      const remote = provider(t);
      const clock = start();
      if (exists) await begun(t, remote(), clock);
      const eight = await Promise.all(Array.from({ length: 8 }, () => worker(t, remote(), clock)));
      await race(
        t,
        eight.map(({ session }) => session),
      );
    });
  }

  test(`R-LEASE-2: of eight requests of processes of one machine one gets the lease (${name} home)`, async (t) => {
    const home = provider(t);
    const clock = start();
    const eight = await Promise.all(Array.from({ length: 8 }, () => worker(t, undefined, clock, home())));
    await race(
      t,
      eight.map(({ session }) => session),
    );
  });
}

test('R-LEASE-3: a lease names its holder and its end to others, and stops nobody once it has expired', async (t) => {
  const clock = start();
  const [a, b] = await begun(t, memoryProvider(), clock);
  const lease = await a.session.lease({ owner: 'alice', ttl: MINUTE });
  t.is(lease.owner, 'alice');
  t.is(lease.expires.getTime(), EPOCH_START + MINUTE);
  const { message } = await rejects(t, () => b.session.lease({ ttl: MINUTE }), 'BUSY');
  t.regex(message, /alice until 2026-01-01T00:01:00.000Z/);
  t.deepEqual((await infoOf(b.store))?.lease, { owner: 'alice', expires: lease.expires });
  clock.time += MINUTE;
  t.is((await infoOf(b.store))?.lease, undefined);
  const taken = await b.session.lease({ owner: 'bob', ttl: MINUTE });
  t.regex((await rejects(t, () => lease.renew(), 'BUSY')).message, /bob until/);
  await lease.release();
  t.is((await infoOf(a.store))?.lease?.owner, 'bob');
  await taken.release();
  await rejects(t, () => lease.renew(), 'BUSY');
});

test('R-LEASE-3: a renewed lease lasts longer, a released one is free, and an owner may acquire its own again', async (t) => {
  const clock = start();
  const [a, b] = await begun(t, memoryProvider(), clock);
  const lease = await a.session.lease({ owner: 'alice', ttl: MINUTE });
  clock.time += MINUTE - 1;
  await lease.renew();
  t.is(lease.expires.getTime(), clock.time + MINUTE);
  clock.time += MINUTE - 1;
  await rejects(t, () => b.session.lease({ ttl: MINUTE }), 'BUSY');
  await (await b.session.lease({ owner: 'alice', ttl: MINUTE })).release();
  await lease.release();
  await lease.release();
  t.regex((await b.session.lease({ ttl: MINUTE })).owner, /^worker \d+ [0-9a-f]{16}$/);
});

test('an expired lease that nobody acquired is renewed', async (t) => {
  const clock = start();
  const [a] = await begun(t, memoryProvider(), clock);
  const lease = await a.session.lease({ ttl: MINUTE });
  clock.time += 2 * MINUTE;
  await t.notThrowsAsync(lease.renew());
});

test('R-LEASE-1: others commit and push under a lease and keep it, and a fork has none', async (t) => {
  const clock = start();
  const [a, b] = await begun(t, memoryProvider(), clock);
  await a.session.lease({ owner: 'alice', ttl: MINUTE });
  await b.session.checkout(b.dir, { force: true });
  appendFileSync(join(b.dir, 'Cookies'), 'of the other');
  const { commit } = await b.session.commit(b.dir);
  await b.session.push();
  await b.session.tag('good');
  await b.session.rollback('HEAD~1');
  const info = await infoOf(a.store);
  t.is(info?.lease?.owner, 'alice');
  t.is(info?.commits, 3);
  t.is((await a.session.resolve('good')).commit, commit);
  await b.session.fork('copy');
  t.is((await infoOf(a.store))?.lease, undefined, 'copy comes first');
});

test('R-LEASE-4: a lease costs the next push no request, and neither does a push that releases it', async (t) => {
  const clock = start();
  const remote = counting(memoryProvider());
  const total = () => Object.values(remote.counts.requests).reduce((sum, n) => sum + n, 0);
  const cost = async (work: () => Promise<unknown>): Promise<number> => {
    const before = total();
    await work();
    return total() - before;
  };
  const [a] = await begun(t, remote, clock);
  let lease: Lease | undefined;
  t.is(await cost(async () => (lease = await a.session.lease({ ttl: MINUTE }))), 1, 'take');
  t.is(await cost(async () => lease?.renew()), 1, 'renew');
  const change = async (i: number) => {
    appendFileSync(join(a.dir, 'Cookies'), `change ${i}`);
    await a.session.commit(a.dir);
  };
  await change(1);
  t.is(await cost(() => a.session.push()), 3, 'push');
  t.is((await infoOf(a.store))?.lease?.owner, lease?.owner);
  await change(2);
  t.is(await cost(() => a.session.push({ release: lease?.owner })), 3, 'push that gives it up');
  t.is(await cost(async () => lease?.release()), 0, 'release of what is gone');
  t.is((await infoOf(a.store))?.lease, undefined);
});

test('R-LEASE-1: renewing or releasing a lease during a push or commit only makes it start over', async (t) => {
  const clock = start();
  const remote = memoryProvider();
  const [a, b] = await begun(t, remote, clock);
  appendFileSync(join(a.dir, 'Cookies'), 'changed');
  const lease = await b.session.lease({ ttl: MINUTE });
  // The lease, and then its renewal, make the cached ref of `a` stale.
  const { commit } = await a.session.commit(a.dir);
  t.is((await a.session.push()).commit, commit);
  appendFileSync(join(a.dir, 'Cookies'), 'again');
  await a.session.commit(a.dir);
  await lease.renew();
  t.true((await a.session.push()).pushed);
  await lease.release();
  const own = await a.session.lease({ ttl: MINUTE, offline: true });
  appendFileSync(join(a.dir, 'Cookies'), 'once more');
  const [done] = await Promise.all([a.session.commit(a.dir), own.renew()]);
  t.true(done.changed);
});

test('R-LEASE-2: a swap without an answer leaves the lease with its owner, or free for others', async (t) => {
  for (const when of ['before', 'after'] as const) {
    for (const home of [memoryProvider(), undefined]) {
      const clock = start();
      const inner = memoryProvider();
      const [a, b] = await begun(t, inner, clock);
      const site = home ?? inner;
      if (home) await (await worker(t, undefined, clock, home)).session.commit(a.dir);
      // A new machine reads and swaps. In the local store the machine reads the config first.
      const failing = failNth(site, home ? 3 : 2, when);
      const asked = home ? await worker(t, undefined, clock, failing) : await worker(t, failing, clock);
      const other = home ? await worker(t, undefined, clock, site) : b;
      const taken = await asked.session.lease({ ttl: MINUTE }).catch((error: unknown) => error as { code: string });
      if ('code' in taken) {
        t.is(when, 'before');
        t.is(taken.code, 'UNREACHABLE');
        await t.notThrowsAsync(other.session.lease({ ttl: MINUTE }));
      } else {
        t.is(when, 'after');
        await rejects(t, () => other.session.lease({ ttl: MINUTE }), 'BUSY');
        await taken.release();
        await t.notThrowsAsync(other.session.lease({ ttl: MINUTE }));
      }
    }
  }
});

test('R-LEASE-5: a session that is leased before its first commit reads as absent, and is then made', async (t) => {
  const clock = start();
  const remote = memoryProvider();
  const [a, b] = [await worker(t, remote, clock), await worker(t, remote, clock)];
  const lease = await a.session.lease({ ttl: MINUTE });
  t.is(await infoOf(b.store), undefined);
  await rejects(t, () => b.session.checkout(b.dir), 'NOT_FOUND');
  const { commit } = await a.session.commit(a.dir);
  t.is((await a.session.push({ release: lease.owner })).commit, commit);
  t.is((await infoOf(b.store))?.lease, undefined);
  await t.notThrowsAsync(b.session.checkout(b.dir, { force: true }));
});

test('R-LEASE-5: a lease of a deleted session does not restore its commits', async (t) => {
  const clock = start();
  const [a, b] = await begun(t, memoryProvider(), clock);
  await b.session.delete();
  await b.session.lease({ ttl: MINUTE });
  t.is(await infoOf(a.store), undefined);
  await rejects(t, () => a.session.pull(), 'NOT_FOUND');
  appendFileSync(join(a.dir, 'Cookies'), 'changed');
  await a.session.commit(a.dir);
  await rejects(t, () => a.session.push(), 'CONFLICT');
});

test('an owner without a name or with too long a name, and an invalid time, are rejected', async (t) => {
  const { session } = await worker(t, undefined, start());
  await rejects(t, () => session.lease({ owner: '', ttl: MINUTE }), 'USAGE');
  await rejects(t, () => session.lease({ owner: 'x'.repeat(257), ttl: MINUTE }), 'USAGE');
  await rejects(t, () => session.lease({ ttl: 0 }), 'USAGE');
  await rejects(t, () => session.lease({ ttl: 1.5 }), 'USAGE');
});
