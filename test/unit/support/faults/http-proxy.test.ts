/**
 * The proxy: it passes everything on unchanged, counts correctly, and breaks only the requested
 * requests.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { noise } from '../../../support/content.js';
import { type FaultHook, type HttpFault, type HttpProxy, pathKind, startProxy } from '../../../support/faults/http-proxy.js';
import { type FaultRates, randomFaults } from '../../../support/faults/random-faults.js';
import { longestChain } from '../../../support/faults/rounds.js';

interface Answer {
  status: number;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

interface Asked {
  method?: string;
  body?: Uint8Array;
  headers?: Record<string, string>;
  agent?: Agent;
  signal?: AbortSignal;
}

async function ask(url: string, { body, ...options }: Asked = {}): Promise<Answer> {
  const request = send(url, { agent: new Agent(), ...options });
  request.end(body);
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(await answer.toArray()) };
}

/** A server with everything that it received. */
interface Server {
  url: URL;
  seen: { method: string; url: string; headers: IncomingMessage['headers']; body: Buffer }[];
}

type Answering = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

const hello: Answering = (_request, response) => void response.setHeader('etag', '"v1"').end('hello');

async function serve(t: ExecutionContext, answering: Answering = hello): Promise<Server> {
  const seen: Server['seen'] = [];
  const server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request;
    const body = Buffer.concat(await request.toArray().catch(() => []));
    seen.push({ method, url, headers, body });
    answering(request, response, body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), seen };
}

async function between(t: ExecutionContext, server: Server, fault?: FaultHook, roundTripMs = 0): Promise<HttpProxy> {
  const proxy = await startProxy({ target: server.url, roundTripMs, ...(fault && { fault }) });
  t.teardown(() => proxy.close());
  return proxy;
}

/** Returns a hook that breaks the first request alone. */
const first =
  (what: HttpFault): FaultHook =>
  (n) =>
    n === 1 ? what : 'pass';

test('requests and answers pass as they came, the Host header too', async (t) => {
  const sent = noise(300_000, 'sent');
  const server = await serve(t, (_request, response, body) => {
    response.writeHead(206, 'Some Of It', { 'X-Hash': createHash('sha256').update(body).digest('hex'), 'Set-Cookie': ['a', 'b'] });
    response.end(noise(500_000, 'received'));
  });
  const proxy = await between(t, server);
  const headers = { 'X-Amz-Date': 'now', Authorization: 'AWS4 x', Expect: '100-continue' };
  const answer = await ask(`${proxy.url}/bucket/a%2Fb?x-id=PutObject`, { method: 'PUT', body: sent, headers });
  t.is(answer.status, 206);
  t.is(answer.headers['x-hash'], createHash('sha256').update(sent).digest('hex'));
  t.deepEqual(answer.headers['set-cookie'], ['a', 'b']);
  t.deepEqual(new Uint8Array(answer.body), new Uint8Array(noise(500_000, 'received')));
  t.like(server.seen[0], { method: 'PUT', url: '/bucket/a%2Fb?x-id=PutObject' });
  t.like(server.seen[0]?.headers, { host: new URL(proxy.url).host, 'x-amz-date': 'now', authorization: 'AWS4 x' });
  t.like(proxy.counts(), { sent: 300_000, received: 500_000 });
});

test('answers without a body pass: HEAD, 204, 304, and a length that is only said', async (t) => {
  const server = await serve(t, ({ method, url }, response) => {
    if (method === 'HEAD') return void response.writeHead(200, { 'content-length': 1000 }).end();
    response.writeHead(Number(url?.slice(1))).end();
  });
  const proxy = await between(t, server);
  t.like(await ask(proxy.url, { method: 'HEAD' }), { status: 200, headers: { 'content-length': '1000' } });
  for (const status of [204, 304, 404]) t.is((await ask(`${proxy.url}/${status}`, { method: 'DELETE' })).status, status);
});

test('a server that answers before it has read the body is heard', async (t) => {
  const early = createServer((request, response) => {
    response.writeHead(403).end(noise(300_000, 'no'));
    request.resume();
  });
  early.listen(0, '127.0.0.1');
  await once(early, 'listening');
  t.teardown(() => {
    early.close();
    early.closeAllConnections();
  });
  const proxy = await between(t, { url: new URL(`http://127.0.0.1:${(early.address() as AddressInfo).port}`), seen: [] });
  t.is((await ask(proxy.url, { method: 'PUT', body: new Uint8Array(20_000_000) })).status, 403);
});

test('a server that is not there, and one that breaks off, break the connection of the client', async (t) => {
  const server = await serve(t, (request, response) => {
    response.writeHead(200, { 'content-length': 10 }).write('half');
    setImmediate(() => request.socket.destroy());
  });
  const proxy = await between(t, server);
  await t.throwsAsync(ask(proxy.url), { code: 'ECONNRESET' });
  const nowhere = await between(t, { url: new URL('http://127.0.0.1:1'), seen: [] });
  await t.throwsAsync(ask(nowhere.url), { code: 'ECONNRESET' });
});

test('requests are counted by method and kind, and connections apart', async (t) => {
  const proxy = await between(t, await serve(t));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  await ask(`${proxy.url}/bucket/refs/a`, { agent });
  await ask(`${proxy.url}/bucket/packs/a`, { agent, method: 'PUT', body: Buffer.from('12345') });
  await ask(`${proxy.url}/bucket/packs/b`, { agent, method: 'PUT', body: Buffer.from('123') });
  await ask(`${proxy.url}/bucket/packs/b`);
  t.deepEqual(proxy.counts(), {
    requests: { 'GET refs': 1, 'PUT packs': 2, 'GET packs': 1 },
    total: 4,
    sent: 8,
    received: 20,
    connections: 2,
  });
  proxy.reset();
  t.deepEqual(proxy.counts(), { requests: {}, total: 0, sent: 0, received: 0, connections: 0 });
  t.is(proxy.rounds(), 0);
});

test('the kind of a path, as S3 and GCS write it', (t) => {
  const kinds: Record<string, string> = {
    '/bucket/prefix/me/.store/packs/1-ab?x-id=GetObject': 'packs',
    '/bucket/me/.store/refs/packs': 'refs',
    '/bucket/config': 'config',
    '/bucket/gc/epoch': 'gc',
    '/bucket?list-type=2&prefix=me%2F.store%2Frefs%2F': 'list',
    '/storage/v1/b/bucket/o/me%2F.store%2Fmanifests%2F1-ab?alt=media': 'manifests',
    '/upload/storage/v1/b/bucket/o?name=me%2F.store%2Fsegments%2Fa&uploadType=multipart': 'segments',
    '/storage/v1/b/bucket/o?prefix=': 'list',
    '/bucket/packsize': 'other',
    '/': 'other',
  };
  for (const [url, kind] of Object.entries(kinds)) t.is(pathKind(url), kind, url);
});

test('requests of one time are one round, and those that follow an answer one more each', async (t) => {
  const sizes = [1, 10, 2, 1];
  let waiting: ServerResponse[] = [];
  const server = await serve(t, (_request, response) => {
    waiting.push(response);
    if (waiting.length < (sizes[0] as number)) return;
    for (const each of waiting) each.end('all at once');
    waiting = [];
    sizes.shift();
  });
  const proxy = await between(t, server);
  await ask(proxy.url);
  t.is(proxy.rounds(), 1);
  await Promise.all(Array.from({ length: 10 }, () => ask(proxy.url)));
  t.is(proxy.rounds(), 2);
  await Promise.all([ask(proxy.url), ask(proxy.url).then(() => ask(proxy.url))]);
  t.is(proxy.rounds(), 4);
});

test('every request takes a round trip, and is late by as much more as the hook says', async (t) => {
  const proxy = await between(t, await serve(t), first({ delayMs: 1500 }), 400);
  for (const least of [1900, 400]) {
    const start = performance.now();
    await ask(proxy.url);
    t.true(performance.now() - start >= least - 2);
  }
});

test('the longest chain of intervals', (t) => {
  const chain = (...pairs: [number, number][]): number => longestChain(pairs.map(([start, end]) => ({ start, end })));
  t.is(chain(), 0);
  t.is(chain([0, 10], [1, 9], [2, 8]), 1);
  t.is(chain([0, 1], [1, 2], [2, 3]), 3);
  t.is(chain([0, 100], [0, 10], [10, 20], [15, 40], [20, 30]), 3);
  t.is(chain([0, Number.POSITIVE_INFINITY], [1, Number.POSITIVE_INFINITY]), 1);
  t.is(chain([5, Number.POSITIVE_INFINITY], [0, 5]), 2);
});

test('drop and cut-before: the server hears nothing; the next request passes', async (t) => {
  for (const what of ['drop', 'cut-before'] as const) {
    const server = await serve(t);
    const proxy = await between(t, server, first(what));
    await t.throwsAsync(ask(proxy.url, { method: 'PUT', body: Buffer.from('12345') }), { code: 'ECONNRESET' });
    t.is(server.seen.length, 0);
    t.like(proxy.counts(), { total: 1, sent: what === 'drop' ? 0 : 5, received: 0 });
    t.is((await ask(proxy.url)).status, 200);
  }
});

test('cut-after: the server has done it, and the client does not hear of it', async (t) => {
  const server = await serve(t);
  const proxy = await between(t, server, first('cut-after'));
  await t.throwsAsync(ask(proxy.url, { method: 'PUT', body: Buffer.from('12345') }), { code: 'ECONNRESET' });
  t.deepEqual(server.seen[0]?.body, Buffer.from('12345'));
  t.like(proxy.counts(), { total: 1, sent: 5, received: 0 });
  t.is((await ask(proxy.url)).status, 200);
});

test('503: the proxy answers for the server, on a connection that stays', async (t) => {
  const server = await serve(t);
  const proxy = await between(t, server, first('503'));
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  t.is((await ask(proxy.url, { agent, method: 'PUT', body: Buffer.from('12345') })).status, 503);
  t.is(server.seen.length, 0);
  t.is((await ask(proxy.url, { agent })).status, 200);
  t.is(proxy.counts().connections, 1);
});

test('stall: no answer until the client disconnects or the proxy closes', async (t) => {
  const server = await serve(t);
  const proxy = await startProxy({ target: server.url, fault: () => 'stall' });
  const abort = new AbortController();
  const one = t.throwsAsync(ask(proxy.url, { signal: abort.signal }), { code: 'ABORT_ERR' });
  const other = t.throwsAsync(ask(proxy.url), { code: 'ECONNRESET' });
  while (proxy.counts().total < 2) await turn();
  abort.abort();
  await one;
  await proxy.close();
  await other;
  t.is(server.seen.length, 0);
});

test('the hook gets each request, and counts from 1 again after a reset', async (t) => {
  const told: string[] = [];
  const fault: FaultHook = (n, { method, url, kind, headers }) => {
    told.push(`${n} ${method} ${url} ${kind} ${headers['x-a']}`);
    return 'pass';
  };
  const proxy = await between(t, await serve(t), fault);
  await ask(`${proxy.url}/b/refs/a`, { headers: { 'X-A': '1' } });
  await ask(`${proxy.url}/b/packs/a`, { headers: { 'X-A': '2' } });
  proxy.reset();
  await ask(`${proxy.url}/b/packs/a`, { method: 'DELETE', headers: { 'X-A': '3' } });
  t.deepEqual(told, ['1 GET /b/refs/a refs 1', '2 GET /b/packs/a packs 2', '1 DELETE /b/packs/a packs 3']);
});

test('random faults are as frequent as said, and the same for a seed', (t) => {
  const draw = (seed: number, rates: FaultRates): HttpFault[] => {
    const hook = randomFaults(seed, rates);
    return Array.from({ length: 4000 }, (_, i) => hook(i, { method: 'GET', url: '/', kind: 'other', headers: {} }));
  };
  const rates = { dropped: 0.1, refused: 0.1, unanswered: 0.2, delayed: 0.3, maxDelayMs: 20 };
  const drawn = draw(1, rates);
  t.deepEqual(drawn, draw(1, rates));
  t.notDeepEqual(drawn, draw(2, rates));
  const found = new Map<string, number>();
  for (const what of drawn) {
    const name = typeof what === 'object' ? 'delayed' : what;
    found.set(name, (found.get(name) ?? 0) + 1 / drawn.length);
  }
  const expected = { drop: 0.05, 'cut-before': 0.05, '503': 0.1, 'cut-after': 0.2, delayed: 0.3, pass: 0.3 };
  for (const [name, part] of Object.entries(expected)) t.true(Math.abs((found.get(name) ?? 0) - part) < 0.03, name);
  t.true(drawn.every((what) => typeof what !== 'object' || (what.delayMs >= 0 && what.delayMs <= 20)));
  t.deepEqual(new Set(draw(1, {})), new Set(['pass']));
});
