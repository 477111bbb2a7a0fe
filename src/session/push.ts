/** Sending a session's commits to the remote (SPEC.md 11.5). */
import { BrowserStateError, isError } from '../errors.js';
import { MAX_SWAP_ATTEMPTS } from '../limits.js';
import type { ObjectId } from '../object-id.js';
import type { RequestOptions } from '../provider/provider.js';
import { type Row, wasDeleted } from '../repository/ref.js';
import { pause } from './backoff.js';
import { becomeFork, conflict, type Divergence, type OnConflict, outgoing, sendFork, sendMerged } from './conflict.js';
import type { Home } from './home.js';
import { lostIn, missingOfHead } from './lost.js';
import type { OnProgress } from './progress.js';
import { pullSeen } from './pull.js';
import { relate } from './relation.js';
import { resend } from './relocate.js';
import type { Remote, Seen } from './remote.js';
import { type Sent, send } from './send.js';
import type { Found } from './site.js';

export interface PushOptions extends RequestOptions {
  /** What to do where the remote has commits that this machine has not; `fail` unless given. */
  onConflict?: OnConflict | undefined;
  /** The owner of a lease that is given up in the same swap, if there is anything to send. */
  release?: string | undefined;
  onProgress?: OnProgress | undefined;
}

export interface PushResult {
  session: string;
  /** The head that the push gave the remote, or found there. */
  commit: ObjectId;
  /** The address of the store that the push created, if there was none. */
  created?: string;
  /** Whether anything was sent, and how many commits, objects and bytes. */
  pushed: boolean;
  commits: number;
  objects: number;
  bytes: number;
  /** The session that holds what was sent, where it is another: the remote had moved. */
  forkedTo?: string;
}

/**
 * Sends what home has and the remote has not. Atomic: the remote has all of it or is as it was. With `ask` the remote is asked for its ref first; otherwise
 * what it was last seen to be is the token, and a swap that loses tells. Throws CONFLICT where the remote has moved and `onConflict` is `fail`: what was to
 * be sent is then on the remote under the name of the fork that the error tells. Throws UNREACHABLE, FORBIDDEN and what else the provider throws; home keeps all.
 */
export async function pushSession(
  home: Home,
  remote: Remote,
  session: string,
  options: PushOptions & { ask?: boolean } = {},
): Promise<PushResult> {
  const wasNew = remote.isNew;
  const local = await home.requireSession(session, options);
  let seen = options.ask ? await remote.read(session, options) : await remote.remembered(session);
  for (let attempt = 0; attempt < MAX_SWAP_ATTEMPTS; attempt++) {
    const isFirst = attempt === 0;
    const token = seen?.token;
    const sent = await attemptPush(home, remote, local, seen, { ...options, isFirst }).catch(async (error: unknown) => {
      // What a remembered ref needs may have been sent again by another machine.
      const now = lostIn(error) && (await remote.read(session, options));
      if (now === undefined || now.token.version === token?.version) return remote.suspect(error);
      return undefined;
    });
    if (sent !== undefined) return remote.isNew && !wasNew ? { ...sent, created: remote.provider.url } : sent;
    await pause(attempt, home.host, options);
    seen = await remote.read(session, options);
  }
  throw new BrowserStateError('CONFLICT', `session ${session}: other writers were faster ${MAX_SWAP_ATTEMPTS} times in a row`, {
    details: { session, commit: local.head.id },
    hint: `The commits are safe on this machine. Repeat \`browserstate push -s ${session}\`.`,
  });
}

/** Undefined where another writer was first. */
async function attemptPush(
  home: Home,
  remote: Remote,
  local: Found,
  seen: Seen | undefined,
  options: PushOptions & { isFirst: boolean },
): Promise<PushResult | undefined> {
  const { session } = local.token;
  const there = seen && { refs: seen.repository.refs, ref: seen.token.ref };
  const relation = await relate({ refs: local.repository.refs, ref: local.token.ref }, there, options);
  if (relation.kind === 'same' || relation.kind === 'behind') {
    const head = seen?.token.ref.rows[0] as Row;
    const lost = seen !== undefined && (await remote.isLookDue()) ? await missingOfHead(remote, seen, options) : undefined;
    if (seen !== undefined && lost !== undefined && lost.size > 0) {
      const sent = await resend(home, remote, seen, lost, options);
      return sent && result(session, sent, 0);
    }
    return { session, commit: head.id, pushed: false, commits: 0, objects: 0, bytes: 0 };
  }
  const { unsent } = relation;
  const base = relation.kind === 'diverged' ? relation.base : await baseOf(local, unsent, options);
  if (seen !== undefined && (relation.kind === 'diverged' || (await isDeleted(remote, seen, unsent)))) {
    return settle({ home, remote, local, seen, unsent, base, options }, options);
  }
  const shipment = {
    home,
    remote,
    session,
    seen,
    outgoing: outgoing({ home, local, unsent, options }),
    base: base && (await home.readManifest(local.repository, local.token, base, options)),
    tags: tagsOf(local, unsent),
    pin: !options.isFirst,
    release: options.release,
  };
  const sent = await send(shipment, options);
  return sent && result(session, sent, unsent.length);
}

async function settle(
  divergence: Divergence,
  { onConflict = 'fail', isFirst }: PushOptions & { isFirst: boolean },
): Promise<PushResult | undefined> {
  const { home, remote, local, seen, unsent, options } = divergence;
  const { session } = local.token;
  const isGone = seen.token.ref.rows.length === 0;
  if (isGone && onConflict === 'theirs') {
    throw new BrowserStateError('CONFLICT', `session ${session} was deleted on the remote; the commits are safe on this machine`, {
      details: { session, commit: local.head.id, head: null },
      hint: `Delete it here as well with \`browserstate delete -s ${session}\`, or push it again with --on-conflict ours.`,
    });
  }
  if (onConflict === 'ours' && isGone) {
    const commits = outgoing({ home, local, unsent, options });
    const sent = await send(
      { home, remote, session, seen, outgoing: commits, base: undefined, tags: tagsOf(local, unsent), pin: !isFirst },
      options,
    );
    return sent && result(session, sent, unsent.length);
  }
  if (onConflict === 'ours' || onConflict === 'theirs') {
    const sent = await sendMerged(divergence, onConflict, !isFirst);
    if (sent === undefined) return undefined;
    await bringBack(divergence, sent);
    return result(session, sent, unsent.length + 1);
  }
  const { name, sent } = await sendFork(divergence);
  if (onConflict === 'fail') throw conflict(session, divergence, name);
  await becomeFork(divergence, name);
  const there = { session, commit: local.head.id, pushed: sent !== undefined, forkedTo: name };
  return { ...there, commits: unsent.length, objects: sent?.objects ?? 0, bytes: sent?.bytes ?? 0 };
}

/** Brings what a merge made to home. The push has succeeded whatever becomes of this: the next pull brings it. */
async function bringBack({ home, remote, seen, options }: Divergence, { token }: Sent): Promise<void> {
  try {
    await pullSeen(home, remote, { repository: seen.repository, token }, options);
  } catch (error) {
    if (!isError(error) || isError(error, 'INTERNAL')) throw error;
  }
}

function result(session: string, { commit, objects, bytes }: Sent, commits: number): PushResult {
  return { session, commit, pushed: true, commits, objects, bytes };
}

/** The row that comes after those that are not sent yet. */
async function baseOf({ repository, token }: Found, unsent: readonly Row[], options: RequestOptions): Promise<Row | undefined> {
  let at = 0;
  for await (const row of repository.refs.rows(token.ref, options)) if (at++ === unsent.length) return row;
  return undefined;
}

/** Whether what is to be sent is what was deleted on the remote. */
async function isDeleted(remote: Remote, { token }: Seen, unsent: readonly Row[]): Promise<boolean> {
  const last = wasDeleted(token.ref) ? await remote.lastHead(token.session) : undefined;
  return last !== undefined && unsent.some(({ id }) => id === last);
}

/** The tags of home that name what is sent. */
function tagsOf({ token }: Found, unsent: readonly Row[]): Map<string, ObjectId> {
  const ids = new Set(unsent.map(({ id }) => id));
  return new Map([...token.ref.tags].filter(([, id]) => ids.has(id)));
}
