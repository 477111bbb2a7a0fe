/** A small repository to damage, and the two questions that are asked of it afterwards. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isError, openRepository, type Provider, type Store } from '../../src/index.js';
import { fakeHost } from '../helpers/host.js';
import { directory, file, type Listing, type ProfileEntry, readListing, symlink, writeProfile } from '../helpers/profile.js';

export interface Damaged {
  /** The directory in which the store's home lies. */
  folder: string;
  /** Undefined: the store is a folder in home. */
  provider: Provider | undefined;
}

function open({ folder, provider }: Damaged, seed = 'again'): Promise<Store> {
  const host = { ...fakeHost(seed), defaultHome: () => join(folder, 'home') };
  return openRepository({ home: provider, userId: 'tester', host });
}

/**
 * Four pages of little variety, so that few bytes are many files' worth; the tests take time by the
 * byte.
 */
const cookies = new Uint8Array(16_384).map((_, i) => i >> 11);
const profile = new Map<string, ProfileEntry>([
  ['Cookies', file(cookies)],
  ['Local Storage', directory(0o750)],
  ['Local Storage/empty', file('')],
  ['link', symlink('Cookies')],
]);

/**
 * Two sessions, one deleted; a head that needs a patch, a tag. Returns what the head of `main`
 * holds.
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
 * Checks the head of `main` out. It is exact, or refused as damaged, and then there is nothing in
 * its place; anything else is an AssertionError.
 */
export async function checkOut(repository: Damaged, expected: Listing): Promise<'exact' | 'refused'> {
  const out = join(repository.folder, 'out', 'profile');
  try {
    await (await open(repository)).session('main').checkout(out);
  } catch (error) {
    assert.ok(isError(error, 'INTEGRITY'), `expected INTEGRITY, found ${(error as Error).stack}`);
    assert.ok(!existsSync(out), 'a refused checkout left something');
    if (existsSync(dirname(out))) assert.deepEqual(readdirSync(dirname(out)), []);
    return 'refused';
  }
  assert.deepEqual(readListing(out), expected);
  rmSync(dirname(out), { recursive: true });
  return 'exact';
}

/** Asserts that a verification of every byte has something to say. */
export async function isReported(repository: Damaged): Promise<void> {
  const { findings } = await (await open(repository)).verify({ readData: true });
  assert.notEqual(findings.length, 0, 'the damage was not reported');
}

/** The bytes with the one at `at` altered in one bit; which, depends on the place. */
export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] as number) ^ (1 << (at % 8));
  return copy;
}
