/**
 * Packs that are missing from the remote (C4). A commit that is reported as pushed can be restored
 * by a new machine, or the operation fails and names the packs.
 */
import { appendFileSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { PRESENCE_PUSHES } from '../../../src/base/limits.js';
import { localProvider, memoryProvider, openStore, type Provider } from '../../../src/index.js';
import { noise, withPages } from '../../support/content.js';
import { rejects } from '../../support/errors.js';
import { counting } from '../../support/faults/providers.js';
import { fakeHost } from '../../support/host.js';
import { file, type Listing, readListing, smallProfile } from '../../support/profile.js';
import { host } from '../../support/provider/folders.js';
import { type Machine, machine } from '../../support/sync/machines.js';
import { temporary } from '../../support/temporary.js';

const database = noise(300_000, 'database');

interface Scene {
  actor: Machine;
  dir: string;
  root: string;
  remote: Provider;
  /** Removes packs of the remote. */
  lose(): string[];
}

/** Returns a machine that has pushed two versions to a folder. */
async function scene(t: ExecutionContext): Promise<Scene> {
  const root = temporary(t);
  const remote = localProvider(root, host);
  const actor = await machine(t, remote);
  const dir = actor.profile(new Map([...smallProfile(noise), ['Default/Database', file(database)]]));
  await actor.session.commit(dir);
  await actor.session.push();
  change(dir, 1);
  await actor.session.commit(dir);
  await actor.session.push();
  const packs = join(root, 'tester/.store/packs');
  const lose = (): string[] => {
    const names = readdirSync(packs);
    rmSync(packs, { recursive: true });
    mkdirSync(packs);
    return names;
  };
  return { actor, dir, root, remote, lose };
}

function change(dir: string, n: number): void {
  writeFileSync(join(dir, 'Default/Database'), withPages(database, [n, n + 20], n));
}

async function restores(t: ExecutionContext, remote: Provider, name: string, listing: Listing, at = 'HEAD'): Promise<void> {
  const fresh = await machine(t, remote, name);
  const target = fresh.directory();
  await fresh.session.checkout(target, { at });
  t.deepEqual(readListing(target), listing);
}

/**
 * Operations. A new machine must be able to restore the returned session and revision as the
 * directory.
 */
const operations: Record<string, (scene: Scene) => Promise<{ name?: string; at?: string } | undefined>> = {
  'a push of a new commit': async ({ actor, dir }) => {
    change(dir, 2);
    await actor.session.commit(dir);
    await actor.session.push();
    return {};
  },
  'a push of nothing': async ({ actor }) => {
    await actor.session.push();
    return {};
  },
  'a sync of nothing': async ({ actor }) => {
    await actor.session.sync();
    return {};
  },
  'a rollback': async ({ actor }) => {
    await actor.session.rollback('HEAD~1');
    return { at: 'HEAD~1' };
  },
  'a fork': async ({ actor }) => {
    await actor.session.fork('other');
    return { name: 'other' };
  },
  'a fork of an older version': async ({ actor }) => {
    await actor.session.fork('other', { at: 'HEAD~1' });
    return {};
  },
  'a tag': async ({ actor }) => {
    await actor.session.tag('good');
    return { at: 'good' };
  },
  'a tag of an older version': async ({ actor, remote }) => {
    await actor.session.tag('good', { at: 'HEAD~1' });
    void remote;
    return {};
  },
  'a new session with the same files': async ({ actor, dir }) => {
    const other = actor.store.session('new');
    await other.commit(dir);
    await other.push();
    return { name: 'new' };
  },
  'an unmount with a change': async ({ actor, dir }) => {
    const mount = await actor.store.mount('main');
    change(mount.dir, 5);
    change(dir, 5);
    for (const each of [dir, mount.dir]) utimesSync(join(each, 'Default/Database'), 1_700_000_000, 1_700_000_000);
    await mount.unmount();
    return {};
  },
};

for (const [name, run] of Object.entries(operations)) {
  test(`C4: ${name} after all packs went`, async (t) => {
    const found = await scene(t);
    const { actor, dir, remote, lose } = found;
    const old = actor.directory();
    await actor.session.checkout(old, { at: 'HEAD~1', offline: true });
    lose();
    const there = await run(found);
    const names = { ...there };
    const listing = readListing(dir);
    if (names.name === undefined || names.name === 'other') await restores(t, remote, names.name ?? 'main', listing, names.at);
    else await restores(t, remote, names.name, listing);
    if (name === 'a fork of an older version') await restores(t, remote, 'other', readListing(old));
    if (name === 'a tag of an older version') await restores(t, remote, 'main', readListing(old), 'good');
    if (name === 'a rollback') await restores(t, remote, 'main', readListing(old));
    const { findings } = await actor.store.verify({ on: 'remote', readData: true });
    const own = findings.filter(({ sessions }) => sessions.includes('main') && names.name !== 'new');
    t.deepEqual(own, [], 'the older versions of this machine are whole again too');
  });
}

for (const keep of ['ours', 'theirs', 'fork', 'fail'] as const) {
  test(`C4: a push that meets a conflict with ${keep} after all packs went`, async (t) => {
    const { actor, dir, remote, lose } = await scene(t);
    const other = await machine(t, remote);
    const theirs = other.directory();
    await other.session.checkout(theirs);
    appendFileSync(join(theirs, 'Default/Preferences'), 'of the other');
    await other.session.commit(theirs);
    await other.session.push();
    change(dir, 3);
    await actor.session.commit(dir);
    const packs = lose();
    const outcome = await actor.session.push({ onConflict: keep }).then(
      (result) => result,
      (error: unknown) => error as { code: string; details: { session?: string; packs?: string[] } },
    );
    if (keep === 'theirs') {
      // This machine cannot send packs that only the other machine has.
      t.like(outcome, { code: 'INTEGRITY', details: { session: 'main' } });
      t.true(packs.includes(String((outcome as { details: { packs: string[] } }).details.packs[0]).replace('packs/', '')));
      await other.session.push();
      await actor.session.push({ onConflict: keep });
      await restores(t, remote, 'main', readListing(theirs));
    } else if (keep === 'ours') await restores(t, remote, 'main', readListing(dir));
    else {
      const name = 'forkedTo' in outcome ? outcome.forkedTo : (outcome as { details: { session: string } }).details.session;
      await restores(t, remote, String(name), readListing(dir));
    }
  });
}

test('R-SYNC-11, C4: packs that this machine does not have either are INTEGRITY, with the packs and the session, and nothing is changed', async (t) => {
  const { remote, lose } = await scene(t);
  const packs = lose();
  const stranger = await machine(t, remote);
  const bystander = await machine(t, remote, 'bystander');
  await bystander.session.commit(bystander.profile(new Map([['f', file(noise(5000, 'f'))]])));
  await bystander.session.push();
  for (const run of [() => stranger.session.fork('other'), () => stranger.session.tag('good'), () => stranger.session.rollback('HEAD~1')]) {
    const { message, hint, details } = await rejects(t, run, 'INTEGRITY');
    t.regex(message, /packs\/.*missing or cut short, and session main needs it/);
    t.regex(hint ?? '', /verify --on remote/);
    t.is(details['session'], 'main');
    for (const pack of details['packs'] as string[]) t.true(packs.includes(pack.replace('packs/', '')));
  }
  t.deepEqual([...(await stranger.session.tags())], []);
});

test('C4: a pack that was cut short is sent again too', async (t) => {
  const { actor, dir, root, remote } = await scene(t);
  const packs = join(root, 'tester/.store/packs');
  for (const name of readdirSync(packs)) writeFileSync(join(packs, name), 'short');
  change(dir, 2);
  await actor.session.commit(dir);
  await actor.session.push();
  await restores(t, remote, 'main', readListing(dir));
});

test('C4: packs of a bucket are checked once in several pushes, and at once after damage', async (t) => {
  const remote = counting(memoryProvider());
  const folder = temporary(t);
  const store = await openStore({ home: join(folder, 'home'), remote, userId: 'u', host: fakeHost('store') });
  const dir = join(folder, 'profile');
  mkdirSync(join(dir, 'Default'), { recursive: true });
  writeFileSync(join(dir, 'Default/Database'), database);
  const session = store.session('main');
  const looked = async (): Promise<boolean> => {
    const { get } = remote.counts.requests;
    await session.push();
    return remote.counts.requests.get > get;
  };
  await session.commit(dir);
  await session.push();
  let pushes = 1;
  while (!(await looked())) pushes++;
  t.is(pushes, PRESENCE_PUSHES - 1);
  for await (const { key } of remote.list('u/.store/packs/')) await remote.delete(key);
  await store.verify({ on: 'remote' });
  await session.push();
  t.deepEqual((await store.verify({ on: 'remote', readData: true })).findings, []);
});
