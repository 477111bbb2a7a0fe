/**
 * A process of its own that reads a remote, and prints the most memory that it took, in bytes, and
 * what it was told.
 *
 *     node dist/test/exhaustive/_hostile-reader.js pull|verify HOME REMOTE
 */
import { argv, resourceUsage } from 'node:process';
import { isError, openRepository } from '../../src/index.js';

const [step, home, remote] = argv.slice(2) as [string, string, string];
const store = await openRepository({ home, userId: 'tester', remote });
const run = step === 'pull' ? store.session('main').pull() : store.verify({ on: 'remote' });
const outcome = await run.then(
  () => 'done',
  (error: unknown) => (isError(error) ? error.code : String(error)),
);
console.log(JSON.stringify({ peak: resourceUsage().maxRSS * 1024, outcome }));
