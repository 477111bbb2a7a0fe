/** Waiting before another attempt at what other writers were faster at. */
import { setTimeout as sleep } from 'node:timers/promises';
import { throwIfAborted } from '../errors.js';
import type { Host } from '../host.js';
import { SWAP_BACKOFF_CAP_MS, SWAP_BACKOFF_MS } from '../limits.js';
import type { RequestOptions } from '../provider/provider.js';

/** Waits for a random part of a time that doubles with every attempt, counted from 0. Throws CANCELLED when the signal fires. */
export async function pause(attempt: number, host: Pick<Host, 'random'>, { signal }: RequestOptions): Promise<void> {
  const most = Math.min(SWAP_BACKOFF_CAP_MS, SWAP_BACKOFF_MS * 2 ** attempt);
  const share = (host.random(1)[0] as number) / 256;
  await sleep(most * share, undefined, signal ? { signal } : {}).catch(() => throwIfAborted(signal));
}
