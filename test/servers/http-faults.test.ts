/**
 * The faults of requests over HTTP, with the real SDK and the S3 server for tests. A proxy between
 * them breaks one request in every way that a network has.
 */
import test, { type ExecutionContext } from 'ava';
import { s3Provider } from '../../src/provider/s3/s3.js';
import { retrying } from '../../src/provider/wrap/retry.js';
import { type HttpFault, startProxy } from '../support/faults/http-proxy.js';
import { startS3Server } from '../support/servers/s3-server.js';
import { atEveryIndex, type World } from '../support/sync/every-index.js';
import { operations, type Prepare } from '../support/sync/operations.js';
import { switched } from '../support/sync/switch.js';

/**
 * Returns the time without progress after which a request times out. The time is short if the test
 * waits for it.
 */
const timeoutOf = (fault: HttpFault): number => (fault === 'stall' ? 1000 : 60_000);

async function world(t: ExecutionContext, fault: HttpFault): Promise<World> {
  const server = await startS3Server();
  let failing = 0;
  const proxy = await startProxy({
    target: new URL(server.options.endpoint as string),
    fault: (n) => (n === failing ? fault : 'pass'),
  });
  const direct = s3Provider(server.options);
  const through = s3Provider({ ...server.options, endpoint: proxy.url, timeoutMs: timeoutOf(fault) });
  const gate = switched(direct);
  t.teardown(async () => {
    await Promise.all([direct.close(), through.close()]);
    await proxy.close();
    await server.close();
  });
  return {
    direct,
    faulty: retrying(gate.provider, { random: () => 0, maxRetries: 3, retryDelayMs: 1 }),
    arm: (n) => {
      failing = n;
      gate.through(through);
    },
    disarm: async () => {
      gate.through(direct);
      return proxy.counts().total;
    },
  };
}

for (const operation of ['first push', 'push', 'pull', 'fork', 'rollback']) {
  for (const fault of ['drop', '503', 'cut-before', 'cut-after', '499-after', 'stall'] as const) {
    test.serial(`${operation} over S3: ${fault}, at every index`, (t) =>
      atEveryIndex(t, operations[operation] as Prepare, () => world(t, fault)),
    );
  }
}
