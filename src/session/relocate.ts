/** Sending again what the remote has lost: rows that name packs which are gone get new manifests, made from what the local store has (SPEC.md 11.5). */
import { MAX_SWAP_ATTEMPTS } from '../limits.js';
import type { RequestOptions } from '../provider/provider.js';
import type { Row } from '../repository/ref.js';
import type { Home } from './home.js';
import { findRelocations, lostPacks, needs } from './lost.js';
import type { Remote, Seen } from './remote.js';
import { type Sent, send } from './send.js';

/**
 * Sends again what the remote has lost of a session; undefined if another writer was first. Throws INTEGRITY, as `lostPacks`, if the local store does not have the
 * content of the head, which needs some of it.
 */
export async function resend(
  home: Home,
  remote: Remote,
  seen: Seen,
  lost: ReadonlySet<string>,
  options: RequestOptions,
): Promise<Sent | undefined> {
  const relocated = await findRelocations(home, remote, seen, lost, options);
  const { session, ref } = seen.token;
  const head = ref.rows[0] as Row;
  const isHeadSent = relocated.some(({ id }) => id === head.id);
  if (relocated.length === 0 || (!isHeadSent && (await needs(remote, seen, head, lost, options))))
    throw lostPacks(remote.provider.url, lost, session);
  const shipment = { home, remote, session, seen, outgoing: [], base: undefined, tags: new Map(), pin: true };
  return send({ ...shipment, loss: { lost, relocated }, looks: true }, options);
}

/** The same for whatever the session is on the remote now. */
export async function repairSession(
  home: Home,
  remote: Remote,
  session: string,
  lost: ReadonlySet<string>,
  options: RequestOptions,
): Promise<void> {
  for (let attempt = 0; attempt < MAX_SWAP_ATTEMPTS; attempt++) {
    const seen = await remote.read(session, options);
    if (seen?.token.ref.rows[0] === undefined) return;
    if ((await resend(home, remote, seen, lost, options)) !== undefined) return;
  }
}
