/**
 * A proxy on loopback between a provider's SDK and a server. The proxy counts requests, makes every
 * request take a round trip, and loses requests and responses if a test wants that. The proxy is
 * the client's endpoint. Everything is passed on unchanged, including the Host header, since
 * signatures cover it: the server checks what the client signed.
 */
import { once } from 'node:events';
import { Agent, createServer, request as forward, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { HTML, replace } from './http-answers.js';
import { longestChain } from './rounds.js';

/** The fate of a request. */
export type HttpFault =
  | 'pass'
  /** The connection is destroyed as soon as the head of the request has arrived. */
  | 'drop'
  /** The proxy receives the whole request and answers with 503. */
  | '503'
  /**
   * The whole request is received, and the connection is destroyed. The server never sees the
   * request.
   */
  | 'cut-before'
  /**
   * The server has answered, and the connection is destroyed. The client never sees the response.
   */
  | 'cut-after'
  /**
   * The server has answered, and the client gets 499 and a page of HTML instead of the response.
   */
  | '499-after'
  /** The request is received and never answered. */
  | 'stall'
  /** The request is passed on after that many milliseconds. */
  | { delayMs: number };

export interface ProxiedRequest {
  method: string;
  /** The path and the query. */
  url: string;
  kind: string;
  headers: IncomingHttpHeaders;
}

/** Returns the fate of the nth request, counted from 1 since the start or the last reset. */
export type FaultHook = (n: number, request: ProxiedRequest) => HttpFault;

export interface HttpCounts {
  /** Requests by method and kind of path, as in `GET packs`. */
  requests: Record<string, number>;
  total: number;
  /**
   * Bytes of the bodies of requests that came from the client, and of responses that went to it.
   */
  sent: number;
  received: number;
  /** Connections that the client opened. */
  connections: number;
}

export interface HttpProxy {
  /** The endpoint for the client. */
  url: string;
  counts(): HttpCounts;
  /**
   * Returns the dependent round trips: the longest chain of requests that each began after the
   * previous one was answered.
   */
  rounds(): number;
  /** Resets all counts. Open connections are not counted again. */
  reset(): void;
  /** Delays every request from now on by that many milliseconds. */
  delayBy(roundTripMs: number): void;
  close(): Promise<void>;
}

export interface ProxyOptions {
  /** The address of the server. Only http is supported. */
  target: URL;
  /**
   * Milliseconds by which every request is late. Requests that are to count as one round must be
   * sent within this time.
   */
  roundTripMs?: number;
  fault?: FaultHook;
}

/** Headers that concern one connection and are not passed on. */
const OF_CONNECTION = ['connection', 'keep-alive', 'proxy-connection'];

export async function startProxy({ target, roundTripMs = 0, fault = () => 'pass' }: ProxyOptions): Promise<HttpProxy> {
  let lateMs = roundTripMs;
  // Each request has its own connection, so that no request finds a connection that the server has
  // closed.
  const agent = new Agent({ keepAlive: false });
  let log = freshLog();

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const own = log;
    const described = describe(request);
    const interval = { start: performance.now(), end: Number.POSITIVE_INFINITY };
    own.intervals.push(interval);
    const name = `${described.method} ${described.kind}`;
    own.requests[name] = (own.requests[name] ?? 0) + 1;
    response.once('close', () => {
      interval.end = performance.now();
    });
    const what = fault(own.intervals.length, described);
    if (what === 'drop') return void request.socket.destroy();
    await sleep(lateMs + (typeof what === 'object' ? what.delayMs : 0));
    if (request.socket.destroyed) return;
    request.on('data', (chunk: Buffer) => {
      own.sent += chunk.length;
    });
    if (what === '503' || what === 'cut-before' || what === 'stall') {
      await once(request, 'end');
      if (what === 'cut-before') request.socket.destroy();
      if (what === '503') response.writeHead(503, { 'content-length': 0 }).end();
      return;
    }
    const answer = await passOn(request, response);
    if (what === 'cut-after' || what === '499-after') {
      await once(answer.resume(), 'end');
      if (what === 'cut-after') return void request.socket.destroy();
      return replace(response, { status: 499, headers: { 'content-type': 'text/html' }, body: HTML });
    }
    response.writeHead(answer.statusCode as number, answer.statusMessage, headersOf(answer));
    answer.on('data', (chunk: Buffer) => {
      own.received += chunk.length;
    });
    await pipeline(answer, response, { end: false });
    // Closing a connection with unread bytes would lose the response too.
    if (!request.complete) await once(request, 'end');
    response.end();
  };

  const passOn = async (request: IncomingMessage, response: ServerResponse): Promise<IncomingMessage> => {
    const { method = 'GET', url: path = '/' } = request;
    const upstream = forward({
      agent,
      host: target.hostname,
      port: target.port,
      method,
      path,
      // A server that may close the connection does so as soon as it has answered. Bytes that are
      // still being sent would lose the response.
      headers: [...headersOf(request), 'Connection', 'keep-alive'],
    });
    response.once('close', () => upstream.destroy());
    for (const end of ['error', 'close']) upstream.on(end, () => request.resume());
    request.pipe(upstream);
    const [answer] = (await once(upstream, 'response')) as [IncomingMessage];
    return answer;
  };

  // A connection that breaks on one side is broken on the other.
  const server = createServer((request, response) => void handle(request, response).catch(() => request.socket.destroy()));
  server.keepAliveTimeout = 0;
  server.on('connection', () => log.connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    counts: () => {
      const { requests, intervals, sent, received, connections } = log;
      return { requests: { ...requests }, total: intervals.length, sent, received, connections };
    },
    rounds: () => longestChain(log.intervals),
    reset: () => {
      log = freshLog();
    },
    delayBy: (roundTripMs) => {
      lateMs = roundTripMs;
    },
    close: async () => {
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await once(server, 'close');
    },
  };
}

function freshLog() {
  return {
    requests: {} as Record<string, number>,
    intervals: [] as { start: number; end: number }[],
    sent: 0,
    received: 0,
    connections: 0,
  };
}

function describe(request: IncomingMessage): ProxiedRequest {
  const { method = 'GET', url = '/', headers } = request;
  return { method, url, kind: pathKind(url), headers };
}

/**
 * Returns the kind of thing that a URL of S3 or GCS names in a repository. It is `list`, or the
 * first folder or cell in the URL (`packs`, `manifests`, `segments`, `refs`, `gc`, `config`), or
 * `other`.
 */
export function pathKind(url: string): string {
  if (/[?&](?:list-type|prefix)=/.test(url)) return 'list';
  const named = /(?:^|[/=])(packs|manifests|segments|refs|gc|config)(?=$|[/?&])/.exec(url.replaceAll(/%2f/gi, '/'));
  return named?.[1] ?? 'other';
}

/** Returns names and values alternately, as they came. */
function headersOf({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.filter((_, i) => !OF_CONNECTION.includes((rawHeaders[i - (i % 2)] as string).toLowerCase()));
}
