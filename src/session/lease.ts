/**
 * Leases: who works on a session, and until when, said in its ref (SPEC.md 11.6). A lease is
 * advice. Commits and pushes of others are never refused by it, and one that has expired stops
 * nobody: what protects a session is the swap alone. The swap is also what lets one of several win
 * that ask at once.
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
  /**
   * Whose it is; what an owner has it may take again. One that nobody else has, which tells user,
   * machine and process, unless given.
   */
  owner?: string | undefined;
  /** Milliseconds that it lasts from now on, by this machine's clock, and from each renewal on. */
  ttl: number;
}

export interface Lease {
  readonly owner: string;
  /** When it ends unless it is renewed before. */
  readonly expires: Date;
  /**
   * Makes it last for its whole time again. Throws BUSY where it was lost: another owner took it
   * after it had expired, or the session was deleted. It moves the ref: a push that is under way
   * meanwhile starts over.
   */
  renew(options?: RequestOptions): Promise<void>;
  /** Gives it up, if it is still there; nothing is asked for what a push gave up already. */
  release(options?: RequestOptions): Promise<void>;
}

/** The lease of a session as others see it; undefined where there is none, or it has expired. */
export function leaseOf({ lease }: Ref, now: number): { owner: string; expires: Date } | undefined {
  return lease && lease.expiry > now ? { owner: lease.owner, expires: new Date(lease.expiry) } : undefined;
}

/**
 * Takes the lease of a session, which need not exist yet: then its ref is made, with no commit.
 * Atomic: of several that ask at once one has it. Throws BUSY, naming who has it until when; USAGE
 * for an owner or a time that cannot be one; LEGACY_SESSION, and what else the provider throws.
 */
export async function takeLease(
  replica: Replica,
  session: string,
  { owner, ttl }: LeaseOptions,
  op: Operation,
  later: Operation,
): Promise<Lease> {
  const { host } = op;
  const mine = checkOwner(owner ?? `${host.author()} ${toHex(host.random(8))}`);
  checkWholeNumber('ttl', ttl, 1);
  const until = () => Math.min(host.now() + ttl, MAX_TIME);
  let ref = await change(replica, session, op, 0, (now) => {
    const other = leaseOf(now, host.now());
    if (other !== undefined && other.owner !== mine) throw held(session, other);
    return { owner: mine, expiry: until() };
  });
  return {
    owner: mine,
    get expires() {
      return new Date(ref.lease?.expiry ?? 0);
    },
    async renew(options) {
      ref = await change(replica, session, operationOf(later, 'renew', options, requestOptions), ref.sequence, (now) => {
        if (now.lease?.owner !== mine) throw lost(session, leaseOf(now, host.now()));
        return { owner: mine, expiry: until() };
      });
    },
    async release(options) {
      ref = await change(replica, session, operationOf(later, 'release', options, requestOptions), ref.sequence, (now) =>
        now.lease?.owner === mine ? undefined : 'stays',
      );
    },
  };
}

/**
 * Swaps the lease that `decide` makes of the ref, or nothing, into it; resolves to the ref as it is
 * then. A recalled ref is the first token, unless it is older than change `least`; a reason to
 * reject is only what the provider tells.
 */
async function change(
  replica: Replica,
  session: string,
  op: Operation,
  least: number,
  decide: (ref: Ref) => Ref['lease'] | 'stays',
): Promise<Ref> {
  const known = await replica.recall(session);
  const recalled = known && known.ref.sequence >= least ? known : undefined;
  const attempt = async (from: SessionRef): Promise<Ref | undefined> => {
    const lease = decide(from.ref);
    if (lease === 'stays') return from.ref;
    if (from.hasRef) return (await from.update({ state: 'live', lease }, op))?.ref;
    await replica.rejectLegacy(session, op);
    return (await replica.create(session, op, { lease }))?.ref;
  };
  const isOutdated = (error: unknown, from: SessionRef) => from === recalled && isError(error, 'BUSY');
  return updateRef(session, { read: () => replica.read(session, op), recalled, attempt, isOutdated }, op);
}

function checkOwner(owner: string): string {
  const { length } = utf8(owner);
  if (length > 0 && length <= MAX_AUTHOR_BYTES) return owner;
  throw new BrowserStateError(
    'USAGE',
    `expected the owner of a lease to have 1 to ${MAX_AUTHOR_BYTES} bytes, found ${JSON.stringify(owner)}`,
  );
}

function held(session: string, { owner, expires }: { owner: string; expires: Date }): BrowserStateError {
  return new BrowserStateError('BUSY', `session ${session} is leased by ${owner} until ${expires.toISOString()}`, {
    details: { session, owner, expires: expires.toISOString() },
    hint: 'Wait until then, or work on it without a lease, or on a fork of it.',
  });
}

function lost(session: string, now: { owner: string; expires: Date } | undefined): BrowserStateError {
  if (now !== undefined) return held(session, now);
  return new BrowserStateError(
    'BUSY',
    `session ${session}: the lease is lost; another owner had it after it expired, or the session was deleted`,
    {
      details: { session },
      hint: 'Take a new one, and look at the history of the session before you push.',
    },
  );
}
