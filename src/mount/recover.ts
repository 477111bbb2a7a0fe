/**
 * Recovery of abandoned mounts. A process becomes the owner of the note before it recovers the
 * mount, so no two recover it at once. An interrupted recovery can be repeated.
 */
import { BrowserStateError, ignore } from '../base/errors.js';
import { owning } from '../base/owners.js';
import { quote } from '../fs/paths.js';
import { liveBrowser, rejectRunningBrowser } from '../profile/running-browser.js';
import { type Call, hasRemote } from '../session/call.js';
import type { LocalReplica } from '../session/replica/local.js';
import { notPushed } from '../sync/push.js';
import { directoryState } from '../workspace/checkout/replace-directory.js';
import { type Leftover, leftoversOf, settleWorkspace } from '../workspace/checkout/settle.js';
import { pendingDirectories, type Workspace } from '../workspace/workspace.js';
import { commitMount, type MountCommit } from './commit.js';
import { pushMounted, removeMount } from './mount.js';
import type { RecoverAction, RecoverOptions } from './options.js';
import { commandState, type HeldNote, type MountNote, MountNotes, mountedDirectory, rejectRunningCommand } from './registry.js';

export interface AbandonedMount extends HeldNote, Pick<MountNote, 'session' | 'mode' | 'base'> {
  dir: string;
  /** When it was mounted. */
  since: Date;
  /** False if the process, such as one of another machine, may still run. */
  isCertain: boolean;
  /** A live process of the mount's command, which keeps the mount from being recovered. */
  usedBy?: number | undefined;
}

export interface Recovered extends Pick<MountCommit, 'session' | 'commit'> {
  id: string;
  outcome: 'committed' | 'unchanged' | 'discarded';
  /** Whether the commit was pushed to the remote. */
  pushed: boolean;
}

/** Returns the abandoned mounts, sorted by name. */
export async function abandonedMounts(local: LocalReplica): Promise<AbandonedMount[]> {
  const notes = new MountNotes(local);
  const found: AbandonedMount[] = [];
  for (const held of await notes.list()) {
    const owner = await local.owners.state(held.owner);
    if (owner === 'running') continue;
    const note = await notes.read(held);
    const { session, mode, since, base, command } = note;
    const { state, pid } = await commandState(local, command);
    const isCertain = owner === 'gone' && state !== 'unknown';
    const { dir } = mountedDirectory(local, held.id, note);
    found.push({ ...held, isCertain, ...(pid !== undefined && { usedBy: pid }), session, mode, dir, since: new Date(since), base });
  }
  return found;
}

export interface UnfinishedCheckout {
  dir: string;
  /** The session that was checked out. */
  session: string | undefined;
  leftovers: Leftover[];
}

/** Returns the interrupted checkouts, sorted by directory. Checkouts in progress are not listed. */
export async function unfinishedCheckouts(local: LocalReplica): Promise<UnfinishedCheckout[]> {
  const found: UnfinishedCheckout[] = [];
  for (const dir of await pendingDirectories(local.records)) {
    const look = async (workspace: Workspace): Promise<void> => {
      const { next, previous } = workspace.pending ?? {};
      const leftovers = leftoversOf(workspace);
      if (leftovers.length > 0) found.push({ dir, session: (next ?? previous)?.session, leftovers });
    };
    await local.holding(dir, look).catch(ignore('BUSY', 'USAGE', 'FORBIDDEN'));
  }
  return found;
}

/**
 * Recovers a mount, pushes the commit if there is a remote, and removes the mount. Returns
 * undefined if another process was first. A commit that cannot follow the session's head goes to a
 * conflict session. Throws BUSY if a browser runs in the directory, and what `commitMount` throws;
 * the mount is then kept.
 */
export async function recoverMount(
  held: HeldNote,
  action: RecoverAction,
  options: RecoverOptions,
  op: Call,
): Promise<Recovered | undefined> {
  const notes = new MountNotes(op.local);
  return owning(op.local.owners, async () => {
    if (!(await notes.claim(held))) return undefined;
    try {
      return await recoverOwned(held.id, await notes.read({ id: held.id }), action, options, op);
    } catch (error) {
      await notes.unclaim(held);
      throw error;
    }
  });
}

async function recoverOwned(id: string, note: MountNote, action: RecoverAction, options: RecoverOptions, op: Call): Promise<Recovered> {
  const mounted = mountedDirectory(op.local, id, note);
  const { session, dir, base } = mounted;
  await rejectRunningCommand(op.local, dir, note.command);
  // The content of an interrupted checkout may be beside the directory.
  await op.local.holding(dir, settleWorkspace);
  const isWork = note.phase === 'open' && directoryState(dir) !== 'absent';
  if (isWork) rejectRunningBrowser(dir, op.host);
  if (!isWork || action === 'discard') {
    await removeMount(op.local, id, note);
    return { id, session, commit: base, outcome: isWork ? 'discarded' : 'unchanged', pushed: false };
  }
  const { keepCaches, exclude } = note;
  const message = `Recovered from a mount of ${new Date(note.since).toISOString()}`;
  // A partial profile is work too.
  const settings = { allowShrink: options.allowShrink, keepCaches, exclude, message, op: 'recovered', allowPartialProfile: true } as const;
  const done = await commitMount(mounted, settings, op);
  await removeMount(op.local, id, note);
  const { commit, changed } = done;
  const sending = hasRemote(op) && changed ? pushMounted(mounted, done.session, {}, op) : undefined;
  const sent = await sending?.catch((error: unknown) => {
    throw notPushed(done.session, commit, error);
  });
  return { id, session: done.session, commit, outcome: changed ? 'committed' : 'unchanged', pushed: sent?.pushed ?? false };
}

/**
 * Returns a mount of the session that a browser or a command of this machine uses, and that
 * process. One that starts at the same time may be missed.
 */
export async function usedMount(session: string, { local, host }: Call): Promise<{ dir: string; pid: number } | undefined> {
  const notes = new MountNotes(local);
  for (const held of await notes.list()) {
    if (!held.id.startsWith(`${session}.`)) continue;
    const note = await notes.read(held);
    if (note.session !== session) continue;
    const { dir } = mountedDirectory(local, held.id, note);
    const pid = liveBrowser(dir, host)?.pid ?? (await commandState(local, note.command)).pid;
    if (pid !== undefined) return { dir, pid };
  }
  return undefined;
}

/** Throws BUSY if a browser or a command of this machine uses a mount of the session. */
export async function rejectUsed(session: string, op: Call): Promise<void> {
  const { dir, pid } = (await usedMount(session, op)) ?? {};
  if (pid === undefined || dir === undefined) return;
  throw new BrowserStateError('BUSY', `session ${quote(session)} is in use: process ${pid} works in ${dir}`, {
    details: { session, pid, path: dir },
    hint: `Close it (\`kill -INT ${pid}\` has a browser write all that it knows), or make a fork with \`browserstate fork -s ${session} NEW\`.`,
  });
}
