/** A large number of the kills of test/e2e/killed.test.ts. */
import test from 'ava';
import { killRounds } from '../support/browser/killed.js';

test.serial('200 kills of the worker or its browser at a random moment of a round lose nothing that was committed', async (t) => {
  t.timeout(24 * 3_600_000);
  t.log(JSON.stringify(await killRounds(t, 200, 0)));
});
