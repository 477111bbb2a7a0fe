/** The program of the tests that kill: pushes or pulls the session `main` of a home to or from a bucket. */
import process from 'node:process';
import { openRepository } from '../../src/index.js';
import { s3Provider } from '../../src/provider/s3.js';

const [step, home, bucket] = process.argv.slice(2) as ['push' | 'pull', string, string];
const store = await openRepository({ home, userId: 'tester', remote: s3Provider(JSON.parse(bucket)) });
await store.session('main')[step]();
await store.close();
