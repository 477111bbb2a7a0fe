/**
 * Rounds of many processes on one directory at once: restores, snapshots, checkpoints and mounts,
 * here and in other PID namespaces. Some of them are killed. Every version is whole, and the
 * record, `status` and the disk agree.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { isError, type Session, type Store } from '../../../src/index.js';
import { dice } from '../dice.js';
import { apart } from '../machine.js';
import { start } from '../session/held.js';
import { marksIn, storeWith } from '../session/versions.js';
import { withTemporary } from '../temporary.js';

const operations = ['restore HEAD', 'restore HEAD~1', 'force HEAD', 'force HEAD~1', 'snapshot', 'snapshot', 'checkpoint', 'mount'];
const expectedCodes = new Set([undefined, 'BUSY', 'DIRTY', 'CONFLICT']);

export async function directoryRounds(t: ExecutionContext, rounds: number, seed: number): Promise<Record<string, number>> {
  const roll = dice(seed);
  const counts: Record<string, number> = {};
  const count = (what: string): void => {
    counts[what] = (counts[what] ?? 0) + 1;
  };
  for (let round = 0; round < rounds; round++) {
    await withTemporary(async (folder) => {
      const home = join(folder, 'home');
      const dir = join(folder, 'place', 'dir');
      const store = await storeWith(home, join(folder, 'source'), 'one', 'two');
      const session = store.session('s');
      if (roll(2) === 0) await session.checkout(dir);
      const running = Array.from({ length: 16 }, (_, i) => {
        const operation = operations[roll(operations.length)] as string;
        const before = roll(4) === 1 ? apart : [];
        const { child, outcome } = start(home, dir, operation === 'mount' ? `mount m${String(i).padStart(2, '0')}` : operation, before);
        return { operation, child, outcome };
      });
      for (const { child } of running.slice(0, 3)) void setTimeout(200 + roll(1500)).then(() => child.kill('SIGKILL'));
      for (const { operation, outcome } of running) {
        const done = await outcome;
        // A snapshot finds no directory before the first restore has made it.
        const isEarly = done?.code === 'NOT_FOUND' && ['snapshot', 'checkpoint'].includes(operation);
        t.true(isEarly || expectedCodes.has(done?.code), `${operation}: ${JSON.stringify(done)}`);
        count(`${operation.split(' ')[0]}: ${done === undefined ? 'killed' : (done.code ?? 'done')}`);
      }
      await checkAll(t, folder, store, session, dir, count);
    });
  }
  return counts;
}

async function checkAll(
  t: ExecutionContext,
  folder: string,
  store: Store,
  session: Session,
  dir: string,
  count: (what: string) => void,
): Promise<void> {
  const marksOf = async (of: Session, at: string): Promise<string[]> => {
    const proof = join(folder, 'proof');
    rmSync(proof, { recursive: true, force: true });
    await of.checkout(proof, { at });
    return marksIn(proof);
  };
  try {
    const { changed, added, removed } = await session.status(dir);
    const marks = marksIn(dir);
    t.is(marks.length, 1);
    t.is(changed.length + added.length + removed.length === 0, marks[0] === (await marksOf(session, 'HEAD'))[0], 'status is right');
  } catch (error) {
    if (!isError(error, 'DIRTY', 'NOT_FOUND')) throw error;
    count(`after the round: ${error.code}`);
    await session.checkout(dir, { force: true });
    t.deepEqual(marksIn(dir), await marksOf(session, 'HEAD'));
  }
  await session.commit(dir);
  t.deepEqual(await marksOf(session, 'HEAD'), marksIn(dir));
  for (const left of await store.abandonedMounts()) {
    t.true(left.isCertain);
    await store.recover(left, 'commit').catch((error: unknown) => t.true(isError(error, 'SHRUNK'), String(error)));
  }
  for await (const { session: name } of store.sessions()) {
    const of = store.session(name);
    for await (const { commit, op } of of.log({ checkpoints: true })) {
      // The directory of a mount that was killed during a write mixes two versions, and is
      // committed in that state.
      if (op !== 'recovered') t.is((await marksOf(of, commit)).length, 1, `${name} ${commit}`);
    }
  }
  t.deepEqual(readdirSync(join(dir, '..')), ['dir']);
  const locks = readdirSync(join(folder, 'home/tester/.store/records')).filter((name) => name.endsWith('.lock'));
  t.deepEqual(locks, []);
}
