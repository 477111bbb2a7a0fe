/** Updates the local copy of a session from the remote before it is mounted. */
import { BrowserStateError, isError } from '../base/errors.js';
import { requestOptions } from '../base/operation.js';
import { kind, type OptionNames } from '../base/option-check.js';
import type { OnProgress } from '../base/progress.js';
import type { RequestOptions } from '../provider/provider.js';
import type { RemoteCall } from '../session/call.js';
import { deleteSession } from '../session/history.js';
import type { OnConflict } from './conflict.js';
import { type PullSettings, pullSeen } from './pull.js';
import { pushSession } from './push.js';

export interface MountPullOptions extends RequestOptions {
  /**
   * What to do if this machine has commits that were not pushed and the remote has moved; `fail`
   * unless given.
   */
  onConflict?: OnConflict | undefined;
  onProgress?: OnProgress | undefined;
}

/** The names of the options of a pull before a mount. */
export const mountPullOptions: OptionNames<MountPullOptions> = {
  ...requestOptions,
  onConflict: kind.oneOf('fail', 'fork', 'ours', 'theirs'),
  onProgress: kind.call,
};

interface MountPullSettings extends Pick<MountPullOptions, 'onConflict'>, Pick<PullSettings, 'frames'> {
  /** Called if the remote has nothing of the session, while it is checked whether v0 has. */
  whenAbsent?: () => Promise<void>;
}

/**
 * Gives the local store what the remote has of the session; if that is nothing, the local store
 * stays as it is.
 */
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

/** Deletes here what was deleted on the remote. Throws CONFLICT if something of it is only here. */
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
