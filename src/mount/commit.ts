/**
 * Committing a mounted directory. A mount's commit follows the version that the directory was made from, never another: where the session has moved since, what is
 * in the directory becomes a session of its own first, and no writer's work is laid over another's unasked.
 */
import { BrowserStateError, isError } from '../base/errors.js';
import { MAX_ID_LENGTH } from '../base/limits.js';
import { diffTrees, isEmptyDiff } from '../format/diff.js';
import type { Manifest } from '../format/manifest.js';
import type { ObjectId } from '../format/object-id.js';
import type { RowOp } from '../format/ref.js';
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

/** A mounted directory as it is committed. */
export interface MountPlace {
  /** The session that it was made from. */
  session: string;
  dir: string;
  /** The commit that it was made from; undefined where the session had none. */
  base: ObjectId | undefined;
  /** The session that it is committed to, where that is another: it is made with the first commit. */
  fork: string | undefined;
  /** The session that its work is put into where the session has moved. */
  aside: string;
}

export interface MountCommitOptions extends CommitOptions {
  /** What to do where the session has moved on this machine; `fail` unless given. */
  onConflict?: OnConflict | undefined;
  op?: RowOp | undefined;
}

export interface MountCommit {
  /** The session that holds what the directory holds. */
  session: string;
  /** What the directory holds; undefined where it is empty and so was the session. */
  commit: ObjectId | undefined;
  /** Whether a commit was made. */
  changed: boolean;
  stats: CommitResult['stats'] | undefined;
  /** Where the session had moved, and the work is in another: its head then, undefined where it was gone. */
  moved?: { head: ObjectId | undefined };
  /** The session had moved, and the commit has the content of that, not of the directory. */
  isTheirs?: true;
}

/** The name of a session that is made for a mount. */
export function sessionBeside(session: string, kind: 'fork' | 'conflict', digits: string): string {
  const suffix = `.${kind}-${digits}`;
  return session.slice(0, MAX_ID_LENGTH - suffix.length) + suffix;
}

/**
 * Commits the directory to the local store. Nothing is written if it is as its base. With `fail` and `fork` work that cannot follow the session's head is in the session
 * `aside` afterwards, and `moved` says so; with `ours` and `theirs` both are joined. Can be repeated after a crash. Throws what `commitDirectory` throws.
 */
export async function commitMount(place: MountPlace, options: MountCommitOptions, op: Call): Promise<MountCommit> {
  const { session, dir, base, fork: own } = place;
  const { onConflict = 'fail', ...settings } = options;
  if (base === undefined && (await isEmpty(dir, options, op))) return { session, commit: undefined, changed: false, stats: undefined };
  if (own !== undefined) return (await commitBeside(place, own, settings, op)) ?? unchanged(place);
  try {
    const { commit, changed, stats } = await commitDirectory(session, dir, { ...settings, onto: { head: base } }, op);
    return { session, commit, changed, stats };
  } catch (error) {
    if (!isError(error, 'CONFLICT')) throw error;
    const head = await headOf(session, op);
    if (head === base) throw error;
    const { aside } = place;
    const done = await commitBeside(place, aside, settings, op);
    if (done === undefined) return unchanged(place);
    const isMerged = (onConflict === 'ours' || onConflict === 'theirs') && (await op.local.read(session, op)).exists;
    if (!isMerged) return { ...done, moved: { head } };
    const commit = await mergeSession(op.local, session, aside, onConflict, op);
    return { ...done, session, commit, ...(onConflict === 'theirs' && { isTheirs: true }) };
  }
}

/**
 * Commits the directory while a browser works in it; undefined if no consistent state could be read. Throws CONFLICT if the session has moved: what is done
 * then is decided by the commit that comes last.
 */
export async function checkpointMount(place: MountPlace, options: CommitOptions, op: Call): Promise<MountCommit | undefined> {
  const { dir, base, fork: own } = place;
  const session = own ?? place.session;
  if (own !== undefined && base !== undefined && !(await op.local.read(own, op)).exists) await beginWith(place.session, own, base, op);
  try {
    const following = own === undefined ? op : { ...op, remote: undefined };
    const done = await checkpointDirectory(session, dir, { ...options, onto: { head: base } }, following);
    return done && { session, commit: done.commit, changed: done.changed, stats: done.stats };
  } catch (error) {
    // A new browser has written nothing yet.
    if (base === undefined && isError(error, 'SHRUNK')) return { session, commit: undefined, changed: false, stats: undefined };
    throw error;
  }
}

function unchanged({ session, base }: MountPlace): MountCommit {
  return { session, commit: base, changed: false, stats: undefined };
}

/** Commits to a session that begins with the mount's base; undefined if the session that it was made from has all that the directory holds. */
async function commitBeside(place: MountPlace, name: string, settings: CommitOptions, op: Call): Promise<MountCommit | undefined> {
  const { session, dir, base } = place;
  if (await isKnown(place, name, settings, op)) return undefined;
  if (base !== undefined && !(await op.local.read(name, op)).exists) await beginWith(session, name, base, op);
  const onto = { head: (await op.local.read(name, op)).head?.id };
  try {
    const { commit, changed, stats } = await commitDirectory(name, dir, { ...settings, onto }, { ...op, remote: undefined });
    return { session: name, commit, changed, stats };
  } catch (error) {
    // It holds nothing of its own yet, also if an earlier attempt began it.
    // A signal that has fired does not keep it.
    const last = { host: op.host };
    if (base !== undefined && (await op.local.read(name)).head?.id === base) await deleteSession(op.local, name, last);
    throw error;
  }
}

/** Forks up to the base. If that is gone (the session was deleted) or damaged, the new session begins with what the directory holds. */
async function beginWith(session: string, name: string, base: ObjectId, op: Call): Promise<void> {
  // A conflict on the remote may have made another session of it.
  for (const from of [session, forkName(session, base)]) {
    try {
      return void (await fork(op.local, from, name, base, op));
    } catch (error) {
      if (!isError(error, 'NOT_FOUND', 'LEGACY_SESSION', 'INTEGRITY')) throw error;
    }
  }
}

/** Returns whether the directory holds what the base, the head, or a commit between them holds: that of a commit which its process did not live to note. */
async function isKnown({ session, dir, base }: MountPlace, name: string, options: CommitOptions, op: Call): Promise<boolean> {
  const own = await op.local.read(session, op);
  const found = own.exists ? own : await op.local.read(name, op);
  if (!found.exists) return false;
  const workspace = await op.local.workspace(dir);
  rejectUnfinished(workspace);
  const rules = readRules(dir, { keepCaches: options.keepCaches ?? false, exclude: options.exclude ?? [] });
  const tree = await lookAt(workspace, rules, op);
  const id = treeId(tree);
  const isSame = ({ tree: there }: Manifest): boolean => isEmptyDiff(diffTrees(there, tree));
  for await (const row of found.entries(op)) {
    if (row.commit.tree === id) return true;
    const isEnd = row.id === base || row === found.head;
    if (isEnd && isSame(await found.manifest(row, op))) return true;
    if (row.id === base) return false;
  }
  return false;
}

async function isEmpty(dir: string, options: CommitOptions, op: Call): Promise<boolean> {
  const rules = readRules(dir, { keepCaches: options.keepCaches ?? false, exclude: options.exclude ?? [] });
  const { files } = measureTree(await lookAt(await op.local.workspace(dir), rules, op));
  return files === 0;
}

/** Returns the head that a commit would follow. */
async function headOf(session: string, op: Call): Promise<ObjectId | undefined> {
  return ((await op.local.read(session, op)).head ?? (await op.remote?.recall(session))?.head)?.id;
}

/** Tells that what was mounted had to be kept as a session of its own. */
export function movedAside(session: string, { session: aside, commit, moved }: MountCommit, cause?: unknown): BrowserStateError {
  const head = moved?.head;
  const now = head === undefined ? 'it was deleted' : `its head is ${head.slice(0, 12)} now`;
  return new BrowserStateError(
    'CONFLICT',
    `session ${session} was changed while it was mounted: ${now}; what was mounted is safe as commit ${commit?.slice(0, 12)} of session ${aside}`,
    {
      details: { session: aside, commit: commit ?? null, head: head ?? null },
      hint: `Look at \`browserstate log -s ${aside}\`; onConflict (--on-conflict) ours or theirs joins both, fork keeps both without an error.`,
      cause,
    },
  );
}
