/**
 * Changes that name the content of another session while a garbage collection runs (SPEC.md
 * R-GC-1, R-WRITE-5).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import type { Operation } from '../../../src/base/operation.js';
import { objectKey } from '../../../src/format/keys.js';
import type { HistoryEntry } from '../../../src/format/ref.js';
import { memoryProvider, openStore, type Provider } from '../../../src/index.js';
import { scoped } from '../../../src/provider/wrap/scoped.js';
import { BlobIndex } from '../../../src/repository/blob-index.js';
import type { Token } from '../../../src/repository/refs.js';
import type { Repository } from '../../../src/repository/repository.js';
import { fork, rollback } from '../../../src/session/history.js';
import type { LegacySource } from '../../../src/session/replica/legacy-source.js';
import { LocalReplica } from '../../../src/session/replica/local.js';
import { mergeSession } from '../../../src/sync/merge.js';
import { noise } from '../../support/content.js';
import { rejects } from '../../support/errors.js';
import { around } from '../../support/faults/providers.js';
import { fakeHost } from '../../support/host.js';
import { condemn, namesOf, repositoryOf } from '../../support/repository/collection.js';
import { machine } from '../../support/sync/machines.js';
import { temporary } from '../../support/temporary.js';

/** Changes that name content of session `aside`. */
const changes: Record<string, (local: LocalReplica, op: Operation) => Promise<unknown>> = {
  rollback: (local, op) => rollback(local, 'main', 'aside:HEAD', undefined, op),
  fork: (local, op) => fork(local, 'aside', 'new', undefined, op),
  merge: (local, op) => mergeSession(local, 'main', 'aside', 'ours', op),
};

/** Returns a repository in which the sessions `main` and `aside` share nothing. */
async function place(t: ExecutionContext) {
  const folder = temporary(t);
  const dir = join(folder, 'profile');
  mkdirSync(dir);
  const memory = memoryProvider();
  const host = { ...fakeHost('first'), defaultHome: () => join(folder, 'first') };
  const store = await openStore({ home: memory, userId: 'tester', host });
  t.teardown(() => store.close());
  for (const session of ['main', 'aside']) {
    writeFileSync(join(dir, 'file'), noise(100_000, session));
    await store.session(session).commit(dir);
  }
  const replica = (provider: Provider) =>
    new LocalReplica({
      provider: scoped(provider, 'tester/.store/'),
      folder: join(folder, 'other'),
      legacy: { has: async () => false } as unknown as LegacySource,
      host,
    });
  return { memory, store, host, replica, repository: await repositoryOf(memory) };
}

for (const [name, change] of Object.entries(changes)) {
  for (const folder of ['packs', 'manifests'] as const) {
    test(`R-GC-1: a ${name} that needs condemned ${folder} ends the collection first`, async (t) => {
      const { memory, store, host, replica, repository } = await place(t);
      const { k } = await condemn(repository, await namesOf(repository, folder));
      await change(replica(memory), { host });
      const { k: now, condemned } = await repository.epoch();
      t.deepEqual([now, condemned], [k + 1, []]);
      t.deepEqual((await store.verify({ readData: true })).findings, []);
    });
  }

  test(`R-WRITE-5: a ${name} reads the epoch before the other session, which a collection may empty`, async (t) => {
    const { memory, store, host, replica, repository } = await place(t);
    // The collection has stamped every ref except that of the deleted session. The manifests do not
    // fit into the epoch: their absence would be noticed.
    const condemned = await namesOf(repository, 'packs', await neededBy(repository, 'main'));
    await condemn(repository, condemned);
    let collection: Promise<void> | undefined;
    const collect = async (): Promise<void> => {
      await store.session('aside').delete();
      for (const { folder, name } of condemned) await repository.provider.delete(objectKey(folder, name));
      await condemn(repository, []);
    };
    let isForked = name !== 'fork';
    const racing = around(memory, async (method, key, request) => {
      if (method === 'swap' && key.endsWith('refs/new')) isForked = true;
      if (method === 'read' && key.endsWith('gc/epoch') && isForked) {
        // If the session is read at the same time, the epoch is read after it.
        for (let i = 0; i < 50 && collection === undefined; i++) await turn();
        await collection;
      }
      const result = await request();
      if (method !== 'read' || !key.endsWith('refs/aside') || !isForked || collection !== undefined) return result;
      collection = collect();
      await collection;
      return result;
    });
    const outcome = change(replica(racing), { host });
    await rejects(t, () => outcome, 'NOT_FOUND');
    t.not(collection, undefined);
    t.deepEqual((await store.verify({ readData: true })).findings, []);
  });
}

for (const [name, change] of Object.entries(changes)) {
  test(`R-GC-5: a ${name} carries the epoch of the other session if a collection stamped that since the epoch was read`, async (t) => {
    const { memory, store, host, replica, repository } = await place(t);
    let answered = 0;
    let stamped = 0;
    const stamp = async (): Promise<void> => {
      const { k } = await condemn(repository, []);
      stamped = k;
      await repository.refs.swap((await repository.refs.read('aside')) as Token, { epoch: k });
    };
    const racing = around(memory, async (method, key, request) => {
      if (method === 'read' && key.endsWith('refs/aside') && stamped === 0) {
        // A fork reads the epoch twice: before the session, and together with it.
        for (let i = 0; i < 50 && answered > 0 && answered < epochsRead(name); i++) await turn();
        if (answered === epochsRead(name)) await stamp();
      }
      const result = await request();
      if (method === 'read' && key.endsWith('gc/epoch')) answered++;
      return result;
    });
    await change(replica(racing), { host });
    t.true(stamped > 1);
    t.is((await repository.refs.read(name === 'fork' ? 'new' : 'main'))?.ref.epoch, stamped);
    t.deepEqual((await store.verify({ readData: true })).findings, []);
  });
}

const epochsRead = (name: string): number => (name === 'fork' ? 2 : 1);

test('R-GC-3: an index that is rebuilt leaves out sessions that have a later epoch', async (t) => {
  const { repository } = await place(t);
  const blobsOf = async (session: string) => {
    const { ref } = (await repository.refs.read(session)) as Token;
    return [...(await repository.readManifest(ref.entries[0] as HistoryEntry)).blobs.keys()];
  };
  const [main, aside] = [await blobsOf('main'), await blobsOf('aside')];
  const { k } = await condemn(repository, []);
  await repository.refs.swap((await repository.refs.read('aside')) as Token, { epoch: k });
  const found = async (epoch: number) => [...(await new BlobIndex(temporary(t)).lookup(repository, epoch, [...main, ...aside])).keys()];
  t.deepEqual(await found(k - 1), main);
  t.deepEqual(await found(k), [...main, ...aside]);
});

/** Returns the keys of everything that a session needs. */
async function neededBy(repository: Repository, session: string): Promise<Set<string>> {
  const keys = new Set<string>();
  for (const { manifest, id } of (await repository.refs.read(session))?.ref.entries ?? []) {
    keys.add(objectKey('manifests', manifest));
    for (const { location } of (await repository.readManifest({ manifest, id })).blobs.values())
      keys.add(objectKey('packs', location.frame.pack));
  }
  return keys;
}

test('R-GC-1: a push that becomes a conflict session on the remote ends a collection that condemns what both have', async (t) => {
  const remote = memoryProvider();
  const [a, b] = [await machine(t, remote), await machine(t, remote)];
  const [mine, theirs] = [a.profile(), b.profile()];
  await a.session.commit(mine);
  await a.session.push();
  await b.session.pull();
  for (const [{ session }, dir] of [
    [a, mine],
    [b, theirs],
  ] as const) {
    writeFileSync(join(dir, 'file'), dir);
    await session.commit(dir);
  }
  await b.session.push();
  const repository = await repositoryOf(remote);
  const { k } = await condemn(repository, await namesOf(repository, 'packs'));
  const { forkedTo } = await a.session.push({ onConflict: 'fork' });
  const { k: now, condemned } = await repository.epoch();
  t.deepEqual([now, condemned], [k + 1, []]);
  t.is((await repository.refs.read(String(forkedTo)))?.ref.epoch, k + 1);
  t.deepEqual((await a.store.verify({ on: 'remote', readData: true })).findings, []);
});
