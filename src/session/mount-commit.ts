/**
 * Committing a mounted directory. A mount's commit follows the version that the directory was made from, never another: where the session has moved since, what is
 * in the directory becomes a session of its own first, and no writer's work is laid over another's unasked.
 */
import { BrowserStateError, isError } from '../errors.js';
import { MAX_ID_LENGTH } from '../limits.js';
import { diffTrees, isEmptyDiff } from '../object/diff.js';
import { measureTree, treeId } from '../object/tree.js';
import type { ObjectId } from '../object-id.js';
import type { RequestOptions } from '../provider/provider.js';
import type { Manifest } from '../repository/manifest.js';
import type { RowOp } from '../repository/ref.js';
import { readRules } from '../workspace/filter.js';
import { refuseHalfDone } from '../workspace/settle.js';
import { checkpointDirectory } from './checkpoint.js';
import { type CommitOptions, type CommitResult, commitDirectory } from './commit.js';
import { forkName, type OnConflict } from './conflict.js';
import { deleteSession, fork } from './history.js';
import type { Home } from './home.js';
import { lookAt } from './look.js';
import { mergeAside } from './merge-aside.js';
import type { Remote } from './remote.js';
import type { Found } from './site.js';

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
  /** Told what a person should know of the directory. */
  onWarning?: ((message: string) => void) | undefined;
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
 * Commits the directory to home. Nothing is written where it is as its base. With `fail` and `fork` work that cannot follow the session's head is in the session
 * `aside` afterwards, and `moved` says so; with `ours` and `theirs` both are joined. Can be repeated after a crash. Throws what `commitDirectory` throws.
 */
export async function commitMount(
  home: Home,
  remote: Remote | undefined,
  place: MountPlace,
  options: MountCommitOptions = {},
): Promise<MountCommit> {
  const { session, dir, base, fork: own } = place;
  const { onConflict = 'fail', ...settings } = options;
  if (base === undefined && (await isEmpty(home, dir, options))) return { session, commit: undefined, changed: false, stats: undefined };
  if (own !== undefined) return (await commitBeside(home, place, own, settings)) ?? unchanged(place);
  try {
    const { commit, changed, stats } = await commitDirectory(home, remote, session, dir, { ...settings, onto: { head: base } });
    return { session, commit, changed, stats };
  } catch (error) {
    if (!isError(error, 'CONFLICT')) throw error;
    const now = await headOf(home, remote, session, options);
    if (now === base) throw error;
    const done = await commitBeside(home, place, place.aside, settings);
    if (done === undefined) return unchanged(place);
    const found = onConflict === 'ours' || onConflict === 'theirs' ? await read(home, session, options) : undefined;
    if (found === undefined) return { ...done, moved: { head: now } };
    const joined = await mergeAside(home, session, place.aside, onConflict as 'ours' | 'theirs', options);
    return { ...done, session, commit: joined, ...(onConflict === 'theirs' && { isTheirs: true }) };
  }
}

/**
 * Commits the directory while a browser works in it; undefined where no consistent state could be read. Throws CONFLICT where the session has moved: what is done
 * then is decided by the commit that comes last.
 */
export async function checkpointMount(
  home: Home,
  remote: Remote | undefined,
  place: MountPlace,
  options: CommitOptions,
): Promise<MountCommit | undefined> {
  const { dir, base, fork: own } = place;
  const session = own ?? place.session;
  if (own !== undefined && base !== undefined && (await read(home, own, options)) === undefined)
    await beginWith(home, place.session, own, base, options);
  try {
    const done = await checkpointDirectory(home, own === undefined ? remote : undefined, session, dir, {
      ...options,
      onto: { head: base },
    });
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

/** Commits to a session that begins with the mount's base; undefined where the session that it was made from has all that the directory holds. */
async function commitBeside(home: Home, place: MountPlace, name: string, settings: CommitOptions): Promise<MountCommit | undefined> {
  const { session, dir, base } = place;
  if (await isKnown(home, place, name, settings)) return undefined;
  if (base !== undefined && (await read(home, name, settings)) === undefined) await beginWith(home, session, name, base, settings);
  const head = (await read(home, name, settings))?.head.id;
  try {
    const { commit, changed, stats } = await commitDirectory(home, undefined, name, dir, { ...settings, onto: { head } });
    return { session: name, commit, changed, stats };
  } catch (error) {
    // It holds nothing of its own yet, also if an earlier attempt began it.
    if (base !== undefined && (await read(home, name, {}))?.head.id === base) await deleteSession(home, name, {});
    throw error;
  }
}

/** Forks up to the base. If that is gone (the session was deleted) or damaged, the new session begins with what the directory holds. */
async function beginWith(home: Home, session: string, name: string, base: ObjectId, options: RequestOptions): Promise<void> {
  // A conflict on the remote may have made another session of it.
  for (const from of [session, forkName(session, base)]) {
    try {
      return void (await fork(home, from, name, { ...options, at: base }));
    } catch (error) {
      if (!isError(error, 'NOT_FOUND', 'LEGACY_SESSION', 'INTEGRITY')) throw error;
    }
  }
}

/** Whether the directory holds what the base, the head, or a commit between them holds: that of a commit which its process did not live to note. */
async function isKnown(home: Home, { session, dir, base }: MountPlace, name: string, options: CommitOptions): Promise<boolean> {
  const found = (await read(home, session, options)) ?? (await read(home, name, options));
  if (found === undefined) return false;
  const workspace = await home.workspace(dir);
  refuseHalfDone(workspace);
  const rules = readRules(dir, { keepCaches: options.keepCaches ?? false, exclude: options.exclude ?? [] });
  const tree = await lookAt(workspace, rules, options);
  const id = treeId(tree);
  const isSame = ({ tree: there }: Manifest): boolean => isEmptyDiff(diffTrees(there, tree));
  const { repository, token } = found;
  for await (const row of repository.refs.rows(token.ref, options)) {
    if (row.commit.tree === id) return true;
    const isEnd = row.id === base || row.id === found.head.id;
    if (isEnd && isSame(await home.readManifest(repository, token, row, options))) return true;
    if (row.id === base) return false;
  }
  return false;
}

async function isEmpty(home: Home, dir: string, options: CommitOptions): Promise<boolean> {
  const rules = readRules(dir, { keepCaches: options.keepCaches ?? false, exclude: options.exclude ?? [] });
  const { files } = measureTree(await lookAt(await home.workspace(dir), rules, options));
  return files === 0;
}

async function read(home: Home, session: string, options: RequestOptions): Promise<Found | undefined> {
  const found = await home.read(session, options);
  const head = found?.token.ref.rows[0];
  return found && head && { ...found, head };
}

/** The head that a commit would follow. */
async function headOf(home: Home, remote: Remote | undefined, session: string, options: RequestOptions): Promise<ObjectId | undefined> {
  const here = await read(home, session, options);
  if (here !== undefined) return here.head.id;
  return (await remote?.remembered(session))?.token.ref.rows[0]?.id;
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
