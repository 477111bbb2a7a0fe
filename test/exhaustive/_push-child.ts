/** Pushes the session `main`: `_push-child.js HOME URL`. Prints what came of it. */
import process from 'node:process';
import { isError, openRepository } from '../../src/index.js';

const [home, remote] = process.argv.slice(2) as [string, string];
const store = await openRepository({ home, userId: 'tester', remote, transfer: { maxRetries: 0 } });
process.stdout.write('ready\n');
const outcome = await store
  .session('main')
  .push()
  .then(
    ({ pushed }) => (pushed ? 'pushed' : 'nothing'),
    (error: unknown) => (isError(error) ? error.code : String(error)),
  );
process.stdout.write(`${outcome}\n`);
