/**
 * Mounting: a session's newest version in a fresh directory of this process. Workspaces of all processes lie in one folder of home, each under a name that is
 * never used twice, so that two mounts never share one.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isError } from '../errors.js';
import { LEASE_MS } from '../limits.js';
import type { ObjectId } from '../object-id.js';
import type { RequestOptions } from '../provider/provider.js';
import { errno, writeFailure } from '../workspace/files.js';
import { settleWorkspace } from '../workspace/settle.js';
import { type BringOptions, bring } from './bring.js';
import { checkoutSession } from './checkout.js';
import type { Home } from './home.js';
import { meantBy, sessionNames } from './known-sessions.js';
import { takeLease } from './lease.js';
import { Mount, removeWorkspace } from './mount.js';
import { sessionBeside } from './mount-commit.js';
import { type MountMode, type MountNote, MountNotes, newMountId, partsOfMountId } from './mount-notes.js';
import { type LeftMount, leftOf, type RecoverHow, recoverMount } from './recover.js';
import type { Remote } from './remote.js';
import { noSession } from './site.js';

export interface OpenMountOptions extends BringOptions {
  /** `shared` unless given. */
  mode?: MountMode | undefined;
  /** Use what this machine has, and leave the remote alone. */
  offline?: boolean | undefined;
  /** False: throw NOT_FOUND if there is no such session. Else one that is new is begun, and `onWarning` is told of it. */
  create?: boolean | undefined;
  /** The message and the labels of what the mount commits, unless a commit is given others; checkpoints have none. */
  message?: string | undefined;
  labels?: Record<string, string> | undefined;
  /** What to do with what processes that are gone have left of the session; `commit` unless given. */
  recover?: RecoverHow | undefined;
  /** Who has the lease of an exclusive mount, for others to see; user, machine and process unless given. */
  owner?: string | undefined;
  /** What commits of the mount leave out, and whether they keep caches. */
  exclude?: readonly string[] | undefined;
  keepCaches?: boolean | undefined;
  /** Told what a person should know, such as what was recovered. */
  onWarning?: ((message: string) => void) | undefined;
}

/** Where notes about mounts are kept. */
export function mountNotes(home: Home): MountNotes {
  return new MountNotes(join(home.records, 'mounts'), home.owners, home.host);
}

/**
 * Makes a directory that holds the session's newest version, or nothing where there is no such session. With a remote that is the remote's: a failed pull is an
 * error, and no directory is left. Throws BUSY where another has the lease, CONFLICT, LEGACY_SESSION, and what a pull and a checkout throw; NOT_FOUND for a fork of
 * nothing.
 */
export async function openMount(home: Home, remote: Remote | undefined, session: string, options: OpenMountOptions = {}): Promise<Mount> {
  const { mode = 'shared', create = true, offline, owner, signal, message, labels, onWarning = () => undefined } = options;
  const asked = offline ? undefined : remote;
  const names: string[] = [];
  const whenAbsent = async (): Promise<void> => void names.push(...(asked ? await sessionNames(asked, options) : []));
  // Before a lease is taken, which would begin the session.
  if (!create && mode === 'exclusive') await requireSession(home, asked, session, options);
  const lease = mode === 'exclusive' ? await takeLease(asked ?? home, session, { owner, ttl: LEASE_MS, signal }) : undefined;
  try {
    if (asked !== undefined) await bring(home, asked, session, { ...options, keepFrames: true, whenAbsent });
    await recoverLeft(home, asked, session, options, onWarning);
    const base = await headAtHome(home, session, options);
    if (base === undefined) {
      const meant = meantBy(session, [...names, ...(await sessionNames(home, options))]);
      if (mode === 'fork' || !create) throw noSession(session, meant);
      onWarning(meant === undefined ? `new session ${session}` : `new session ${session}; did you mean ${meant}?`);
    }
    const made = await makeWorkspace(home, session, base, mode, options);
    return new Mount({ home, remote: asked, lease, onWarning, commitAs: { message, labels }, ...made });
  } catch (error) {
    await lease?.release().catch((failure: unknown) => {
      if (!isError(failure)) throw failure;
    });
    throw error;
  }
}

/** Throws NOT_FOUND if neither side has a commit of the session. */
async function requireSession(home: Home, remote: Remote | undefined, session: string, options: RequestOptions): Promise<void> {
  if ((await remote?.read(session, options))?.token.ref.rows[0] !== undefined) return;
  if ((await home.read(session, options))?.token.ref.rows[0] !== undefined) return;
  const names = await Promise.all([home, remote].map((site) => site && sessionNames(site, options)));
  throw noSession(
    session,
    meantBy(
      session,
      names.flatMap((each) => each ?? []),
    ),
  );
}

/** The head at home. Throws LEGACY_SESSION where only the older package has a session of that name. */
async function headAtHome(home: Home, session: string, options: RequestOptions): Promise<ObjectId | undefined> {
  const token = (await home.read(session, options))?.token;
  const head = token?.ref.rows[0]?.id;
  if (head === undefined) await home.refuseLegacy(session, options, token);
  return head;
}

/** What cannot be recovered stays where it is, and is told. */
async function recoverLeft(
  home: Home,
  remote: Remote | undefined,
  session: string,
  options: OpenMountOptions,
  onWarning: (message: string) => void,
): Promise<void> {
  const notes = mountNotes(home);
  const { recover: how = 'commit', signal, onProgress } = options;
  for (const left of await leftOf(home, notes)) {
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
      const done = await recoverMount(home, remote, notes, left, how, { signal, onProgress, onWarning });
      if (done !== undefined) onWarning(describe(left, done.session, done.outcome));
    } catch (error) {
      if (!isError(error) || error.code === 'CANCELLED' || error.code === 'INTERNAL') throw error;
      onWarning(`recovering what a process that ended left of session ${session} in ${left.dir}: ${error.message}`);
    }
  }
}

function describe({ session, dir }: LeftMount, to: string, outcome: 'committed' | 'unchanged' | 'discarded'): string {
  const what = `what a process that ended left of session ${session} in ${dir}`;
  if (outcome === 'unchanged') return `${what} was as it had been committed, and was removed`;
  if (outcome === 'discarded') return `${what} was discarded`;
  return to === session ? `${what} was recovered` : `${what} was recovered as session ${to}, since ${session} had moved`;
}

async function makeWorkspace(home: Home, session: string, base: ObjectId | undefined, mode: MountMode, options: OpenMountOptions) {
  const { signal, onProgress, onWarning, keepCaches = false, exclude = [] } = options;
  const notes = mountNotes(home);
  const id = newMountId(session, home.host);
  const folder = home.workspaces;
  const dir = join(folder, id);
  const { digits } = partsOfMountId(id);
  const note: MountNote = { session, mode, since: home.host.now(), base, phase: 'opening', keepCaches, exclude };
  const hold = await home.owners.hold();
  try {
    await notes.write(id, note);
    await makePrivate(folder);
    if (base === undefined) await makePrivate(dir);
    else await checkoutSession(home, session, dir, { at: base, opened: true, signal, onProgress, onWarning });
    await notes.write(id, { ...note, phase: 'open' });
  } catch (error) {
    await withdraw(home, notes, id, dir, note);
    await hold.release();
    throw error;
  }
  const fork = mode === 'fork' ? sessionBeside(session, 'fork', digits) : undefined;
  const place = { session, dir, base, fork, aside: sessionBeside(session, 'conflict', digits) };
  return { notes, id, hold, note: { ...note, phase: 'open' as const }, place };
}

/** Takes a workspace back that was not handed out. What cannot be removed is told by its note, and removed by a later mount. */
async function withdraw(home: Home, notes: MountNotes, id: string, dir: string, note: MountNote): Promise<void> {
  try {
    await home.holding(dir, settleWorkspace);
    await removeWorkspace(home, notes, id, dir, note);
  } catch (error) {
    if (!isError(error) && errno(error) === undefined) throw error;
  }
}

async function makePrivate(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw writeFailure(dir, error);
  });
}
