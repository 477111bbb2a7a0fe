/**
 * A program that commits a directory to a session: `draft.js HOME DIR SESSION`. It prints the
 * outcome, and may be killed at any time.
 */
import process from 'node:process';
import { openStore } from '../../../src/index.js';
import { outcomeOf } from '../session/outcomes.js';

const [home, dir, session] = process.argv.slice(2) as [string, string, string];
const store = await openStore({ home, userId: 'tester' });
const outcome = await outcomeOf(store.session(session).commit(dir));
process.stdout.write(`${outcome}\n`);
await store.close();
