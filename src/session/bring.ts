/** What a mount does first: home gets what the remote has of the session. */
import { BrowserStateError, isError } from '../errors.js';
import type { RequestOptions } from '../provider/provider.js';
import { wasDeleted } from '../repository/ref.js';
import type { OnConflict } from './conflict.js';
import { deleteSession } from './history.js';
import type { Home } from './home.js';
import type { OnProgress } from './progress.js';
import { type KeepFrames, pullSeen } from './pull.js';
import { pushSession } from './push.js';
import type { Remote } from './remote.js';

export interface BringOptions extends RequestOptions {
  /** What to do where this machine has commits that were not pushed and the remote has moved; `fail` unless given. */
  onConflict?: OnConflict | undefined;
  onProgress?: OnProgress | undefined;
}

interface BringSettings extends BringOptions, KeepFrames {
  /** Called if the remote has nothing of the session, while it is asked whether the older package has. */
  whenAbsent?: () => Promise<void>;
}

/** Makes home have what the remote has of the session; where that is nothing, home stays as it is. */
export async function bring(home: Home, remote: Remote, session: string, options: BringSettings): Promise<void> {
  const { onConflict = 'fail', signal, onProgress, keepFrames = false, whenAbsent } = options;
  const seen = await remote.read(session, { signal });
  if (seen?.token.ref.rows[0] === undefined) {
    await Promise.all([remote.refuseLegacy(session, { signal }, seen?.token), whenAbsent?.()]);
    if (seen !== undefined && wasDeleted(seen.token.ref)) await followDeletion(home, remote, session, options);
    return;
  }
  try {
    await pullSeen(home, remote, seen, { signal, onProgress, keepFrames });
  } catch (error) {
    if (onConflict === 'fail' || !isError(error, 'CONFLICT')) throw error;
    await pushSession(home, remote, session, { onConflict, ask: true, signal, onProgress });
    const now = await remote.read(session, { signal });
    if (now?.token.ref.rows[0] === undefined) throw error;
    await pullSeen(home, remote, now, { signal, onProgress, keepFrames });
  }
}

/** Deletes here what was deleted on the remote, unless something of it is only here: then CONFLICT. */
async function followDeletion(home: Home, remote: Remote, session: string, options: RequestOptions): Promise<void> {
  const head = (await home.read(session, options))?.token.ref.rows[0]?.id;
  if (head === undefined) return;
  if (head === (await remote.lastHead(session))) return deleteSession(home, session, options);
  throw new BrowserStateError(
    'CONFLICT',
    `session ${session} was deleted on the remote, and has commits on this machine that were not pushed`,
    {
      details: { session, commit: head, head: null },
      hint: `Push them again with \`browserstate push -s ${session} --on-conflict ours\`, or delete the session here with \`browserstate delete -s ${session}\`.`,
    },
  );
}
