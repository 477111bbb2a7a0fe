/**
 * A remote whose bytes were changed. A reader gets the exact bytes of a version, INTEGRITY or
 * NEWER_VERSION, and never a wrong or an empty profile. The other sessions of the local store are
 * unaffected (SPEC.md 15).
 */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { isError, memoryProvider } from '../../../src/index.js';
import { prose } from '../../support/content.js';
import { file, type Listing, type Profile, readListing } from '../../support/profile.js';
import { type Content, contentOf, providerOf } from '../../support/provider-content.js';
import { findingsOf } from '../../support/store.js';
import { machine } from '../../support/sync/machines.js';

const profile = (seed: string): Profile => new Map([['Local State', file(prose(200, seed))]]);

/**
 * Returns the content of a remote and the listing of its head. If `apart`, the head's manifest is
 * not inline in the ref.
 */
async function published(t: ExecutionContext, apart: boolean): Promise<{ content: Content; listing: Listing }> {
  const remote = memoryProvider();
  const { session, store, profile: make } = await machine(t, remote);
  const dir = make(profile('main'));
  await session.commit(dir);
  await session.push();
  await store.session('other').commit(make(profile('other')));
  await store.session('other').push();
  if (apart) {
    // The ref of a fork has no inline manifest.
    await session.fork('fork');
    const fork = await machine(t, remote, 'fork');
    await fork.session.checkout(fork.directory());
  }
  return { content: await contentOf(remote), listing: readListing(dir) };
}

function alterations(bytes: Uint8Array): { what: string; altered: Uint8Array }[] {
  const made: { what: string; altered: Uint8Array }[] = [];
  for (const [at, byte] of bytes.entries()) {
    const altered = bytes.slice();
    altered[at] = byte ^ (1 << (at % 8));
    made.push({ what: `byte ${at} flipped`, altered }, { what: `cut at ${at}`, altered: bytes.slice(0, at) });
  }
  return made;
}

/** Checks the session out on a new machine. Resolves to whether it was rejected. */
async function isRefused(t: ExecutionContext, content: Content, name: string, listing: Listing, what: string): Promise<boolean> {
  const { session, store, directory } = await machine(t, await providerOf(content), name, memoryProvider());
  const target = directory();
  try {
    await session.checkout(target);
    t.deepEqual(readListing(target), listing, what);
    return false;
  } catch (error) {
    t.true(isError(error, 'INTEGRITY', 'NEWER_VERSION'), `${what}: ${error}`);
    t.false(existsSync(target), what);
    t.deepEqual(await findingsOf(store), [], what);
    return true;
  }
}

async function isNeeded(t: ExecutionContext, content: Content, key: string, name: string, listing: Listing): Promise<boolean> {
  if (key.includes('/refs/')) return key.endsWith(`/${name}`);
  const without = new Map(content);
  without.delete(key);
  return isRefused(t, without, name, listing, `without ${key}`);
}

for (const apart of [false, true]) {
  for (const folder of apart ? ['refs', 'manifests', 'packs'] : ['refs']) {
    test(`any byte of ${folder} flipped or cut off, with the manifest ${apart ? 'apart' : 'in the ref'}`, async (t) => {
      const { content, listing } = await published(t, apart);
      const name = apart ? 'fork' : 'main';
      const keys: string[] = [];
      for (const key of content.keys()) if (key.includes(`/${folder}/`) && (await isNeeded(t, content, key, name, listing))) keys.push(key);
      t.is(keys.length, 1);
      let refused = 0;
      let tried = 0;
      for (const key of keys) {
        const entry = content.get(key) as { bytes: Uint8Array; isCell: boolean };
        for (const { what, altered } of alterations(entry.bytes)) {
          tried++;
          const changed = new Map([...content, [key, { ...entry, bytes: altered }]]);
          if (await isRefused(t, changed, name, listing, `${key}: ${what}`)) refused++;
        }
      }
      t.log(`${tried} alterations, ${refused} rejected`);
      // The envelope of a pack is not read.
      t.true(folder === 'packs' ? refused > tried / 2 : refused === tried);
    });
  }
}

test('an object or ref that is missing or in place of another is rejected', async (t) => {
  const { content, listing } = await published(t, true);
  const refs = [...content.keys()].filter((key) => key.includes('/refs/'));
  for (const by of refs) {
    if (by.endsWith('/fork')) continue;
    const changed = new Map([...content, ['tester/.store/refs/fork', content.get(by) as { bytes: Uint8Array; isCell: boolean }]]);
    t.true(await isRefused(t, changed, 'fork', listing, by));
  }
  for (const folder of ['manifests', 'packs']) {
    const keys = [...content.keys()].filter((key) => key.includes(`/${folder}/`));
    let refused = 0;
    for (const key of keys) {
      const missing = new Map(content);
      missing.delete(key);
      if (await isRefused(t, missing, 'fork', listing, `without ${key}`)) refused++;
      for (const by of keys) {
        if (by === key) continue;
        const changed = new Map([...content, [key, content.get(by) as { bytes: Uint8Array; isCell: boolean }]]);
        if (await isRefused(t, changed, 'fork', listing, `${by} for ${key}`)) refused++;
      }
    }
    t.is(refused, keys.length);
  }
});

test('a damaged remote does no harm to the local store', async (t) => {
  const { content } = await published(t, false);
  const key = [...content.keys()].filter((each) => each.includes('/packs/'));
  const changed = new Map(content);
  for (const pack of key) {
    const { bytes, isCell } = content.get(pack) as { bytes: Uint8Array; isCell: boolean };
    changed.set(pack, { isCell, bytes: bytes.map((byte, i) => (i > 100 ? byte ^ 0x55 : byte)) });
  }
  const home = await machine(t, await providerOf(changed), 'mine');
  const dir = home.profile(profile('mine'));
  await home.session.commit(dir);
  await t.throwsAsync(home.store.session('main').pull(), { code: 'INTEGRITY' });
  const target = home.directory();
  await home.session.checkout(target, { offline: true });
  t.deepEqual(readListing(target), readListing(dir));
  t.deepEqual((await home.store.verify({ readData: true })).findings, []);
  await t.throwsAsync(home.store.session('main').resolve('HEAD', { offline: true }), { code: 'NOT_FOUND' });
});

test('a damaged ref does not affect the other sessions', async (t) => {
  const source = memoryProvider();
  for (const name of ['first', 'second', 'sixth', 'third']) {
    const { session, profile: write } = await machine(t, source, name);
    await session.commit(write());
    await session.push();
  }
  const content = await contentOf(source);
  const change = (name: string, by: (bytes: Uint8Array) => Uint8Array): void => {
    const [key, { bytes }] = [...content].find(([each]) => each.endsWith(`refs/${name}`)) as [string, { bytes: Uint8Array }];
    content.set(key, { isCell: true, bytes: by(bytes) });
  };
  change('second', (bytes) => bytes.map((byte, i) => (i === bytes.length - 40 ? byte ^ 1 : byte)));
  // The session is undamaged, and encrypted according to its own config.
  change('sixth', (bytes) => {
    const envelope = bytes.slice(0, -32).map((byte, i) => (i === 4 ? 1 : byte));
    return Buffer.concat([envelope, createHash('sha256').update(envelope).digest()]);
  });
  const { store } = await machine(t, await providerOf(content), 'viewer');
  const names: string[] = [];
  const all = async () => {
    for await (const { session } of store.sessions()) names.push(session);
  };
  t.regex((await t.throwsAsync(all)).message, /^session (?:second|sixth) on the remote: /);
  t.deepEqual(names, ['first', 'third']);
  const told: string[] = [];
  for await (const { session } of store.sessions({ onProblem: (name, { code }) => told.push(`${name} ${code}`) })) told.push(session);
  // Providers list in any order.
  t.deepEqual([...told.slice(0, 2).sort(), ...told.slice(2)], ['second INTEGRITY', 'sixth UNSUPPORTED', 'first', 'third']);
});
