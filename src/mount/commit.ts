/**
 * Committing a mounted directory. The commit always follows the version that the directory was made
 * from. If the session has moved since, the content goes to a conflict session first, so that no
 * writer's work is replaced unasked.
 */
import { BrowserStateError, isError } from '../base/errors.js';
import { diffTrees, isEmptyDiff } from '../format/diff.js';
import type { ObjectId } from '../format/object-id.js';
import type { EntryOp } from '../format/ref.js';
import { measureTree, treeId } from '../format/tree.js';
import type { Call } from '../session/call.js';
import { checkpointDirectory } from '../session/commit/checkpoint.js';
import { commitDirectory } from '../session/commit/commit.js';
import type { CommitOptions, CommitResult } from '../session/commit/options.js';
import { deleteSession, fork } from '../session/history.js';
import { forkName } from '../session/relatives.js';
import type { OnConflict } from '../sync/conflict.js';
import { mergeSession } from '../sync/merge.js';
import { readRules } from '../workspace/capture/filter.js';
import { lookAt } from '../workspace/capture/look.js';
import { rejectUnfinished } from '../workspace/checkout/settle.js';
import type { MountedDirectory } from './registry.js';

export interface MountCommitOptions extends CommitOptions {
  /** The action if the session has moved on this machine; `fail` unless given. */
  onConflict?: OnConflict | undefined;
  op?: EntryOp | undefined;
}

export interface MountCommit {
  /** The session that holds the content of the directory. */
  session: string;
  /** The commit of the content; undefined if directory and session are empty. */
  commit: ObjectId | undefined;
  /** Whether a commit was made. */
  changed: boolean;
  stats: CommitResult['stats'] | undefined;
  /** Set if `session` is a conflict session: the head that the mounted session has by now. */
  moved?: { head: ObjectId | undefined };
  /** Set if the commit has the content of the moved session, not that of the directory. */
  isTheirs?: true;
}

/**
 * Commits the directory to the local store, unless it is unchanged. If the session has moved, the
 * options `fail` and `fork` leave the commit in the conflict session and set `moved`; `ours` and
 * `theirs` merge. Can be repeated after a crash. Throws what `commitDirectory` throws.
 */
export async function commitMount(mounted: MountedDirectory, options: MountCommitOptions, op: Call): Promise<MountCommit> {
  const { session, dir, base, conflict } = mounted;
  const { onConflict = 'fail', ...settings } = options;
  const unchanged: MountCommit = { session, commit: base, changed: false, stats: undefined };
  const look = async () => lookAt(await op.local.workspace(dir), readRules(dir, options), op);
  if (base === undefined && measureTree(await look()).files === 0) return unchanged;
  if (mounted.fork !== undefined) return (await commitTo(mounted.fork, mounted, settings, op)) ?? unchanged;
  try {
    return madeIn(session, await commitDirectory(session, dir, { ...settings, onto: { head: base } }, op));
  } catch (error) {
    if (!isError(error, 'CONFLICT')) throw error;
    const here = await op.local.read(session, op);
    const head = (here.head ?? (await op.remote?.recall(session))?.head)?.id;
    if (head === base) throw error;
    const done = await commitTo(conflict, mounted, settings, op);
    if (done === undefined) return unchanged;
    const isMerged = (onConflict === 'ours' || onConflict === 'theirs') && (await op.local.read(session, op)).exists;
    if (!isMerged) return { ...done, moved: { head } };
    const commit = await mergeSession(op.local, session, conflict, onConflict, op);
    return { ...done, session, commit, ...(onConflict === 'theirs' && { isTheirs: true }) };
  }
}

/**
 * Commits the directory while a browser runs in it. Returns undefined if no consistent state could
 * be read. Throws CONFLICT if the session has moved. The last commit resolves that conflict.
 */
export async function checkpointMount(mounted: MountedDirectory, options: CommitOptions, op: Call): Promise<MountCommit | undefined> {
  const { dir, base, fork: own } = mounted;
  const session = own ?? mounted.session;
  if (own !== undefined) await beginAtBase(own, mounted, op);
  try {
    const following = own === undefined ? op : { ...op, remote: undefined };
    const done = await checkpointDirectory(session, dir, { ...options, onto: { head: base } }, following);
    return done && madeIn(session, done);
  } catch (error) {
    // A new browser has written nothing yet.
    if (base === undefined && isError(error, 'SHRUNK')) return { session, commit: undefined, changed: false, stats: undefined };
    throw error;
  }
}

function madeIn(session: string, { commit, changed, stats }: Pick<CommitResult, 'commit' | 'changed' | 'stats'>): MountCommit {
  return { session, commit, changed, stats };
}

/** Commits on the base to another session; undefined if the mounted one has the content. */
async function commitTo(name: string, mounted: MountedDirectory, settings: CommitOptions, op: Call): Promise<MountCommit | undefined> {
  const { dir, base } = mounted;
  if (await isKnown(mounted, name, settings, op)) return undefined;
  await beginAtBase(name, mounted, op);
  const onto = { head: (await op.local.read(name, op)).head?.id };
  try {
    return madeIn(name, await commitDirectory(name, dir, { ...settings, onto }, { ...op, remote: undefined }));
  } catch (error) {
    // An unused session is removed, also one of an earlier attempt, and even after an abort.
    if (base !== undefined && (await op.local.read(name)).head?.id === base) await deleteSession(op.local, name, { host: op.host });
    throw error;
  }
}

/** Creates a session at the mount's base. Without a readable base, its first commit does that. */
async function beginAtBase(name: string, { session, base }: MountedDirectory, op: Call): Promise<void> {
  if (base === undefined || (await op.local.read(name, op)).exists) return;
  // A conflict on the remote may have renamed the session.
  for (const from of [session, forkName(session, base)]) {
    try {
      return void (await fork(op.local, from, name, base, op));
    } catch (error) {
      if (!isError(error, 'NOT_FOUND', 'LEGACY_SESSION', 'INTEGRITY')) throw error;
    }
  }
}

/** Returns whether the base, the head or a commit between them has the content. */
async function isKnown({ session, dir, base }: MountedDirectory, name: string, options: CommitOptions, op: Call): Promise<boolean> {
  const own = await op.local.read(session, op);
  const found = own.exists ? own : await op.local.read(name, op);
  if (!found.exists) return false;
  const workspace = await op.local.workspace(dir);
  rejectUnfinished(workspace);
  const tree = await lookAt(workspace, readRules(dir, options), op);
  const id = treeId(tree);
  for await (const entry of found.entries(op)) {
    if (entry.commit.tree === id) return true;
    const isEnd = entry.id === base || entry === found.head;
    if (isEnd && isEmptyDiff(diffTrees((await found.manifest(entry, op)).tree, tree))) return true;
    if (entry.id === base) return false;
  }
  return false;
}

/** Returns the error for a commit that is in a conflict session. */
export function movedAway(session: string, { session: conflict, commit, moved }: MountCommit, cause?: unknown): BrowserStateError {
  const head = moved?.head;
  const now = head === undefined ? 'it was deleted' : `its head is ${head.slice(0, 12)} now`;
  const take =
    head === undefined
      ? `Look at \`browserstate log -s ${conflict}\`, or `
      : `Take it with \`browserstate rollback -s ${session} --to ${conflict}:HEAD\`, or `;
  const safe = `the mounted directory is safe as commit ${commit?.slice(0, 12)} of session ${conflict}`;
  return new BrowserStateError('CONFLICT', `session ${session} was changed while it was mounted: ${now}; ${safe}`, {
    details: { session: conflict, commit: commit ?? null, head: head ?? null },
    hint: `${take}remove it with \`browserstate delete -s ${conflict}\`.`,
    cause,
  });
}
