/**
 * Manifests made by hand that break a rule, with valid digests and ids (B1, B3). Verify, with and
 * without the data, a pull and a checkout reject them before a byte of the profile is written. That
 * holds for a remote and a local store.
 */
import { existsSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import test from 'ava';
import { NO_PATCHES } from '../../../src/format/locator.js';
import { memoryProvider, type Provider } from '../../../src/index.js';
import { rejects } from '../../support/errors.js';
import { contents, forged, retree, seal, type Version } from '../../support/forge.js';
import { file as profileFile, readListing } from '../../support/profile.js';
import { contentOf, providerOf } from '../../support/provider-content.js';
import { machine } from '../../support/sync/machines.js';
import { file, manifestCases } from '../../support/sync/manifest-cases.js';

const oldest = contents[0] as Uint8Array;

async function hostile(alter: (version: Version) => void): Promise<() => Promise<Provider>> {
  const repository = forged();
  alter(repository.versions[0]);
  const content = await seal(repository);
  return () => providerOf(content);
}

for (const [rule, alter] of manifestCases) {
  test(`B1: ${rule} is rejected before a byte is written`, async (t) => {
    const provider = await hostile(alter);
    const home = memoryProvider();
    const near = await machine(t, await provider(), 'main', home);
    for (const readData of [false, true])
      t.true((await near.store.verify({ on: 'remote', readData })).findings.some(({ code }) => code === 'DAMAGED'));
    await rejects(t, () => near.session.pull(), 'INTEGRITY');
    const target = near.directory();
    await rejects(t, () => near.session.checkout(target), 'INTEGRITY');
    t.false(existsSync(target));
    t.deepEqual(
      [...(await contentOf(home)).keys()].filter((key) => /packs|manifests/.test(key)),
      [],
    );
    // The remote has the same content as the local store.
    const there = await machine(t, memoryProvider(), 'main', await provider());
    for (const readData of [false, true]) t.true((await there.store.verify({ readData })).findings.some(({ code }) => code === 'DAMAGED'));
    const other = there.directory();
    await rejects(t, () => there.session.checkout(other, { offline: true }), 'INTEGRITY');
    t.false(existsSync(other));
    t.deepEqual(
      readdirSync(dirname(other)).filter((name) => name.startsWith('.browserstate-')),
      [],
    );
  });
}

test('B1: of two manifests that give one blob two lengths the false one is rejected, and the other version stays', async (t) => {
  const repository = forged();
  const [first] = repository.versions;
  // The manifest claims 5 bytes for the content of the oldest version.
  retree(first, [file('a', oldest, { size: 5 })]);
  first.locations = (repository.versions[2] as Version).locations.map((location) => ({ ...location, baseLength: 5, patches: NO_PATCHES }));
  first.lengths = [5];
  const remote = await providerOf(await seal(repository));
  const { session, store, directory } = await machine(t, remote);
  await rejects(t, () => session.pull({ at: 'good' }), 'INTEGRITY');
  t.deepEqual((await store.verify({ readData: true })).findings, []);
  t.true((await store.verify({ on: 'remote', readData: true })).findings.length > 0);
  t.false(existsSync(directory()));
});

test('B1: a commit does not trust the location of a blob in a damaged manifest of the local store', async (t) => {
  const repository = forged();
  const [first] = repository.versions;
  retree(first, [file('a', oldest, { size: 5 })]);
  first.locations = first.locations.map((location) => ({ ...location, baseLength: 5 }));
  first.lengths = [5];
  const { session, profile, directory } = await machine(t, memoryProvider(), 'main', await providerOf(await seal(repository)));
  const dir = profile(new Map([['a', profileFile(oldest)]]));
  await session.commit(dir, { offline: true });
  const out = directory();
  await session.checkout(out, { offline: true });
  t.deepEqual(readListing(out), readListing(dir));
});
