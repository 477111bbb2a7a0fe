/**
 * Mounting: a session's newest version in a fresh directory of this process. Workspaces of all processes lie in one folder of home, each under a name that is
 * never used twice, so that two mounts never share one.
 */
import { join } from 'node:path';
import { isError } from '../base/errors.js';
import { LEASE_MS } from '../base/limits.js';
import { nearest } from '../base/nearest.js';
import type { ObjectId } from '../format/object-id.js';
import { errno, makeDirectory, writeFailure } from '../fs/errors.js';
import { KeptFrames } from '../repository/read/frame-cache.js';
import { type Call, hasRemote } from '../session/call.js';
import { checkoutSession } from '../session/checkout.js';
import { takeLease } from '../session/lease.js';
import { absentSession, sessionNames } from '../session/names.js';
import type { LocalReplica } from '../session/replica/local.js';
import { pullForMount } from '../sync/pull-for-mount.js';
import { settleWorkspace } from '../workspace/checkout/settle.js';
import { sessionBeside } from './commit.js';
import { Mount, removeWorkspace } from './mount.js';
import type { OpenMountOptions } from './options.js';
import { type AbandonedMount, leftOf, recoverMount } from './recover.js';
import { type MountNote, MountNotes, newMountId, partsOfMountId } from './registry.js';

/** Where notes about mounts are kept. */
export function mountNotes(local: LocalReplica): MountNotes {
  return new MountNotes(join(local.records, 'mounts'), local.owners, local.host);
}

/**
 * Makes a directory that holds the session's newest version, or nothing where there is no such session. With a remote that is the remote's: a failed pull is an
 * error, and no directory is left. Throws BUSY where another has the lease, CONFLICT, LEGACY_SESSION, and what a pull and a checkout throw; NOT_FOUND for a fork of
 * nothing.
 */
export async function openMount(session: string, options: OpenMountOptions, op: Call, later: Call): Promise<Mount> {
  const { mode = 'shared', create = true, owner, message, labels, onConflict } = options;
  const frames = new KeptFrames();
  const names: string[] = [];
  const whenAbsent = async (): Promise<void> => void names.push(...(op.remote ? await sessionNames(op.remote, op) : []));
  // Before a lease is taken, which would begin the session.
  if (!create && mode === 'exclusive') await requireSession(session, op);
  const lease = mode === 'exclusive' ? await takeLease(op.remote ?? op.local, session, { owner, ttl: LEASE_MS }, op, later) : undefined;
  try {
    if (hasRemote(op)) await pullForMount(session, { onConflict, frames, whenAbsent }, op);
    await recoverLeft(session, options, op);
    const base = await localHead(session, op);
    if (base === undefined) {
      if (mode === 'fork' || !create) throw await absentSession([op.local, op.remote], session, op);
      const meant = nearest(session, [...names, ...(await sessionNames(op.local, op))]);
      op.onWarning?.(meant === undefined ? `new session ${session}` : `new session ${session}; did you mean ${meant}?`);
    }
    const made = await makeWorkspace(session, base, frames, options, op);
    return new Mount({ lease, op: { ...later, remote: op.remote, onWarning: op.onWarning }, commitAs: { message, labels }, ...made });
  } catch (error) {
    await lease?.release().catch((failure: unknown) => {
      if (!isError(failure)) throw failure;
    });
    throw error;
  }
}

/** Throws NOT_FOUND if neither replica has a commit of the session. */
async function requireSession(session: string, op: Call): Promise<void> {
  if ((await op.remote?.read(session, op))?.exists || (await op.local.read(session, op)).exists) return;
  throw await absentSession([op.local, op.remote], session, op);
}

/** Returns the head in the local store. Throws LEGACY_SESSION if only v0 has a session of that name. */
async function localHead(session: string, op: Call): Promise<ObjectId | undefined> {
  const found = await op.local.read(session, op);
  if (!found.exists) await op.local.rejectLegacy(session, op, found);
  return found.head?.id;
}

/** Recovers what processes that are gone have left of the session. What cannot be recovered stays where it is, and is reported. */
async function recoverLeft(session: string, { recover: how = 'commit' }: OpenMountOptions, op: Call): Promise<void> {
  const notes = mountNotes(op.local);
  const { onWarning = () => undefined } = op;
  for (const left of await leftOf(op.local, notes)) {
    if (left.session !== session) continue;
    if (left.usedBy !== undefined) {
      onWarning(`${left.dir} was left by a process that ended; it is left alone: its command (process ${left.usedBy}) still runs`);
      continue;
    }
    if (!left.isCertain) {
      onWarning(`${left.dir} was mounted by ${left.owner}, of which it is not known whether it is gone; it is left alone`);
      continue;
    }
    try {
      const done = await recoverMount(notes, left, how, {}, op);
      if (done !== undefined) onWarning(describe(left, done.session, done.outcome));
    } catch (error) {
      if (!isError(error) || error.code === 'CANCELLED' || error.code === 'INTERNAL') throw error;
      onWarning(`recovering what a process that ended left of session ${session} in ${left.dir}: ${error.message}`);
    }
  }
}

function describe({ session, dir }: AbandonedMount, to: string, outcome: 'committed' | 'unchanged' | 'discarded'): string {
  const what = `what a process that ended left of session ${session} in ${dir}`;
  if (outcome === 'unchanged') return `${what} was as it had been committed, and was removed`;
  if (outcome === 'discarded') return `${what} was discarded`;
  return to === session ? `${what} was recovered` : `${what} was recovered as session ${to}, since ${session} had moved`;
}

async function makeWorkspace(session: string, base: ObjectId | undefined, frames: KeptFrames, options: OpenMountOptions, op: Call) {
  const { mode = 'shared', keepCaches = false, exclude = [] } = options;
  const notes = mountNotes(op.local);
  const id = newMountId(session, op.host);
  const folder = op.local.workspaces;
  const dir = join(folder, id);
  const { digits } = partsOfMountId(id);
  const note: MountNote = { session, mode, since: op.host.now(), base, phase: 'opening', keepCaches, exclude };
  const hold = await op.local.owners.hold();
  try {
    await notes.write(id, note);
    await makePrivate(folder);
    if (base === undefined) await makePrivate(dir);
    else await checkoutSession(op.local, session, dir, { at: base, opened: true, frames }, op);
    await notes.write(id, { ...note, phase: 'open' });
  } catch (error) {
    await withdraw(op.local, notes, id, dir, note);
    await hold.release();
    throw error;
  }
  const fork = mode === 'fork' ? sessionBeside(session, 'fork', digits) : undefined;
  const place = { session, dir, base, fork, aside: sessionBeside(session, 'conflict', digits) };
  return { notes, id, hold, note: { ...note, phase: 'open' as const }, place };
}

/** Takes a workspace back that was not handed out. What cannot be removed is told by its note, and removed by a later mount. */
async function withdraw(local: LocalReplica, notes: MountNotes, id: string, dir: string, note: MountNote): Promise<void> {
  try {
    await local.holding(dir, settleWorkspace);
    await removeWorkspace(local, notes, id, dir, note);
  } catch (error) {
    if (!isError(error) && errno(error) === undefined) throw error;
  }
}

async function makePrivate(dir: string): Promise<void> {
  await makeDirectory(dir).catch((error: unknown) => {
    throw writeFailure(dir, error);
  });
}
