/**
 * Pulls of versions from the remote to the local store (SPEC.md 11.5). Ref, manifests and frames
 * take three dependent round trips, or two if the ref contains the manifest. The local store gets
 * only the entries of versions whose content it has.
 */
import { BrowserStateError, ignore, isError } from '../base/errors.js';
import type { OnProgress } from '../base/progress.js';
import { type BlobPlace, type Manifest, mergeBlobs } from '../format/manifest.js';
import type { ObjectId } from '../format/object-id.js';
import type { HistoryEntry } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { KeptFrames } from '../repository/read/frame-cache.js';
import { matchSegments, type Segment } from '../repository/write/blob-parts.js';
import { copyBlobs } from '../repository/write/copy-blobs.js';
import { writeEntry } from '../session/append-commit.js';
import type { RemoteCall } from '../session/call.js';
import { PackPresence, Pin } from '../session/commit/reuse.js';
import { absentSession } from '../session/names.js';
import type { LiveSession, SessionRef } from '../session/session-ref.js';
import { updateRef } from '../session/update-ref.js';
import { inOrder, relate, tagsOf } from './histories.js';
import { pullProgress } from './progress.js';

export interface PullOptions extends RequestOptions {
  /** A revision to pull in addition to the head. */
  at?: string | undefined;
  onProgress?: OnProgress | undefined;
}

export interface PullSettings extends Pick<PullOptions, 'at'> {
  /** Keeps the frames that were decoded to be verified, for a checkout that follows at once. */
  frames?: KeptFrames | undefined;
}

export interface PullResult {
  session: string;
  /** The requested commit, whose content the local store now has. */
  commit: ObjectId;
  /** Whether the local store was changed, and how many commits, objects and bytes were fetched. */
  pulled: boolean;
  commits: number;
  objects: number;
  fetchedBytes: number;
}

/**
 * Pulls the head, and the revision `at`. Atomic: the local session has all of it or is unchanged.
 * Throws NOT_FOUND if neither side has the session or the revision. Throws CONFLICT if the local
 * store has unsent commits and the remote has moved.
 */
export async function pullSession(session: string, settings: PullSettings, op: RemoteCall): Promise<PullResult> {
  const there = await op.remote.read(session, op);
  if (there.exists) return pullSeen(there, settings, op);
  await op.remote.rejectLegacy(session, op, there);
  await op.remote.requireStore(op);
  // A session that was never pushed is only here. One that was deleted on the remote is not pulled.
  const found = await op.local.read(session, op);
  if (!found.exists) await op.local.rejectLegacy(session, op, found);
  if (!found.exists || there.wasDeleted) throw await absentSession([op.local, op.remote], session, op);
  return nothingNew(session, await found.find(settings.at ?? 'HEAD', op));
}

/** Pulls from a ref of the remote that was just read and has a head. */
export async function pullSeen(found: SessionRef, settings: PullSettings, op: RemoteCall): Promise<PullResult> {
  let there = found as LiveSession;
  const read = () => op.local.read(there.id, op);
  const attempt = (here: SessionRef) => attemptPull(here, there, settings, op);
  const isOutdated = async (error: unknown): Promise<boolean> => {
    there = await readAfterLoss(there, error, op).catch(op.remote.suspect);
    return true;
  };
  return updateRef(there.id, { read, attempt, isOutdated, isResumable: true }, op);
}

/**
 * Returns the remote's ref if it has changed since an object was missing (R-GC-2). Throws NOT_FOUND
 * if the session was deleted meanwhile, and rethrows the error if nothing has changed.
 */
async function readAfterLoss(there: SessionRef, error: unknown, op: RemoteCall): Promise<LiveSession> {
  const isLoss = isError(error, 'INTEGRITY', 'CONFLICT') && isError(error.cause, 'NOT_FOUND');
  if (!isLoss) throw error;
  const now = await op.remote.requireSession(there.id, op);
  if (now.version === there.version) throw error;
  return now;
}

function nothingNew(session: string, { id }: HistoryEntry): PullResult {
  return { session, commit: id, pulled: false, commits: 0, objects: 0, fetchedBytes: 0 };
}

/** Makes one attempt. Returns undefined if another process updated the local session first. */
async function attemptPull(here: SessionRef, there: LiveSession, settings: PullSettings, op: RemoteCall): Promise<PullResult | undefined> {
  const { id: session, head } = there;
  const { kind } = await relate(here, there, op);
  if (kind === 'diverged') throw diverged(here, there);
  const isAhead = kind === 'ahead';
  const entry = await requestedEntry(here, there, settings.at ?? 'HEAD', isAhead, op);
  const mine: HistoryEntry[] = [];
  for await (const part of here.parts(op)) mine.push(...part);
  const known = new Set(mine.map(({ id }) => id));
  const wanted = isAhead || entry.id === head.id ? [entry] : [head, entry];
  const missing = wanted.filter(({ id }) => !known.has(id));
  if (missing.length === 0) return nothingNew(session, entry);
  const fetched = await fetchEntries(here, there, missing, mine, settings, op);
  return fetched && { session, commit: entry.id, pulled: true, commits: missing.length, ...fetched };
}

/**
 * Returns the entry that a revision names. Searches the remote first, then the local store. If the
 * local store is ahead, searches it first. A tag may exist in the local store only.
 */
async function requestedEntry(here: SessionRef, there: SessionRef, at: string, isAhead: boolean, op: RemoteCall): Promise<HistoryEntry> {
  const own = isAhead ? await here.find(at, op).catch(ignore('NOT_FOUND')) : undefined;
  if (own !== undefined) return own;
  return there.find(at, op).catch(async (error: unknown) => {
    const found = isError(error, 'NOT_FOUND') ? await here.find(at, op).catch(() => undefined) : undefined;
    if (found === undefined) throw error;
    return found;
  });
}

/**
 * Fetches the content of the `missing` entries and adds these to the local ones (`mine`). Both
 * lists are newest first. Returns undefined if another process updated the local session first.
 */
async function fetchEntries(
  here: SessionRef,
  there: LiveSession,
  missing: readonly HistoryEntry[],
  mine: readonly HistoryEntry[],
  { frames }: PullSettings,
  op: RemoteCall,
): Promise<Pick<PullResult, 'objects' | 'fetchedBytes'> | undefined> {
  const [{ target, pin }, stored] = await Promise.all([
    prepareLocal(there.id, mine, op),
    Promise.all(missing.map((entry) => op.remote.manifestBytes(there, entry, op))),
  ]);
  if (here.hasRef ? target.version !== here.version : target.exists) return undefined;
  const { repository } = target;
  const manifests = await Promise.all(missing.map((entry, i) => there.repository.openManifest(entry, stored[i] as Uint8Array)));
  const former = await op.remote.notedManifest(there);
  const places = await localPlaces(target, former ? [...manifests, former] : manifests, pin, op);
  const wanted = mergeBlobs(manifests);
  for (const [id, { length }] of wanted) {
    // A local manifest with another length is damaged, so its location is useless.
    if (places.get(id)?.length === length) wanted.delete(id);
    else places.delete(id);
  }
  const present = former ? matchSegments(former.blobs, places) : new Map<string, Segment>();
  frames?.clear();
  const copied = await copyBlobs(there.repository, repository, wanted, {
    present,
    epoch: pin.epoch,
    ...op.remote.transfer,
    onSpan: op.onProgress && pullProgress(manifests, wanted, present, op.onProgress),
    kept: frames,
    onVerified: (arrived) => op.local.index.record(repository, pin.epoch, arrived),
    signal: op.signal,
  });
  for (const [id, place] of copied.places) places.set(id, place);
  const added = await Promise.all(
    manifests.map(async ({ id, commit, tree, blobs }, i): Promise<HistoryEntry> => {
      const content = { commit, tree, blobs: new Map([...blobs.keys()].map((id) => [id, places.get(id) as BlobPlace])) };
      const { entry, manifest } = writeEntry(repository, { op: (missing[i] as HistoryEntry).op, epoch: pin.epoch, ...content }, op);
      await manifest;
      op.local.noteManifest(entry.manifest, { id, ...content });
      return entry;
    }),
  );
  const entries = await inOrder(there, added, mine, op);
  const history = await repository.refs.arrange({ ...target.ref, epoch: pin.epoch }, mine, entries, op);
  const tags = new Map([...target.ref.tags, ...tagsOf(there.ref, entries)]);
  const swapped = await target.update({ state: 'live', ...history, tags, head: new Uint8Array(0), epoch: pin.epoch }, op);
  await copied.recorded;
  if (swapped === undefined) return undefined;
  const at = missing.findIndex(({ id }) => id === there.head.id);
  if (at !== -1) await op.remote.noteRef(there, { entry: missing[at] as HistoryEntry, bytes: stored[at] as Uint8Array });
  return { objects: missing.length + copied.packs, fetchedBytes: copied.bytes };
}

/** Prepares the local store for new entries while the manifests are fetched. */
async function prepareLocal(session: string, mine: readonly HistoryEntry[], op: RemoteCall) {
  const target = await op.local.ensure(session, op);
  const pin = new Pin(op.local.index, target, op);
  if (mine.length === 0) await pin.set();
  await op.local.index.load();
  return { target, pin };
}

/** Returns the locations of the manifests' blobs in the local store. */
async function localPlaces(here: SessionRef, manifests: readonly Manifest[], pin: Pin, op: RemoteCall): Promise<Map<ObjectId, BlobPlace>> {
  const ids = new Set(manifests.flatMap(({ blobs }) => [...blobs.keys()]));
  const packs = new PackPresence(here.repository, op);
  const known = here.head ? [...(await here.manifest(here.head, op)).blobs] : [];
  const usable = await packs.filter(new Map(known.filter(([id]) => ids.has(id))));
  const others = [...ids].filter((id) => !usable.has(id));
  return new Map([...usable, ...(others.length === 0 ? [] : await packs.filter(await pin.lookup(others)))]);
}

function diverged({ head: commit }: SessionRef, { id: session, head }: LiveSession): BrowserStateError {
  const [here, there] = [commit, head].map((entry) => entry?.id.slice(0, 12));
  return new BrowserStateError(
    'CONFLICT',
    `session ${session}: this machine has commits that were not pushed (head ${here}), and the remote has moved (head ${there}); nothing was changed`,
    {
      details: { session, commit: commit?.id ?? null, head: head.id },
      hint: `Decide with \`browserstate push -s ${session} --on-conflict ours\`, \`theirs\` or \`fork\`; --offline uses what is on this machine.`,
    },
  );
}
