/**
 * Repairing a session on the remote: entries whose packs are gone get new manifests, made from the
 * local store (SPEC.md 11.5).
 */
import type { HistoryEntry } from '../format/ref.js';
import type { RemoteCall } from '../session/call.js';
import { findRelocations, lostPacks, needs } from '../session/replica/lost.js';
import type { SessionRef } from '../session/session-ref.js';
import { updateRef } from '../session/update-ref.js';
import { type Sent, send } from './upload.js';

/**
 * Sends lost objects of a session again; undefined if another writer was first. Throws INTEGRITY,
 * as `lostPacks`, if the head needs one and the local store does not have its content.
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
