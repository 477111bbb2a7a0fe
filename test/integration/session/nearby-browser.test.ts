/**
 * Browsers that use a directory below the named one, or its parent (A3, R-CAP-11). Every command
 * finds them.
 */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openStore, type Store } from '../../../src/index.js';
import { rejects } from '../../support/errors.js';
import { fakeHost } from '../../support/host.js';
import { readListing } from '../../support/profile.js';
import { temporary } from '../../support/temporary.js';

/** A number above every process number of Linux, so that /proc has no such process. */
const UNSEEN = 999_999_999;

async function scene(t: ExecutionContext): Promise<{ store: Store; folder: string; dir: string }> {
  const folder = temporary(t);
  const host = { ...fakeHost(), isAlive: (pid: number) => pid === UNSEEN };
  const store = await openStore({ home: join(folder, 'home'), host });
  const dir = join(folder, 'par/named');
  for (const below of ['prof/Default/Cache', 'a/b/prof']) mkdirSync(join(dir, below), { recursive: true });
  for (const file of ['prof/Local State', 'prof/Default/Preferences']) writeFileSync(join(dir, file), '{}');
  return { store, folder, dir };
}

const target: Record<string, string> = { SingletonLock: `${fakeHost().hostname()}-${UNSEEN}`, lock: `127.0.1.1:+${UNSEEN}` };

for (const [lock, names] of Object.entries(target)) {
  for (const at of ['prof', 'prof/Default', 'prof/Default/Cache', 'a/b/prof', '.', '..']) {
    test(`A3: a running ${lock} in ${at} of the named directory is BUSY for snapshot and restore`, async (t) => {
      const { store, dir } = await scene(t);
      const session = store.session('main');
      await session.commit(dir, { allowPartialProfile: true });
      const holder = join(dir, at);
      symlinkSync(names, join(holder, lock));
      const before = readListing(dir);
      for (const work of [
        () => session.commit(dir),
        () => session.checkout(dir),
        () => session.checkout(dir, { force: true }),
        () => session.checkout(dir, { force: true, only: ['prof'] }),
      ]) {
        const { details, message } = await rejects(t, work, 'BUSY');
        t.like(details, { path: holder, pid: UNSEEN });
        t.true(message.includes(`${holder}: `), message);
      }
      t.deepEqual(readListing(dir), before);
      rmSync(join(holder, lock));
      symlinkSync(names.replace(String(UNSEEN), '42'), join(holder, lock));
      t.true('commit' in (await session.checkout(dir, { force: true })), 'a dead lock');
    });
  }
}
