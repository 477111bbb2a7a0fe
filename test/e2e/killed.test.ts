import test from 'ava';
import { killRounds, type Outcomes } from '../support/browser/killed.js';

const PARTS = 4;
const all: Outcomes[] = [];

for (let part = 1; part <= PARTS; part++) {
  test.serial(
    `10 kills of the worker or its browser at a random moment of a round lose nothing that was committed, part ${part}`,
    async (t) => {
      t.timeout(600_000);
      all.push(await killRounds(t, 10, part));
    },
  );
}

test.serial('the mounts of some of those kills were recovered', (t) => {
  t.is(all.length, PARTS);
  t.true(
    all.some(({ recovered }) => recovered > 0),
    JSON.stringify(all),
  );
  t.log(JSON.stringify(all));
});
