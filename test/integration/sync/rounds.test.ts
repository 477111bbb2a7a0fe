/**
 * Shared round trips: many ranges in one, the epoch during the uploads, and the requests of a new
 * process.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { encodeEpoch } from '../../../src/format/cells.js';
import { unwrap, wrap } from '../../../src/format/envelope.js';
import { nameOfKey, objectKey } from '../../../src/format/keys.js';
import type { ObjectName } from '../../../src/format/locator.js';
import { BrowserStateError, memoryProvider, type Progress, type Provider } from '../../../src/index.js';
import { noise, withPages } from '../../support/content.js';
import { around } from '../../support/faults/providers.js';
import { file, type ProfileEntry, readListing, smallProfile } from '../../support/profile.js';
import { history } from '../../support/store.js';
import { machine, reopened } from '../../support/sync/machines.js';
import { measured } from '../../support/sync/measured.js';

const own = (seed: string) => smallProfile((length, name) => noise(length, `${seed} ${name}`));
const withDatabase = (seed: string) =>
  new Map<string, ProfileEntry>([...own(seed), ['Default/Database', file(noise(200_000, 'what all have'))]]);

test('a cold mount of eight saves in eight packs requests all ranges at once', async (t) => {
  const { remote, cost } = measured();
  const [a, b] = [await machine(t, remote), await machine(t, remote)];
  const dir = a.profile();
  for (let i = 0; i < 8; i++) {
    writeFileSync(join(dir, `Default/file-${i}`), noise(50_000, i));
    await a.session.commit(dir);
    await a.session.push();
  }
  t.deepEqual(await cost(() => b.session.checkout(b.directory())), [2, 1 + 8]);
});

test('a first commit of content of another session reads the epoch during its uploads', async (t) => {
  const { inner, remote, cost } = measured();
  const a = await machine(t, remote);
  await a.session.commit(a.profile(withDatabase('main')));
  await a.session.push();
  const other = a.store.session('other');
  await other.commit(a.profile(withDatabase('other')));
  const { sent } = inner.counts;
  t.deepEqual(await cost(() => other.push()), [3, 5]);
  t.true(inner.counts.sent - sent < 190_000, `${inner.counts.sent - sent} bytes`);
  t.deepEqual((await a.store.verify({ readData: true, on: 'remote' })).findings, []);
});

/** Sets the epoch of the repository, like a collection would. */
async function collect(remote: Provider, k: number, packs: readonly ObjectName[]): Promise<void> {
  const key = 'tester/.store/gc/epoch';
  const cell = await remote.read(key);
  if (cell === undefined || cell === 'unchanged') throw new Error('there is no epoch');
  const { repository } = await unwrap(cell.bytes, { kind: 'epoch', repository: undefined, key: 'gc/epoch' });
  const condemned = packs.map((name) => ({ folder: 'packs', name }) as const);
  const bytes = await wrap({ kind: 'epoch', repository, key: 'gc/epoch' }, encodeEpoch({ k, condemned }), 'off');
  await remote.swap(key, bytes, cell.version);
}

async function packsOf(remote: Provider): Promise<ObjectName[]> {
  const names: ObjectName[] = [];
  for await (const { key } of remote.list('tester/.store/packs/'))
    names.push(nameOfKey('packs', key.slice('tester/.store/'.length)) as ObjectName);
  return names;
}

const collections: Record<string, (t: ExecutionContext, remote: Provider) => Promise<void>> = {
  'condemned in the epoch in which it was learned': async (_t, remote) => collect(remote, 1, await packsOf(remote)),
  'learned in a past epoch': async (_t, remote) => collect(remote, 3, []),
};

for (const [what, happen] of Object.entries(collections)) {
  test(`R-SYNC-2, R-GC-1: content of another session is not named if it was ${what}`, async (t) => {
    const remote = memoryProvider();
    const a = await machine(t, remote);
    await a.session.commit(a.profile(withDatabase('main')));
    await a.session.push();
    const before = (await packsOf(remote)).map((name) => `tester/.store/${objectKey('packs', name)}`);
    await happen(t, remote);
    const other = a.store.session('other');
    const dir = a.profile(withDatabase('other'));
    await other.commit(dir);
    await other.push();
    for (const key of before) await remote.delete(key);
    const b = await machine(t, remote, 'other');
    const target = b.directory();
    await b.session.checkout(target);
    t.deepEqual(readListing(target), readListing(dir));
  });
}

test('a new process requests the config of the repository together with its look at a new session', async (t) => {
  const { remote, cost } = measured();
  const a = await machine(t, remote);
  await a.session.commit(a.profile());
  await a.session.push();
  const again = await reopened(a, remote);
  const other = again.store.session('other');
  const dir = again.profile(own('other'));
  t.deepEqual(await cost(() => other.commit(dir)), [1, 3], 'the session, the repository, and the objects of v0');
  t.deepEqual(await cost(() => other.push()), [3, 4]);
  appendFileSync(join(dir, 'Local State'), 'more');
  await other.commit(dir);
  t.deepEqual(await cost(() => other.push()), [2, 3]);
});

test('incompressible content is pulled whole through more packs than there are buffers, and checked out from kept frames', async (t) => {
  const remote = memoryProvider();
  const [a, b] = [await machine(t, remote), await machine(t, remote)];
  const dir = a.profile(new Map(Array.from({ length: 10 }, (_, i) => [`file-${i}`, file(noise(4 * 2 ** 20, i))])));
  await a.session.commit(dir);
  await a.session.push();
  const target = b.directory();
  await b.session.checkout(target);
  t.deepEqual(readListing(target), readListing(dir));
  t.deepEqual((await b.store.verify({ readData: true })).findings, []);
});

test('a fork of a history that is longer than a ref names its segments, and reads none', async (t) => {
  const { remote, cost } = measured();
  const a = await machine(t, remote, 'main', memoryProvider());
  const dir = a.profile(new Map([['Local State', file(noise(100, 'state'))]]));
  for (let i = 0; i < 110; i++) {
    writeFileSync(join(dir, 'Local State'), `${i}`);
    await a.session.commit(dir);
  }
  await a.session.push();
  t.deepEqual(await cost(() => a.session.fork('again', { at: 'HEAD~3' })), [3, 5]);
  const b = await machine(t, remote, 'again');
  t.deepEqual(await history(b.session), (await history(a.session)).slice(3));
  const target = b.directory();
  await b.session.checkout(target, { at: 'HEAD~100' });
  t.is(readFileSync(join(target, 'Local State'), 'utf8'), '6');
  t.deepEqual((await a.store.verify({ on: 'remote' })).findings, []);
});

test('a pull reports progress of fetched bytes only, up to the end', async (t) => {
  const remote = memoryProvider();
  const [a, b] = [await machine(t, remote), await machine(t, remote)];
  const dir = a.profile(new Map([['History', file(noise(3 * 2 ** 20, 'history'))]]));
  await a.session.commit(dir);
  await a.session.push();
  await b.session.pull();
  writeFileSync(join(dir, 'History'), withPages(noise(3 * 2 ** 20, 'history'), [5, 300], 'changed'));
  writeFileSync(join(dir, 'Cookies'), noise(5000, 'cookies'));
  await a.session.commit(dir);
  await a.session.push();
  const events: Progress[] = [];
  const { fetchedBytes } = await b.session.pull({ onProgress: (progress) => events.push(progress) });
  t.deepEqual([...new Set(events.map(({ path }) => path))].sort(), ['Cookies', 'History']);
  const last = events.at(-1) as Progress;
  t.like(last, { phase: 'pull', files: 2, totalFiles: 2, bytes: last.totalBytes });
  t.true(last.totalBytes <= fetchedBytes && last.totalBytes > 0);
});

test('a pull that no checkout follows keeps nothing decoded', async (t) => {
  const remote = memoryProvider();
  let isLost = false;
  const home = around(memoryProvider(), (method, key, request) => {
    if (isLost && method === 'get' && key.includes('/packs/')) throw new BrowserStateError('NOT_FOUND', `${key}: lost`);
    return request();
  });
  const [a, b] = [await machine(t, remote), await machine(t, remote, 'main', home)];
  await a.session.commit(a.profile());
  await a.session.push();
  await b.session.pull();
  isLost = true;
  await t.throwsAsync(b.session.checkout(b.directory()), { code: 'INTEGRITY' });
});
