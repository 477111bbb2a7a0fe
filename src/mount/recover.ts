/**
 * What is done with workspaces of processes that are gone. Each is recovered by one process at a time, which owns its note meanwhile; a recovery that is cut off
 * anywhere can be repeated, by the next process that looks.
 */
import { join } from 'node:path';
import { isError } from '../base/errors.js';
import { owning } from '../base/owners.js';
import type { ObjectId } from '../format/object-id.js';
import { rejectRunningBrowser } from '../profile/running-browser.js';
import { type Call, hasRemote } from '../session/call.js';
import type { LocalReplica } from '../session/replica/local.js';
import { notPushed } from '../sync/push.js';
import { directoryState } from '../workspace/checkout/replace-directory.js';
import { type Leftover, leftoversOf, settleWorkspace } from '../workspace/checkout/settle.js';
import { pendingDirectories } from '../workspace/workspace.js';
import { commandState, rejectRunningCommand } from './command.js';
import { commitMount, type MountPlace, sessionBeside } from './commit.js';
import { pushMounted, removeWorkspace } from './mount.js';
import type { RecoverAction, RecoverOptions } from './options.js';
import { type HeldNote, type MountMode, type MountNote, type MountNotes, partsOfMountId } from './registry.js';

/** A workspace that a process which is gone has left. */
export interface AbandonedMount {
  /** The workspace's name. */
  id: string;
  session: string;
  mode: MountMode;
  dir: string;
  /** When it was mounted. */
  since: Date;
  /** The commit that it was made from; undefined where the session had none. */
  base: ObjectId | undefined;
  /** The process that left it, as a name that ends in `@` and the machine's. */
  owner: string;
  /** Whether that process is known to be gone. It is not if it ran on another machine, for example: then nothing is done unasked. */
  isCertain: boolean;
  /** A process of its command that still runs: the workspace is neither recovered nor removed meanwhile. */
  usedBy?: number | undefined;
}

export interface Recovered {
  id: string;
  /** The session that holds now what was left, and the commit. */
  session: string;
  commit: ObjectId | undefined;
  outcome: 'committed' | 'unchanged' | 'discarded';
  /** Whether the remote has it. */
  pushed: boolean;
}

/** The workspaces that are left, in the order of their names. */
export async function leftOf(local: LocalReplica, notes: MountNotes): Promise<AbandonedMount[]> {
  const left: AbandonedMount[] = [];
  for (const held of await notes.left()) {
    const note = await noteOf(local, notes, held);
    const { session, mode, since, base } = note;
    const { state, pid: usedBy } = await commandState(local, note.command);
    const isCertain = held.isCertain && state !== 'unknown';
    const used = usedBy === undefined ? {} : { usedBy };
    left.push({ ...held, isCertain, ...used, session, mode, dir: directoryOf(local, held), since: new Date(since), base });
  }
  return left;
}

/** A checkout that was cut off, and what it has left. */
export interface UnfinishedCheckout {
  dir: string;
  /** The session that was checked out. */
  session: string | undefined;
  leftovers: Leftover[];
}

/** Returns the checkouts that were cut off, in the order of their directories; one that is under way is not among them. */
export async function unfinishedCheckouts(local: LocalReplica): Promise<UnfinishedCheckout[]> {
  const found: UnfinishedCheckout[] = [];
  for (const dir of await pendingDirectories(local.records)) {
    const checkout = await local
      .holding(dir, async (workspace) => {
        const { next, previous } = workspace.pending ?? {};
        return { dir, session: (next ?? previous)?.session, leftovers: leftoversOf(workspace) };
      })
      .catch((error: unknown) => {
        if (!isError(error, 'BUSY', 'USAGE', 'FORBIDDEN')) throw error;
        return undefined;
      });
    if (checkout !== undefined && checkout.leftovers.length > 0) found.push(checkout);
  }
  return found;
}

/**
 * Recovers a workspace, pushes what came of it where a remote is given, and removes the workspace; undefined where another process was faster. Work that cannot
 * follow the session's head goes to a session beside it. Throws BUSY where a browser is live in it, SHRUNK where it is gutted: it stays then, as it stays where it
 * cannot be committed.
 */
export async function recoverMount(
  notes: MountNotes,
  left: HeldNote,
  how: RecoverAction,
  options: RecoverOptions,
  op: Call,
): Promise<Recovered | undefined> {
  return owning(op.local.owners, async () => {
    if (!(await notes.claim(left))) return undefined;
    try {
      return await recoverOwned(notes, left, how, options, op);
    } catch (error) {
      await notes.giveBack(left);
      throw error;
    }
  });
}

async function recoverOwned(notes: MountNotes, held: HeldNote, how: RecoverAction, options: RecoverOptions, op: Call): Promise<Recovered> {
  const { id } = held;
  const dir = directoryOf(op.local, held);
  const note = await noteOf(op.local, notes, { id });
  const { session, base } = note;
  await rejectRunningCommand(op.local, dir, note.command);
  // A checkout that was cut off may have left its content beside the directory.
  await op.local.holding(dir, settleWorkspace);
  const isWork = note.phase === 'open' && directoryState(dir) !== 'absent';
  if (isWork) rejectRunningBrowser(dir, op.local.host);
  if (!isWork || how === 'discard') {
    await removeWorkspace(op.local, notes, id, dir, note);
    return { id, session, commit: base, outcome: isWork ? 'discarded' : 'unchanged', pushed: false };
  }
  const place = placeOf(id, dir, note);
  const { keepCaches, exclude } = note;
  const message = `Recovered from a mount of ${new Date(note.since).toISOString()}`;
  // Work that is there is kept, whatever it is.
  const settings = { allowShrink: options.allowShrink, keepCaches, exclude, message, op: 'recovered', allowPartialProfile: true } as const;
  const done = await commitMount(place, settings, op);
  await removeWorkspace(op.local, notes, id, dir, note);
  const { commit, changed } = done;
  const sending = hasRemote(op) && changed ? pushMounted(place, done.session, {}, op) : undefined;
  const sent = await sending?.catch((error: unknown) => {
    throw notPushed(done.session, commit, error);
  });
  const pushed = sent?.pushed ?? false;
  return { id, session: done.session, commit, outcome: changed ? 'committed' : 'unchanged', pushed };
}

function placeOf(id: string, dir: string, { session, base, mode }: MountNote): MountPlace {
  const { digits } = partsOfMountId(id);
  const fork = mode === 'fork' ? sessionBeside(session, 'fork', digits) : undefined;
  return { session, dir, base, fork, aside: sessionBeside(session, 'conflict', digits) };
}

function directoryOf(local: LocalReplica, { id }: Pick<HeldNote, 'id'>): string {
  return join(local.workspaces, id);
}

/** What a note says; where it is damaged, what else is known of the workspace. */
async function noteOf(local: LocalReplica, notes: MountNotes, held: Pick<HeldNote, 'id'> & Partial<HeldNote>): Promise<MountNote> {
  const note = await notes.read(held);
  if (note !== undefined) return note;
  const { record } = await local.workspace(directoryOf(local, held));
  const { session } = partsOfMountId(held.id);
  return { session, mode: 'shared', since: 0, base: record?.base, phase: 'open', keepCaches: false, exclude: [] };
}
