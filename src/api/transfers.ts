/** Calls that combine transfers: a commit and its push, and a pull or a push. */
import { BrowserStateError, isError } from '../base/errors.js';
import type { ObjectId } from '../format/object-id.js';
import { type Call, hasRemote, type RemoteCall } from '../session/call.js';
import type { CommitResult } from '../session/commit/options.js';
import { tag } from '../session/history.js';
import { absentSession } from '../session/names.js';
import { relate } from '../sync/histories.js';
import type { PullResult } from '../sync/pull.js';
import type { PushOptions, PushResult } from '../sync/push.js';
import type { SaveOptions } from './options.js';
import { SessionView } from './session-view.js';

export interface SaveResult extends CommitResult {
  /** Undefined without a remote, or if the remote was not to be contacted. */
  push: PushResult | undefined;
}

export interface SyncResult {
  session: string;
  /** The newest commit of both sides. */
  commit: ObjectId;
  pull: PullResult | undefined;
  push: PushResult | undefined;
}

/** Commits a directory and pushes the session; see `Session.save`. */
export async function saveDirectory(id: string, dir: string, options: SaveOptions, op: Call): Promise<SaveResult> {
  // Loaded before the commit, so that nothing but the push can fail after it.
  const pushing = hasRemote(op) && options.push !== false ? { op, ...(await import('./parts/sync.js')) } : undefined;
  const { session, ...done } = await commitOrJoin(id, dir, options, op);
  for (const { kind, path } of done.stats.skipped) op.onWarning?.(`${path}: left out, as every ${kind} is`);
  if (pushing === undefined) return { ...done, push: undefined };
  const { commit, changed } = done;
  const { tag: name } = options;
  try {
    const push = await pushing.pushSession(session, options, pushing.op);
    // A new commit is pushed with its tag. An existing one needs a change of its own.
    if (name !== undefined && !changed && !push.pushed) {
      await new SessionView(session, op.remote).change({ at: commit }, op, (replica, at) => tag(replica, session, name, at, op));
    }
    return { ...done, push: session === id ? push : { ...push, session: id, forkedTo: push.forkedTo ?? session } };
  } catch (error) {
    throw pushing.notPushed(session, commit, error);
  }
}

/**
 * Commits a directory, and returns the session of the commit. If the directory was made from a
 * conflict session of this one, `onConflict` decides as it does for a push.
 */
async function commitOrJoin(id: string, dir: string, options: SaveOptions, op: Call): Promise<CommitResult & { session: string }> {
  const { onConflict = 'fail', tag: name } = options;
  const { commitDirectory } = await import('./parts/directory.js');
  try {
    return { ...(await commitDirectory(id, dir, options, op)), session: id };
  } catch (error) {
    if (onConflict === 'fail' || !isError(error, 'CONFLICT') || error.details['base'] === undefined) throw error;
    const { session, base } = error.details as { session: string; base: ObjectId };
    const isJoined = onConflict === 'ours' || onConflict === 'theirs';
    const settings = { ...options, onto: { head: base }, notedAs: id, ...(isJoined && { tag: undefined }) };
    const done = await commitDirectory(session, dir, settings, op);
    if (!isJoined) return { ...done, session };
    await new SessionView(id, op.remote).pullMissing('HEAD', op);
    const { mergeSession } = await import('./parts/sync.js');
    const merged = await mergeSession(op.local, id, session, onConflict, op);
    if (name !== undefined) await tag(op.local, id, name, merged, op);
    const { id: commit, commit: made } = await (await op.local.requireSession(id, op)).find(merged, op);
    return { ...done, commit, tree: made.tree, parent: made.parents[0], changed: true, session: id };
  }
}

/** Pulls if the remote has newer commits, and pushes if the local store has; see `Session.sync`. */
export async function syncSession(session: string, options: PushOptions, op: RemoteCall): Promise<SyncResult> {
  const { local, remote } = op;
  const last = await remote.lastHead(session);
  const there = await remote.read(session, op);
  const here = await local.read(session, op);
  if (here.wasDeleted && !here.wasMoved && last !== undefined && there.head?.id === last) {
    throw new BrowserStateError('CONFLICT', `session ${session} was deleted on this machine, and the remote still has it`, {
      details: { session },
      hint: `Restore it with \`browserstate pull -s ${session}\`, or delete it on the remote with \`browserstate delete -s ${session}\`.`,
    });
  }
  const { kind } = await relate(here, there, op);
  if (kind === 'same' && !here.exists) throw await absentSession([local, remote], session, op);
  const { pullSession, pushSession } = await import('./parts/sync.js');
  const pull = kind === 'behind' ? await pullSession(session, {}, op) : undefined;
  const push = kind === 'behind' ? undefined : await pushSession(session, options, op);
  const commit = push?.commit ?? pull?.commit ?? (here.head?.id as ObjectId);
  // A push that sends nothing checks that the remote's packs are readable.
  return { session, commit, pull, push: kind === 'same' && !push?.pushed ? undefined : push };
}
