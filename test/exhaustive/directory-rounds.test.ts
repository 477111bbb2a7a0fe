/** Rounds of test/long/directory-rounds.test.ts, a few of them. */
import test from 'ava';
import { directoryRounds } from '../support/exhaustive/directory-rounds.js';
import { testWith } from '../support/machine.js';

testWith(['PID namespaces'], test.serial)(
  'C1, C2: 3 rounds of 16 restores, snapshots and mounts at once on one directory leave whole versions',
  async (t) => {
    t.log(JSON.stringify(await directoryRounds(t, 3, 1)));
  },
);
