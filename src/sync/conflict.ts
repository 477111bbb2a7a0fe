/** What a push does if the remote has commits that this machine does not have. */
import { BrowserStateError, isError } from '../base/errors.js';
import type { Row } from '../format/ref.js';
import type { RemoteCall } from '../session/call.js';
import { deleteSession, fork } from '../session/history.js';
import { type Outgoing, outgoing } from '../session/outgoing.js';
import { forkName } from '../session/relatives.js';
import type { LiveSession, SessionRef } from '../session/session-ref.js';
import { updateRef } from '../session/update-ref.js';
import { type Keep, mergeOf } from './merge.js';
import { type Sent, send } from './upload.js';

/**
 * `fail`: throw CONFLICT, with what was to be sent under the name of a fork. `fork`: the same
 * without an error, and from here on this machine's session is that fork. `ours`, `theirs`: a
 * commit with both heads as parents and the tree of one of them.
 */
export type OnConflict = 'fail' | 'fork' | Keep;

export interface Divergence {
  here: LiveSession;
  there: SessionRef;
  /** Entries that the remote does not have, newest first, and the newest common one. */
  unsent: readonly Row[];
  base: Row | undefined;
}

/**
 * Sends the commits of this machine and one that joins both heads; undefined if another writer was
 * first.
 */
export async function sendMerged(divergence: Divergence, keep: Keep, pin: boolean, op: RemoteCall): Promise<Sent | undefined> {
  const { here, there, unsent, base } = divergence;
  const { commit, kept } = mergeOf(here, there as LiveSession, keep, op);
  const merge: Outgoing = { commit, op: 'merge', isHere: keep === 'ours', load: () => kept.manifest(kept.head, op) };
  const content = { outgoing: [...outgoing(here, unsent, op), merge], base: base && (await here.manifest(base, op)) };
  return send({ there, ...content, tags: new Map(), pin }, op);
}

/**
 * Sends the commits of this machine to a session of their own on the remote, named after the
 * newest; resolves to that name.
 */
export async function sendFork(divergence: Divergence, op: RemoteCall): Promise<{ name: string; sent: Sent | undefined }> {
  const { here } = divergence;
  const name = forkName(here.id, here.head.id);
  const read = async () => (await op.remote.create(name, op)) ?? (await op.remote.read(name, op));
  const attempt = async (target: SessionRef) => {
    if (target.head?.id === here.head.id) return { name, sent: undefined };
    if (target.exists) throw taken(name);
    const sent = await sendTo(divergence, target, op);
    return sent && { name, sent };
  };
  return updateRef<{ name: string; sent: Sent | undefined }>(name, { read, attempt }, op);
}

/**
 * Sends the commits to a session without history, on top of what is common to both; undefined if
 * another writer was first.
 */
async function sendTo({ here, unsent, base }: Divergence, target: SessionRef, op: RemoteCall): Promise<Sent | undefined> {
  const source = base && (await op.remote.requireSession(here.id, op));
  const rows = source && base && (await entriesFrom(source, base, op));
  const underlying = source && rows && { rows, manifest: await source.manifest(rows[0] as Row, op) };
  const content = { outgoing: outgoing(here, unsent, op), underlying, base: base && (await here.manifest(base, op)) };
  return send({ there: target, ...content, tags: new Map(), pin: true }, op);
}

async function entriesFrom(source: SessionRef, base: Row, op: RemoteCall): Promise<Row[] | undefined> {
  const rows: Row[] = [];
  for await (const row of source.entries(op)) if (rows.length > 0 || row.id === base.id) rows.push(row);
  return rows.length > 0 ? rows : undefined;
}

/**
 * Makes the session's commits on this machine those of the fork; the session itself is what the
 * remote has.
 */
export async function becomeFork({ here }: Divergence, name: string, op: RemoteCall): Promise<void> {
  try {
    await fork(op.local, here.id, name, undefined, op);
  } catch (error) {
    // It may be there from a push that was cut off here.
    if (!isError(error, 'CONFLICT') || (await op.local.requireSession(name, op)).head.id !== here.head.id) throw error;
  }
  await deleteSession(op.local, here.id, op, { session: name, commit: here.head.id });
}

function taken(name: string): BrowserStateError {
  return new BrowserStateError(
    'CONFLICT',
    `session ${name} is on the remote already, with other commits; the commits are safe on this machine`,
    {
      details: { session: name },
      hint: 'Fork this session under another name and push that.',
    },
  );
}

export function conflict({ here, there: remote }: Divergence, fork: string): BrowserStateError {
  const { id: session, head } = here;
  const there = remote.head?.id;
  const now = there === undefined ? 'it was deleted there' : `its head there is ${there.slice(0, 12)}`;
  return new BrowserStateError(
    'CONFLICT',
    `session ${session} was changed on the remote meanwhile: ${now}; commit ${head.id.slice(0, 12)} is safe on this machine, and on the remote as session ${fork}`,
    {
      details: { session: fork, commit: head.id, head: there ?? null },
      hint: `Keep one of the two with \`browserstate push -s ${session} --on-conflict ours\` or \`theirs\`, or both with \`fork\`.`,
    },
  );
}
