/** Commits that fail before their swap and leave nothing in the local store (C13). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { systemHost } from '../../../src/base/host.js';
import type { Operation } from '../../../src/base/operation.js';
import { isError, localProvider, memoryProvider, openStore, type Provider, type Store } from '../../../src/index.js';
import { scoped } from '../../../src/provider/wrap/scoped.js';
import { fork, rollback } from '../../../src/session/history.js';
import type { LegacySource } from '../../../src/session/replica/legacy-source.js';
import { LocalReplica } from '../../../src/session/replica/local.js';
import { mergeSession } from '../../../src/sync/merge.js';
import { noise } from '../../support/content.js';
import { rejects } from '../../support/errors.js';
import { around, failNth, type Method } from '../../support/faults/providers.js';
import { fakeHost } from '../../support/host.js';
import { file, writeProfile } from '../../support/profile.js';
import { contentOf } from '../../support/provider-content.js';
import { outcomeOf } from '../../support/session/outcomes.js';
import { temporary } from '../../support/temporary.js';

const MIB = 2 ** 20;
const child = fileURLToPath(new URL('../../support/programs/draft.js', import.meta.url));

interface Place {
  folder: string;
  home: string;
  dir: string;
  store: Store;
  /** Returns the bytes and names of the objects in the store. */
  stored(): { bytes: number; names: string[] };
}

/** Returns a local store with a small commit of session `main`, and a profile of `mib` MiB. */
async function place(t: ExecutionContext, mib: number): Promise<Place> {
  const folder = temporary(t);
  const home = join(folder, 'home');
  const dir = join(folder, 'profile');
  mkdirSync(dir);
  writeProfile(dir, new Map(Array.from({ length: mib }, (_, i) => [`file-${i}`, file(noise(MIB, i))])));
  const store = await openStore({ home, userId: 'tester' });
  const small = join(folder, 'small');
  mkdirSync(small);
  writeFileSync(join(small, 'file'), 'small');
  await store.session('main').commit(small);
  const stored = () => {
    const names = ['packs', 'manifests', 'segments', 'tmp'].flatMap((name) => {
      const at = join(home, 'tester/.store', name);
      return existsSync(at) ? readdirSync(at).map((each) => join(at, each)) : [];
    });
    return { bytes: names.reduce((sum, name) => sum + (statSync(name, { throwIfNoEntry: false })?.size ?? 0), 0), names };
  };
  return { folder, home, dir, store, stored };
}

test('R-WRITE-7, C13: a commit that is cancelled at any time leaves the store as it was', async (t) => {
  const { dir, store, stored } = await place(t, 24);
  const before = stored();
  for (let packs = 0; packs <= 2; packs++) {
    const controller = new AbortController();
    const commit = store.session('big').commit(dir, { signal: controller.signal });
    commit.catch(() => undefined);
    while (stored().names.filter((name) => /packs\/\d/.test(name)).length <= packs) await turn();
    controller.abort();
    await rejects(t, () => commit, 'CANCELLED');
    t.deepEqual(stored().names, before.names);
  }
  await store.session('big').commit(dir);
  t.deepEqual((await store.verify({ readData: true })).findings, []);
});

test('C13: a commit of a file that cannot be read, or of a directory that lost its cookies, leaves the store as it was', async (t) => {
  const { dir, store, stored } = await place(t, 10);
  mkdirSync(join(dir, 'Default'));
  writeFileSync(join(dir, 'Default/Cookies'), noise(5000, 'cookies'));
  writeFileSync(join(dir, 'Local State'), '{}');
  await store.session('big').commit(dir);
  const before = stored();
  const lost = join(dir, '../lost');
  mkdirSync(join(lost, 'Default'), { recursive: true });
  writeFileSync(join(lost, 'Local State'), '{}');
  for (let i = 0; i < 10; i++) writeFileSync(join(lost, `other-${i}`), noise(MIB, `other ${i}`));
  await rejects(t, () => store.session('big').commit(lost), 'SHRUNK');
  t.deepEqual(stored().names, before.names);
});

test('R-WRITE-7, C13: a commit that is cancelled while its swap is written is made, and leaves nothing behind', async (t) => {
  const { dir, folder } = await place(t, 9);
  const controller = new AbortController();
  let swaps = 0;
  const cutting = around(localProvider(join(folder, 'fresh'), systemHost), (method: Method, key, request) => {
    // The first swap creates the ref.
    if (method === 'swap' && key.endsWith('refs/main') && ++swaps === 2) controller.abort();
    return request();
  });
  const host = { ...systemHost, temporaryFolder: () => join(folder, 'own') };
  const store = await openStore({ home: cutting, userId: 'tester', host });
  const outcome = await outcomeOf(store.session('main').commit(dir, { signal: controller.signal }));
  t.is(outcome, 'done');
  t.true(controller.signal.aborted);
  t.deepEqual((await store.verify({ readData: true })).findings, []);
  t.is((await store.usage()).reclaimableBytes, 0);
});

test('C13: a commit that is killed leaves nothing after the next one', async (t) => {
  const { home, dir, store, stored, folder } = await place(t, 48);
  const { bytes } = stored();
  const count = (): number => stored().names.filter((name) => /packs\/\d/.test(name)).length;
  for (let packs = 0; packs < 3; packs++) {
    const before = count();
    const running = spawn(process.execPath, [child, home, dir, 'big'], { stdio: ['ignore', 'ignore', 'inherit'] });
    const ended = once(running, 'exit');
    let isOver = false;
    void ended.then(() => {
      isOver = true;
    });
    while (!isOver && count() <= before + packs) await turn();
    running.kill('SIGKILL');
    await ended;
    // The next command, which commits a little, removes the leftovers.
    writeFileSync(join(folder, 'small/file'), `small ${packs}`);
    await (await openStore({ home, userId: 'tester' })).session('main').commit(join(folder, 'small'));
    t.true(stored().bytes <= bytes + 65_536, `${stored().bytes} bytes, ${bytes} before: ${stored().names.join(' ')}`);
  }
  t.deepEqual((await store.verify({ readData: true })).findings, []);
});

test('C13: usage reports what could be reclaimed: objects that no commit needs, and temporary files', async (t) => {
  const { home, dir, store } = await place(t, 2);
  t.is((await store.usage()).reclaimableBytes, 0);
  await store.session('big').commit(dir);
  t.is((await store.usage()).reclaimableBytes, 0);
  await store.session('big').delete();
  const { reclaimableBytes } = await store.usage();
  t.true(reclaimableBytes !== null && reclaimableBytes > 2 * MIB, `${reclaimableBytes}`);
  writeFileSync(join(home, 'tester/.store/tmp/torn'), noise(1000, 'torn'));
  t.is((await store.usage()).reclaimableBytes, (reclaimableBytes as number) + 1000);
  const packs = join(home, 'tester/.store/manifests');
  for (const name of readdirSync(packs)) writeFileSync(join(packs, name), 'damaged');
  t.is((await store.usage()).reclaimableBytes, null, 'nothing is called needless that damage hides');
});

/** Returns the keys of the objects in a provider. */
async function objectsOf(provider: Provider): Promise<string[]> {
  return [...(await contentOf(provider)).keys()].filter((key) => /\/(packs|manifests|segments)\//.test(key)).sort();
}

for (const when of ['before', 'after'] as const) {
  test(`C13: a commit whose nth request fails ${when} it has effect leaves no object, unless a swap was sent, and never a dangling ref`, async (t) => {
    const folder = temporary(t);
    const dir = join(folder, 'profile');
    mkdirSync(dir);
    for (let i = 0; i < 9; i++) writeFileSync(join(dir, `file-${i}`), noise(MIB, i));
    for (let n = 1; ; n++) {
      const memory = memoryProvider();
      const swaps: string[] = [];
      const noted = around(memory, (method: Method, key, request) => {
        if (method === 'swap') swaps.push(key);
        return request();
      });
      const first = await openStore({
        home: memory,
        userId: 'tester',
        host: { ...fakeHost(), defaultHome: () => join(folder, 'rest') },
      });
      await first.init();
      const host = { ...fakeHost(`of ${n}`), defaultHome: () => join(folder, `rest-${n}`) };
      let requests = 0;
      const home = around(failNth(noted, n, when), (_, __, request) => {
        requests++;
        return request();
      });
      const store = await openStore({ home, userId: 'tester', host });
      const outcome = await store
        .session('main')
        .commit(dir)
        .then(
          () => 'done',
          (error: unknown) => error,
        );
      const sent = swaps.filter((key) => key.includes('/refs/')).length > 1;
      t.deepEqual((await first.verify({ readData: true })).findings, [], `at ${n}`);
      if (outcome === 'done' && swaps.length > 0 && (await first.session('main').resolve('HEAD')).commit !== undefined) {
        if (requests < n) break;
        continue;
      }
      t.true(isError(outcome, 'UNREACHABLE'), `at ${n}: ${outcome}`);
      if (!sent) t.deepEqual(await objectsOf(memory), [], `at ${n}`);
    }
  });
}

const changes: Record<string, (local: LocalReplica, op: Operation) => Promise<unknown>> = {
  rollback: (local, op) => rollback(local, 'main', 'HEAD~1', undefined, op),
  fork: (local, op) => fork(local, 'main', 'new', 'HEAD~1', op),
  merge: (local, op) => mergeSession(local, 'main', 'aside', 'ours', op),
};

for (const [name, change] of Object.entries(changes)) {
  for (const when of ['before', 'after'] as const) {
    test(`R-WRITE-7, C13: a ${name} whose nth request fails ${when} it has effect leaves no object, unless a swap was sent`, async (t) => {
      const folder = temporary(t);
      const dir = join(folder, 'profile');
      mkdirSync(dir);
      let failures = 0;
      for (let n = 1, isDone = false; !isDone; n++) {
        const memory = memoryProvider();
        const host = { ...fakeHost(`${name} ${n}`), defaultHome: () => join(folder, `rest-${n}`) };
        const store = await openStore({ home: memory, userId: 'tester', host });
        for (const [session, content] of [
          ['main', 'one'],
          ['main', 'two'],
          ['aside', 'three'],
        ] as const) {
          writeFileSync(join(dir, 'file'), content);
          if (session === 'aside') await store.session('main').fork('aside', { at: 'HEAD~1' });
          await store.session(session).commit(dir);
        }
        const before = await objectsOf(memory);
        let swaps = 0;
        const noted = around(memory, (method: Method, key, request) => {
          if (method === 'swap' && key.endsWith('refs/main')) swaps++;
          return request();
        });
        const provider = scoped(failNth(noted, n, when), 'tester/.store/');
        const legacy = { has: async () => false } as unknown as LegacySource;
        const local = new LocalReplica({ provider, folder: join(folder, `other-${n}`), legacy, host });
        const outcome = await outcomeOf(change(local, { host }));
        t.deepEqual((await store.verify({ readData: true })).findings, [], `at ${n}`);
        isDone = outcome === 'done';
        if (isDone || swaps > 0) continue;
        t.is(outcome, 'UNREACHABLE');
        t.deepEqual(await objectsOf(memory), before, `at ${n}`);
        failures++;
      }
      t.true(failures > 1);
    });
  }
}
