/** Rules that bind only a writer. The tests check stored bytes that no reader checks (B8). */
import { appendFileSync, lstatSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { MAX_CELL_BODY, MAX_CELL_SIZE, MAX_CONDEMNED, MAX_EPOCH_BODY } from '../../src/base/limits.js';
import { decodeEpoch, encodeEpoch } from '../../src/format/cells.js';
import { encode } from '../../src/format/codecs.js';
import { unwrap, wrap } from '../../src/format/envelope.js';
import { framesOf } from '../../src/format/locator.js';
import { memoryProvider, type Provider } from '../../src/index.js';
import { scoped } from '../../src/provider/wrap/scoped.js';
import { Repository } from '../../src/repository/repository.js';
import { noise, prose } from '../support/content.js';
import { rejects } from '../support/errors.js';
import { fakeHost } from '../support/host.js';
import { file, readListing, setMtime, smallProfile, symlink, writeProfile } from '../support/profile.js';
import { contentOf } from '../support/provider-content.js';
import { freshStore } from '../support/store.js';
import { machine } from '../support/sync/machines.js';

test('R-CODEC-2: raw is used if compression does not make the bytes fewer', async (t) => {
  for (const bytes of [noise(100_000, 'codec'), new Uint8Array(31)]) t.is((await encode(bytes, 'max')).codec, 'raw');
  t.not((await encode(prose(1000, 'codec'), 'max')).codec, 'raw');
});

/** Returns the head's commit id, and its packs and blob ids. */
async function headOf(provider: Provider): Promise<{ id: string; packs: Set<string>; blobs: string[]; epochs: Set<number> }> {
  const repository = (await Repository.open(provider, fakeHost())) as Repository;
  const entry = (await repository.refs.read('main'))?.ref.entries[0];
  if (entry === undefined) throw new Error('there is no head');
  const { blobs } = await repository.readManifest(entry);
  const frames = [...blobs.values()].flatMap(({ location }) => framesOf(location));
  const names = [entry.manifest, ...frames.map(({ pack }) => pack)];
  return {
    id: entry.id,
    packs: new Set(frames.map(({ pack }) => pack.name)),
    blobs: [...blobs.keys()],
    epochs: new Set(names.map(({ epoch }) => epoch)),
  };
}

test('R-LOC-4, R-NAME-1: the copy of a commit on a remote has its id and blobs, in packs of other names', async (t) => {
  const [remote, home] = [memoryProvider(), memoryProvider()];
  const { session, profile } = await machine(t, remote, 'main', home);
  await session.commit(profile());
  await session.push();
  const here = await headOf(scoped(home, 'tester/.store/'));
  const there = await headOf(scoped(remote, 'tester/.store/'));
  t.is(there.id, here.id);
  t.deepEqual(there.blobs, here.blobs);
  t.deepEqual(
    [...there.packs].filter((name) => here.packs.has(name)),
    [],
  );
});

test('R-NAME-2: objects are born in the epoch that the commit pinned', async (t) => {
  const provider = memoryProvider();
  const { store, session, folder } = await freshStore(t, provider);
  await store.init();
  const within = scoped(provider, 'tester/.store/');
  const cell = await within.read('gc/epoch');
  if (cell === undefined || cell === 'unchanged') throw new Error('there is no epoch');
  const { repository } = await unwrap(cell.bytes, { kind: 'epoch', repository: undefined, key: 'gc/epoch' });
  const next = await wrap({ kind: 'epoch', repository, key: 'gc/epoch' }, encodeEpoch({ k: 7, condemned: [] }), 'off');
  await within.swap('gc/epoch', next, cell.version);
  const dir = join(folder, 'profile');
  writeProfile(dir, smallProfile(noise));
  await session.commit(dir);
  t.deepEqual([...(await headOf(within)).epochs], [7]);
});

test('R-CAP-0: a file that changes while it is read is read again, at most three times, and nothing is committed of one that never stays', async (t) => {
  const { session, folder } = await freshStore(t);
  const dir = join(folder, 'profile');
  const path = join(dir, 'History');
  writeProfile(dir, new Map([['History', file(noise(600_000, 'history'))]]));
  let changes = 0;
  const changing = (times: number) => (progress: { path: string; bytes: number }) => {
    if (progress.path === 'History' && progress.bytes > 0 && changes < times) appendFileSync(path, `change ${changes++}`);
  };
  await session.commit(dir, { onProgress: changing(1) });
  await session.checkout(join(folder, 'out'));
  t.deepEqual(readFileSync(join(folder, 'out/History')), readFileSync(path));
  t.is(changes, 1);
  const before = (await session.resolve('HEAD')).commit;
  writeFileSync(path, noise(600_000, 'other'));
  await rejects(t, () => session.commit(dir, { onProgress: changing(Number.POSITIVE_INFINITY) }), 'UNREADABLE');
  t.is((await session.resolve('HEAD')).commit, before);
});

test('R-OUT-4: a checkout sets modes and mtimes of entries, those of a link its own, and the mode of the target', async (t) => {
  const { session, folder } = await freshStore(t);
  const dir = join(folder, 'profile');
  writeProfile(
    dir,
    new Map([
      ['a', file('content', 0o640, 1_600_000_000_000_001n)],
      ['link', symlink('a', 1_500_000_000_000_002n)],
    ]),
  );
  setMtime(dir, 1_400_000_000_000_000n);
  await session.commit(dir);
  const out = join(folder, 'out');
  await session.checkout(out);
  t.deepEqual(readListing(out), readListing(dir));
  t.is(lstatSync(join(out, 'link'), { bigint: true }).mtimeNs / 1000n, 1_500_000_000_000_002n);
  t.is(statSync(out).mode & 0o777, 0o700);
  t.not(statSync(out, { bigint: true }).mtimeNs / 1000n, 1_400_000_000_000_000n);
});

test('R-REV-4: a commit of the remote is found by its id and its parents, and from another session', async (t) => {
  const remote = memoryProvider();
  const a = await machine(t, remote);
  const dir = a.profile();
  const ids: string[] = [];
  for (let i = 0; i < 3; i++) {
    writeFileSync(join(dir, 'counted'), String(i));
    ids.unshift((await a.session.commit(dir)).commit);
  }
  await a.session.push();
  const b = await machine(t, remote);
  const named = async (session: string, revision: string): Promise<string> => (await b.store.session(session).resolve(revision)).commit;
  for (const [i, id] of ids.entries()) {
    t.is(await named('main', id), id);
    t.is(await named('main', `HEAD~${i}`), id);
    t.is(await named('other', `main:HEAD~${i}`), id);
    t.is(await named('other', `main:${id.slice(0, 12)}`), id);
  }
});

test('R-CRYPT-1, R-CRYPT-3, R-CRYPT-6: nothing that this version writes is encrypted', async (t) => {
  const provider = memoryProvider();
  const { session, folder } = await freshStore(t, provider);
  const dir = join(folder, 'profile');
  writeProfile(dir, smallProfile(noise));
  await session.commit(dir);
  const content = await contentOf(provider);
  t.true(content.size >= 5);
  for (const [key, { bytes }] of content) t.is(bytes[4], 0, key);
});

test('R-LIMIT-2: a body as large as one may be fits into a cell, compressed or not', async (t) => {
  const identity = { kind: 'ref', repository: new Uint8Array(16), key: `refs/${'x'.repeat(128)}` } as const;
  for (const body of [noise(MAX_CELL_BODY, 'body'), new Uint8Array(MAX_CELL_BODY)])
    t.true((await wrap(identity, body, 'auto')).length <= MAX_CELL_SIZE);
});

test('R-LIMIT-2: the epoch with as many condemned names as it may have fits into a cell', async (t) => {
  const epoch = Number.MAX_SAFE_INTEGER;
  const names = Array.from({ length: MAX_CONDEMNED }, (_, i) => ({ epoch, name: i.toString(16).padStart(32, '0') }));
  const body = encodeEpoch({ k: epoch, condemned: names.map((name) => ({ folder: 'packs', name })) });
  t.true(body.length <= MAX_EPOCH_BODY);
  const identity = { kind: 'epoch', repository: new Uint8Array(16), key: 'gc/epoch' } as const;
  const value = await wrap(identity, noise(MAX_EPOCH_BODY, 'epoch'), 'auto');
  t.true(value.length <= MAX_CELL_SIZE);
  t.is((await unwrap(value, identity)).body.length, MAX_EPOCH_BODY);
  t.is(decodeEpoch(body).condemned.length, MAX_CONDEMNED);
});
