/**
 * Leases: who works on a session, and until when, said in its ref (SPEC.md 11.6). A lease is advice. Commits and pushes of others are never refused by it, and
 * one that has expired stops nobody: what protects a session is the swap alone. The swap is also what lets one of several win that ask at once.
 */
import { toHex, utf8 } from '../bytes.js';
import { BrowserStateError, isError } from '../errors.js';
import { MAX_SWAP_ATTEMPTS, MAX_TIME, MAX_WHO_BYTES } from '../limits.js';
import { checkOptions, type OptionNames } from '../option-check.js';
import { checkWholeNumber } from '../provider/arguments.js';
import type { RequestOptions } from '../provider/provider.js';
import { emptyRef, type Ref } from '../repository/ref.js';
import { pause } from './backoff.js';
import type { Home } from './home.js';
import type { Remote, Seen } from './remote.js';

export interface LeaseOptions extends RequestOptions {
  /** Whose it is; what an owner has it may take again. One that nobody else has, which tells user, machine and process, unless given. */
  owner?: string | undefined;
  /** Milliseconds that it lasts from now on, by this machine's clock, and from each renewal on. */
  ttl: number;
}

export interface Lease {
  readonly owner: string;
  /** When it ends unless it is renewed before. */
  readonly expires: Date;
  /**
   * Makes it last for its whole time again. Throws BUSY where it was lost: another owner took it after it had expired, or the session was deleted. It moves the
   * ref: a push that is under way meanwhile starts over.
   */
  renew(options?: RequestOptions): Promise<void>;
  /** Gives it up, if it is still there; nothing is asked for what a push gave up already. */
  release(options?: RequestOptions): Promise<void>;
}

const requestOptions: OptionNames<RequestOptions> = { signal: true };

/** The lease of a session as others see it; undefined where there is none, or it has expired. */
export function leaseOf({ lease }: Ref, now: number): { owner: string; expires: Date } | undefined {
  return lease && lease.expiry > now ? { owner: lease.owner, expires: new Date(lease.expiry) } : undefined;
}

/**
 * Takes the lease of a session, which need not exist yet: then its ref is made, with no commit. Atomic: of several that ask at once one has it. Throws BUSY, naming
 * who has it until when; USAGE for an owner or a time that cannot be one; LEGACY_SESSION, and what else the provider throws.
 */
export async function takeLease(site: Home | Remote, session: string, { owner, ttl, ...options }: LeaseOptions): Promise<Lease> {
  const { host } = site;
  const mine = checkOwner(owner ?? `${host.who()} ${toHex(host.random(8))}`);
  checkWholeNumber('ttl', ttl, 1);
  const until = () => Math.min(host.now() + ttl, MAX_TIME);
  let ref = await change(site, session, options, 0, (now) => {
    const other = now && leaseOf(now, host.now());
    if (other !== undefined && other.owner !== mine) throw held(session, other);
    return { owner: mine, expiry: until() };
  });
  return {
    owner: mine,
    get expires() {
      return new Date(ref.lease?.expiry ?? 0);
    },
    async renew(given) {
      checkOptions('renew', given, requestOptions);
      ref = await change(site, session, given ?? options, ref.sequence, (now) => {
        if (now?.lease?.owner !== mine) throw lost(session, now && leaseOf(now, host.now()));
        return { owner: mine, expiry: until() };
      });
    },
    async release(given) {
      checkOptions('release', given, requestOptions);
      ref = await change(site, session, given ?? options, ref.sequence, (now) => (now?.lease?.owner === mine ? undefined : 'stays'));
    },
  };
}

/**
 * Swaps the lease that `decide` makes of the ref, or nothing, into it; resolves to the ref as it is then. What is remembered is the first token, unless it is older
 * than change `least`: it costs no request, and if it is outdated the swap loses. A reason to refuse is only what the provider tells.
 */
async function change(
  site: Home | Remote,
  session: string,
  options: RequestOptions,
  least: number,
  decide: (ref: Ref | undefined) => Ref['lease'] | 'stays',
): Promise<Ref> {
  const recalled: Seen | undefined = await site.remembered(session);
  if (recalled !== undefined && recalled.token.ref.sequence >= least) {
    const wanted = unlessBusy(() => decide(recalled.token.ref));
    if (wanted === 'stays') return recalled.token.ref;
    const next = wanted !== 'refused' && (await swapped(site, recalled, wanted, options));
    if (next) return next;
  }
  for (let attempt = 0; attempt < MAX_SWAP_ATTEMPTS; attempt++) {
    if (attempt > 0) await pause(attempt - 1, site.host, options);
    const seen: Seen | undefined = await site.read(session, options);
    const wanted = decide(seen?.token.ref);
    if (wanted === 'stays') return seen?.token.ref ?? emptyRef();
    const next = seen ? await swapped(site, seen, wanted, options) : await created(site, session, wanted, options);
    if (next !== undefined) return next;
  }
  throw new BrowserStateError('CONFLICT', `session ${session}: other writers were faster ${MAX_SWAP_ATTEMPTS} times in a row`, {
    details: { session },
    hint: 'Repeat the command.',
  });
}

async function swapped(site: Home | Remote, { repository, token }: Seen, lease: Ref['lease'], options: RequestOptions) {
  const next = await repository.refs.swap(token, { state: 'live', lease }, options);
  if (next !== undefined) await site.noteRef(repository, next);
  return next?.ref;
}

async function created(site: Home | Remote, session: string, lease: Ref['lease'], options: RequestOptions) {
  await site.refuseLegacy(session, options);
  const made: Seen | undefined = await site.create(session, options, { lease });
  if (made !== undefined) await site.noteRef(made.repository, made.token);
  return made?.token.ref;
}

function unlessBusy<T>(decide: () => T): T | 'refused' {
  try {
    return decide();
  } catch (error) {
    if (!isError(error, 'BUSY')) throw error;
    return 'refused';
  }
}

function checkOwner(owner: string): string {
  const { length } = utf8(owner);
  if (length > 0 && length <= MAX_WHO_BYTES) return owner;
  throw new BrowserStateError('USAGE', `expected the owner of a lease to have 1 to ${MAX_WHO_BYTES} bytes, found ${JSON.stringify(owner)}`);
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
