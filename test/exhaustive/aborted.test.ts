/**
 * Commits that are cancelled at random moments (C13): 200 of them, next to other writers of one
 * local store. They leave no dangling ref and no objects.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import test from 'ava';
import { isError, openStore } from '../../src/index.js';
import { noise } from '../support/content.js';
import { temporary } from '../support/temporary.js';

const COMMITS = 200;
const MIB = 2 ** 20;

test(`C13: ${COMMITS} commits that are cancelled at random moments beside two other writers leave no dangling ref and nothing behind`, async (t) => {
  const folder = temporary(t);
  const home = join(folder, 'home');
  let isOver = false;
  const profile = (name: string, n: number, mib: number): string => {
    const dir = join(folder, name);
    mkdirSync(dir, { recursive: true });
    for (let i = 0; i < mib; i++) writeFileSync(join(dir, `file-${i}`), noise(MIB, `${name} ${n % 3} ${i}`));
    return dir;
  };
  const writer = async (name: string): Promise<void> => {
    const store = await openStore({ home, userId: 'tester' });
    for (let n = 0; !isOver; n++) await store.session(name).commit(profile(name, n, 1));
  };
  const others = [writer('one'), writer('two')];
  const store = await openStore({ home, userId: 'tester' });
  const outcomes: Record<string, number> = {};
  for (let n = 0; n < COMMITS; n++) {
    // The directory has the files of another writer, and new files, so that objects of other
    // writers are reused.
    const dir = profile('aborted', n, 9);
    const controller = new AbortController();
    const commit = store
      .session('aborted')
      .commit(dir, { signal: controller.signal })
      .then(
        () => 'done',
        (error: unknown) => (isError(error) ? error.code : String(error)),
      );
    await Promise.race([commit, sleep(Math.random() * 400)]);
    controller.abort();
    const outcome = await commit;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    t.true(['done', 'CANCELLED', 'UNREACHABLE'].includes(outcome), outcome);
  }
  isOver = true;
  await Promise.all(others);
  t.log(JSON.stringify(outcomes));
  t.deepEqual((await store.verify({ readData: true })).findings, []);
  const { reclaimableBytes } = await store.usage();
  t.true(reclaimableBytes !== null && reclaimableBytes < MIB, `${reclaimableBytes} bytes are left`);
});
