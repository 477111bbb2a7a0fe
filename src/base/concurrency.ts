/** Concurrent work with a bound and in order, and cancellable waits. */
import { cancelled, isError, throwIfAborted } from './errors.js';
import { STOP_ATTEMPTS, STOP_WAIT_MS } from './limits.js';

/**
 * Runs `load` on the items, up to `ahead` at a time, and yields the results in the items' order.
 * Throws a failure at the position of its result. Starts nothing new after the consumer stops. With
 * a `window`, the pending items weigh at most `most` together, or there is only one.
 */
export async function* readAhead<Item, Result>(
  items: Iterable<Item>,
  ahead: number,
  load: (item: Item) => Promise<Result>,
  window: { weight: (item: Item) => number; most: number } = { weight: () => 0, most: 0 },
): AsyncGenerator<Result> {
  const queue: { result: Promise<Result>; weight: number }[] = [];
  let total = 0;
  for (const item of items) {
    const weight = window.weight(item);
    for (let next = queue[0]; next !== undefined && (queue.length >= ahead || total + weight > window.most); next = queue[0]) {
      queue.shift();
      total -= next.weight;
      yield await next.result;
    }
    const result = load(item);
    // An error surfaces at its turn. A consumer that stops earlier ignores the error.
    result.catch(() => undefined);
    queue.push({ result, weight });
    total += weight;
  }
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) yield await next.result;
}

/** Resolves after the delay. Throws CANCELLED as soon as the signal fires. */
export function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled(signal));
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      if (signal?.aborted) reject(cancelled(signal));
      else resolve();
    };
    const timer = setTimeout(end, delayMs);
    signal?.addEventListener('abort', end, { once: true });
  });
}

/**
 * Repeats an action on a directory while it throws BUSY, for five seconds: a browser needs time to
 * exit. Throws CANCELLED as soon as the signal fires.
 */
export async function whileBusy<T>(act: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (!isError(error, 'BUSY') || attempt === STOP_ATTEMPTS) throw error;
      await pause(STOP_WAIT_MS, signal);
    }
  }
}

/**
 * Runs a task when there is a free place. Throws CANCELLED without starting the task if the signal
 * fires before that.
 */
export type Places = <T>(task: () => Promise<T>, signal?: AbortSignal) => Promise<T>;

/**
 * Returns places for `count` concurrent tasks. Further tasks wait and start in order of arrival.
 */
export function places(count: number): Places {
  const waiting = new Set<() => void>();
  let free = count;
  const enter = (signal: AbortSignal | undefined): Promise<void> =>
    new Promise((resolve, reject) => {
      const begin = (): void => {
        signal?.removeEventListener('abort', leave);
        waiting.delete(begin);
        resolve();
      };
      const leave = (): void => {
        waiting.delete(begin);
        reject(cancelled(signal as AbortSignal));
      };
      waiting.add(begin);
      signal?.addEventListener('abort', leave, { once: true });
    });
  return async (task, signal) => {
    throwIfAborted(signal);
    if (free > 0) free--;
    else await enter(signal);
    try {
      return await task();
    } finally {
      const [next] = waiting;
      // A place is passed directly to the next task, so that no later task gets it first.
      if (next === undefined) free++;
      else next();
    }
  };
}
