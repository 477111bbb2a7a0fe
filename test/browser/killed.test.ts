import test from 'ava';
import { killRounds } from './_killed.js';

test.serial('40 rounds of which the worker or its browser is killed at a random moment lose nothing that was committed', async (t) => {
  t.timeout(600_000);
  await killRounds(t, 40);
});
