/** Checking a version out into a directory (SPEC.md 11.3): which of the ways of writing it fits what the directory holds. */
import { BrowserStateError, isError } from '../base/errors.js';
import type { OnProgress } from '../base/progress.js';
import { diffTrees, isEmptyDiff, sameContent } from '../format/diff.js';
import type { Manifest } from '../format/manifest.js';
import type { ObjectId } from '../format/object-id.js';
import { parentPath } from '../format/path.js';
import { measureTree, type Tree, type TreeEntry } from '../format/tree.js';
import { hasHandles } from '../fs/handle.js';
import { readFacts } from '../profile/excludes.js';
import { rejectRunningBrowser } from '../profile/running-browser.js';
import { BlobReader } from '../repository/read/blob-reader.js';
import type { KeptFrames } from '../repository/read/frame-cache.js';
import { capture, hashOnly } from '../workspace/capture/capture.js';
import { buildFilter, type CaptureRules, type Filter, matcher } from '../workspace/capture/filter.js';
import { type Scan, scan } from '../workspace/capture/scan.js';
import { StatCache } from '../workspace/capture/stat-cache.js';
import { applyTree, findObstacle } from '../workspace/checkout/change-in-place.js';
import { identityOf } from '../workspace/checkout/exchange.js';
import { directoryState, type PlaceOptions, placeTree, placeUnrecorded } from '../workspace/checkout/replace-directory.js';
import { rejectUnfinished, settleWorkspace } from '../workspace/checkout/settle.js';
import { MARKER } from '../workspace/marker.js';
import { countForeign, isClosed, openedIn, withFormerModes } from '../workspace/opened.js';
import type { Pending, Workspace, WorkspaceRecord } from '../workspace/workspace.js';
import type { Call } from './call.js';
import { forkName } from './relatives.js';
import type { Replica } from './replica/replica.js';
import type { LiveSession } from './session-ref.js';

export interface CheckoutOptions {
  /** A revision; the head unless given. */
  at?: string | undefined;
  /** Globs of the files and directories to check out; everything unless given. */
  only?: readonly string[] | undefined;
  /** Replace what the directory holds, whatever it is. */
  force?: boolean | undefined;
  /** Replace the directory's entries one by one and never the directory itself, in which a shell may be. */
  keepDirectory?: boolean | undefined;
  /** Told about a version that a browser cannot work with as it is. */
  onWarning?: ((message: string) => void) | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/** What callers inside this library say besides. */
interface CheckoutSettings extends CheckoutOptions {
  /** Frames that a pull decoded just now. */
  frames?: KeptFrames | undefined;
  /** Lets the owner change every entry, for a browser that is to work there; the record says so. */
  opened?: boolean | undefined;
}

export interface CheckoutResult {
  commit: ObjectId;
  /** Files written or found in place, and the sum of their sizes. */
  files: number;
  bytes: number;
  /** Bytes that came from a remote. */
  fetchedBytes: number;
}

const everything: Filter = { excludes: () => false };
const noRules: CaptureRules = { keepCaches: false, exclude: [], ignoreFile: undefined };

/**
 * Makes `dir` hold the version. A directory that is absent, empty, or exactly as a version of this store needs no `force`; any other is DIRTY
 * without it. Throws NOT_FOUND for an unknown session or revision, BUSY where a browser is live in `dir`, INTEGRITY where the store is damaged; the directory is
 * then as it was.
 */
export async function checkoutSession(session: string, dir: string, options: CheckoutSettings, op: Call): Promise<CheckoutResult> {
  return checkoutFrom(op.local, session, dir, options, op);
}

/** Checks out a version of either replica: of the remote one that the local store cannot take in, since the session has diverged. */
export async function checkoutFrom(
  replica: Replica,
  session: string,
  dir: string,
  options: CheckoutSettings,
  op: Call,
): Promise<CheckoutResult> {
  op.local.refuseTarget(dir);
  return replica.reading(session, op, (found) => attemptCheckout(found, dir, options, op));
}

async function attemptCheckout(from: LiveSession, dir: string, options: CheckoutSettings, op: Call): Promise<CheckoutResult> {
  const { id: session, head } = from;
  const row = await from.find(options.at ?? 'HEAD', op);
  const manifest = await from.manifest(row, op);
  await op.local.init(op);
  const tree = options.only ? select(manifest.tree, options.only) : manifest.tree;
  const { opened } = options;
  const content: PlaceOptions = {
    opened,
    reader: new BlobReader(from.repository, { signal: op.signal, kept: options.frames }),
    blobs: manifest.blobs,
    signal: op.signal,
    onProgress: op.onProgress && ((progress) => op.onProgress?.({ phase: 'checkout', ...progress })),
  };
  let isBegun = false;
  const checkOut = async (found: Workspace): Promise<CheckoutResult> => {
    isBegun = true;
    const workspace = await settleWorkspace(found);
    rejectRunningBrowser(workspace.dir, op.host);
    const record: WorkspaceRecord = {
      session,
      base: row.id,
      head: head.id,
      only: options.only && [...options.only],
      rules: noRules,
      opened: opened ? openedIn(tree) : undefined,
    };
    const learn = new StatCache({ dir: workspace.dir }, op.host.now());
    const write = { ...content, learn, keepDirectory: options.keepDirectory };
    const former = identityOf(workspace.dir);
    await place({ workspace, tree, record, write, options, op });
    await workspace.writeCache(learn);
    await warn(workspace.dir, tree, former, opened, op);
    return { commit: row.id, ...measureTree(tree), fetchedBytes: 0 };
  };
  return op.local.holding(dir, checkOut).catch(async (error: unknown) => {
    const { dir: real } = await op.local.workspace(dir);
    if (isBegun || !isError(error, 'FORBIDDEN') || directoryState(real) === 'occupied') throw error;
    // Nothing was changed yet, and nothing can be noted: an empty place is filled by one rename, which needs no record.
    await placeUnrecorded(real, tree, op.host, content);
    op.onWarning?.(`the local store cannot be written: nothing is noted of ${dir}; choose a new directory for the next restore`);
    return { commit: row.id, ...measureTree(tree), fetchedBytes: 0 };
  });
}

/** Reports entries of the version, and others that the directory still has, with which a browser fails. */
async function warn(dir: string, tree: Tree, former: string | undefined, opened = false, { onWarning }: Call): Promise<void> {
  const closed = tree.filter(isClosed).length;
  const outcome = opened
    ? 'and were made writable for the browser; what is committed keeps their modes'
    : `and were restored so: a browser cannot change them; \`chmod -R u+rwX ${dir}\` lets it`;
  if (closed > 0) onWarning?.(`${closed} entries of the version are read-only, ${outcome}`);
  // A directory that was made by this checkout has none.
  const foreign = onWarning === undefined || identityOf(dir) !== former ? 0 : await countForeign(dir);
  if (foreign > 0)
    onWarning?.(
      `${foreign} entries of ${dir} cannot be written by this user: they are another user's, or immutable (\`chattr -i\` lifts that); a browser cannot change them`,
    );
}

interface Placement {
  workspace: Workspace;
  tree: Tree;
  record: WorkspaceRecord;
  write: PlaceOptions & { learn: StatCache };
  options: CheckoutOptions;
  op: Call;
}

async function place(placement: Placement): Promise<void> {
  const { workspace, tree, record, write, options, op } = placement;
  if (workspace.pending !== undefined && !options.force) await refuseUnexplained(placement, workspace.pending);
  if (directoryState(workspace.dir) !== 'occupied' || workspace.pending !== undefined) {
    await placeTree(workspace, tree, record, op.host, write);
    return;
  }
  const current = await readClean(placement);
  if (current === undefined && !options.force) throw refuse(workspace.dir);
  const isOwned = current !== undefined;
  if (options.only !== undefined) {
    const there = await readDirectory(placement, everything);
    const kept = recordOfPart(workspace, record);
    const from = selectMatching(there, options.only);
    const obstacle = findObstacle(workspace.dir, from, tree);
    if (obstacle !== undefined) throw refuseObstacle(workspace.dir, obstacle, 'Move away what it holds, or choose another directory.');
    await applyTree(workspace, from, tree, kept, isOwned, record, op.host, write);
  } else if (current !== undefined) {
    const obstacle = findObstacle(workspace.dir, current, tree);
    if (obstacle !== undefined && !options.force)
      throw refuseObstacle(workspace.dir, obstacle, 'Move away what it holds, or replace all that the directory holds with --force.');
    if (obstacle !== undefined || !hasHandles) return void (await placeTree(workspace, tree, record, op.host, write));
    await applyTree(workspace, current, tree, { ...record, rules: workspace.record?.rules ?? noRules }, isOwned, record, op.host, write);
  } else {
    await placeTree(workspace, tree, record, op.host, write);
  }
}

/**
 * Throws DIRTY unless a mixture that a checkout left holds nothing but entries of its two versions: what somebody wrote into it since
 * is not overwritten. Throws the same for every other change that could not be settled.
 */
async function refuseUnexplained(placement: Placement, pending: Pending): Promise<void> {
  const { workspace, op } = placement;
  const { phase, previous, next } = pending;
  if (phase !== 'apply' || previous === undefined || next === undefined) return rejectUnfinished(workspace);
  const manifests = [await readRecorded(previous, op), await readRecorded(next, op)];
  const known = manifests.map((manifest) => new Map(manifest?.tree.map((entry) => [entry.path, entry])));
  const there = await readDirectory(placement, buildFilter({ facts: readFacts(workspace.dir), ...previous.rules }));
  const isKnown = (entry: TreeEntry): boolean =>
    known.some((entries) => {
      const version = entries.get(entry.path);
      return version !== undefined && sameContent(version, entry);
    });
  const strange = there.filter((entry) => entry.path !== MARKER && !isKnown(entry)).map(({ path }) => path);
  if (strange.length === 0) return;
  throw new BrowserStateError(
    'DIRTY',
    `${workspace.dir}: a checkout into this directory was cut off, and ${strange.length} entries were written since, such as ${strange[0]}`,
    {
      hint: 'Copy elsewhere whatever you need of it, then replace what it holds with --force.',
      details: { dir: workspace.dir, paths: strange.slice(0, 100) },
    },
  );
}

/** What is remembered of a directory of which a part was checked out. */
function recordOfPart({ dir, record: before }: Workspace, part: WorkspaceRecord): WorkspaceRecord | undefined {
  // A whole version that is changed in part is no version any more: its record stays, and tells the difference.
  if (before?.only === undefined) return before;
  if (before.session === part.session && before.base === part.base)
    return { ...part, only: [...new Set([...before.only, ...(part.only ?? [])])] };
  throw new BrowserStateError('DIRTY', `${dir}: it holds a part of commit ${before.base.slice(0, 12)} of session ${before.session}`, {
    details: { path: dir, session: before.session, commit: before.base },
    hint: 'Restore parts of one version into one directory, or choose another directory.',
  });
}

/** The directory's content, if it is exactly the version that its record names; undefined otherwise. */
async function readClean(placement: Placement): Promise<Tree | undefined> {
  const { workspace, options, op } = placement;
  const { record, pending, dir } = workspace;
  if (record === undefined || pending !== undefined) return undefined;
  const base = await readRecorded(record, op).catch((error: unknown) => {
    // What cannot be known of the directory does not matter where all of it is replaced.
    if (!options.force || !isError(error, 'INTEGRITY', 'CONFLICT')) throw error;
    return undefined;
  });
  if (base === undefined) return undefined;
  const expected = record.only ? select(base.tree, record.only) : base.tree;
  // Caches are compared where the version has them; where it has none, those of the directory are nobody's work.
  for (const keepCaches of [record.rules.keepCaches, true]) {
    const filter = buildFilter({ facts: readFacts(dir), ...record.rules, keepCaches });
    const there = await readWhole(placement, filter);
    if (there === undefined) continue;
    // A change in place goes by the modes that the directory has.
    if (isEmptyDiff(diffTrees(expected, withFormerModes(there, record.opened)))) return there;
  }
  return undefined;
}

/** The version that a record names, which may be of any session, also of the one that a conflict made of it; undefined where it is no more. */
async function readRecorded({ session, base }: WorkspaceRecord, op: Call): Promise<Manifest | undefined> {
  for (const name of [session, forkName(session, base)]) {
    const found = await op.local.read(name, op);
    for await (const row of found.entries(op)) if (row.id === base) return found.manifest(row, op);
  }
  return undefined;
}

/** The content of the directory; undefined if it holds something that no version can hold, and all of it is to be replaced. */
async function readWhole(placement: Placement, filter: Filter): Promise<TreeEntry[] | undefined> {
  const { workspace, options, op } = placement;
  if (!options.force) return readDirectory(placement, filter);
  try {
    const found = await scan(workspace.dir, filter, { now: op.host.now(), signal: op.signal });
    return found.skipped.length > 0 ? undefined : await readDirectory(placement, filter, found);
  } catch (error) {
    if (!isError(error, 'UNREADABLE')) throw error;
    return undefined;
  }
}

async function readDirectory({ workspace, write, op }: Placement, filter: Filter, scanned?: Scan): Promise<TreeEntry[]> {
  const { host, signal } = op;
  const found = scanned ?? (await scan(workspace.dir, filter, { now: host.now(), signal }));
  return capture(workspace.dir, found, {
    sink: hashOnly,
    cache: await workspace.readCache(),
    learn: write.learn,
    previous: undefined,
    signal,
  });
}

/** The part of a version that `only` names. Throws NOT_FOUND where it names nothing. */
function select(tree: Tree, only: readonly string[]): Tree {
  const selected = selectMatching(tree, only);
  if (selected.length > 0) return selected;
  throw new BrowserStateError('NOT_FOUND', `${only.join(', ')}: the version has nothing of that name`, {
    hint: 'Give paths relative to the directory, such as `Default/**`.',
  });
}

/** What the globs name, and the directories above it. */
export function selectMatching(tree: Tree, only: readonly string[]): Tree {
  const matches = matcher(only);
  const paths = new Set<string>();
  for (const { path } of tree) {
    if (!matches(path)) continue;
    for (let up = path; up !== '' && !paths.has(up); up = parentPath(up)) paths.add(up);
  }
  return tree.filter(({ path }) => paths.has(path));
}

function refuseObstacle(dir: string, path: string, hint: string): BrowserStateError {
  return new BrowserStateError('DIRTY', `${dir}: a directory ${path} is in the way of a file, and holds what no version has`, {
    hint,
    details: { path: dir, entry: path },
  });
}

function refuse(dir: string): BrowserStateError {
  return new BrowserStateError('DIRTY', `${dir}: it holds files that are in no version of this store`, {
    details: { path: dir },
    hint: 'Snapshot it first, choose another directory, or replace what it holds with --force.',
  });
}
