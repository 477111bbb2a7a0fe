/** Retries after failures, their waits, and the number of concurrent requests. */
import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { utf8 } from '../../../../src/base/bytes.js';
import { BrowserStateError, type ErrorCode } from '../../../../src/base/errors.js';
import { MAX_RETRY_DELAY_MS } from '../../../../src/base/limits.js';
import { providerSuite } from '../../../../src/provider/conformance/suite.js';
import { memoryProvider } from '../../../../src/provider/memory.js';
import type { Listed, Provider } from '../../../../src/provider/provider.js';
import { type RetryEvent, type RetryOptions, retrying } from '../../../../src/provider/wrap/retry.js';
import { dice } from '../../../support/dice.js';
import { around, counting, failNth, type Method } from '../../../support/faults/providers.js';

const CODES = ['FORBIDDEN', 'NOT_FOUND', 'INTEGRITY', 'CANCELLED', 'USAGE', 'NO_SPACE', 'INTERNAL', 'UNREACHABLE'] as const;
const REPEATED = ['put', 'get', 'read', 'list', 'delete'] as const;

const quick = { retryDelayMs: 0, random: () => 0 };

/** Fails the first `times` requests of each method before they reach the provider. */
function failing(inner: Provider, times: number, code: ErrorCode = 'UNREACHABLE'): Provider {
  const left = new Map<Method, number>();
  return around(inner, async (method, key, request) => {
    const now = left.get(method) ?? times;
    left.set(method, now - 1);
    if (now > 0) throw new BrowserStateError(code, `${method} ${key}: failure ${now}`);
    return await request();
  });
}

/**
 * Makes a third of all requests except swaps UNREACHABLE, before they reach the provider or after
 * they took effect. The requests are drawn at random: every third request could always be the same
 * one of three concurrent readers.
 */
function flaky(inner: Provider): Provider {
  const roll = dice(1);
  return around(inner, async (method, key, request) => {
    if (method === 'swap' || roll(3) > 0) return await request();
    const lost = new BrowserStateError('UNREACHABLE', `${method} ${key}: lost`);
    if (roll(2) === 0) throw lost;
    await request();
    throw lost;
  });
}

async function listed(source: AsyncIterable<Listed>): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of source) keys.push(key);
  return keys;
}

async function ask(provider: Provider, method: Method, signal?: AbortSignal): Promise<unknown> {
  if (method === 'put') return await provider.put('packs/new', utf8('new'), { signal });
  if (method === 'get') return await provider.get('packs/a', { signal, range: { start: 1, end: 3 } });
  if (method === 'read') return await provider.read('refs/a', { signal });
  if (method === 'swap') return await provider.swap('refs/new', utf8('new'), null, { signal });
  if (method === 'list') return await listed(provider.list('packs/', { signal }));
  return await provider.delete('packs/a', { signal });
}

async function filled(): Promise<Provider> {
  const provider = memoryProvider();
  await provider.put('packs/a', utf8('AAAA'));
  await provider.swap('refs/a', utf8('R'), null);
  return provider;
}

/** Returns a promise and the function that resolves it. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

for (const [title, open] of Object.entries({
  retrying: () => retrying(memoryProvider(), quick),
  'retrying, one at a time': () => retrying(memoryProvider(), { ...quick, maxConcurrent: 1 }),
  'retrying over a third of all requests lost': () => retrying(flaky(memoryProvider()), { ...quick, maxRetries: 30 }),
})) {
  for (const { name, run } of providerSuite(async () => open())) test(`${title}: ${name}`, (t) => t.notThrowsAsync(run));
}

for (const method of REPEATED) {
  test(`${method}: UNREACHABLE is retried as often as configured, and reported`, async (t) => {
    const plain = await ask(await filled(), method);
    const events: RetryEvent[] = [];
    const inner = await filled();
    const provider = retrying(failing(inner, 2), { ...quick, maxRetries: 2, onRetry: (event) => events.push(event) });
    t.deepEqual(await ask(provider, method), plain);
    const key = { put: 'packs/new', get: 'packs/a', read: 'refs/a', list: 'packs/', delete: 'packs/a' }[method];
    t.like(events, [
      { operation: method, key, attempt: 1, delayMs: 0, error: { message: `${method} ${key}: failure 2` } },
      { operation: method, key, attempt: 2, delayMs: 0, error: { message: `${method} ${key}: failure 1` } },
    ]);
    t.is(events.length, 2);
    if (method === 'put') t.deepEqual(await inner.get('packs/new'), utf8('new'));
    if (method === 'delete') await t.throwsAsync(inner.get('packs/a'), { code: 'NOT_FOUND' });
  });

  test(`${method}: the last failure passes when patience ends`, async (t) => {
    const counted = counting(failing(await filled(), 4));
    const error = await t.throwsAsync(ask(retrying(counted, { ...quick, maxRetries: 3 }), method), { code: 'UNREACHABLE' });
    t.regex(error?.message ?? '', /failure 1$/);
    t.is(counted.counts.requests[method], 4);
  });

  test(`${method}: without retries there is one request`, async (t) => {
    const counted = counting(failing(await filled(), 1));
    await t.throwsAsync(ask(retrying(counted, { ...quick, maxRetries: 0 }), method), { code: 'UNREACHABLE' });
    t.is(counted.counts.requests[method], 1);
  });

  test(`${method}: no other error is retried`, async (t) => {
    for (const code of CODES.filter((each) => each !== 'UNREACHABLE')) {
      const counted = counting(failing(await filled(), 1, code));
      await t.throwsAsync(ask(retrying(counted, { ...quick, onRetry: () => t.fail() }), method), { code });
      t.is(counted.counts.requests[method], 1);
    }
  });

  test(`${method}: a request that took effect and whose answer was lost may be retried`, async (t) => {
    const plain = await ask(await filled(), method);
    t.deepEqual(await ask(retrying(failNth(await filled(), 1, 'after'), quick), method), plain);
  });

  test(`${method}: a signal ends the wait at once, without another request`, async (t) => {
    const abort = new AbortController();
    const counted = counting(failing(await filled(), 9));
    const options = { retryDelayMs: MAX_RETRY_DELAY_MS, random: () => 1, onRetry: () => setImmediate(() => abort.abort()) };
    await t.throwsAsync(ask(retrying(counted, options), method, abort.signal), { code: 'CANCELLED' });
    t.is(counted.counts.requests[method], 1);
  });

  test(`${method}: a signal that fired during the request that failed ends it without a wait`, async (t) => {
    const abort = new AbortController();
    const deaf = around(await filled(), async () => {
      abort.abort();
      throw new BrowserStateError('UNREACHABLE', 'no answer');
    });
    await t.throwsAsync(ask(retrying(deaf, { ...quick, onRetry: () => t.fail() }), method, abort.signal), { code: 'CANCELLED' });
  });
}

test('a swap is never resent, with any outcome', async (t) => {
  for (const when of ['before', 'after'] as const) {
    const counted = counting(await filled());
    const provider = retrying(failNth(counted, 1, when), { ...quick, onRetry: () => t.fail() });
    await t.throwsAsync(ask(provider, 'swap'), { code: 'UNREACHABLE' });
    t.is(counted.counts.requests.swap, when === 'before' ? 0 : 1);
  }
});

test('a list that fails halfway restarts and yields no key twice', async (t) => {
  const names = Array.from({ length: 10 }, (_, i) => `packs/${i}`);
  const inner = memoryProvider();
  for (const name of names) await inner.put(name, utf8(name));
  let lists = 0;
  const broken: Provider = {
    ...inner,
    async *list(prefix, options) {
      const until = ++lists * 3;
      let sent = 0;
      for await (const entry of inner.list(prefix, options)) {
        if (sent++ === until) throw new BrowserStateError('UNREACHABLE', 'the connection was lost');
        yield entry;
      }
    },
  };
  const provider = retrying(broken, { ...quick, maxRetries: 3 });
  t.deepEqual((await listed(provider.list(''))).sort(), names);
  t.is(lists, 4);
});

test('a caller that stops a list early ends the list below', async (t) => {
  let ended = false;
  const inner: Provider = {
    ...memoryProvider(),
    async *list() {
      try {
        for (let i = 0; ; i++) yield { key: `packs/${i}`, size: 1 };
      } finally {
        ended = true;
      }
    },
  };
  for await (const { key } of retrying(inner, quick).list('')) if (key === 'packs/5') break;
  t.true(ended);
});

async function waits(t: ExecutionContext, options: Omit<RetryOptions, 'onRetry'>, signalAfter: number): Promise<number[]> {
  const abort = new AbortController();
  const delays: number[] = [];
  const onRetry = ({ delayMs }: RetryEvent): void => {
    delays.push(delayMs);
    if (delays.length === signalAfter) setImmediate(() => abort.abort());
  };
  const provider = retrying(failing(await filled(), 99), { ...options, onRetry });
  await t.throwsAsync(ask(provider, 'get', abort.signal), { code: 'CANCELLED' });
  return delays;
}

test('the longest wait doubles from the first, and is bounded', async (t) => {
  t.deepEqual(await waits(t, { retryDelayMs: 1, random: () => 1, maxRetries: 9 }, 5), [1, 2, 4, 8, 16]);
  t.deepEqual(await waits(t, { retryDelayMs: 10 * MAX_RETRY_DELAY_MS, random: () => 1 }, 1), [MAX_RETRY_DELAY_MS]);
  t.deepEqual(await waits(t, { random: () => 1 }, 1), [1000]);
});

test('the wait is a random part of the longest one', async (t) => {
  const parts = [0, 0.5, 0.25, 1];
  t.deepEqual(await waits(t, { retryDelayMs: 4, random: () => parts.shift() as number, maxRetries: 9 }, 4), [0, 4, 4, 32]);
});

test('the number of concurrent requests is limited, and all run in order', async (t) => {
  let underWay = 0;
  let most = 0;
  const order: string[] = [];
  const inner = around(memoryProvider(), async (_method, key, request) => {
    order.push(key);
    most = Math.max(most, ++underWay);
    await turn();
    const result = await request();
    underWay--;
    return result;
  });
  const provider = retrying(inner, { ...quick, maxConcurrent: 3 });
  const keys = Array.from({ length: 40 }, (_, i) => `packs/${i}`);
  for (const half of [keys.slice(0, 20), keys.slice(20)]) {
    await Promise.all(half.map((key, i) => (i % 2 ? provider.swap(key, utf8(key), null) : provider.put(key, utf8(key)))));
  }
  t.is(most, 3);
  t.deepEqual(order, keys);
});

test('failed requests release their slots', async (t) => {
  const inner = memoryProvider();
  const provider = retrying(inner, { ...quick, maxConcurrent: 2 });
  const missing = Array.from({ length: 10 }, (_, i) => t.throwsAsync(provider.get(`packs/${i}`), { code: 'NOT_FOUND' }));
  await Promise.all(missing);
  await provider.put('packs/a', utf8('a'));
  t.deepEqual(await inner.get('packs/a'), utf8('a'));
});

test('a request that waits for a slot is cancelled at once and never sent, without an effect on the others', async (t) => {
  const { opened, open } = gate();
  const counted = counting(
    around(await filled(), async (_method, _key, request) => {
      await opened;
      return await request();
    }),
  );
  const provider = retrying(counted, { ...quick, maxConcurrent: 1 });
  const abort = new AbortController();
  const first = ask(provider, 'read');
  const second = ask(provider, 'put', abort.signal);
  const third = ask(provider, 'get');
  await turn();
  abort.abort();
  await t.throwsAsync(second, { code: 'CANCELLED' });
  open();
  await Promise.all([first, third]);
  await t.throwsAsync(ask(provider, 'delete', abort.signal), { code: 'CANCELLED' });
  t.like(counted.counts.requests, { read: 1, put: 0, get: 1, delete: 0 });
});

test('one signal may cancel any number of requests, without a warning', async (t) => {
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  const provider = retrying(failing(await filled(), 30), { ...quick, maxRetries: 30 });
  const { signal } = new AbortController();
  await Promise.all(Array.from({ length: 30 }, () => ask(provider, 'get', signal)));
  await turn();
  process.off('warning', note);
  t.deepEqual(
    warnings.filter(({ name }) => name === 'MaxListenersExceededWarning'),
    [],
  );
});

test('a request that waits for its retry leaves its slot to others', async (t) => {
  const { opened, open } = gate();
  const abort = new AbortController();
  const inner = around(await filled(), async (method, _key, request) => {
    if (method === 'get') throw new BrowserStateError('UNREACHABLE', 'no answer');
    return await request();
  });
  const provider = retrying(inner, { retryDelayMs: MAX_RETRY_DELAY_MS, random: () => 1, maxConcurrent: 1, onRetry: open });
  const waiting = t.throwsAsync(ask(provider, 'get', abort.signal), { code: 'CANCELLED' });
  await opened;
  await ask(provider, 'put');
  abort.abort();
  await waiting;
});

test('a caller may use the provider between two keys of a list, also with a limit of one request', async (t) => {
  const provider = retrying(await filled(), { ...quick, maxConcurrent: 1 });
  for await (const { key } of provider.list('packs/')) await provider.delete(key);
  t.deepEqual(await listed(provider.list('packs/')), []);
});

test('options with invalid numbers are USAGE', (t) => {
  const bad: Partial<RetryOptions>[] = [
    { maxRetries: -1 },
    { maxRetries: 1.5 },
    { maxRetries: Number.NaN },
    { retryDelayMs: -1 },
    { retryDelayMs: Number.POSITIVE_INFINITY },
    { maxConcurrent: 0 },
    { maxConcurrent: Number.NaN },
  ];
  for (const options of bad) t.throws(() => retrying(memoryProvider(), { ...quick, ...options }), { code: 'USAGE' });
});

test('it forwards address, differences, check and close', async (t) => {
  let closed = false;
  const inner: Provider = {
    ...memoryProvider({ url: 'memory:below', conditionalRead: false }),
    async *check() {
      yield { key: 'refs/a', message: 'damaged' };
    },
    close: async () => {
      closed = true;
    },
  };
  const provider = retrying(inner, quick);
  t.is(provider.url, 'memory:below');
  t.deepEqual(provider.supports, inner.supports);
  t.is(retrying(memoryProvider(), quick).check, undefined);
  for await (const finding of provider.check?.() ?? []) t.is(finding.message, 'damaged');
  await provider.close();
  t.true(closed);
});
