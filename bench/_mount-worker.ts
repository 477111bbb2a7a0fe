/**
 * A worker that runs already: once it reads a line it mounts the session `bench` on a machine that has nothing, and says so.
 *
 *     node dist/bench/_mount-worker.js HOME REMOTE OUT
 */
import '@aws-sdk/client-s3';
import { once } from 'node:events';
import process from 'node:process';
import { openRepository } from 'browserstate';

const [home, remote, out] = process.argv.slice(2) as [string, string, string];
const store = await openRepository({ home, remote });
process.stdout.write('ready\n');
await once(process.stdin, 'data');
await store.session('bench').checkout(out);
process.stdout.write('mounted\n');
await store.close();
