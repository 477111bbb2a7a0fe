/**
 * Readers that race a collection. Objects that are missing after the session moved on were
 * collected, which is no damage (SPEC.md R-GC-2).
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { HistoryEntry } from '../../../src/format/ref.js';
import { memoryProvider, type Provider, type Session } from '../../../src/index.js';
import { scoped } from '../../../src/provider/wrap/scoped.js';
import type { Token } from '../../../src/repository/refs.js';
import { Repository } from '../../../src/repository/repository.js';
import { prose } from '../../support/content.js';
import { rejects } from '../../support/errors.js';
import { around } from '../../support/faults/providers.js';
import { fakeHost } from '../../support/host.js';
import { readListing, smallProfile, writeProfile } from '../../support/profile.js';
import { storeIn } from '../../support/store.js';
import { machine } from '../../support/sync/machines.js';
import { temporary } from '../../support/temporary.js';

for (const kind of ['packs', 'manifests']) {
  test(`R-GC-2: a checkout starts over if ${kind} are missing and the session has moved, and only then`, async (t) => {
    const folder = temporary(t);
    const provider = memoryProvider();
    const dir = join(folder, 'profile');
    const writer = (await storeIn(join(folder, 'writer'), provider, 'writer')).session('main');
    writeProfile(dir, smallProfile(prose));
    await writer.commit(dir);
    let collects = true;
    let moves = true;
    const racing = around(provider, async (method, key, request) => {
      if (!collects || method !== 'get' || !key.includes(`/${kind}/`)) return request();
      collects = false;
      await provider.delete(key);
      if (moves) {
        await writer.delete();
        writeFileSync(join(dir, 'Local State'), 'newer');
        await writer.commit(dir);
      }
      return request();
    });
    const reader = (await storeIn(join(folder, 'reader'), racing, 'reader')).session('main');
    await reader.checkout(join(folder, 'out'));
    t.deepEqual(readListing(join(folder, 'out')), readListing(dir));
    [collects, moves] = [true, false];
    await rejects(t, () => reader.checkout(join(folder, 'again')), 'INTEGRITY');
  });
}

test('R-WRITE-1: a commit stands after its swap, even if the index and the records fail', async (t) => {
  const folder = temporary(t);
  const provider = memoryProvider();
  const dir = join(folder, 'profile');
  writeProfile(dir, smallProfile(prose));
  const place = join(folder, 'home', 'tester', '.store');
  let swaps = 0;
  const losing = around(provider, async (method, key, request) => {
    const result = await request();
    const isCommit = method === 'swap' && key.endsWith('refs/main') && ++swaps === 2;
    if (isCommit) {
      mkdirSync(place, { recursive: true });
      renameSync(place, `${place}-moved`);
      writeFileSync(place, 'no directory any more');
    }
    return result;
  });
  const session = (await storeIn(folder, losing)).session('main');
  t.true((await session.commit(dir)).changed);
  t.is(swaps, 2);
});

/** Stores the manifest of the head under another name, like a repack does. */
async function giveNewName(provider: Provider): Promise<void> {
  const repository = (await Repository.open(scoped(provider, 'tester/.store/'), fakeHost('repacker'))) as Repository;
  const token = (await repository.refs.read('main')) as Token;
  const [entry, ...older] = token.ref.entries as [HistoryEntry, ...HistoryEntry[]];
  const manifest = await repository.readManifest(entry);
  const name = { epoch: 1, name: 'ee'.repeat(16) };
  await repository.writeManifest(name, manifest, 'auto');
  await repository.refs.swap(token, { entries: [{ ...entry, manifest: name }, ...older] });
}

for (const [what, act] of [
  ['diff', (session: Session) => session.diff('HEAD', 'HEAD')],
  ['status', (session: Session, dir: string) => session.status(dir)],
  ['rollback', (session: Session) => session.rollback('HEAD')],
] as const) {
  test(`R-GC-2: ${what} starts over if a manifest is missing and the session has moved, and only then`, async (t) => {
    const folder = temporary(t);
    const provider = memoryProvider();
    const dir = join(folder, 'profile');
    const writer = (await storeIn(join(folder, 'writer'), provider, 'writer')).session('main');
    writeProfile(dir, smallProfile(prose));
    await writer.commit(dir);
    let [collects, moves] = [true, true];
    const racing = around(provider, async (method, key, request) => {
      if (!collects || method !== 'get' || !key.includes('/manifests/')) return request();
      collects = false;
      if (moves) await giveNewName(provider);
      await provider.delete(key);
      return request();
    });
    const reader = (await storeIn(join(folder, 'reader'), racing, 'reader')).session('main');
    await t.notThrowsAsync(async () => act(reader, dir));
    t.false(collects);
    [collects, moves] = [true, false];
    await rejects(t, async () => act(reader, dir), 'INTEGRITY');
  });
}

test('R-GC-2: a pull whose session is deleted and collected meanwhile is NOT_FOUND, and no damage', async (t) => {
  const remote = memoryProvider();
  const writer = await machine(t, remote);
  const dir = writer.directory();
  writeProfile(dir, smallProfile(prose));
  await writer.session.save(dir);
  let isCollected = false;
  const racing = around(remote, async (method, key, request) => {
    if (method === 'get' && key.includes('/packs/') && !isCollected) {
      isCollected = true;
      await writer.session.delete();
      await writer.store.gc({ on: 'remote' });
    }
    return request();
  });
  const reader = await machine(t, racing);
  await rejects(t, () => reader.session.pull(), 'NOT_FOUND');
  t.true(isCollected);
});
