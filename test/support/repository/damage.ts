/** A small repository to damage, and two checks of it after the damage. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isError, openStore, type Provider, type Store } from '../../../src/index.js';
import { fakeHost } from '../host.js';
import { directory, file, type Listing, type ProfileEntry, readListing, symlink, writeProfile } from '../profile.js';

export interface Damaged {
  /** The directory of the local store. */
  folder: string;
  /** The provider of the store. Undefined if the store is a folder in the local store. */
  provider: Provider | undefined;
}

function open({ folder, provider }: Damaged, seed = 'again'): Promise<Store> {
  const host = { ...fakeHost(seed), defaultHome: () => join(folder, 'home') };
  return openStore({ home: provider, userId: 'tester', host });
}

/**
 * Four pages of little variety, so that few bytes hold many files. The time of the tests grows with
 * the bytes.
 */
const cookies = new Uint8Array(16_384).map((_, i) => i >> 11);
const profile = new Map<string, ProfileEntry>([
  ['Cookies', file(cookies)],
  ['Local Storage', directory(0o750)],
  ['Local Storage/empty', file('')],
  ['link', symlink('Cookies')],
]);

/**
 * Makes two sessions, one of them deleted, with a head that needs a patch, and a tag. Returns the
 * content of the head of `main`.
 */
export async function fill(repository: Damaged): Promise<Listing> {
  const dir = join(repository.folder, 'profile');
  writeProfile(dir, profile);
  const store = await open(repository, 'first');
  const main = store.session('main');
  await main.commit(dir, { tag: 'first' });
  writeFileSync(join(dir, 'Cookies'), cookies.slice(0, 9000).fill(99, 8192));
  await main.commit(dir, { message: 'second' });
  const listing = readListing(dir);
  await main.fork('gone');
  await store.session('gone').delete();
  await store.close();
  return listing;
}

/**
 * Checks out the head of `main`. Returns whether the result is exact, or an error about damage that
 * leaves nothing. Any other result is an AssertionError.
 */
export async function checkOut(repository: Damaged, expected: Listing): Promise<'exact' | 'rejected'> {
  const out = join(repository.folder, 'out', 'profile');
  try {
    await (await open(repository)).session('main').checkout(out);
  } catch (error) {
    assert.ok(isError(error, 'INTEGRITY'), `expected INTEGRITY, found ${(error as Error).stack}`);
    assert.ok(!existsSync(out), 'a rejected checkout left something');
    if (existsSync(dirname(out))) assert.deepEqual(readdirSync(dirname(out)), []);
    return 'rejected';
  }
  assert.deepEqual(readListing(out), expected);
  rmSync(dirname(out), { recursive: true });
  return 'exact';
}

/** Asserts that a verification of every byte has findings. */
export async function isReported(repository: Damaged): Promise<void> {
  const { findings } = await (await open(repository)).verify({ readData: true });
  assert.notEqual(findings.length, 0, 'the damage was not reported');
}

/** Returns the bytes with one bit of the byte at `at` flipped. `at` decides which bit. */
export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] as number) ^ (1 << (at % 8));
  return copy;
}
