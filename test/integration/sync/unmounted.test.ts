/**
 * A folder remote whose disk is not mounted, or disappears during a request (C3). In the tests, a
 * directory that replaces another directory represents a bare mount point.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { isError, localProvider, type Provider } from '../../../src/index.js';
import { noise, withPages } from '../../support/content.js';
import { rejects } from '../../support/errors.js';
import { around } from '../../support/faults/providers.js';
import { file, readListing, smallProfile } from '../../support/profile.js';
import { host } from '../../support/provider/folders.js';
import { type Machine, machine, reopened } from '../../support/sync/machines.js';
import { temporary } from '../../support/temporary.js';

/** A disk at its mount point. */
class Disk {
  readonly root: string;
  readonly #away: string;

  constructor(t: ExecutionContext) {
    const folder = temporary(t);
    this.root = join(folder, 'mnt');
    this.#away = join(folder, 'away');
    mkdirSync(this.root);
  }

  unmount(): void {
    if (existsSync(this.#away)) return;
    renameSync(this.root, this.#away);
    mkdirSync(this.root);
  }

  /** Returns the leftovers on the bare mount point. */
  mount(): string[] {
    if (!existsSync(this.#away)) return [];
    const left = readdirSync(this.root);
    if (left.length === 0) rmdirSync(this.root);
    else renameSync(this.root, `${this.root}-bare`);
    renameSync(this.#away, this.root);
    return left;
  }
}

/** Returns the provider, with `before` and `after` called around each of its requests. */
function watched(inner: Provider, before: () => void, after: () => void): Provider {
  const outer = around(inner, async (_method, _key, request) => {
    before();
    try {
      return await request();
    } finally {
      after();
    }
  });
  const expecting = inner.expecting?.bind(inner);
  return expecting === undefined ? outer : { ...outer, expecting: (expected) => watched(expecting(expected), before, after) };
}

const database = noise(300_000, 'database');

/** Returns a machine that has pushed, and has one more commit. */
async function begun(t: ExecutionContext, remote: Provider): Promise<{ actor: Machine; dir: string }> {
  const actor = await machine(t, remote);
  const dir = actor.profile(new Map([...smallProfile(noise), ['Default/Database', file(database)]]));
  await actor.session.commit(dir);
  await actor.session.push();
  writeFileSync(join(dir, 'Default/Database'), withPages(database, [3, 40], 'changed'));
  await actor.session.commit(dir);
  return { actor, dir };
}

const operations: Record<string, (actor: Machine, dir: string) => Promise<unknown>> = {
  push: ({ session }) => session.push(),
  'push that asks first': ({ session }) => session.push({ ask: true }),
  pull: ({ session }) => session.pull(),
  sync: ({ session }) => session.sync(),
  tag: ({ session }) => session.tag('good'),
  rollback: ({ session }) => session.rollback('HEAD~1'),
  fork: ({ session }) => session.fork('other'),
  delete: ({ session }) => session.delete(),
  log: async ({ session }) => {
    for await (const _ of session.log());
  },
  sessions: async ({ store }) => {
    for await (const _ of store.sessions());
  },
  init: ({ store }) => store.init(),
  verify: ({ store }) => store.verify({ on: 'remote' }),
  usage: ({ store }) => store.usage({ on: 'remote' }),
  lease: ({ session }) => session.lease({ ttl: 1000 }),
  'push of a new session': async ({ store }, dir) => {
    const session = store.session('new');
    await session.commit(dir, { offline: true });
    await session.push();
  },
};

for (const [name, run] of Object.entries(operations)) {
  for (const process of ['the same process', 'a later process']) {
    test(`C3: ${name} with the disk not mounted is UNREACHABLE and writes nothing (${process})`, async (t) => {
      const disk = new Disk(t);
      const remote = localProvider(disk.root, host);
      const { actor, dir } = await begun(t, remote);
      disk.unmount();
      const now = process === 'the same process' ? actor : await reopened(actor, remote);
      const { message, hint } = await rejects(t, () => run(now, dir), 'UNREACHABLE');
      t.regex(message, /disk mounted/);
      t.regex(hint ?? '', /^Mount/);
      t.deepEqual(disk.mount(), []);
      await t.notThrowsAsync(() => now.session.push());
    });
  }
}

test('R-SYNC-10, B6: changes of a folder whose config cannot be read fail, and leave the store unchanged', async (t) => {
  const disk = new Disk(t);
  const remote = localProvider(disk.root, host);
  const { actor } = await begun(t, remote);
  const path = readdirSync(disk.root, { recursive: true, encoding: 'utf8' }).find((each) => each.endsWith('config.cell')) as string;
  const config = join(disk.root, path);
  renameSync(config, `${config}-away`);
  execFileSync('mkfifo', [config]);
  const names = (): string[] => readdirSync(disk.root, { recursive: true, encoding: 'utf8' }).sort();
  const before = names();
  for (const operation of ['push', 'tag', 'rollback', 'fork', 'delete', 'sync']) {
    const run = operations[operation] as (typeof operations)[string];
    const { message } = await rejects(t, () => run(actor, ''), 'INTEGRITY', operation);
    t.truthy(message, operation);
    t.deepEqual(names(), before, operation);
  }
});

test('C3: another store on the mount point is rejected, and so is the disk of another store', async (t) => {
  const disk = new Disk(t);
  const remote = localProvider(disk.root, host);
  const { actor } = await begun(t, remote);
  disk.unmount();
  const stranger = await machine(t, remote, 'strange');
  await stranger.session.commit(stranger.profile());
  await stranger.session.push();
  const { message } = await rejects(t, () => actor.session.push(), 'UNREACHABLE');
  t.regex(message, /another repository/);
});

test('C3: a folder that was emptied on purpose is used again after its notes are removed, as the hint says', async (t) => {
  const disk = new Disk(t);
  const remote = localProvider(disk.root, host);
  const { actor } = await begun(t, remote);
  disk.unmount();
  const { hint } = await rejects(t, () => actor.session.push(), 'UNREACHABLE');
  const notes = /remove (\S+) first/.exec(hint ?? '')?.[1] as string;
  renameSync(notes, `${notes}-removed`);
  const again = await reopened(actor, remote);
  t.is((await again.session.push()).commits, 2);
});

for (const when of ['before', 'after'] as const) {
  test(`R-SYNC-10, C3: if the disk disappears ${when} a request of a push, every pushed commit can be restored, and nothing is left on the mount point`, async (t) => {
    for (let n = 1, isOver = false; !isOver; n++) {
      const disk = new Disk(t);
      let requests = Number.NEGATIVE_INFINITY;
      const trip = (): void => {
        if (requests === n) disk.unmount();
      };
      const remote = watched(
        localProvider(disk.root, host),
        () => {
          requests++;
          if (when === 'before') trip();
        },
        () => {
          if (when === 'after') trip();
        },
      );
      const { actor, dir } = await begun(t, remote);
      requests = 0;
      const outcome = await actor.session.push().then(
        () => 'pushed' as const,
        (error: unknown) => error,
      );
      isOver = requests < n;
      requests = Number.NEGATIVE_INFINITY;
      t.deepEqual(disk.mount(), [], `at ${n}`);
      if (outcome !== 'pushed') t.true(isError(outcome, 'UNREACHABLE'), `at ${n}: ${outcome}`);
      else {
        const fresh = await machine(t, localProvider(disk.root, host));
        const target = fresh.directory();
        await fresh.session.checkout(target);
        t.deepEqual(readListing(target), readListing(dir), `at ${n}`);
      }
      await actor.session.push();
      t.deepEqual((await actor.store.verify({ readData: true, on: 'remote' })).findings, [], `at ${n}`);
    }
  });
}
