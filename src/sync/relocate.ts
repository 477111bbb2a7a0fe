/**
 * Repairing a session on the remote: entries whose packs are gone get new manifests, made from the
 * local store (SPEC.md 11.5).
 */
import { ignore } from '../base/errors.js';
import { objectKey } from '../format/keys.js';
import type { HistoryEntry } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { RemoteCall } from '../session/call.js';
import { PackPresence } from '../session/commit/reuse.js';
import { lostPacks } from '../session/replica/lost.js';
import type { SessionRef } from '../session/session-ref.js';
import { updateRef } from '../session/update-ref.js';
import { findRelocations, needs } from './outgoing.js';
import { type Sent, send } from './upload.js';

/**
 * Sends lost objects of a session again. Returns undefined if another writer was first. Throws the
 * error of `lostPacks` if the head needs a lost object that the local store does not have.
 */
export async function resend(there: SessionRef, lost: ReadonlySet<string>, op: RemoteCall): Promise<Sent | undefined> {
  const relocated = await findRelocations(op.local, there, lost, op);
  const head = there.head as HistoryEntry;
  const isHeadSent = relocated.some(({ id }) => id === head.id);
  if (relocated.length === 0 || (!isHeadSent && (await needs(there, head, lost, op))))
    throw lostPacks(op.remote.provider.url, lost, there.id);
  return send({ there, outgoing: [], pin: true, loss: { lost, relocated }, looks: true }, op);
}

/** Sends lost objects of a session again, from its current ref on the remote. */
export async function repairSession(session: string, lost: ReadonlySet<string>, op: RemoteCall): Promise<void> {
  const read = () => op.remote.read(session, op);
  const attempt = async (there: SessionRef) => (there.exists ? resend(there, lost, op) : 'gone');
  await updateRef<Sent | 'gone'>(session, { read, attempt }, op);
}

/** Returns the keys of the packs and the manifest that the head needs and the remote has lost. */
export async function missingOfHead(there: SessionRef, op: RequestOptions): Promise<Set<string>> {
  const { head, repository } = there;
  if (head === undefined) return new Set();
  const key = objectKey('manifests', head.manifest);
  const looking = repository.provider.get(key, { ...op, range: { start: 0, end: 1 } }).catch(ignore('NOT_FOUND', 'INTEGRITY'));
  looking.catch(() => undefined);
  const { blobs } = await there.manifest(head, op);
  const lost = await new PackPresence(repository, op).missing(blobs.values());
  return (await looking) ? lost : lost.add(key);
}
