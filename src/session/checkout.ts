/** Checkouts of a version into a directory (SPEC.md 11.3). */
import { BrowserStateError, isError } from '../base/errors.js';
import type { OnProgress } from '../base/progress.js';
import type { RequestOptions } from '../base/request.js';
import type { ObjectId } from '../format/object-id.js';
import { measureTree, type Tree } from '../format/tree.js';
import { hasHandles } from '../fs/handle.js';
import { rejectRunningBrowser } from '../profile/running-browser.js';
import { BlobReader } from '../repository/read/blob-reader.js';
import type { KeptFrames } from '../repository/read/frame-cache.js';
import type { CaptureRules } from '../workspace/capture/filter.js';
import { StatCache } from '../workspace/capture/stat-cache.js';
import { applyTree, findObstacle } from '../workspace/checkout/change-in-place.js';
import { identityOf } from '../workspace/checkout/exchange.js';
import { directoryState, type PlaceOptions, placeTree, placeUnrecorded } from '../workspace/checkout/replace-directory.js';
import { settleWorkspace } from '../workspace/checkout/settle.js';
import { rejectReserved } from '../workspace/marker.js';
import { countForeign, isClosed, openedIn } from '../workspace/opened.js';
import type { Workspace, WorkspaceRecord } from '../workspace/workspace.js';
import type { Call } from './call.js';
import { readClean, readEntries, rejectUnexplained, selectMatching, type Target } from './checkout-target.js';
import type { Replica } from './replica/replica.js';
import type { LiveSession } from './session-ref.js';

export interface CheckoutOptions extends RequestOptions {
  /** A revision; the head unless given. */
  at?: string | undefined;
  /** Globs of the files and directories to check out; everything unless given. */
  only?: readonly string[] | undefined;
  /** Replace the content of the directory, whatever it is. */
  force?: boolean | undefined;
  /** Replace the directory's entries one by one and keep the directory, which a shell may be in. */
  keepDirectory?: boolean | undefined;
  /** Called for a version that a browser cannot use as it is. */
  onWarning?: ((message: string) => void) | undefined;
  onProgress?: OnProgress | undefined;
}

interface CheckoutSettings extends CheckoutOptions {
  /** Frames that a pull has just decoded. */
  frames?: KeptFrames | undefined;
  /** Makes every entry writable for a browser, and notes the former modes in the record. */
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

const noRules: CaptureRules = { keepCaches: false, exclude: [], ignoreFile: undefined };

/**
 * Makes `dir` hold a version of either replica. Throws DIRTY unless `dir` is absent, empty or
 * unchanged since a commit or checkout, or `force` is given. Throws NOT_FOUND, BUSY if a browser
 * uses `dir`, and INTEGRITY if the store is damaged; `dir` is then as it was.
 */
export async function checkoutSession(
  replica: Replica,
  session: string,
  dir: string,
  options: CheckoutSettings,
  op: Call,
): Promise<CheckoutResult> {
  op.local.rejectTarget(dir);
  return replica.reading(session, op, (found) => checkoutFrom(found, dir, options, op));
}

async function checkoutFrom(from: LiveSession, dir: string, options: CheckoutSettings, op: Call): Promise<CheckoutResult> {
  const { id: session, head } = from;
  const { at = 'HEAD', only, opened, keepDirectory } = options;
  const entry = await from.find(at, op);
  const manifest = await from.manifest(entry, op);
  await op.local.init(op);
  const tree = only ? selectMatching(manifest.tree, only) : manifest.tree;
  if (only && tree.length === 0) {
    throw new BrowserStateError('NOT_FOUND', `${only.join(', ')}: the version has nothing of that name`, {
      hint: 'Give paths relative to the directory, such as `Default/**`.',
    });
  }
  rejectReserved(tree);
  const content: PlaceOptions = {
    opened,
    reader: new BlobReader(from.repository, { signal: op.signal, kept: options.frames }),
    blobs: manifest.blobs,
    signal: op.signal,
    onProgress: op.onProgress && ((progress) => op.onProgress?.({ phase: 'checkout', ...progress })),
  };
  let isBegun = false;
  const checkOut = async (found: Workspace): Promise<void> => {
    isBegun = true;
    const workspace = await settleWorkspace(found);
    rejectRunningBrowser(workspace.dir, op.host);
    const record: WorkspaceRecord = {
      session,
      base: entry.id,
      head: head.id,
      only: only && [...only],
      rules: noRules,
      opened: opened ? openedIn(tree) : undefined,
    };
    const learn = new StatCache({ dir: workspace.dir }, op.host.now());
    const former = identityOf(workspace.dir);
    await place({ workspace, learn, force: options.force ?? false, op }, tree, record, { ...content, learn, keepDirectory });
    await workspace.writeCache(learn);
    await warn(workspace.dir, tree, former, opened, op);
  };
  try {
    await op.local.holding(dir, checkOut);
  } catch (error) {
    const { dir: real } = await op.local.workspace(dir);
    if (isBegun || !isError(error, 'FORBIDDEN') || directoryState(real) === 'occupied') throw error;
    // The local store is read-only. Nothing was changed yet, and one rename needs no record.
    await placeUnrecorded(real, tree, op.host, content);
    op.onWarning?.(`the local store cannot be written, and has no record of ${dir}; choose a new directory for the next restore`);
  }
  return { commit: entry.id, ...measureTree(tree), fetchedBytes: 0 };
}

/** Warns about entries that a browser cannot change, of the version and others in the directory. */
async function warn(dir: string, tree: Tree, former: string | undefined, opened = false, { onWarning }: Call): Promise<void> {
  if (onWarning === undefined) return;
  const closed = tree.filter(isClosed).length;
  const outcome = opened
    ? 'and were made writable for the browser; what is committed keeps their modes'
    : `and were restored so: a browser cannot change them; \`chmod -R u+rwX ${dir}\` lets it`;
  if (closed > 0) onWarning(`${closed} entries of the version are read-only, ${outcome}`);
  // A directory that this checkout created has entries of the version alone.
  const foreign = identityOf(dir) === former ? await countForeign(dir) : 0;
  if (foreign > 0)
    onWarning(
      `${foreign} entries of ${dir} cannot be written by this user: they are another user's, or immutable (\`chattr -i\` lifts that); a browser cannot change them`,
    );
}

/** Changes the directory in place if its content allows that, and replaces it otherwise. */
async function place(target: Target, tree: Tree, record: WorkspaceRecord, write: PlaceOptions): Promise<unknown> {
  const { workspace, force, op } = target;
  const { dir, pending } = workspace;
  const { only } = record;
  const replace = () => placeTree(workspace, tree, record, op.host, write);
  if (pending !== undefined && !force) await rejectUnexplained(target, pending);
  if (pending !== undefined || directoryState(dir) !== 'occupied') return replace();
  const current = await readClean(target);
  if (current === undefined && !force) {
    const problem = workspace.record ? 'has changes that are in no version' : 'was not written by this local store';
    throw new BrowserStateError('DIRTY', `${dir} ${problem}`, {
      details: { path: dir },
      hint: 'Snapshot it first, choose another directory, or replace its content with --force.',
    });
  }
  const from = only ? selectMatching((await readEntries(target)).entries, only) : current;
  if (from === undefined) return replace();
  const next = only ? recordOfPart(workspace, record) : { ...record, rules: workspace.record?.rules ?? noRules };
  const obstacle = findObstacle(dir, from, tree);
  if (obstacle !== undefined && (only || !force)) {
    const advice = only ? 'choose another directory' : 'replace the whole directory with --force';
    throw new BrowserStateError('DIRTY', `${dir}: the directory ${obstacle} blocks a file, and has entries that are in no version`, {
      hint: `Move its content elsewhere, or ${advice}.`,
      details: { path: dir, entry: obstacle },
    });
  }
  if (!only && (obstacle !== undefined || !hasHandles)) return replace();
  return applyTree(workspace, from, tree, next, current !== undefined, record, op.host, write);
}

/** Returns the record of a directory into which a part of a version is checked out. */
function recordOfPart({ dir, record: before }: Workspace, part: WorkspaceRecord): WorkspaceRecord | undefined {
  // A whole version that is changed in part keeps its record: the next commit finds the difference.
  if (before?.only === undefined) return before;
  if (before.session === part.session && before.base === part.base)
    return { ...part, only: [...new Set([...before.only, ...(part.only ?? [])])] };
  throw new BrowserStateError('DIRTY', `${dir} holds a part of commit ${before.base.slice(0, 12)} of session ${before.session}`, {
    details: { path: dir, session: before.session, commit: before.base },
    hint: 'Restore parts of one version into one directory, or choose another directory.',
  });
}
