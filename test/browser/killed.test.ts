import test from 'ava';
import { killRounds, type Outcomes } from './_killed.js';

const PARTS = 4;
const all: Outcomes[] = [];

for (let part = 1; part <= PARTS; part++) {
  test.serial(
    `10 rounds of which the worker or its browser is killed at a random moment lose nothing that was committed, part ${part}`,
    async (t) => {
      t.timeout(600_000);
      all.push(await killRounds(t, 10, part));
    },
  );
}

test.serial('in those rounds workers and browsers were killed, and what they left was recovered', (t) => {
  t.is(all.length, PARTS);
  for (const what of ['worker', 'browser', 'recovered'] as const)
    t.true(
      all.some((outcomes) => outcomes[what] > 0),
      JSON.stringify(all),
    );
  t.log(JSON.stringify(all));
});
