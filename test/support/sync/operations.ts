/** The operations of the fault tests, each with a check of its effect. */
import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { isError, memoryProvider, type Provider } from '../../../src/index.js';
import { noise, withPages } from '../content.js';
import { orCode } from '../errors.js';
import { file, type ProfileEntry, readListing, smallProfile } from '../profile.js';
import { history } from '../store.js';
import { type Machine, machine as machineWith } from './machines.js';

export interface Subject {
  /** The machine whose requests fail. */
  actor: Machine;
  run(): Promise<unknown>;
  /**
   * Resolves to whether the operation took effect, as a new machine sees it. Throws if that machine
   * sees anything except the state before or after.
   */
  landed(): Promise<boolean>;
}

/** Sets up the remote behind `direct`. The actor's requests go through `faulty`. */
export type Prepare = (t: ExecutionContext, direct: Provider, faulty: Provider) => Promise<Subject>;

/** Returns a machine whose local store is in memory, since these tests have many setups. */
const machine = (t: ExecutionContext, remote: Provider, name?: string): Promise<Machine> => machineWith(t, remote, name, memoryProvider());

const database = noise(70_000, 'database');

function profileWith(bytes: Uint8Array): Map<string, ProfileEntry> {
  return new Map([...smallProfile(noise), ['Default/Database', file(bytes)]]);
}

/** Sets up an actor that has pushed one commit, and has another commit that is not pushed. */
async function begun(t: ExecutionContext, faulty: Provider) {
  const actor = await machine(t, faulty);
  const dir = actor.profile(profileWith(database));
  const before = readListing(dir);
  const first = (await actor.session.commit(dir)).commit;
  await actor.session.push();
  writeFileSync(join(dir, 'Default/Database'), withPages(database, [3, 9], 'changed'));
  return { actor, dir, before, first };
}

/** Sets up such an actor, and another machine that has pushed meanwhile. */
async function diverged(t: ExecutionContext, direct: Provider, faulty: Provider) {
  const { actor, dir, first } = await begun(t, faulty);
  const other = await machine(t, direct);
  const theirDir = other.directory();
  await other.session.checkout(theirDir);
  appendFileSync(join(theirDir, 'Default/Preferences'), 'of the other');
  const theirs = (await other.session.commit(theirDir)).commit;
  await other.session.push();
  const ours = (await actor.session.commit(dir)).commit;
  return { actor, first, ours, theirs, ourListing: readListing(dir), theirListing: readListing(theirDir) };
}

/** Asserts that a new machine checks out the exact version of the session. */
async function isThere(t: ExecutionContext, direct: Provider, name: string, commit: string, listing: unknown): Promise<void> {
  const viewer = await machine(t, direct, name);
  const dir = viewer.directory();
  t.is((await viewer.session.checkout(dir, { at: commit })).commit, commit);
  t.deepEqual(readListing(dir), listing);
}

async function commitsOf(t: ExecutionContext, direct: Provider, name = 'main'): Promise<string[]> {
  return (await orCode(async () => history((await machine(t, direct, name)).session), 'NOT_FOUND')) ?? [];
}

function merging(keep: 'ours' | 'theirs'): Prepare {
  return async (t, direct, faulty) => {
    const { actor, ours, theirs, ourListing, theirListing } = await diverged(t, direct, faulty);
    return {
      actor,
      run: () => actor.session.push({ onConflict: keep }),
      landed: async () => {
        const viewer = await machine(t, direct);
        const head = await viewer.session.resolve('HEAD');
        if (head.commit === theirs) return false;
        t.deepEqual(head.parents, keep === 'ours' ? [ours, theirs] : [theirs, ours]);
        t.is((await commitsOf(t, direct)).length, 4);
        await isThere(t, direct, 'main', head.commit, keep === 'ours' ? ourListing : theirListing);
        await isThere(t, direct, 'main', ours, ourListing);
        return true;
      },
    };
  };
}

export const operations: Record<string, Prepare> = {
  'first push': async (t, direct, faulty) => {
    const actor = await machine(t, faulty);
    const dir = actor.profile(profileWith(database));
    const { commit } = await actor.session.commit(dir, { tag: 'first' });
    const listing = readListing(dir);
    return {
      actor,
      run: () => actor.session.push(),
      landed: async () => {
        const commits = await commitsOf(t, direct);
        if (commits.length === 0) return false;
        t.deepEqual(commits, [commit]);
        t.deepEqual([...(await (await machine(t, direct)).session.tags())], [['first', commit]]);
        await isThere(t, direct, 'main', commit, listing);
        return true;
      },
    };
  },
  push: async (t, direct, faulty) => {
    const { actor, dir, first } = await begun(t, faulty);
    const { commit } = await actor.session.commit(dir);
    const listing = readListing(dir);
    return {
      actor,
      run: () => actor.session.push(),
      landed: async () => {
        const commits = await commitsOf(t, direct);
        if (commits.length === 1) return false;
        t.deepEqual(commits, [commit, first]);
        await isThere(t, direct, 'main', commit, listing);
        return true;
      },
    };
  },
  sync: async (t, direct, faulty) => {
    const { actor, dir, first } = await begun(t, faulty);
    const { commit } = await actor.session.commit(dir);
    const listing = readListing(dir);
    return {
      actor,
      run: () => actor.session.sync(),
      landed: async () => {
        const commits = await commitsOf(t, direct);
        if (commits.length === 1) return false;
        t.deepEqual(commits, [commit, first]);
        await isThere(t, direct, 'main', commit, listing);
        return true;
      },
    };
  },
  'push with ours': merging('ours'),
  'push with theirs': merging('theirs'),
  'push that becomes a fork': async (t, direct, faulty) => {
    const { actor, first, ours, theirs, ourListing } = await diverged(t, direct, faulty);
    const name = `main.conflict-${ours.slice(0, 12)}`;
    return {
      actor,
      run: () => actor.session.push({ onConflict: 'fork' }),
      landed: async () => {
        t.deepEqual(await commitsOf(t, direct), [theirs, first]);
        const commits = await commitsOf(t, direct, name);
        if (commits.length === 0) return false;
        t.deepEqual(commits, [ours, first]);
        await isThere(t, direct, name, ours, ourListing);
        return true;
      },
    };
  },
  'push that fails with a conflict': async (t, direct, faulty) => {
    const { actor, first, ours, theirs, ourListing } = await diverged(t, direct, faulty);
    const name = `main.conflict-${ours.slice(0, 12)}`;
    return {
      actor,
      run: async () => {
        const result = await actor.session.push().catch((error: unknown) => error);
        if (!isError(result, 'CONFLICT')) throw result;
        t.true(result.message.includes(`as session ${name}`), result.message);
      },
      landed: async () => {
        t.deepEqual(await commitsOf(t, direct), [theirs, first]);
        const commits = await commitsOf(t, direct, name);
        if (commits.length === 0) return false;
        t.deepEqual(commits, [ours, first]);
        await isThere(t, direct, name, ours, ourListing);
        return true;
      },
    };
  },
  pull: async (t, direct, faulty) => {
    const writer = await machine(t, direct);
    const dir = writer.profile(profileWith(database));
    const first = (await writer.session.commit(dir)).commit;
    await writer.session.push();
    const actor = await machine(t, faulty);
    await actor.session.checkout(actor.directory());
    const before = await history(actor.store.session('main'));
    writeFileSync(join(dir, 'Default/Database'), withPages(database, [3, 9], 'changed'));
    const { commit } = await writer.session.commit(dir);
    const listing = readListing(dir);
    await writer.session.push();
    t.deepEqual(before, [first]);
    return {
      actor,
      run: () => actor.session.pull(),
      landed: async () => {
        const target = actor.directory();
        const { commit: got } = await actor.session.checkout(target, { offline: true });
        if (got === first) return false;
        t.is(got, commit);
        t.deepEqual(readListing(target), listing);
        return true;
      },
    };
  },
  'checkout on a new machine': async (t, direct, faulty) => {
    const writer = await machine(t, direct);
    const dir = writer.profile(profileWith(database));
    const { commit } = await writer.session.commit(dir);
    await writer.session.push();
    const listing = readListing(dir);
    const actor = await machine(t, faulty);
    const target = actor.directory();
    return {
      actor,
      run: () => actor.session.checkout(target),
      landed: async () => {
        const got = await orCode(async () => readListing(target), 'NOT_FOUND').catch(() => undefined);
        if (got === undefined) return false;
        t.deepEqual(got, listing);
        t.is((await actor.session.resolve('HEAD', { offline: true })).commit, commit);
        return true;
      },
    };
  },
  rollback: async (t, direct, faulty) => {
    const { actor, dir, before, first } = await begun(t, faulty);
    const second = (await actor.session.commit(dir)).commit;
    await actor.session.push();
    return {
      actor,
      run: () => actor.session.rollback(first),
      landed: async () => {
        const commits = await commitsOf(t, direct);
        if (commits.length === 2) return false;
        t.deepEqual(commits.slice(1), [second, first]);
        await isThere(t, direct, 'main', commits[0] as string, before);
        return true;
      },
    };
  },
  fork: async (t, direct, faulty) => {
    const { actor, dir, before, first } = await begun(t, faulty);
    await actor.session.commit(dir);
    await actor.session.push();
    return {
      actor,
      run: () => actor.session.fork('experiment', { at: first }),
      landed: async () => {
        const commits = await commitsOf(t, direct, 'experiment');
        if (commits.length === 0) return false;
        t.deepEqual(commits, [first]);
        await isThere(t, direct, 'experiment', first, before);
        return true;
      },
    };
  },
  tag: async (t, direct, faulty) => {
    const { actor, first } = await begun(t, faulty);
    return {
      actor,
      run: () => actor.session.tag('good'),
      landed: async () => (await (await machine(t, direct)).session.tags()).get('good') === first,
    };
  },
  delete: async (t, direct, faulty) => {
    const { actor } = await begun(t, faulty);
    return {
      actor,
      run: () => actor.session.delete(),
      landed: async () => (await commitsOf(t, direct)).length === 0,
    };
  },
};
