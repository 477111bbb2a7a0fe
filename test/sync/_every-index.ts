/** One operation, run once for every request that it makes, with that request failing. */
import type { ExecutionContext } from 'ava';
import { isError, type Provider } from '../../src/index.js';
import type { Prepare } from './_operations.js';

export interface World {
  /** The remote as everybody else sees it, and as the machine does whose requests fail. */
  direct: Provider;
  faulty: Provider;
  /** From here on requests are counted, and the nth fails. */
  arm(n: number): void;
  /**
   * Ends the faults; resolves to the number of requests since `arm`, when nothing is under way any
   * more.
   */
  disarm(): Promise<number>;
}

/**
 * Asserts for each index that the operation succeeded or told truly that it did not, that it can be
 * repeated, and that remote and home are whole. Ends with the first run that made fewer requests.
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
    t.deepEqual((await actor.store.verify({ readData: true, on: 'remote' })).findings, [], what);
    t.deepEqual((await actor.store.verify({ readData: true })).findings, [], what);
    if (requests < n) return;
  }
}
