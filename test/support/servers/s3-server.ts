/**
 * A small S3 server on loopback for the real SDK: objects, ranges, lists and conditional writes as
 * in S3, checked signatures, and faults by request. The server keeps everything in memory and knows
 * one bucket, in the path.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { S3Options } from '../../../src/provider/s3/s3.js';
import { type Replaced, replace } from '../faults/http-answers.js';
import { refusal } from './s3-signature.js';
import { type Answer, failure, type S3Behavior, S3Store } from './s3-store.js';

export interface S3Request {
  method: string;
  /** The name in the bucket. Empty for a list. */
  name: string;
  headers: IncomingMessage['headers'];
}

/**
 * The fault of a request:
 * - `code`: an error of S3 instead of the response.
 * - `failAfter`: an internal error after the request took effect and the function has run.
 * - `Replaced`: another response, with or without effect.
 * - `cut-before`, `cut-after` and `cut-within`: the connection is cut before or after the effect,
 *   or within the body.
 * - `stall`: no response.
 */
export type Fault =
  | { code: string }
  | { failAfter: () => Promise<unknown> }
  | Replaced
  | 'cut-before'
  | 'cut-after'
  | 'cut-within'
  | 'stall'
  | undefined;

export interface S3ServerOptions extends S3Behavior {
  fault?: (request: S3Request, count: number) => Fault | Promise<Fault>;
  /**
   * Milliseconds by which the server's clock is ahead. `tellsTime` makes responses show the clock.
   */
  clockAhead?: number;
  tellsTime?: boolean;
}

export interface S3Server {
  /** The options of a provider that uses the server. */
  options: S3Options & { bucket: string };
  store: S3Store;
  /** All requests so far, in the order in which they were complete. */
  requests: S3Request[];
  close(): Promise<void>;
}

const credentials = { accessKeyId: 'tester', secretAccessKey: 'a secret' };
const BUCKET = 'profiles';

async function bodyOf(incoming: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

export async function startS3Server(options: S3ServerOptions = {}): Promise<S3Server> {
  const store = new S3Store(options);
  const requests: S3Request[] = [];
  const server = createServer((request, response) => {
    // A client that disconnects makes the request fail, and needs no response.
    respond(request, response).catch(() => response.destroy());
  });

  async function respond(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    const url = new URL(incoming.url ?? '', 'http://localhost');
    const [, bucket = '', name = ''] = /^\/([^/]*)\/?(.*)$/.exec(decodeURIComponent(url.pathname)) ?? [];
    const request = { method: incoming.method ?? '', name, headers: incoming.headers };
    requests.push(request);
    const fault = await options.fault?.(request, requests.length);
    if (fault === 'stall') return;
    if (fault === 'cut-before') return void response.destroy();
    if (typeof fault === 'object' && 'answer' in fault) {
      if (fault.applied) apply(request, body, url);
      return replace(response, fault.answer);
    }
    const now = Date.now() + (options.clockAhead ?? 0);
    const answer =
      refuse(incoming, body, bucket, now) ??
      (typeof fault === 'object' && 'code' in fault ? failure(fault.code) : apply(request, body, url));
    const failAfter = typeof fault === 'object' && 'failAfter' in fault ? fault.failAfter : undefined;
    await failAfter?.();
    if (fault === 'cut-after') return void response.destroy();
    const date = new Date(options.tellsTime === false ? Date.now() : now).toUTCString();
    const { status, headers, body: text = '' } = failAfter ? failure('InternalError') : answer;
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    const length = status === 304 || status === 204 ? {} : { 'content-length': bytes.length };
    response.writeHead(status, { date, ...headers, ...length });
    if (request.method === 'HEAD') response.end();
    else if (fault !== 'cut-within') response.end(bytes);
    else response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
  }

  function refuse(incoming: IncomingMessage, body: Uint8Array, bucket: string, now: number): Answer | undefined {
    const code = refusal(incoming, body, credentials, now);
    if (code !== undefined) return failure(code);
    return bucket === BUCKET ? undefined : failure('NoSuchBucket');
  }

  function apply({ method, name, headers }: S3Request, body: Uint8Array, url: URL): Answer {
    if (name === '') return store.list(BUCKET, url.searchParams);
    if (method === 'PUT') return store.put(name, body, headers);
    if (method === 'DELETE') return store.delete(name);
    return store.get(name, headers);
  }

  // A process that is busy for seconds must not find its idle connections closed.
  server.keepAliveTimeout = 600_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    options: { bucket: BUCKET, endpoint: `http://127.0.0.1:${port}`, credentials, pathStyle: true },
    store,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
