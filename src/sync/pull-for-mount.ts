/** Updates the local copy of a session from the remote before it is mounted. */
import { BrowserStateError, isError } from '../base/errors.js';
import type { RemoteCall } from '../session/call.js';
import { deleteSession } from '../session/history.js';
import { type PullSettings, pullSeen } from './pull.js';
import { type PushOptions, pushSession } from './push.js';

export type MountPullOptions = Omit<PushOptions, 'release'>;

interface MountPullSettings extends Pick<MountPullOptions, 'onConflict'>, Pick<PullSettings, 'frames'> {
  /** Runs if the remote does not have the session, while v0 is checked for it. */
  whenAbsent?: () => Promise<void>;
}

/** Pulls the session if the remote has it. Deletes it here if it was deleted there. */
export async function pullForMount(
  session: string,
  { onConflict = 'fail', frames, whenAbsent }: MountPullSettings,
  op: RemoteCall,
): Promise<void> {
  const there = await op.remote.read(session, op);
  if (!there.exists) {
    await Promise.all([op.remote.rejectLegacy(session, op, there), whenAbsent?.()]);
    if (there.wasDeleted) await followDeletion(session, op);
    return;
  }
  try {
    await pullSeen(there, { frames }, op);
  } catch (error) {
    if (onConflict === 'fail' || !isError(error, 'CONFLICT')) throw error;
    await pushSession(session, { onConflict, ask: true }, op);
    const now = await op.remote.read(session, op);
    if (!now.exists) throw error;
    await pullSeen(now, { frames }, op);
  }
}

/** Deletes the local session. Throws CONFLICT if it has unsent commits. */
async function followDeletion(session: string, op: RemoteCall): Promise<void> {
  const commit = (await op.local.read(session, op)).head?.id;
  if (commit === undefined) return;
  if (commit === (await op.remote.lastHead(session))) return deleteSession(op.local, session, op);
  throw new BrowserStateError(
    'CONFLICT',
    `session ${session} was deleted on the remote, and has commits on this machine that were not pushed`,
    {
      details: { session, commit, head: null },
      hint: `Push them again with \`browserstate push -s ${session} --on-conflict ours\`, or delete the session here with \`browserstate delete -s ${session}\`.`,
    },
  );
}
