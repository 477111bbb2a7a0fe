/**
 * A proxy on the loopback between a provider's SDK and a server: it counts what passes, makes every
 * request take a round trip, and loses requests and answers where a test asks for it. The client is
 * given the proxy as its endpoint. Everything is passed on as it came, the Host header too, since
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
  /** The connection is destroyed as soon as the head of the request has come. */
  | 'drop'
  /** The request is received whole and answered with 503 by the proxy. */
  | '503'
  /**
   * The request is received whole, and the connection is destroyed: the server never hears of it.
   */
  | 'cut-before'
  /** The server has answered, and the connection is destroyed: the client never hears of it. */
  | 'cut-after'
  /** The server has answered, and the client gets 499 and a page of HTML in place of the answer. */
  | '499-after'
  /** The request is received and never answered. */
  | 'stall'
  /** Passed on after so many milliseconds. */
  | { delayMs: number };

export interface ProxiedRequest {
  method: string;
  /** Path and query. */
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
  /** Bytes of the bodies of requests that came from the client, and of answers that went to it. */
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
   * Dependent round trips: the longest chain of requests that each began after the previous one was
   * answered.
   */
  rounds(): number;
  /** Counts from nothing again; connections that are open are not counted. */
  reset(): void;
  /** From here on every request is late by so many milliseconds. */
  delayBy(roundTripMs: number): void;
  close(): Promise<void>;
}

export interface ProxyOptions {
  /** The address of the server; only http. */
  target: URL;
  /**
   * Milliseconds by which every request is late. Requests that are to count as one round must be
   * sent within it.
   */
  roundTripMs?: number;
  fault?: FaultHook;
}

/** Headers that are about one connection and not passed on. */
const OF_CONNECTION = ['connection', 'keep-alive', 'proxy-connection'];

export async function startProxy({ target, roundTripMs = 0, fault = () => 'pass' }: ProxyOptions): Promise<HttpProxy> {
  let lateMs = roundTripMs;
  // A connection for each request, so that none is found closed by a server that tired of waiting.
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
    // Closing a connection that has unread bytes in it would take the answer along.
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
      // A server that may close would do so as soon as it has answered, and what is still being
      // sent would take the answer along.
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
 * What of a repository a URL of S3 or GCS is about: `list`, or the first of a repository's folders
 * and cells that it names (`packs`, `manifests`, `segments`, `refs`, `gc`, `config`), or `other`.
 */
export function pathKind(url: string): string {
  if (/[?&](?:list-type|prefix)=/.test(url)) return 'list';
  const named = /(?:^|[/=])(packs|manifests|segments|refs|gc|config)(?=$|[/?&])/.exec(url.replaceAll(/%2f/gi, '/'));
  return named?.[1] ?? 'other';
}

/** Names and values by turns, as they came. */
function headersOf({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.filter((_, i) => !OF_CONNECTION.includes((rawHeaders[i - (i % 2)] as string).toLowerCase()));
}
