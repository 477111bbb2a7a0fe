/** Pushes of a session that has moved on the remote. */
import { BrowserStateError, isError } from '../base/errors.js';
import type { RemoteCall } from '../session/call.js';
import { mayName } from '../session/condemned.js';
import { deleteSession, fork } from '../session/history.js';
import type { LiveSession, SessionRef } from '../session/session-ref.js';
import { updateRef } from '../session/update-ref.js';
import type { Relation } from './histories.js';
import { type Keep, mergeOf } from './merge.js';
import { outgoing } from './outgoing.js';
import { type Sent, type Shipment, send } from './upload.js';

/**
 * `fail`: throw CONFLICT; the commits are then on the remote under the name of a fork. `fork`: the
 * same without an error, and the local session becomes that fork. `ours`, `theirs`: a commit is
 * added that has both heads as parents and the tree of one.
 */
export type OnConflict = 'fail' | 'fork' | Keep;

export interface Divergence extends Pick<Relation, 'unsent' | 'base'> {
  here: LiveSession;
  there: SessionRef;
}

/** Returns the unsent commits in the form that `send` takes. */
export async function unsentCommits({ here, unsent, base }: Divergence, op: RemoteCall): Promise<Pick<Shipment, 'outgoing' | 'base'>> {
  return { outgoing: outgoing(here, unsent, op), base: base && (await here.manifest(base, op)) };
}

/** Sends the unsent commits and a merge. Returns undefined if another writer was first. */
export async function sendMerged(divergence: Divergence, keep: Keep, pin: boolean, op: RemoteCall): Promise<Sent | undefined> {
  const { here, there } = divergence;
  const { commit, kept } = mergeOf(here, there as LiveSession, keep, op);
  const content = await unsentCommits(divergence, op);
  content.outgoing.push({ commit, op: 'merge', isHere: keep === 'ours', load: () => kept.manifest(kept.head, op) });
  return send({ there, ...content, pin }, op);
}

/** Sends the unsent commits to their own session. Returns undefined if that has them already. */
export async function sendFork(divergence: Divergence, name: string, op: RemoteCall): Promise<Sent | undefined> {
  const { here, base } = divergence;
  const read = async () => (await op.remote.create(name, op)) ?? (await op.remote.read(name, op));
  const attempt = async (target: SessionRef) => {
    if (target.head?.id === here.head.id) return 'sent';
    if (target.exists) throw taken(name);
    // Read before the source, so that nothing that the source names is collected unnoticed.
    const pinned = base && (await target.repository.epoch(op));
    const source = base && (await op.remote.requireSession(here.id, op));
    const entries = base && source ? await source.entriesFrom(base.id, op) : [];
    const [first] = entries;
    const underlying = source && first && { entries, manifest: await source.manifest(first, op), epoch: source.ref.epoch };
    if (source && pinned && !(await mayName(source, entries, pinned, op))) return undefined;
    return send({ there: target, ...(await unsentCommits(divergence, op)), underlying, pin: true, pinned }, op);
  };
  const sent = await updateRef<Sent | 'sent'>(name, { read, attempt }, op);
  return sent === 'sent' ? undefined : sent;
}

/** Renames the local session to the fork. The old name then stands for the remote's commits. */
export async function becomeFork({ here }: Divergence, name: string, op: RemoteCall): Promise<void> {
  const { id: session, head } = here;
  await fork(op.local, session, name, undefined, op).catch(async (error: unknown) => {
    // An interrupted push may have created the fork.
    if (!isError(error, 'CONFLICT') || (await op.local.requireSession(name, op)).head.id !== head.id) throw error;
  });
  await deleteSession(op.local, session, op, { session: name, commit: head.id });
}

function taken(session: string): BrowserStateError {
  return new BrowserStateError('CONFLICT', `session ${session} is on the remote already, with other commits`, {
    details: { session },
    hint: 'The commits are safe on this machine. Fork this session under another name and push that.',
  });
}

export function conflict({ here, there }: Divergence, fork: string): BrowserStateError {
  const { id: session, head } = here;
  const theirs = there.head?.id;
  const now = theirs === undefined ? 'it was deleted there' : `its head there is ${theirs.slice(0, 12)}`;
  const safe = `commit ${head.id.slice(0, 12)} is safe on this machine, and on the remote as session ${fork}`;
  return new BrowserStateError('CONFLICT', `session ${session} was changed on the remote meanwhile: ${now}; ${safe}`, {
    details: { session: fork, commit: head.id, head: theirs ?? null },
    hint: `Keep one of the two with \`browserstate push -s ${session} --on-conflict ours\` or \`theirs\`, or both with \`fork\`.`,
  });
}
