/**
 * Writers that meet on one session over HTTP. They use the real SDK, the S3 server for tests, and a
 * proxy that drops, delays and loses responses at random.
 */
import type { ExecutionContext } from 'ava';
import { s3Provider } from '../../../src/provider/s3/s3.js';
import { retrying } from '../../../src/provider/wrap/retry.js';
import { startProxy } from '../faults/http-proxy.js';
import { randomFaults } from '../faults/random-faults.js';
import { writeTogether } from '../sync/writers.js';
import { startS3Server } from './s3-server.js';

export async function writeOverHttp(t: ExecutionContext, counts: { writers: number; commits: number }): Promise<void> {
  const server = await startS3Server();
  const fault = randomFaults(1, { dropped: 0.02, refused: 0.02, unanswered: 0.02, delayed: 0.1, maxDelayMs: 50 });
  const proxy = await startProxy({ target: new URL(server.options.endpoint as string), fault });
  const direct = s3Provider(server.options);
  const through = s3Provider({ ...server.options, endpoint: proxy.url });
  t.teardown(async () => {
    await Promise.all([direct.close(), through.close()]);
    await proxy.close();
    await server.close();
  });
  const patient = retrying(through, { retryDelayMs: 10, random: () => 0.5 });
  await writeTogether(t, direct, () => patient, counts);
  t.log(`${proxy.counts().total} requests`);
}
