/**
 * Mounting: a checkout of a session's newest version to a new directory of this process. The
 * directories of all processes are in one folder, under names that are never reused.
 */
import { ignore, isError } from '../base/errors.js';
import { LEASE_MS } from '../base/limits.js';
import type { ObjectId } from '../format/object-id.js';
import { errno, failWriting, makeDirectory } from '../fs/errors.js';
import { KeptFrames } from '../repository/read/frame-cache.js';
import { type Call, hasRemote } from '../session/call.js';
import { checkoutSession } from '../session/checkout.js';
import { takeLease } from '../session/lease.js';
import { absentSession, nearestSession, sessionNames } from '../session/names.js';
import type { LocalReplica } from '../session/replica/local.js';
import { pullForMount } from '../sync/pull-for-mount.js';
import { settleWorkspace } from '../workspace/checkout/settle.js';
import { Mount, removeMount } from './mount.js';
import type { OpenMountOptions } from './options.js';
import { abandonedMounts, type Recovered, recoverMount, rejectUsed, usedMount } from './recover.js';
import { type MountNote, MountNotes, mountedDirectory, newMountId } from './registry.js';

/**
 * Mounts the newest version of the session, as the remote has it if there is one. A session that
 * does not exist is mounted empty. No directory is left after an error. Throws BUSY if another
 * owner has the lease, NOT_FOUND for a fork of an absent session, CONFLICT and LEGACY_SESSION.
 * Throws what a pull and a checkout throw. `later` is the operation that calls of the mount extend.
 */
export async function openMount(session: string, options: OpenMountOptions, op: Call, later: Call): Promise<Mount> {
  const { mode = 'shared', create = true, owner, message, labels, onConflict } = options;
  const frames = new KeptFrames();
  const names: string[] = [];
  const whenAbsent = async (): Promise<void> => void names.push(...(op.remote ? await sessionNames(op.remote, op) : []));
  // Checked before the lease is taken, which would create the session.
  if (!create && mode === 'exclusive') await requireSession(session, op);
  const lease = mode === 'exclusive' ? await takeLease(op.remote ?? op.local, session, { owner, ttl: LEASE_MS }, op, later) : undefined;
  try {
    if (hasRemote(op)) await pullForMount(session, { onConflict, frames, whenAbsent }, op);
    await recoverAbandoned(session, options, op);
    if (options.alone) await rejectUsed(session, op);
    else if (mode !== 'fork' && op.onWarning !== undefined) await warnUsed(session, op);
    const found = await op.local.read(session, op);
    if (!found.exists) {
      await op.local.rejectLegacy(session, op, found);
      if (mode === 'fork' || !create) throw await absentSession([op.local, op.remote], session, op);
      const meant = await nearestSession([op.local, op.remote], session, [...names, ...(await sessionNames(op.local, op))], op);
      op.onWarning?.(meant === undefined ? `new session ${session}` : `new session ${session}; did you mean ${meant}?`);
    }
    const made = await makeDirectoryOf(session, found.head?.id, frames, options, op);
    return new Mount({ ...made, lease, op: { ...later, remote: op.remote, onWarning: op.onWarning }, commitAs: { message, labels } });
  } catch (error) {
    await lease?.release().catch(ignore());
    throw error;
  }
}

/** Warns if a browser or a command on this machine uses a mount of the session. */
async function warnUsed(session: string, op: Call): Promise<void> {
  const used = await usedMount(session, op);
  if (used === undefined) return;
  op.onWarning?.(`session ${session} is open in process ${used.pid}; if both change it, the one that ends last has a conflict`);
}

/** Throws NOT_FOUND if neither replica has a commit of the session. */
async function requireSession(session: string, op: Call): Promise<void> {
  if ((await op.remote?.read(session, op))?.exists || (await op.local.read(session, op)).exists) return;
  throw await absentSession([op.local, op.remote], session, op);
}

/** Recovers abandoned mounts of the session. Warns about each that cannot be recovered. */
async function recoverAbandoned(session: string, { recover = 'commit' }: OpenMountOptions, op: Call): Promise<void> {
  const warn = (dir: string, outcome: string): void => op.onWarning?.(`abandoned mount ${dir} of session ${session} ${outcome}`);
  for (const left of await abandonedMounts(op.local)) {
    const { dir, usedBy, owner, isCertain } = left;
    if (left.session !== session) continue;
    if (usedBy !== undefined) warn(dir, `is left alone: its command (process ${usedBy}) still runs`);
    else if (!isCertain) warn(dir, `is left alone: it is unknown whether its process ${owner} still runs`);
    else {
      try {
        const done = await recoverMount(left, recover, {}, op);
        if (done !== undefined) warn(dir, describe(session, done));
      } catch (error) {
        if (!isError(error) || error.code === 'CANCELLED' || error.code === 'INTERNAL') throw error;
        warn(dir, `could not be recovered: ${error.message}`);
      }
    }
  }
}

function describe(session: string, { session: to, outcome }: Recovered): string {
  if (outcome === 'unchanged') return 'was unchanged and was removed';
  if (outcome === 'discarded') return 'was discarded';
  return to === session ? 'was recovered' : `was recovered as session ${to}, since ${session} had moved`;
}

async function makeDirectoryOf(session: string, base: ObjectId | undefined, frames: KeptFrames, options: OpenMountOptions, op: Call) {
  const { mode = 'shared', keepCaches = false, exclude = [], folder } = options;
  const { local, host } = op;
  const notes = new MountNotes(local);
  const id = newMountId(session, host);
  const note: MountNote = { session, mode, since: host.now(), base, phase: 'opening', keepCaches, exclude, folder };
  const open: MountNote = { ...note, phase: 'open' };
  const { dir } = mountedDirectory(local, id, note);
  const hold = await local.owners.hold();
  try {
    await notes.write(id, note);
    await makeDirectory(base === undefined ? dir : (folder ?? local.workspaces)).catch(failWriting(dir));
    if (base !== undefined) await checkoutSession(local, session, dir, { at: base, opened: true, frames }, op);
    await notes.write(id, open);
    return { id, hold, note: open };
  } catch (error) {
    await withdraw(local, id, note);
    await hold.release();
    throw error;
  }
}

/** Removes a mount that is not complete. A later mount removes what cannot be removed now. */
async function withdraw(local: LocalReplica, id: string, note: MountNote): Promise<void> {
  try {
    await local.holding(mountedDirectory(local, id, note).dir, settleWorkspace);
    await removeMount(local, id, note);
  } catch (error) {
    if (!isError(error) && errno(error) === undefined) throw error;
  }
}
