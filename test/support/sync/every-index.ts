/** One operation, which runs once for each of its requests. In each run, that request fails. */

import type { ExecutionContext } from 'ava';
import { isError, type Provider } from '../../../src/index.js';
import { findingsOf } from '../store.js';
import type { Prepare } from './operations.js';

export interface World {
  /** The remote as others see it, and as the machine with failing requests sees it. */
  direct: Provider;
  faulty: Provider;
  /** Counts requests from now on, and makes the nth fail. */
  arm(n: number): void;
  /** Ends the faults. Resolves to the number of requests since `arm`, after all have ended. */
  disarm(): Promise<number>;
}

/**
 * Asserts for each index that the operation succeeded or truly reported its failure. Then the
 * operation can be repeated, and the remote and the local store are whole. Ends with the first run
 * that made fewer requests.
 */
export async function atEveryIndex(t: ExecutionContext, prepare: Prepare, open: () => Promise<World>): Promise<void> {
  for (let n = 1; ; n++) {
    const world = await open();
    const { actor, run, landed } = await prepare(t, world.direct, world.faulty);
    world.arm(n);
    const outcome = await run().then(
      () => 'done' as const,
      (error: unknown) => error,
    );
    const requests = await world.disarm();
    const what = `at ${n}: ${outcome}`;
    const there = await landed();
    if (outcome === 'done') t.true(there, what);
    else t.true(isError(outcome, 'UNREACHABLE') && (!there || /unknown/.test(outcome.message)), what);
    if (!there) {
      await t.notThrowsAsync(run(), `repeated after ${what}`);
      t.true(await landed(), `repeated after ${what}`);
    }
    t.deepEqual(await findingsOf(actor.store, 'remote'), [], what);
    t.deepEqual(await findingsOf(actor.store), [], what);
    if (requests < n) return;
  }
}
