/**
 * A single request that fails, in every way, at every index of every operation between the local
 * store and the remote. The operation succeeds, or truly reports its failure. The operation can be
 * repeated, and the remote and the local store are whole (SPEC.md R-WRITE-1, R-WRITE-3).
 */
import test from 'ava';
import { memoryProvider, type Provider } from '../../src/index.js';
import { retrying } from '../../src/provider/wrap/retry.js';
import { failNth, lateNth } from '../support/faults/providers.js';
import { atEveryIndex, type World } from '../support/sync/every-index.js';
import { operations } from '../support/sync/operations.js';
import { switched } from '../support/sync/switch.js';

type Fault = (inner: Provider, n: number) => Provider & { arrive?: () => Promise<void> };

const faults: Record<string, Fault> = {
  'that is rejected': (inner, n) => failNth(inner, n, 'before'),
  'whose answer is lost': (inner, n) => failNth(inner, n, 'after'),
  'that arrives late': (inner, n) => lateNth(inner, n, 2),
};

async function world(fault: Fault, retries: boolean): Promise<World> {
  const direct = memoryProvider();
  const gate = switched(direct);
  let faulty: ReturnType<Fault> = direct;
  return {
    direct,
    faulty: retries ? retrying(gate.provider, { random: () => 0, maxRetries: 2, retryDelayMs: 0 }) : gate.provider,
    arm: (n) => {
      faulty = fault(direct, n);
      gate.through(faulty);
    },
    disarm: async () => {
      const requests = gate.count();
      await faulty.arrive?.();
      gate.through(direct);
      return requests;
    },
  };
}

for (const [operation, prepare] of Object.entries(operations)) {
  for (const [kind, fault] of Object.entries(faults)) {
    for (const retries of kind === 'whose answer is lost' ? [false, true] : [false]) {
      test(`${operation}: a request ${kind}, at every index${retries ? ', with retries' : ''}`, (t) =>
        atEveryIndex(t, prepare, () => world(fault, retries)));
    }
  }
}
