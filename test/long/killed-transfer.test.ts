/** A large push or pull that is killed halfway. It moves at most 1.1 times its bytes in total. */
import test from 'ava';
import { killedPull, killedPush } from '../support/sync/killed-transfer.js';

const MIB_OF_PROFILE = 512;

for (const [what, run] of [
  ['push', killedPush],
  ['pull', killedPull],
] as const) {
  test.serial(`a ${what} of ${MIB_OF_PROFILE} MiB that is killed half-way moves at most 1.1 times its bytes in all`, async (t) => {
    t.timeout(30 * 60_000);
    const { whole, first, second } = await run(t, MIB_OF_PROFILE);
    t.true(first + second <= 1.1 * whole);
  });
}
