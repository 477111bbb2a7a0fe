/**
 * Ceph's RADOS Gateway for tests, started with the file's first test and stopped after its last.
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { S3Options } from '../../../src/provider/s3/s3.js';

const run = promisify(execFile);
const script = (name: string): string => fileURLToPath(new URL(`../../../../test/support/servers/${name}`, import.meta.url));

export interface Gateway {
  /** The options to reach a new bucket. */
  options: S3Options;
  stop(): Promise<void>;
}

/** Starts the gateway. Rejects with the last output of the script if the gateway does not start. */
export async function startGateway(): Promise<Gateway> {
  const state = await mkdtemp(join(tmpdir(), 'browserstate-radosgw-'));
  const [port, monitor] = await Promise.all([freePort(), freePort()]);
  const credentials = { accessKeyId: 'tester', secretAccessKey: randomBytes(16).toString('hex') };
  const env = {
    ...process.env,
    STATE: state,
    RGW_PORT: String(port),
    MON_PORT: String(monitor),
    ACCESS_KEY: credentials.accessKeyId,
    SECRET_KEY: credentials.secretAccessKey,
    OWNER: String(process.pid),
  };
  await run(script('start-radosgw.sh'), { env });
  const bucket = `browserstate-${randomBytes(4).toString('hex')}`;
  const endpoint = `http://127.0.0.1:${port}`;
  const client = new S3Client({ region: 'us-east-1', endpoint, credentials, forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  client.destroy();
  const stop = async (): Promise<void> => {
    await run(script('stop-radosgw.sh'), { env });
  };
  return { options: { bucket, endpoint, credentials, pathStyle: true }, stop };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
