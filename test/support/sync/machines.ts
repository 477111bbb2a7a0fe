/** Machines that share a remote: each has its own local store, and all see one provider. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { openStore, type Provider, type Session, type Store } from '../../../src/index.js';
import { noise } from '../content.js';
import { fakeHost } from '../host.js';
import { type Profile, smallProfile, writeProfile } from '../profile.js';
import { temporary } from '../temporary.js';

export interface Machine {
  folder: string;
  store: Store;
  session: Session;
  /** A directory that does not exist yet. */
  directory(): string;
  /** A directory that holds the profile. */
  profile(content?: Profile): string;
}

let machines = 0;

/**
 * Returns a machine with an empty local store, whose objects and cells are in `provider` if one is
 * given.
 */
export async function machine(t: ExecutionContext, remote: Provider, name = 'main', provider?: Provider): Promise<Machine> {
  const folder = temporary(t);
  return opened(folder, remote, name, provider);
}

/** Returns the same machine as a later process sees it. */
export function reopened({ folder, session }: Machine, remote: Provider): Promise<Machine> {
  return opened(folder, remote, session.id);
}

async function opened(folder: string, remote: Provider, name: string, provider?: Provider): Promise<Machine> {
  const home = join(folder, 'home');
  const host = { ...fakeHost(`machine ${machines++}`), defaultHome: () => home };
  // The tests retry and count by themselves.
  const transfer = { maxRetries: 0 };
  const store = await openStore({ home: provider ?? home, userId: 'tester', remote, host, transfer });
  let directories = 0;
  const directory = () => join(folder, `directory-${machines}-${directories++}`);
  return {
    folder,
    store,
    session: store.session(name),
    directory,
    profile: (content = smallProfile(noise)) => {
      const dir = directory();
      mkdirSync(dir);
      writeProfile(dir, content);
      return dir;
    },
  };
}
