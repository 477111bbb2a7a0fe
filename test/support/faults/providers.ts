/**
 * Decorators over a provider, each named after its fault or count. A caller of `counting` and
 * `latency` sees no change. All decorators count a list as one request.
 */
import { stat } from 'node:fs/promises';
import { setImmediate as turn } from 'node:timers/promises';
import { BrowserStateError } from '../../../src/base/errors.js';
import type { Listed, Provider } from '../../../src/provider/provider.js';

export type Method = 'put' | 'get' | 'read' | 'swap' | 'list' | 'delete';

/**
 * Code that runs around a request. It calls `request` once, or not at all, and returns any result.
 */
type Around = <T>(method: Method, key: string, request: () => Promise<T>, sent: number) => Promise<T>;

export function around(inner: Provider, wrap: Around): Provider {
  const outer: Provider = {
    url: inner.url,
    supports: inner.supports,
    put: (key, bytes, options) => wrap('put', key, () => inner.put(key, bytes, options), bytes.length),
    get: (key, options) => wrap('get', key, () => inner.get(key, options), 0),
    read: (key, options) => wrap('read', key, () => inner.read(key, options), 0),
    swap: (key, bytes, expected, options) => wrap('swap', key, () => inner.swap(key, bytes, expected, options), bytes.length),
    delete: (key, options) => wrap('delete', key, () => inner.delete(key, options), 0),
    close: () => inner.close(),
    async *list(prefix, options): AsyncIterable<Listed> {
      yield* await wrap('list', prefix, () => all(inner.list(prefix, options)), 0);
    },
  };
  if (inner.check !== undefined) outer.check = inner.check.bind(inner);
  return outer;
}

/**
 * Returns a provider whose nth request, counted from 1, is UNREACHABLE: `before` it reaches the
 * provider, or `after` it took effect there.
 */
export function failNth(inner: Provider, n: number, when: 'before' | 'after'): Provider {
  let count = 0;
  return around(inner, async (method, key, request) => {
    const fails = ++count === n;
    if (fails && when === 'before') throw unreachable(method, key);
    const result = await request();
    if (fails) throw unreachable(method, key);
    return result;
  });
}

/**
 * Returns a provider whose nth request, counted from 1, is UNREACHABLE at once, as after a timeout.
 * The request still reaches the provider, late: after `requests` more were answered, or at
 * `arrive`.
 */
export function lateNth(inner: Provider, n: number, requests: number): Provider & { arrive: () => Promise<void> } {
  let count = 0;
  let underWay: (() => Promise<unknown>) | undefined;
  const arrive = async (): Promise<void> => {
    const late = underWay;
    underWay = undefined;
    // Nobody waits for the result any more, even if it is a failure.
    await late?.().catch(() => undefined);
  };
  const outer = around(inner, async (method, key, request) => {
    const at = ++count;
    if (at === n) {
      underWay = request;
      throw unreachable(method, key);
    }
    const result = await request();
    if (at === n + requests) await arrive();
    return result;
  });
  return { ...outer, arrive };
}

/**
 * Returns a provider that flips the byte at `at` in every result that holds bytes of `key`. A
 * negative `at` counts from the end.
 */
export function flipByte(inner: Provider, key: string, at = 0): Provider {
  return altering(inner, key, (bytes) => {
    const index = at < 0 ? bytes.length + at : at;
    bytes[index] = (bytes[index] ?? 0) ^ 0x40;
    return bytes;
  });
}

/**
 * Returns a provider that cuts `missing` bytes off the end of every result that holds bytes of
 * `key`.
 */
export function truncate(inner: Provider, key: string, missing = 1): Provider {
  return altering(inner, key, (bytes) => bytes.slice(0, Math.max(0, bytes.length - missing)));
}

/** Returns a provider that swaps the content of two keys for get and read. */
export function swapObjects(inner: Provider, one: string, other: string): Provider {
  const swapped = (key: string): string => (key === one ? other : key === other ? one : key);
  return {
    ...around(inner, (_method, _key, request) => request()),
    get: (key, options) => inner.get(swapped(key), options),
    read: (key, options) => inner.read(swapped(key), options),
  };
}

export interface Counts {
  /** Requests by method. */
  requests: Record<Method, number>;
  /** Bytes of bodies sent by put and swap, and received by get and read. */
  sent: number;
  received: number;
}

/** Returns a provider that counts requests and bytes, and changes nothing. */
export function counting(inner: Provider): Provider & { counts: Counts } {
  const counts: Counts = { requests: { put: 0, get: 0, read: 0, swap: 0, list: 0, delete: 0 }, sent: 0, received: 0 };
  const counted = around(inner, async (method, _key, request, sent) => {
    counts.requests[method]++;
    counts.sent += sent;
    const result = await request();
    counts.received += bytesOf(result)?.length ?? 0;
    return result;
  });
  return { ...counted, counts };
}

/**
 * Turns of the event loop and of the file system, some 30 ms on an idle machine. A caller needs
 * less time between requests of one round.
 */
const QUIET_TURNS = 400;

/**
 * Returns a provider that counts dependent rounds. Concurrent requests are one round. Results are
 * held back until the caller has sent nothing more for QUIET_TURNS. Then all results arrive at
 * once, as if the network were slower than everything else.
 */
export function latency(inner: Provider): Provider & { rounds: () => number } {
  let rounds = 0;
  let begun = 0;
  let open: Promise<void> | undefined;
  const round = async (): Promise<void> => {
    rounds++;
    for (let seen = -1; seen !== begun; ) {
      seen = begun;
      for (let i = 0; i < QUIET_TURNS; i++) await stat('/').then(turn);
    }
    open = undefined;
  };
  const held = around(inner, async (_method, _key, request) => {
    begun++;
    open ??= round();
    const [result] = await Promise.allSettled([request(), open]);
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
  return { ...held, rounds: () => rounds };
}

function altering(inner: Provider, altered: string, alter: (bytes: Uint8Array) => Uint8Array): Provider {
  return around(inner, async (_method, key, request) => {
    const result = await request();
    const bytes = key === altered ? bytesOf(result) : undefined;
    if (bytes === undefined) return result;
    return (result instanceof Uint8Array ? alter(bytes) : { ...result, bytes: alter(bytes) }) as typeof result;
  });
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** Returns the body of a result, if it has one. */
function bytesOf(result: unknown): Uint8Array | undefined {
  if (result instanceof Uint8Array) return result;
  const body = typeof result === 'object' && result !== null && 'bytes' in result ? result.bytes : undefined;
  return body instanceof Uint8Array ? body : undefined;
}

export function unreachable(method: Method, key: string): BrowserStateError {
  return new BrowserStateError('UNREACHABLE', `${method} ${key}: a fault that the test asked for`);
}
