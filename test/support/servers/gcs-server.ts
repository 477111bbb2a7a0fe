/**
 * A server on loopback for tests. It speaks the part of Cloud Storage's JSON API that the provider
 * and the SDK's simplest calls use. It keeps buckets in memory (gcs-bucket.ts), counts requests,
 * and injects the faults that a hook returns.
 */
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Replaced, replace } from '../faults/http-answers.js';
import { GcsBucket, type GcsReply, jsonError } from './gcs-bucket.js';

/**
 * The fault of one request: an error status, or a connection that is cut before or after the
 * request took effect, or within the response.
 */
export type GcsFault =
  | Replaced
  | '401'
  | '403'
  | '408'
  | '429'
  | '503'
  | 'cut-before'
  | 'cut-after'
  | 'cut-body'
  | 'stall'
  | 'stall-body'
  | 'html';

export interface GcsSeen {
  method: string;
  path: string;
  query: URLSearchParams;
  authorization: string | undefined;
}

export interface GcsServerOptions {
  /** The names of the buckets that exist. The default is `bucket`. */
  buckets?: string[];
  /** Returns the fault of each request. Called before the request takes effect. */
  fault?: (seen: GcsSeen) => GcsFault | undefined | Promise<GcsFault | undefined>;
  /** The bearer token. A request without the token gets 401. */
  token?: string;
}

export interface GcsServer {
  url: string;
  /** Every request so far, in the order of their arrival. */
  requests: GcsSeen[];
  /** The hook, which may be changed between requests. */
  fault: GcsServerOptions['fault'];
  /** Resolves when a connection that is open now, or is made later, has been closed. */
  nextDisconnect(): Promise<void>;
  close(): Promise<void>;
}

export async function startGcsServer({ buckets = ['bucket'], fault, token }: GcsServerOptions = {}): Promise<GcsServer> {
  const kept = new Map(buckets.map((name) => [name, new GcsBucket(name)]));
  const sockets = new Set<Socket>();
  const requests: GcsSeen[] = [];
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const { authorization } = request.headers;
    const seen = { method: request.method ?? '', path: url.pathname, query: url.searchParams, authorization };
    requests.push(seen);
    const wrong = await server.fault?.(seen);
    const chunks: Uint8Array[] = [];
    for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk);
    if (wrong === 'stall') return;
    if (wrong === 'cut-before') return void request.socket.destroy();
    if (typeof wrong === 'object') {
      if (wrong.applied) route(kept, seen, request, Buffer.concat(chunks));
      return replace(response, wrong.answer);
    }
    const denied =
      token !== undefined && authorization !== `Bearer ${token}` ? jsonError(401, 'Invalid Credentials', 'authError') : undefined;
    const reply = faulty(wrong) ?? denied ?? route(kept, seen, request, Buffer.concat(chunks));
    if (wrong === 'cut-after') return void request.socket.destroy();
    response.writeHead(reply.status, { 'Content-Length': reply.body.length, ...reply.headers });
    if (wrong !== 'cut-body' && wrong !== 'stall-body') return void response.end(reply.body);
    response.write(reply.body.subarray(0, reply.body.length >> 1), () => wrong === 'cut-body' && request.socket.destroy());
  };
  const http = createServer((request, response) => {
    // Some tests disconnect a client in the middle of its request.
    handle(request, response).catch(() => request.socket.destroy());
  });
  // A process that is busy for seconds must not find its idle connections closed.
  http.keepAliveTimeout = 600_000;
  const disconnects = new EventEmitter();
  http.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      disconnects.emit('disconnect');
    });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const server: GcsServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    requests,
    fault,
    nextDisconnect: async () => void (await once(disconnects, 'disconnect')),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return server;
}

function faulty(wrong: GcsFault | undefined): GcsReply | undefined {
  if (wrong === '401') return jsonError(401, 'Invalid Credentials', 'authError');
  if (wrong === '403') return jsonError(403, 'someone does not have storage.objects.get access', 'forbidden');
  if (wrong === '408') return jsonError(408, 'Request Timeout', 'requestTimeout');
  if (wrong === '429') return jsonError(429, 'The rate of change requests to the object exceeds the rate limit.', 'rateLimitExceeded');
  if (wrong === '503') return jsonError(503, 'Backend Error', 'backendError');
  if (wrong === 'html')
    return { status: 200, headers: { 'Content-Type': 'text/html' }, body: Buffer.from('<p>Log in to this network</p>') };
  return undefined;
}

/**
 * Routes a request. Paths work with and without `/storage/v1`, which the SDK leaves out if
 * STORAGE_EMULATOR_HOST names the server.
 */
function route(kept: Map<string, GcsBucket>, { method, path, query }: GcsSeen, request: IncomingMessage, body: Buffer): GcsReply {
  const [, upload, name = '', encoded] = /^(\/upload)?(?:\/storage\/v1)?\/b\/([^/]+)\/o(?:\/([^/]+))?$/.exec(path) ?? [];
  const bucket = kept.get(name);
  if (bucket === undefined) return jsonError(404, 'The specified bucket does not exist.', 'notFound');
  const object = encoded === undefined ? undefined : decodeURIComponent(encoded);
  if (upload !== undefined && method === 'POST') return bucket.upload(query, request.headers['content-type'] ?? '', body);
  if (object === undefined) return method === 'GET' ? bucket.list(query) : jsonError(405, 'Method Not Allowed', 'methodNotAllowed');
  if (method === 'DELETE') return bucket.delete(object, query);
  return query.get('alt') === 'media' ? bucket.download(object, query, request.headers.range) : bucket.metadata(object, query);
}
