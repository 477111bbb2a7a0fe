/**
 * A program that reads a remote, and prints its peak memory in bytes and its outcome.
 *
 *     node dist/test/support/programs/hostile-reader.js pull|verify HOME REMOTE
 */
import { argv } from 'node:process';
import { isError, openStore } from '../../../src/index.js';
import { peakMemory } from '../measure/peak.js';

const [step, home, remote] = argv.slice(2) as [string, string, string];
const store = await openStore({ home, userId: 'tester', remote });
const run = step === 'pull' ? store.session('main').pull() : store.verify({ on: 'remote' });
const outcome = await run.then(
  () => 'done',
  (error: unknown) => (isError(error) ? error.code : String(error)),
);
console.log(JSON.stringify({ peak: peakMemory(), outcome }));
