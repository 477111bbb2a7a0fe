/** Many rounds of processes on one directory (rows C1 and C2). */
import test from 'ava';
import { directoryRounds } from '../support/exhaustive/directory-rounds.js';
import { testWith } from '../support/machine.js';

testWith(['PID namespaces'], test.serial)(
  'C1, C2: 100 rounds of 16 restores, snapshots and mounts at once on one directory leave whole versions',
  async (t) => {
    t.timeout(4 * 3_600_000);
    t.log(JSON.stringify(await directoryRounds(t, 100, 2)));
  },
);
