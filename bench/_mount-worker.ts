/**
 * A worker that is already running. When it reads a line, it mounts the session `bench` into an
 * empty local store, and prints a line.
 *
 *     node dist/bench/_mount-worker.js HOME REMOTE OUT
 */
import '@aws-sdk/client-s3';
import { once } from 'node:events';
import process from 'node:process';
import { openStore } from 'browserstate';

const [home, remote, out] = process.argv.slice(2) as [string, string, string];
const store = await openStore({ home, remote });
process.stdout.write('ready\n');
await once(process.stdin, 'data');
await store.session('bench').checkout(out);
process.stdout.write('mounted\n');
await store.close();
