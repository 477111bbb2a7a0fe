/** The one loop around a compare-and-swap of a ref (SPEC.md R-WRITE-2). */
import { pause } from '../base/concurrency.js';
import { BrowserStateError, type Json } from '../base/errors.js';
import { MAX_SWAP_ATTEMPTS, SWAP_BACKOFF_CAP_MS, SWAP_BACKOFF_MS } from '../base/limits.js';
import type { Operation } from '../base/operation.js';
import type { ObjectId } from '../format/object-id.js';
import { wasCollected } from './read-manifest.js';
import type { SessionRef } from './session-ref.js';

export interface RefUpdate<T> {
  /** Reads the ref that an attempt starts from. */
  read: () => Promise<SessionRef>;
  /** A cached ref for the first attempt. If it is stale, its swap loses. */
  recalled?: SessionRef | undefined;
  /** Makes one attempt. Resolves to undefined if another writer updated the ref first. */
  attempt: (from: SessionRef, isFirst: boolean) => Promise<T | undefined>;
  /** Returns whether to retry after an error from a fresh read; `wasCollected` unless given. */
  isOutdated?: (error: unknown, from: SessionRef) => boolean | Promise<boolean>;
  /** Keeps what a failed attempt stored, for the next call to find. */
  isResumable?: boolean;
  /** The hint and further details of the error after the last attempt. */
  hint?: string;
  details?: Readonly<Record<string, Json>>;
}

/**
 * Changes a ref, with randomized backoff. Throws CONFLICT after the last attempt, CANCELLED, and
 * what an attempt throws.
 */
export async function updateRef<T>(id: string, update: RefUpdate<T>, op: Operation): Promise<T> {
  const { read, recalled, attempt, isOutdated = wasCollected, isResumable = false, hint, details } = update;
  let head: string | null = null;
  for (let n = 0; n < MAX_SWAP_ATTEMPTS; n++) {
    if (n > 0) await pause(backoff(n - 1, op), op.signal);
    const from = (n === 0 && recalled) || (await read());
    head = from.head?.id ?? null;
    const run = (start: SessionRef) => attempt(start, n === 0);
    try {
      const done = await (isResumable ? run(from) : from.replica.drafting(from, run));
      if (done !== undefined) return done;
    } catch (error) {
      if (!(await isOutdated(error, from))) throw error;
    }
  }
  throw new BrowserStateError('CONFLICT', `session ${id}: gave up after ${MAX_SWAP_ATTEMPTS} attempts: other processes keep updating it`, {
    details: { session: id, head, ...details },
    hint: hint ?? 'Repeat the command.',
  });
}

/** Returns the error for a change whose session has another head by now. */
export function headMoved(session: string, head: ObjectId | undefined, hint?: string): BrowserStateError {
  const now = head === undefined ? 'it has no commits now' : `its head is ${head.slice(0, 12)} now`;
  return new BrowserStateError('CONFLICT', `session ${session} was changed by another writer meanwhile: ${now}; nothing was changed here`, {
    details: { session, head: head ?? null },
    hint: hint ?? `Look at \`browserstate log -s ${session}\`, then repeat the command.`,
  });
}

/** Returns a random part of a time that doubles with every attempt, counted from 0. */
function backoff(attempt: number, { host }: Operation): number {
  const share = (host.random(1)[0] as number) / 256;
  return share * Math.min(SWAP_BACKOFF_CAP_MS, SWAP_BACKOFF_MS * 2 ** attempt);
}
