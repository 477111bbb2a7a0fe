/**
 * Larger worlds of the model of garbage collection (SPEC.md 11.2). The unit test has the smaller
 * worlds.
 */
import test from 'ava';
import { explore } from '../support/model/explore.js';
import { largeWorlds } from '../support/model/worlds.js';

for (const [name, world] of Object.entries(largeWorlds)) {
  test(`no order of the steps breaks an invariant: ${name}`, (t) => {
    const { states, violation } = explore(world);
    t.log(`${states.toLocaleString('en')} states`);
    t.is(violation, undefined);
  });
}
