/** Stores that live as long as one test. */
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { type Finding, memoryProvider, openStore, type Provider, type Session, type Store } from '../../src/index.js';
import { orCode } from './errors.js';
import { fakeHost } from './host.js';
import { temporary } from './temporary.js';

/**
 * Returns a store over `provider` (memory unless given), with its index and records in a directory
 * of its own.
 */
export async function storeIn(folder: string, provider: Provider = memoryProvider(), seed = 'store'): Promise<Store> {
  const host = { ...fakeHost(seed), defaultHome: () => join(folder, 'home') };
  return openStore({ home: provider, userId: 'tester', host });
}

/** Returns a store and its folder for a test. Everything is removed after the test. */
export async function freshStore(t: ExecutionContext, provider?: Provider): Promise<{ store: Store; folder: string; session: Session }> {
  const folder = temporary(t);
  const store = await storeIn(folder, provider);
  t.teardown(() => store.close());
  return { store, folder, session: store.session('main') };
}

/** Returns the ids of a session's commits, newest first. */
export async function history(session: Session): Promise<string[]> {
  const ids: string[] = [];
  for await (const { commit } of session.log()) ids.push(commit);
  return ids;
}

/** Checks all data. Returns the findings, or none if the store does not exist yet. */
export async function findingsOf(store: Store, on: 'local' | 'remote' = 'local'): Promise<readonly Finding[]> {
  return (await orCode(() => store.verify({ on, readData: true }), 'NOT_FOUND'))?.findings ?? [];
}
