/**
 * Sending again what the remote has lost: entries that name packs which are gone get new manifests,
 * made from what the local store has (SPEC.md 11.5).
 */
import type { Row } from '../format/ref.js';
import type { RemoteCall } from '../session/call.js';
import { findRelocations, lostPacks, needs } from '../session/replica/lost.js';
import type { SessionRef } from '../session/session-ref.js';
import { updateRef } from '../session/update-ref.js';
import { type Sent, send } from './upload.js';

/**
 * Sends again what the remote has lost of a session; undefined if another writer was first. Throws
 * INTEGRITY, as `lostPacks`, if the local store does not have the content of the head, which needs
 * some of it.
 */
export async function resend(there: SessionRef, lost: ReadonlySet<string>, op: RemoteCall): Promise<Sent | undefined> {
  const relocated = await findRelocations(op.local, there, lost, op);
  const head = there.head as Row;
  const isHeadSent = relocated.some(({ id }) => id === head.id);
  if (relocated.length === 0 || (!isHeadSent && (await needs(there, head, lost, op))))
    throw lostPacks(op.remote.provider.url, lost, there.id);
  const shipment = { there, outgoing: [], base: undefined, tags: new Map(), pin: true };
  return send({ ...shipment, loss: { lost, relocated }, looks: true }, op);
}

/** The same for whatever the session is on the remote now. */
export async function repairSession(session: string, lost: ReadonlySet<string>, op: RemoteCall): Promise<void> {
  const read = () => op.remote.read(session, op);
  const attempt = (there: SessionRef) => (there.exists ? resend(there, lost, op) : Promise.resolve('gone' as const));
  await updateRef<Sent | 'gone'>(session, { read, attempt }, op);
}
