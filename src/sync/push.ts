/** Sending a session's commits to the remote (SPEC.md 11.5). */
import { BrowserStateError, isError } from '../base/errors.js';
import { requestOptions } from '../base/operation.js';
import { kind, type OptionNames } from '../base/option-check.js';
import type { OnProgress } from '../base/progress.js';
import type { ObjectId } from '../format/object-id.js';
import type { Row } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { RemoteCall } from '../session/call.js';
import { outgoing } from '../session/outgoing.js';
import { wasCollected } from '../session/read-manifest.js';
import { lostIn, missingOfHead } from '../session/replica/lost.js';
import type { LiveSession, SessionRef } from '../session/session-ref.js';
import { updateRef } from '../session/update-ref.js';
import { relate } from './compare.js';
import { becomeFork, conflict, type Divergence, type OnConflict, sendFork, sendMerged } from './conflict.js';
import { pullSeen } from './pull.js';
import { resend } from './relocate.js';
import { type Sent, send } from './upload.js';

export interface PushOptions extends RequestOptions {
  /** What to do where the remote has commits that this machine has not; `fail` unless given. */
  onConflict?: OnConflict | undefined;
  /** The owner of a lease that is given up in the same swap, if there is anything to send. */
  release?: string | undefined;
  onProgress?: OnProgress | undefined;
}

/** The names of the options of a push. */
export const pushOptions: OptionNames<PushOptions> = {
  ...requestOptions,
  onConflict: kind.oneOf('fail', 'fork', 'ours', 'theirs'),
  release: kind.text,
  onProgress: kind.call,
};

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

/** What callers inside this library say besides. */
interface PushSettings extends PushOptions {
  /**
   * Read the remote's ref first. Otherwise what it was last seen to be is the token, and a swap
   * that loses tells.
   */
  ask?: boolean;
}

/**
 * Sends what the local store has and the remote does not have. Atomic: the remote has all of it or
 * is as it was. Throws CONFLICT if the remote has moved and `onConflict` is `fail`: the commits are
 * then on the remote under the name of the fork that the error tells. Throws UNREACHABLE, FORBIDDEN
 * and what else the provider throws; the local store keeps all.
 */
export async function pushSession(session: string, { ask, ...options }: PushSettings, op: RemoteCall): Promise<PushResult> {
  const wasNew = op.remote.isNew;
  const here = await op.local.requireSession(session, op);
  const read = () => op.remote.read(session, op);
  const recalled = ask ? undefined : ((await op.remote.recall(session)) ?? op.remote.absent(session));
  const attempt = (there: SessionRef, isFirst: boolean) => attemptPush({ here, there }, options, isFirst, op);
  const isOutdated = async (error: unknown, from: SessionRef): Promise<boolean> => {
    if (wasCollected(error)) return true;
    // What a remembered ref needs may have been sent again by another machine.
    const now = lostIn(error) && (await read());
    if (now?.hasRef && now.version !== from.version) return true;
    return op.remote.suspect(error);
  };
  const hint = `The commits are safe on this machine. Repeat \`browserstate push -s ${session}\`.`;
  const sent = await updateRef(session, { read, recalled, attempt, isOutdated, hint, details: { commit: here.head.id } }, op);
  return op.remote.isNew && !wasNew ? { ...sent, created: op.remote.provider.url } : sent;
}

type Sides = Pick<Divergence, 'here' | 'there'>;

/** Makes one attempt; undefined if another writer was first. */
async function attemptPush(sides: Sides, options: PushOptions, isFirst: boolean, op: RemoteCall): Promise<PushResult | undefined> {
  const { here, there } = sides;
  const { id: session } = here;
  const relation = await relate(here, there, op);
  if (relation.kind === 'same' || relation.kind === 'behind') {
    const lost = (await op.remote.isLookDue()) ? await missingOfHead(there, op) : new Set<string>();
    if (lost.size > 0) {
      const sent = await resend(there, lost, op);
      return sent && result(session, sent, 0);
    }
    return { session, commit: (there.head as Row).id, pushed: false, commits: 0, objects: 0, bytes: 0 };
  }
  const { unsent } = relation;
  const base = relation.kind === 'diverged' ? relation.base : await baseOf(here, unsent, op);
  if (relation.kind === 'diverged' || (await isDeleted(there, unsent, op))) return settle({ ...sides, unsent, base }, options, isFirst, op);
  const shipment = {
    ...sides,
    outgoing: outgoing(here, unsent, op),
    base: base && (await here.manifest(base, op)),
    tags: tagsOf(here, unsent),
    pin: !isFirst,
    release: options.release,
  };
  const sent = await send(shipment, op);
  return sent && result(session, sent, unsent.length);
}

async function settle(
  divergence: Divergence,
  { onConflict = 'fail' }: PushOptions,
  isFirst: boolean,
  op: RemoteCall,
): Promise<PushResult | undefined> {
  const { here, there, unsent } = divergence;
  const { id: session } = here;
  if (!there.exists && onConflict === 'theirs') {
    throw new BrowserStateError('CONFLICT', `session ${session} was deleted on the remote; the commits are safe on this machine`, {
      details: { session, commit: here.head.id, head: null },
      hint: `Delete it here as well with \`browserstate delete -s ${session}\`, or push it again with --on-conflict ours.`,
    });
  }
  if (onConflict === 'ours' && !there.exists) {
    const content = { outgoing: outgoing(here, unsent, op), base: undefined, tags: tagsOf(here, unsent) };
    const sent = await send({ there, ...content, pin: !isFirst }, op);
    return sent && result(session, sent, unsent.length);
  }
  if (onConflict === 'ours' || onConflict === 'theirs') {
    const sent = await sendMerged(divergence, onConflict, !isFirst, op);
    if (sent === undefined) return undefined;
    await pullSent(sent.ref, op);
    return result(session, sent, unsent.length + 1);
  }
  const { name, sent } = await sendFork(divergence, op);
  if (onConflict === 'fail') throw conflict(divergence, name);
  await becomeFork(divergence, name, op);
  if (there.exists) await pullSent(there, op);
  const done = { session, commit: here.head.id, pushed: sent !== undefined, forkedTo: name };
  return { ...done, commits: unsent.length, objects: sent?.objects ?? 0, bytes: sent?.bytes ?? 0 };
}

/**
 * Pulls the session after a conflict was resolved. The push has succeeded even if this fails: the
 * next pull fetches it.
 */
async function pullSent(ref: SessionRef, op: RemoteCall): Promise<void> {
  try {
    await pullSeen(ref, {}, op);
  } catch (error) {
    if (!isError(error) || isError(error, 'INTERNAL')) throw error;
  }
}

function result(session: string, { commit, objects, bytes }: Sent, commits: number): PushResult {
  return { session, commit, pushed: true, commits, objects, bytes };
}

/** Returns the entry that comes after those that are not sent yet. */
async function baseOf(here: SessionRef, unsent: readonly Row[], op: RemoteCall): Promise<Row | undefined> {
  let at = 0;
  for await (const row of here.entries(op)) if (at++ === unsent.length) return row;
  return undefined;
}

/** Returns whether what is to be sent was deleted on the remote. */
async function isDeleted(there: SessionRef, unsent: readonly Row[], op: RemoteCall): Promise<boolean> {
  const last = there.wasDeleted ? await op.remote.lastHead(there.id) : undefined;
  return last !== undefined && unsent.some(({ id }) => id === last);
}

/** Returns the tags of the local store that name what is sent. */
function tagsOf({ ref }: LiveSession, unsent: readonly Row[]): Map<string, ObjectId> {
  const ids = new Set(unsent.map(({ id }) => id));
  return new Map([...ref.tags].filter(([, id]) => ids.has(id)));
}

/** Adds to an error of a push that the commit is safe here. A conflict says that itself. */
export function notPushed(session: string, commit: ObjectId | undefined, error: unknown): unknown {
  if (!isError(error) || error.code === 'CONFLICT' || error.code === 'INTERNAL') return error;
  const hint = [error.hint, `\`browserstate push -s ${session}\` sends it later.`].filter(Boolean).join(' ');
  const message = `commit ${commit?.slice(0, 12)} is safe on this machine, and was not pushed: ${error.message}`;
  return new BrowserStateError(error.code, message, { hint, cause: error, details: { session, commit: commit ?? null, ...error.details } });
}
