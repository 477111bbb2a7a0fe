/** The fence of a garbage collection in the ref of one session (SPEC.md 11.2 step 3). */
import type { Operation } from '../base/operation.js';
import type { Ref } from '../format/ref.js';
import { readListed, takenOver } from '../repository/maintain/gc.js';
import type { Repository } from '../repository/repository.js';
import { type RefOwner, SessionRef } from './session-ref.js';
import { updateRef } from './update-ref.js';

/** Notes nothing: this machine does not use most of the sessions that a collection changes. */
const collector: Omit<RefOwner, 'manifest'> = {
  inlineHead: () => new Uint8Array(0),
  noteRef: async () => undefined,
  drafting: (from, attempt) => attempt(from),
};

/**
 * Swaps an epoch into the ref of a session, unless it has that epoch, and returns the ref. Commits
 * that began before lose their swap. Throws CONFLICT if the ref has a later epoch.
 */
export function stampRef(repository: Repository, session: string, k: number, op: Operation): Promise<Ref> {
  const owner: RefOwner = { ...collector, manifest: (_from, entry, options) => repository.readManifest(entry, options) };
  const read = async () => new SessionRef(owner, session, repository, await readListed(repository, session, op));
  const attempt = async (from: SessionRef): Promise<Ref | undefined> => {
    if (from.ref.epoch === k) return from.ref;
    if (from.ref.epoch < k) return (await from.update({ epoch: k }, op))?.ref;
    throw takenOver();
  };
  return updateRef(session, { read, attempt }, op);
}
