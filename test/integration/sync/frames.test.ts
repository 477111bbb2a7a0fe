/** The frames of the local store in a push (SPEC.md R-SYNC-9). */
import { appendFileSync, chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { objectKey } from '../../../src/format/keys.js';
import type { HistoryEntry } from '../../../src/format/ref.js';
import { memoryProvider, type Provider } from '../../../src/index.js';
import { scoped } from '../../../src/provider/wrap/scoped.js';
import { allowedRanges, planFetch } from '../../../src/repository/read/fetch-plan.js';
import { Repository } from '../../../src/repository/repository.js';
import { noise, prose } from '../../support/content.js';
import { rejects } from '../../support/errors.js';
import { fakeHost } from '../../support/host.js';
import { file, readListing, smallProfile } from '../../support/profile.js';
import { machine } from '../../support/sync/machines.js';

const DIGEST = 32;

async function packsOf(provider: Provider): Promise<Uint8Array[]> {
  const keys: string[] = [];
  for await (const { key } of provider.list('tester/.store/packs/')) keys.push(key);
  return Promise.all(keys.map((key) => provider.get(key)));
}

/**
 * Returns the bytes of packs between the pack's name, which ends its envelope's header, and its
 * digest.
 */
async function payloads(provider: Provider): Promise<string[]> {
  const name = /packs\/\d+-[0-9a-f]{32}/;
  return (await packsOf(provider)).map((pack) => {
    const bytes = Buffer.from(pack).toString('latin1');
    const [key] = name.exec(bytes) as RegExpExecArray;
    return bytes.slice(bytes.indexOf(key) + key.length, -DIGEST);
  });
}

test('R-SYNC-9: a first push sends frames as the local store has them, and a later one only new content', async (t) => {
  const [home, remote] = [memoryProvider(), memoryProvider()];
  const a = await machine(t, remote, 'main', home);
  const dir = a.profile(new Map([...smallProfile(noise), ['Default/Log', file(prose(200_000, 'log'))]]));
  // The frames are compressed harder than a push would compress them.
  await a.session.commit(dir, { compression: 'max' });
  await a.session.push();
  const sent = await payloads(remote);
  t.deepEqual(sent, await payloads(home));
  t.is(sent.length, 1);
  appendFileSync(join(dir, 'Default/Log'), prose(9000, 'more'));
  writeFileSync(join(dir, 'Default/New'), noise(70_000, 'new'));
  await a.session.commit(dir);
  const { bytes } = await a.session.push();
  t.true(bytes < 100_000, `${bytes} bytes`);
  const b = await machine(t, remote);
  const target = b.directory();
  await b.session.checkout(target);
  t.deepEqual(readListing(target), readListing(dir));
  t.deepEqual((await b.store.verify({ readData: true, on: 'remote' })).findings, []);
});

test('R-SYNC-9: uncompressed frames of the local store are sent compressed', async (t) => {
  const [home, remote] = [memoryProvider(), memoryProvider()];
  const a = await machine(t, remote, 'main', home);
  await a.session.commit(a.profile(new Map([...smallProfile(noise), ['Default/Log', file(prose(500_000, 'log'))]])), {
    compression: 'off',
  });
  await a.session.push();
  const [here, there] = (await Promise.all([packsOf(home), packsOf(remote)])).map(([pack]) => (pack as Uint8Array).length);
  t.true((there as number) < (here as number) - 250_000, `${here} bytes in the local store, ${there} there`);
  t.deepEqual((await a.store.verify({ readData: true, on: 'remote' })).findings, []);
});

test('R-SYNC-9: damaged frames of the local store are not sent', async (t) => {
  const remote = memoryProvider();
  const [a, b] = [await machine(t, remote), await machine(t, remote)];
  await a.session.commit(a.profile());
  const packs = join(a.folder, 'home/tester/.store/packs');
  const [name] = readdirSync(packs) as [string];
  const pack = readFileSync(join(packs, name));
  pack[pack.length >> 1] = (pack[pack.length >> 1] as number) ^ 1;
  chmodSync(join(packs, name), 0o600);
  writeFileSync(join(packs, name), pack);
  await rejects(t, () => a.session.push(), 'INTEGRITY');
  t.deepEqual(await packsOf(remote), []);
  await rejects(t, () => b.session.pull(), 'NOT_FOUND');
});

test('R-COMPACT-1: a head that is pushed with all previous commits is within the limits of a cold read', async (t) => {
  const remote = memoryProvider();
  const a = await machine(t, remote, 'main', memoryProvider());
  const content = (name: number, commit: number) => noise(65_536, `${name} ${commit}`);
  const dir = a.profile(new Map(Array.from({ length: 40 }, (_, i) => [`${i}`, file(content(i, 0))])));
  for (let commit = 0; commit < 40; commit++) {
    for (let i = 0; i < 4; i++) {
      const name = (commit * 7 + i * 11 + commit * i) % 40;
      writeFileSync(join(dir, `${name}`), content(name, commit));
    }
    await a.session.commit(dir);
  }
  t.is((await a.session.push()).commits, 40);
  const repository = (await Repository.open(scoped(remote, 'tester/.store/'), fakeHost())) as Repository;
  const entry = (await repository.refs.read('main'))?.ref.entries[0] as HistoryEntry;
  const { blobs } = await repository.openManifest(entry, await repository.provider.get(objectKey('manifests', entry.manifest)));
  const { spans, liveBytes, fetchBytes } = planFetch(blobs.values());
  t.true(fetchBytes <= 1.5 * liveBytes, `${fetchBytes} bytes fetched for ${liveBytes} live ones`);
  t.true(spans.length <= allowedRanges(liveBytes), `${spans.length} ranges`);
  t.deepEqual((await a.store.verify({ readData: true, on: 'remote' })).findings, []);
});
