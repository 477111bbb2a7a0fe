/**
 * The program of the tests that kill transfers. It pushes or pulls the session `main` of a local
 * store to or from a bucket. After each batch of blobs it prints the bytes that the index has
 * recorded in total. It kills itself after the given number of bytes.
 */
import { writeSync } from 'node:fs';
import process from 'node:process';
import { openStore } from '../../../src/index.js';
import { s3Provider } from '../../../src/provider/s3/s3.js';
import { BlobIndex } from '../../../src/repository/blob-index.js';

const noted = new Map<string, number>();
const { record } = BlobIndex.prototype;
BlobIndex.prototype.record = async function (repository, k, places) {
  await record.call(this, repository, k, places);
  for (const [id, { length }] of places) noted.set(id, length);
  const bytes = [...noted.values()].reduce((sum, length) => sum + length, 0);
  writeSync(1, `${bytes}\n`);
  if (bytes >= Number(until)) process.kill(process.pid, 'SIGKILL');
};

const [step, home, bucket, until] = process.argv.slice(2) as ['push' | 'pull', string, string, string];
const store = await openStore({ home, userId: 'tester', remote: s3Provider(JSON.parse(bucket)) });
await store.session('main')[step]();
await store.close();
