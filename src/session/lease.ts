/**
 * Leases: the owner that works on a session, and an expiry, in the session's ref (SPEC.md 11.6). A
 * lease is advice: it stops no commit or push. Of several concurrent requests the swap grants one.
 */
import { toHex, utf8 } from '../base/bytes.js';
import { BrowserStateError, isError } from '../base/errors.js';
import { MAX_AUTHOR_BYTES, MAX_TIME } from '../base/limits.js';
import { type Operation, operationOf, requestOptions } from '../base/operation.js';
import type { Ref } from '../format/ref.js';
import { checkWholeNumber } from '../provider/arguments.js';
import type { RequestOptions } from '../provider/provider.js';
import type { Replica } from './replica/replica.js';
import type { SessionRef } from './session-ref.js';
import { updateRef } from './update-ref.js';

export interface LeaseOptions extends RequestOptions {
  /** The name of the owner, which may take the lease again; a unique name unless given. */
  owner?: string | undefined;
  /** Milliseconds from now on, and from each renewal on, by this machine's clock. */
  ttl: number;
}

export interface Lease {
  readonly owner: string;
  /** The time at which the lease ends unless it is renewed. */
  readonly expires: Date;
  /**
   * Extends the lease to its full time. Throws BUSY if the lease was lost: another owner took it
   * after it expired, or the session was deleted. A concurrent push starts over.
   */
  renew(options?: RequestOptions): Promise<void>;
  /** Ends the lease, if this owner still has it. Sends no request if a push has ended the lease. */
  release(options?: RequestOptions): Promise<void>;
}

/** Returns the lease of a session; undefined if there is none, or it has expired. */
export function leaseOf({ lease }: Ref, now: number): { owner: string; expires: Date } | undefined {
  return lease && lease.expiry > now ? { owner: lease.owner, expires: new Date(lease.expiry) } : undefined;
}

/**
 * Takes the lease of a session, whose ref is created if there is none. Atomic. Throws BUSY with the
 * other owner, USAGE for an invalid owner or time, LEGACY_SESSION, and what the provider throws.
 * `later` is the operation of `renew` and `release`.
 */
export async function takeLease(
  replica: Replica,
  session: string,
  { owner, ttl }: LeaseOptions,
  op: Operation,
  later: Operation,
): Promise<Lease> {
  const { host } = op;
  const mine = owner ?? `${host.author()} ${toHex(host.random(8))}`;
  const { length } = utf8(mine);
  if (length === 0 || length > MAX_AUTHOR_BYTES)
    throw new BrowserStateError(
      'USAGE',
      `expected the owner of a lease to have 1 to ${MAX_AUTHOR_BYTES} bytes, found ${JSON.stringify(mine)}`,
      { hint: 'Shorten the option `owner`, or omit it.' },
    );
  checkWholeNumber('ttl', ttl, 1);
  const granted = () => ({ owner: mine, expiry: Math.min(host.now() + ttl, MAX_TIME) });
  let ref = await change(replica, session, op, 0, (now) => {
    const other = leaseOf(now, host.now());
    if (other !== undefined && other.owner !== mine) throw held(session, other);
    return granted();
  });
  return {
    owner: mine,
    get expires() {
      return new Date(ref.lease?.expiry ?? 0);
    },
    async renew(options) {
      ref = await change(replica, session, operationOf(later, 'renew', options, requestOptions), ref.sequence, (now) => {
        if (now.lease?.owner !== mine) throw lost(session, leaseOf(now, host.now()));
        return granted();
      });
    },
    async release(options) {
      ref = await change(replica, session, operationOf(later, 'release', options, requestOptions), ref.sequence, (now) =>
        now.lease?.owner === mine ? undefined : 'unchanged',
      );
    },
  };
}

/**
 * Swaps the lease that `decide` returns into the ref. The first attempt starts from the cached ref,
 * unless that ref is older than change `least`. After BUSY from the cached ref, the current ref
 * decides.
 */
async function change(
  replica: Replica,
  session: string,
  op: Operation,
  least: number,
  decide: (ref: Ref) => Ref['lease'] | 'unchanged',
): Promise<Ref> {
  const known = await replica.recall(session);
  const recalled = known && known.ref.sequence >= least ? known : undefined;
  const attempt = async (from: SessionRef): Promise<Ref | undefined> => {
    const lease = decide(from.ref);
    if (lease === 'unchanged') return from.ref;
    if (from.hasRef) return (await from.update({ state: 'live', lease }, op))?.ref;
    await replica.rejectLegacy(session, op);
    return (await replica.create(session, op, { lease }))?.ref;
  };
  const isOutdated = (error: unknown, from: SessionRef) => from === recalled && isError(error, 'BUSY');
  return updateRef(session, { read: () => replica.read(session, op), recalled, attempt, isOutdated }, op);
}

function held(session: string, { owner, expires }: { owner: string; expires: Date }): BrowserStateError {
  return new BrowserStateError('BUSY', `session ${session} is leased by ${owner} until ${expires.toISOString()}`, {
    details: { session, owner, expires: expires.toISOString() },
    hint: 'Wait until then, or work without a lease, or on a fork of the session.',
  });
}

function lost(session: string, other: { owner: string; expires: Date } | undefined): BrowserStateError {
  if (other !== undefined) return held(session, other);
  const problem = 'the lease is lost: another owner took it after it expired, or the session was deleted';
  return new BrowserStateError('BUSY', `session ${session}: ${problem}`, {
    details: { session },
    hint: 'Take a new one, and look at the history of the session before you push.',
  });
}
