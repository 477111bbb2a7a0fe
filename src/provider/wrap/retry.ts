/**
 * A provider that retries failed requests. It wraps a network provider, whose SDK's own retries are
 * off, so that one module decides what may be repeated. Every request except a swap is repeated.
 * Only a read of the cell can show whether a swap without a response took effect.
 */
import { allowListeners } from '#platform';
import { pause, places } from '../../base/concurrency.js';
import { type BrowserStateError, isError, throwIfAborted } from '../../base/errors.js';
import { MAX_RETRIES, MAX_RETRY_DELAY_MS, REMOTE_CONCURRENCY, RETRY_DELAY_MS } from '../../base/limits.js';
import { checkWholeNumber } from '../arguments.js';
import type { Provider, RequestOptions } from '../provider.js';

/** A request that is about to be retried. */
export interface RetryEvent {
  operation: 'put' | 'get' | 'read' | 'list' | 'delete';
  /** The key, or the prefix of a list. */
  key: string;
  /** Number of the retry, from 1. */
  attempt: number;
  /** The failure of the previous request. */
  error: BrowserStateError;
  /** Milliseconds until the retry. */
  delayMs: number;
}

export interface RetryOptions {
  /** Retries of one request, or 0 for none. */
  maxRetries?: number | undefined;
  /**
   * Maximum milliseconds before the first retry. The maximum doubles with each further retry, up to
   * MAX_RETRY_DELAY_MS.
   */
  retryDelayMs?: number | undefined;
  /** Maximum concurrent requests, at least 1. */
  maxConcurrent?: number | undefined;
  /**
   * Returns the fraction of the maximum delay to wait, from 0 to 1, so that many workers do not
   * retry at once.
   */
  random: () => number;
  /** Called before each wait. */
  onRetry?: ((event: RetryEvent) => void) | undefined;
}

/**
 * Returns `provider` with put, get, read, list and delete retried after UNREACHABLE, and after no
 * other error. A swap is sent once, and its UNREACHABLE is passed on: the effect of the swap is
 * unknown (SPEC.md R-WRITE-3). A signal ends a wait with CANCELLED at once.
 *
 * At most `maxConcurrent` requests run at once. A request that waits for its retry does not count.
 * Lists and checks do not count, since their callers may use the provider between two keys. Throws
 * USAGE for options out of range. Closing the result closes `provider`.
 */
export function retrying(provider: Provider, options: RetryOptions): Provider {
  const maxConcurrent = checkWholeNumber('maxConcurrent', options.maxConcurrent ?? REMOTE_CONCURRENCY, 1);
  const place = places(maxConcurrent);
  const inPlace = <T>(request: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> => {
    // Each request listens to the signal.
    if (signal !== undefined) allowListeners(signal);
    return place(request, signal);
  };
  const patience = patienceOf(options);
  const repeated = async <T>(
    operation: RetryEvent['operation'],
    key: string,
    { signal }: RequestOptions,
    request: () => Promise<T>,
  ): Promise<T> => {
    const wait = patience(operation, key, signal);
    for (;;) {
      try {
        return await inPlace(request, signal);
      } catch (error) {
        await wait(error);
      }
    }
  };
  const outer: Provider = {
    url: provider.url,
    supports: provider.supports,
    get etagStyle() {
      return provider.etagStyle;
    },
    put: (key, bytes, options = {}) => repeated('put', key, options, () => provider.put(key, bytes, options)),
    get: (key, options = {}) => repeated('get', key, options, () => provider.get(key, options)),
    read: (key, options = {}) => repeated('read', key, options, () => provider.read(key, options)),
    delete: (key, options = {}) => repeated('delete', key, options, () => provider.delete(key, options)),
    swap: (key, bytes, expected, options = {}) => inPlace(() => provider.swap(key, bytes, expected, options), options.signal),
    list: (prefix, options = {}) =>
      listAgain(
        () => provider.list(prefix, options),
        ({ key }) => key,
        patience('list', prefix, options.signal),
      ),
    close: () => provider.close(),
  };
  if (provider.check !== undefined) outer.check = provider.check.bind(provider);
  if (provider.probe !== undefined) outer.probe = provider.probe.bind(provider);
  if (provider.temporaryBytes !== undefined) outer.temporaryBytes = provider.temporaryBytes.bind(provider);
  const expecting = provider.expecting?.bind(provider);
  if (expecting !== undefined) {
    outer.expecting = ({ key, isExpected }) => retrying(expecting({ key, isExpected: (cell) => isExpected(cell).catch(refuse) }), options);
  }
  const { foreign } = provider;
  if (foreign !== undefined) {
    outer.foreign = {
      list: (prefix, options = {}) =>
        listAgain(
          () => foreign.list(prefix, options),
          ({ name }) => name,
          patience('list', prefix, options.signal),
        ),
      get: (name, range, options = {}) => repeated('get', name, options, () => foreign.get(name, range, options)),
    };
  }
  return outer;
}

/** Errors about a folder that is not the expected one. A retry mounts no disk. */
const rejections = new WeakSet<object>();

/** Returns true if a request was not sent because the folder is not the expected one. */
export function isRefusal(error: unknown): boolean {
  return isError(error) && rejections.has(error);
}

function refuse(error: unknown): never {
  if (isError(error)) rejections.add(error);
  throw error;
}

/**
 * Waits until a failed request may be retried. Throws the failure if the request may not be
 * retried.
 */
type Wait = (error: unknown) => Promise<void>;

function patienceOf({ random, onRetry, ...options }: RetryOptions) {
  const maxRetries = checkWholeNumber('maxRetries', options.maxRetries ?? MAX_RETRIES, 0);
  const firstDelay = checkWholeNumber('retryDelayMs', options.retryDelayMs ?? RETRY_DELAY_MS, 0);
  return (operation: RetryEvent['operation'], key: string, signal: AbortSignal | undefined): Wait => {
    let longest = firstDelay;
    let attempt = 0;
    return async (error) => {
      if (!isError(error, 'UNREACHABLE') || attempt === maxRetries || rejections.has(error)) throw error;
      throwIfAborted(signal);
      longest = Math.min(longest, MAX_RETRY_DELAY_MS);
      const delayMs = random() * longest;
      longest *= 2;
      attempt++;
      onRetry?.({ operation, key, attempt, error, delayMs });
      await pause(delayMs, signal);
    };
  };
}

/**
 * Yields the keys of the first list that completes. Keys yielded before a failure are not yielded
 * again.
 */
async function* listAgain<Entry>(list: () => AsyncIterable<Entry>, nameOf: (entry: Entry) => string, wait: Wait): AsyncGenerator<Entry> {
  const seen = new Set<string>();
  for (;;) {
    try {
      for await (const entry of list()) {
        const name = nameOf(entry);
        if (seen.has(name)) continue;
        seen.add(name);
        yield entry;
      }
      return;
    } catch (error) {
      await wait(error);
    }
  }
}
