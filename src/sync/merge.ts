/** Merges of two histories: a commit with both heads as parents and the content of one of them. */
import type { Operation } from '../base/operation.js';
import type { Commit } from '../format/commit.js';
import type { ObjectId } from '../format/object-id.js';
import type { HistoryEntry } from '../format/ref.js';
import { appendCommit, newCommit } from '../session/append-commit.js';
import { mayName } from '../session/condemned.js';
import { deleteSession } from '../session/history.js';
import type { Replica } from '../session/replica/replica.js';
import type { LiveSession } from '../session/session-ref.js';
import { updateRef } from '../session/update-ref.js';
import { parentsLast } from './histories.js';

export type Keep = 'ours' | 'theirs';

/** Returns the commit that joins two heads, and the session whose content it has. */
export function mergeOf(ours: LiveSession, theirs: LiveSession, keep: Keep, { host }: Operation): { commit: Commit; kept: LiveSession } {
  const [kept, other] = keep === 'ours' ? [ours, theirs] : [theirs, ours];
  const message = `Merge of ${other.head.id.slice(0, 12)}, keeping ${keep}`;
  return { commit: newCommit(kept.head.commit, { parents: [kept.head.id, other.head.id], message }, host), kept };
}

/**
 * Merges session `other`, which is ours, into `session` of the same replica and deletes it. Returns
 * the merge. Atomic: both sessions are unchanged until then. Throws CONFLICT if other writers were
 * first every time.
 */
export async function mergeSession(replica: Replica, session: string, other: string, keep: Keep, op: Operation): Promise<ObjectId> {
  const read = () => replica.requireSession(session, op);
  const attempt = async (theirs: LiveSession): Promise<ObjectId | undefined> => {
    // Read after the ref and before the other session, so that nothing that the session names is
    // collected unnoticed.
    const epoch = await theirs.repository.epoch(op);
    const ours = await replica.requireSession(other, op);
    const { commit, kept } = mergeOf(ours, theirs, keep, op);
    const { tree, blobs } = await kept.manifest(kept.head, op);
    const before: HistoryEntry[] = [];
    for await (const entry of theirs.entries(op)) before.push(entry);
    const known = new Set(before.map(({ id }) => id));
    const below: HistoryEntry[] = [];
    for await (const entry of ours.entries(op)) {
      if (known.has(entry.id)) break;
      below.push(entry);
    }
    if (!(await mayName(ours, below, epoch, op))) return undefined;
    const born = Math.max(epoch.k, ours.ref.epoch);
    // This replica may lack the common ancestors of the two in `session`, and gets them now.
    const older = { before, after: parentsLast([...below, ...before]) };
    return (await appendCommit(theirs, { op: 'merge', commit, tree, blobs, epoch: born, older }, op))?.entry.id;
  };
  const hint = `The commits of this machine are safe as session ${other}.`;
  const merged = await updateRef(session, { read, attempt: (from) => attempt(from as LiveSession), hint }, op);
  await deleteSession(replica, other, op, { session, commit: merged });
  return merged;
}
