/**
 * The manual way: one archive in a bucket, uploaded and downloaded whole with the same SDK as ours.
 *
 *     node dist/bench/_tar-s3.js put|get DIR ENDPOINT BUCKET KEY
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';

const [way, dir, endpoint, Bucket, Key] = process.argv.slice(2) as [string, string, string, string, string];
const client = new S3Client({ region: 'us-east-1', endpoint, forcePathStyle: true, requestChecksumCalculation: 'WHEN_REQUIRED' });
if (way === 'put') {
  const packed = spawn('sh', ['-c', 'tar -C "$1" -cf - . | zstd -q -3', 'sh', dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  await client.send(new PutObjectCommand({ Bucket, Key, Body: await buffer(packed.stdout) }));
} else {
  mkdirSync(dir);
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
  const unpacked = spawn('sh', ['-c', 'zstd -q -d | tar -C "$1" -xf -', 'sh', dir], { stdio: ['pipe', 'inherit', 'inherit'] });
  (Body as NodeJS.ReadableStream).pipe(unpacked.stdin);
  const [status] = await once(unpacked, 'exit');
  process.exitCode = status as number;
}
client.destroy();
