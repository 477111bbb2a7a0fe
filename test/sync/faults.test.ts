/**
 * A single request that fails, in every way, at every index of every operation between home and remote: the operation succeeds, or tells truly that it did
 * not; it can be repeated; and the remote and home are whole (SPEC.md R-WRITE-1, R-WRITE-3).
 */
import test from 'ava';
import { isError } from '../../src/errors.js';
import { memoryProvider, type Provider } from '../../src/index.js';
import { retrying } from '../../src/provider/retry.js';
import { failNth, lateNth } from '../faults/providers.js';
import { operations } from './_operations.js';
import { switched } from './_switch.js';

type Fault = (inner: Provider, n: number) => Provider & { arrive?: () => Promise<void> };

const faults: Record<string, Fault> = {
  'that is refused': (inner, n) => failNth(inner, n, 'before'),
  'whose answer is lost': (inner, n) => failNth(inner, n, 'after'),
  'that arrives late': (inner, n) => lateNth(inner, n, 2),
};

for (const [operation, prepare] of Object.entries(operations)) {
  for (const [kind, fault] of Object.entries(faults)) {
    for (const retries of kind === 'whose answer is lost' ? [false, true] : [false]) {
      test(`${operation}: a request ${kind}, at every index${retries ? ', with retries' : ''}`, async (t) => {
        for (let n = 1; ; n++) {
          const remote = memoryProvider();
          const gate = switched(remote);
          const outer = retries ? retrying(gate.provider, { random: () => 0, maxRetries: 2, retryDelayMs: 0 }) : gate.provider;
          const { actor, run, landed } = await prepare(t, remote, outer);
          const faulty = fault(remote, n);
          gate.through(faulty);
          const outcome = await run().then(
            () => 'done' as const,
            (error: unknown) => error,
          );
          const met = gate.count() >= n;
          await faulty.arrive?.();
          gate.through(remote);
          const what = `at ${n}: ${outcome}`;
          const there = await landed();
          if (outcome === 'done') t.true(there, what);
          else t.true(isError(outcome, 'UNREACHABLE') && (!there || /unknown/.test(outcome.message)), what);
          if (!there) {
            await t.notThrowsAsync(run(), `repeated after ${what}`);
            t.true(await landed(), `repeated after ${what}`);
          }
          t.deepEqual((await actor.store.verify({ readData: true, on: 'remote' })).findings, [], what);
          t.deepEqual((await actor.store.verify({ readData: true })).findings, [], what);
          if (!met) break;
        }
      });
    }
  }
}
