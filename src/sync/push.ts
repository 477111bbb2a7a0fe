/** Pushes of a session's commits to the remote (SPEC.md 11.5). */
import { BrowserStateError, isError } from '../base/errors.js';
import type { OnProgress } from '../base/progress.js';
import type { ObjectId } from '../format/object-id.js';
import type { HistoryEntry } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { RemoteCall } from '../session/call.js';
import { wasCollected } from '../session/read-manifest.js';
import { forkName } from '../session/relatives.js';
import { lostIn } from '../session/replica/lost.js';
import type { LiveSession, SessionRef } from '../session/session-ref.js';
import { updateRef } from '../session/update-ref.js';
import { becomeFork, conflict, type OnConflict, sendFork, sendMerged, unsentCommits } from './conflict.js';
import { relate, tagsOf } from './histories.js';
import { pullSeen } from './pull.js';
import { missingOfHead, resend } from './relocate.js';
import { type Sent, send } from './upload.js';

export interface PushOptions extends RequestOptions {
  /** The action if the remote has commits that are not here; `fail` unless given. */
  onConflict?: OnConflict | undefined;
  /** The owner of a lease that ends in the same swap, if there is anything to send. */
  release?: string | undefined;
  onProgress?: OnProgress | undefined;
}

export interface PushResult {
  session: string;
  /** The remote's head after the push. */
  commit: ObjectId;
  /** The address of the store that the push created, if there was none. */
  created?: string;
  /** Whether anything was sent, and how many commits, objects and bytes. */
  pushed: boolean;
  commits: number;
  objects: number;
  bytes: number;
  /** The session that holds the sent commits if the remote had moved. */
  forkedTo?: string;
}

interface PushSettings extends PushOptions {
  /** Read the remote's ref first. Unless set, the first swap starts from the cached ref. */
  ask?: boolean;
}

/**
 * Sends the commits that the remote does not have. Atomic: the remote has all of them or is
 * unchanged. Throws CONFLICT if the remote has moved and `onConflict` is `fail`: the commits are
 * then on the remote in the fork that the error names. Throws what the provider throws. The local
 * store keeps the commits in every case.
 */
export async function pushSession(session: string, { ask, ...options }: PushSettings, op: RemoteCall): Promise<PushResult> {
  const wasNew = op.remote.isNew;
  const here = await op.local.requireSession(session, op);
  const read = () => op.remote.read(session, op);
  const recalled = ask ? undefined : ((await op.remote.recall(session)) ?? op.remote.absent(session));
  const attempt = (there: SessionRef, isFirst: boolean) => attemptPush(here, there, isFirst, options, op);
  const isOutdated = async (error: unknown, from: SessionRef): Promise<boolean> => {
    if (wasCollected(error)) return true;
    // Another machine may have resent the objects that a cached ref needs.
    const now = lostIn(error) && (await read());
    if (now?.hasRef && now.version !== from.version) return true;
    return op.remote.suspect(error);
  };
  const hint = `The commits are safe on this machine. Repeat \`browserstate push -s ${session}\`.`;
  const sent = await updateRef(session, { read, recalled, attempt, isOutdated, hint, details: { commit: here.head.id } }, op);
  return op.remote.isNew && !wasNew ? { ...sent, created: op.remote.provider.url } : sent;
}

/** Makes one attempt. Returns undefined if another writer was first. */
async function attemptPush(
  here: LiveSession,
  there: SessionRef,
  isFirst: boolean,
  { onConflict = 'fail', release }: PushOptions,
  op: RemoteCall,
): Promise<PushResult | undefined> {
  const { id: session, head } = here;
  const { kind, unsent, base } = await relate(here, there, op);
  if (kind === 'same' || kind === 'behind') {
    const lost = (await op.remote.isLookDue()) ? await missingOfHead(there, op) : new Set<string>();
    if (lost.size > 0) return result(session, await resend(there, lost, op), 0);
    return { session, commit: (there.head as HistoryEntry).id, pushed: false, commits: 0, objects: 0, bytes: 0 };
  }
  const divergence = { here, there, unsent, base };
  const deleted = there.wasDeleted ? await op.remote.lastHead(session) : undefined;
  if (kind === 'ahead' && (onConflict === 'ours' || unsent.every(({ id }) => id !== deleted))) {
    const content = await unsentCommits(divergence, op);
    return result(session, await send({ there, ...content, tags: tagsOf(here.ref, unsent), pin: !isFirst, release }, op), unsent.length);
  }
  if (onConflict === 'theirs' && !there.exists) throw deletedThere(here);
  if (onConflict === 'ours' || onConflict === 'theirs') {
    const sent = await sendMerged(divergence, onConflict, !isFirst, op);
    if (sent !== undefined) await pullSent(sent.ref, op);
    return result(session, sent, unsent.length + 1);
  }
  const forkedTo = forkName(session, head.id);
  const sent = await sendFork(divergence, forkedTo, op);
  if (onConflict === 'fail') throw conflict(divergence, forkedTo);
  await becomeFork(divergence, forkedTo, op);
  if (there.exists) await pullSent(there, op);
  const { objects = 0, bytes = 0 } = sent ?? {};
  return { session, commit: head.id, pushed: sent !== undefined, commits: unsent.length, objects, bytes, forkedTo };
}

/** Pulls the session after a conflict. The push has succeeded, so a failure is ignored. */
async function pullSent(ref: SessionRef, op: RemoteCall): Promise<void> {
  await pullSeen(ref, {}, op).catch((error: unknown) => {
    if (!isError(error) || isError(error, 'INTERNAL')) throw error;
  });
}

function result(session: string, sent: Sent | undefined, commits: number): PushResult | undefined {
  return sent && { session, commit: sent.commit, pushed: true, commits, objects: sent.objects, bytes: sent.bytes };
}

function deletedThere({ id: session, head }: LiveSession): BrowserStateError {
  return new BrowserStateError('CONFLICT', `session ${session} was deleted on the remote; the commits are safe on this machine`, {
    details: { session, commit: head.id, head: null },
    hint: `Delete it here as well with \`browserstate delete -s ${session}\`, or push it again with --on-conflict ours.`,
  });
}

/** Returns the error of a push with the note that the commit is safe, as a CONFLICT has. */
export function notPushed(session: string, commit: ObjectId | undefined, error: unknown): unknown {
  if (!isError(error) || error.code === 'CONFLICT' || error.code === 'INTERNAL') return error;
  const hint = [error.hint, `\`browserstate push -s ${session}\` sends it later.`].filter(Boolean).join(' ');
  const message = `commit ${commit?.slice(0, 12)} is safe on this machine, and was not pushed: ${error.message}`;
  return new BrowserStateError(error.code, message, { hint, cause: error, details: { session, commit: commit ?? null, ...error.details } });
}
