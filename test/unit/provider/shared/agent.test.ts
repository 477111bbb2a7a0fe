/**
 * Responses that never end because their heads or bodies are slow or long (C12, R-S3-9, R-GCS-7).
 * The tests are in a separate file, since a process that is busy with other wrong responses looks
 * slow itself.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { gcsProvider } from '../../../../src/provider/gcs/gcs.js';
import type { Provider } from '../../../../src/provider/provider.js';
import { s3Provider } from '../../../../src/provider/s3/s3.js';
import { rejects } from '../../../support/errors.js';

/** Starts a server that calls `answer` with each connection after the first bytes of a request. */
async function serve(t: ExecutionContext, answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    // The client disconnects in the middle, as these tests intend.
    socket.on('error', () => undefined).once('data', () => answer(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const providers: Record<string, (endpoint: string, timeoutMs: number) => Provider> = {
  S3: (endpoint, timeoutMs) => {
    const credentials = { accessKeyId: 'tester', secretAccessKey: 'a secret' };
    return s3Provider({ bucket: 'profiles', endpoint, credentials, pathStyle: true, timeoutMs });
  },
  GCS: (endpoint, timeoutMs) => gcsProvider({ bucket: 'profiles', endpoint, timeoutMs }),
};

/** Writes `text` now, and `part` at each interval until the client disconnects. */
function dripping(text: string, part: string, everyMs: number): (socket: Socket) => void {
  return (socket) => {
    socket.write(text);
    const timer = setInterval(() => socket.write(part), everyMs);
    socket.on('close', () => clearInterval(timer));
  };
}

/** Writes `text`, then `part` as fast as the client reads. */
function flooding(text: string, part: string): (socket: Socket) => void {
  return (socket) => {
    const more = (): void => {
      while (!socket.destroyed && socket.write(part));
    };
    socket.on('drain', more).write(text);
    more();
  };
}

const head = (status: string, length: number): string =>
  `HTTP/1.1 ${status}\r\nETag: "0123456789abcdef0123456789abcdef"\r\nX-Goog-Generation: 17\r\nContent-Length: ${length}\r\n\r\n`;

const answers: Record<string, (socket: Socket) => void> = {
  'a body that comes byte by byte': dripping(head('200 OK', 100_000), 'x', 300),
  'the body of an error that comes byte by byte': dripping(head('503 Service Unavailable', 60_000), 'x', 300),
  'a head that comes byte by byte': dripping('HTTP/1.1 200 OK\r\nX-Slow: ', 'x', 300),
  'a head without end': flooding('HTTP/1.1 200 OK\r\n', 'X-Long: xxxxxxxx\r\n'.repeat(1000)),
};

for (const [kind, open] of Object.entries(providers)) {
  for (const [what, answer] of Object.entries(answers)) {
    test(`C12: ${what} is UNREACHABLE over ${kind}`, async (t) => {
      const provider = open(await serve(t, answer), 1000);
      t.teardown(() => provider.close());
      await rejects(t, () => provider.get('packs/a'), 'UNREACHABLE');
    });
  }
}
