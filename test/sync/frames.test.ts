/** What a push does with the frames of home (SPEC.md R-SYNC-9). */
import { appendFileSync, chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { memoryProvider, type Provider } from '../../src/index.js';
import { noise, prose } from '../helpers/content.js';
import { rejects } from '../helpers/errors.js';
import { file, readListing, smallProfile } from '../helpers/profile.js';
import { machine } from './_machines.js';

const DIGEST = 32;

async function packsOf(provider: Provider): Promise<Uint8Array[]> {
  const keys: string[] = [];
  for await (const { key } of provider.list('tester/.store/packs/')) keys.push(key);
  return Promise.all(keys.map((key) => provider.get(key)));
}

/** What lies between the name of a pack, which ends its envelope's header, and its digest. */
async function payloads(provider: Provider): Promise<string[]> {
  const name = /packs\/\d+-[0-9a-f]{32}/;
  return (await packsOf(provider)).map((pack) => {
    const bytes = Buffer.from(pack).toString('latin1');
    const [key] = name.exec(bytes) as RegExpExecArray;
    return bytes.slice(bytes.indexOf(key) + key.length, -DIGEST);
  });
}

test('R-SYNC-9: a first push sends frames as home has them, and a later one what is new', async (t) => {
  const [home, remote] = [memoryProvider(), memoryProvider()];
  const a = await machine(t, remote, 'main', home);
  const dir = a.profile(new Map([...smallProfile(noise), ['Default/Log', file(prose(200_000, 'log'))]]));
  // Compressed harder than a push would do it by itself.
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

test('R-SYNC-9: what is damaged in home is not sent', async (t) => {
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
