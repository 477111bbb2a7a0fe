/** The minimum rate of a response (C12, R-S3-9, R-GCS-7), with a clock that only the test moves. */
import diagnostics from 'node:diagnostics_channel';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { MIN_BYTES_PER_SECOND } from '../../../../src/base/limits.js';
import { gcsProvider } from '../../../../src/provider/gcs/gcs.js';
import type { Provider } from '../../../../src/provider/provider.js';
import { s3Provider } from '../../../../src/provider/s3/s3.js';
import { rejects } from '../../../support/errors.js';

/** A window that is longer than a test, so that no timer fires except those of the test. */
const WINDOW_MS = 600_000;
const LEAST = (MIN_BYTES_PER_SECOND * WINDOW_MS) / 1000;
const WINDOWS = 4;

const providers: Record<string, (endpoint: string) => Provider> = {
  S3: (endpoint) => {
    const credentials = { accessKeyId: 'tester', secretAccessKey: 'a secret' };
    return s3Provider({ bucket: 'profiles', endpoint, credentials, pathStyle: true, timeoutMs: WINDOW_MS });
  },
  GCS: (endpoint) => gcsProvider({ bucket: 'profiles', endpoint, timeoutMs: WINDOW_MS }),
};

const realInterval = globalThis.setInterval;
/** Functions that each end a window of a connection of these tests. */
let looks: (() => void)[] = [];
test.before(() => {
  globalThis.setInterval = ((work: () => void, ms: number) => {
    if (ms === WINDOW_MS) looks.push(work);
    return realInterval(work, ms);
  }) as typeof setInterval;
});

/** Starts a server that sends `WINDOWS` parts of `size` bytes, each in its own window. */
async function serve(t: ExecutionContext, size: number): Promise<string> {
  looks = [];
  const clients: Socket[] = [];
  const note = (message: unknown): void => void clients.push((message as { socket: Socket }).socket);
  diagnostics.subscribe('net.client.socket', note);
  const answer = async (socket: Socket): Promise<void> => {
    const head = `HTTP/1.1 200 OK\r\nETag: "${'0'.repeat(32)}"\r\nX-Goog-Generation: 17\r\nContent-Length: ${WINDOWS * size}\r\n\r\n`;
    const client = clients.find(({ localPort }) => localPort === socket.remotePort) as Socket;
    let sent = 0;
    for (const part of [head, ...Array<string>(WINDOWS).fill('x'.repeat(size))]) {
      socket.write(part);
      sent += part.length;
      while (!client.destroyed && client.bytesRead < sent) await turn();
      if (client.destroyed) return;
      if (part === head) continue;
      for (const look of looks) look();
      await turn();
    }
  };
  const server = createServer((socket) => {
    // The client may disconnect in the middle.
    socket.on('error', () => undefined).once('data', () => void answer(socket));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    diagnostics.unsubscribe('net.client.socket', note);
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

for (const [kind, open] of Object.entries(providers)) {
  test.serial(`C12: an answer of the minimum rate comes through over ${kind}, over any number of windows`, async (t) => {
    const provider = open(await serve(t, LEAST));
    t.teardown(() => provider.close());
    t.is((await provider.get('packs/a')).length, WINDOWS * LEAST);
  });

  test.serial(`C12: an answer below the minimum rate is UNREACHABLE over ${kind}`, async (t) => {
    const provider = open(await serve(t, LEAST - 1));
    t.teardown(() => provider.close());
    await rejects(t, () => provider.get('packs/a'), 'UNREACHABLE');
  });
}
