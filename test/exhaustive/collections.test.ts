/**
 * Garbage collections while other processes write (SPEC.md 11.2). Writers are paused before each of
 * their requests, and collectors meet.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { memoryProvider, type Provider } from '../../src/index.js';
import { noise } from '../support/content.js';
import { dice } from '../support/dice.js';
import { around } from '../support/faults/providers.js';
import { file, readListing } from '../support/profile.js';
import { outcomeOf } from '../support/session/outcomes.js';
import { findingsOf } from '../support/store.js';
import { type Machine, machine } from '../support/sync/machines.js';

/** Returns a provider for one machine. `meanwhile` runs before its nth request after `arm`. */
function pausing(inner: Provider) {
  let left = Number.POSITIVE_INFINITY;
  let work: () => Promise<unknown> = async () => undefined;
  const provider = around(inner, async (_method, _key, request) => {
    if (--left === 0) await work();
    return request();
  });
  const arm = (n: number, meanwhile: () => Promise<unknown>): void => {
    left = n;
    work = meanwhile;
  };
  return { provider, arm, wasReached: () => left <= 0 };
}

const content = (name: string) =>
  new Map([
    ['Local State', file(noise(3_000, name))],
    ['Database', file(noise(70_000, 'all'))],
  ]);

interface Scene {
  writer: Machine;
  /** Directories with the content of the sessions, and with a change of `main`. */
  dirs: Record<'main' | 'old' | 'changed', string>;
}

type Side = 'local' | 'remote';

interface Change {
  side: Side;
  /** The session that has the content of a directory if the change was done. */
  makes?: readonly [session: string, dir: keyof Scene['dirs']];
  run(scene: Scene): Promise<unknown>;
}

const offline = { offline: true };

/** Changes during which the other machine deletes session `old`, in the store that is collected. */
const changes: Record<string, Change> = {
  'a push of a change': {
    side: 'remote',
    makes: ['main', 'changed'],
    run: ({ writer, dirs }) => writer.store.session('main').save(dirs.changed),
  },
  'a first push of what session old has': {
    side: 'remote',
    makes: ['new', 'old'],
    run: ({ writer, dirs }) => writer.store.session('new').save(dirs.old),
  },
  'a fork of session old on the remote': {
    side: 'remote',
    makes: ['new', 'old'],
    run: ({ writer }) => writer.store.session('old').fork('new'),
  },
  'a rollback to session old on the remote': {
    side: 'remote',
    makes: ['main', 'old'],
    run: ({ writer }) => writer.store.session('main').rollback('old:HEAD'),
  },
  'a commit of what session old has': {
    side: 'local',
    makes: ['new', 'old'],
    run: ({ writer, dirs }) => writer.store.session('new').commit(dirs.old, offline),
  },
  'a commit of a change': {
    side: 'local',
    makes: ['main', 'changed'],
    run: ({ writer, dirs }) => writer.store.session('main').commit(dirs.changed, offline),
  },
  'a fork of session old': { side: 'local', makes: ['new', 'old'], run: ({ writer }) => writer.store.session('old').fork('new', offline) },
  'a rollback to session old': {
    side: 'local',
    makes: ['main', 'old'],
    run: ({ writer }) => writer.store.session('main').rollback('old:HEAD', offline),
  },
  'a pull': {
    side: 'local',
    makes: ['theirs', 'old'],
    run: ({ writer }) => writer.store.session('theirs').pull(),
  },
};

async function pausedAt(t: ExecutionContext, { side, makes, run }: Change, n: number): Promise<boolean> {
  const [home, remote] = [memoryProvider(), memoryProvider()];
  const { provider, arm, wasReached } = pausing(side === 'local' ? home : remote);
  const [local, shared] = side === 'local' ? [provider, remote] : [home, provider];
  const writer = await machine(t, shared, 'main', local);
  const other = await machine(t, remote, 'main', side === 'local' ? home : memoryProvider());
  const dirs = { main: writer.profile(content('main')), old: writer.profile(content('old')), changed: writer.profile(content('main')) };
  for (const name of ['main', 'old'] as const) await writer.store.session(name).save(dirs[name]);
  if (side === 'local') {
    const far = await machine(t, remote, 'theirs', memoryProvider());
    await far.session.save(dirs.old);
  }
  writeFileSync(join(dirs.changed, 'Local State'), 'changed');
  arm(n, async () => {
    await other.store.session('old').delete({ offline: side === 'local' });
    for (let i = 0; i < 2; i++) await other.store.gc({ on: side });
  });
  const outcome = await outcomeOf(run({ writer, dirs }));
  const reached = wasReached();
  arm(Number.POSITIVE_INFINITY, async () => undefined);
  t.true(['done', 'CONFLICT', 'NOT_FOUND'].includes(outcome), `at ${n}: ${outcome}`);
  t.deepEqual(await findingsOf(other.store, side), [], `at ${n}: ${outcome}`);
  if (outcome === 'done' && makes !== undefined) {
    const [session, dir] = makes;
    const reader = await machine(t, remote, session, side === 'local' ? home : memoryProvider());
    const target = reader.directory();
    await reader.session.checkout(target, { offline: side === 'local' });
    t.deepEqual(readListing(target), readListing(dirs[dir]), `at ${n}`);
  }
  // The next commit and push use the current knowledge of the writer's indexes.
  await writer.store.session('again').save(dirs.old);
  for (const on of ['local', 'remote'] as const) t.deepEqual(await findingsOf(writer.store, on), [], `at ${n}, again`);
  return reached;
}

for (const [name, change] of Object.entries(changes)) {
  test(`R-GC-1, R-GC-3: two collections before any request of ${name} leave no ref that dangles`, async (t) => {
    let n = 1;
    while (await pausedAt(t, change, n)) n++;
    t.true(n > 2);
  });
}

/**
 * Returns a provider whose requests wait for up to `most` turns of the event loop, drawn from the
 * seed.
 */
function wayward(inner: Provider, seed: number, most: number): Provider {
  const roll = dice(seed);
  return around(inner, async (_method, _key, request) => {
    for (let turns = roll(most); turns > 0; turns--) await turn();
    const result = await request();
    for (let turns = roll(most); turns > 0; turns--) await turn();
    return result;
  });
}

for (let seed = 1; seed <= 8; seed++) {
  test(`two collectors, a writer and a deleter that meet (seed ${seed}) lose nothing`, async (t) => {
    const remote = memoryProvider();
    const at = (i: number, most: number) => machine(t, wayward(remote, seed * 10 + i, most), 'main', memoryProvider());
    const [a, b, writer, deleter] = [await at(1, 3), await at(2, 6), await at(3, 6), await at(4, 12)];
    const dir = writer.profile(content('main'));
    await writer.session.save(dir);
    let isOver = false;
    const outcomes: string[] = [];
    const collect = async ({ store }: Machine): Promise<void> => {
      for (let i = 0; i < 8 && !isOver; i++) outcomes.push(await outcomeOf(store.gc({ on: 'remote' })));
    };
    const write = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) {
        writeFileSync(join(dir, 'Local State'), `${seed} ${i}`);
        outcomes.push(await outcomeOf(writer.session.save(dir)));
      }
    };
    const remove = async (): Promise<void> => {
      const own = deleter.profile(content('main'));
      for (let i = 0; i < 2; i++) {
        const session = deleter.store.session(`short-${i}`);
        outcomes.push(await outcomeOf(session.save(own)), await outcomeOf(session.delete()));
      }
    };
    const collecting = [collect(a), collect(b)];
    await Promise.all([write(), remove()]);
    isOver = true;
    await Promise.all(collecting);
    t.deepEqual(
      [...new Set(outcomes)].filter((each) => each !== 'done' && each !== 'CONFLICT'),
      [],
    );
    t.true(outcomes.includes('done'));
    const reader = await machine(t, remote, 'main', memoryProvider());
    t.deepEqual(await findingsOf(reader.store, 'remote'), []);
    await writer.session.save(dir);
    const target = reader.directory();
    await reader.session.checkout(target);
    t.deepEqual(readListing(target), readListing(dir));
    await reader.store.gc({ on: 'remote' });
    t.is((await reader.store.gc({ on: 'remote' })).deleted.objects, 0);
    t.deepEqual(await findingsOf(reader.store, 'remote'), []);
  });
}
