/** Updates the local copy of a session from the remote before it is mounted. */
import { BrowserStateError, isError } from '../errors.js';
import type { RequestOptions } from '../provider/provider.js';
import type { OnConflict } from './conflict.js';
import { deleteSession } from './history.js';
import type { LocalReplica } from './local.js';
import type { Operation } from './operation.js';
import type { OnProgress } from './progress.js';
import { type PullSettings, pullSeen } from './pull.js';
import { pushSession } from './push.js';
import type { RemoteReplica } from './remote.js';

export interface MountPullOptions extends RequestOptions {
  /**
   * What to do if this machine has commits that were not pushed and the remote has moved; `fail`
   * unless given.
   */
  onConflict?: OnConflict | undefined;
  onProgress?: OnProgress | undefined;
}

interface MountPullSettings extends Pick<MountPullOptions, 'onConflict'>, Pick<PullSettings, 'frames'> {
  /** Called if the remote has nothing of the session, while it is checked whether v0 has. */
  whenAbsent?: () => Promise<void>;
}

/**
 * Gives the local store what the remote has of the session; if that is nothing, the local store
 * stays as it is.
 */
export async function pullForMount(
  local: LocalReplica,
  remote: RemoteReplica,
  session: string,
  { onConflict = 'fail', frames, whenAbsent }: MountPullSettings,
  op: Operation,
): Promise<void> {
  const there = await remote.read(session, op);
  if (!there.exists) {
    await Promise.all([remote.rejectLegacy(session, op, there), whenAbsent?.()]);
    if (there.wasDeleted) await followDeletion(local, remote, session, op);
    return;
  }
  try {
    await pullSeen(local, remote, there, { frames }, op);
  } catch (error) {
    if (onConflict === 'fail' || !isError(error, 'CONFLICT')) throw error;
    await pushSession(local, remote, session, { onConflict, ask: true }, op);
    const now = await remote.read(session, op);
    if (!now.exists) throw error;
    await pullSeen(local, remote, now, { frames }, op);
  }
}

/** Deletes here what was deleted on the remote. Throws CONFLICT if something of it is only here. */
async function followDeletion(local: LocalReplica, remote: RemoteReplica, session: string, op: Operation): Promise<void> {
  const commit = (await local.read(session, op)).head?.id;
  if (commit === undefined) return;
  if (commit === (await remote.lastHead(session))) return deleteSession(local, session, op);
  throw new BrowserStateError(
    'CONFLICT',
    `session ${session} was deleted on the remote, and has commits on this machine that were not pushed`,
    {
      details: { session, commit, head: null },
      hint: `Push them again with \`browserstate push -s ${session} --on-conflict ours\`, or delete the session here with \`browserstate delete -s ${session}\`.`,
    },
  );
}
