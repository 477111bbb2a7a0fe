/**
 * Pulling versions from the remote to the local store: ref, manifests, then frames, in three
 * dependent round trips, or two if the manifest is part of the ref (SPEC.md 11.5). The local store
 * gets the entries of the versions whose content it has, and no others.
 */
import { BrowserStateError, isError } from '../base/errors.js';
import type { OnProgress } from '../base/progress.js';
import { type BlobPlace, type Manifest, mergeBlobs } from '../format/manifest.js';
import type { ObjectId } from '../format/object-id.js';
import type { Row } from '../format/ref.js';
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
import { relate } from './compare.js';
import { pullProgress } from './progress/pull.js';
import { arrange, inOrder, tagsAmong } from './pulled-rows.js';

export interface PullOptions extends RequestOptions {
  /** A revision whose content is brought as well; the head unless given. */
  at?: string | undefined;
  onProgress?: OnProgress | undefined;
}

/** What callers inside this library say besides. */
export interface PullSettings {
  at?: string | undefined;
  /** Takes the frames that were decoded to be verified, for a checkout that follows at once. */
  frames?: KeptFrames | undefined;
}

export interface PullResult {
  session: string;
  /** The commit that was asked for: the local store has its content now. */
  commit: ObjectId;
  /**
   * Whether the local store was changed, how many commits came, and how many objects and bytes were
   * fetched.
   */
  pulled: boolean;
  commits: number;
  objects: number;
  fetchedBytes: number;
}

/**
 * Gives the local store what the remote has of the session, as far as asked for. Atomic: the local
 * session is as it was or has the whole versions. Throws NOT_FOUND if neither has the session or
 * the revision, CONFLICT if the local store has commits that the remote does not have and the
 * remote has moved.
 */
export async function pullSession(session: string, settings: PullSettings, op: RemoteCall): Promise<PullResult> {
  const there = await op.remote.read(session, op);
  if (there.exists) return pullSeen(there, settings, op);
  await op.remote.rejectLegacy(session, op, there);
  await op.remote.requireStore(op);
  // What was never pushed is only here; what was deleted there is not brought back by a look.
  const found = await op.local.read(session, op);
  const here = found.live();
  if (here === undefined) await op.local.rejectLegacy(session, op, found);
  if (here === undefined || there.wasDeleted) throw await absentSession([op.local, op.remote], session, op);
  return nothingNew(session, await here.find(settings.at ?? 'HEAD', op));
}

/** The same for a ref of the remote that was just read, and has a head. */
export async function pullSeen(found: SessionRef, settings: PullSettings, op: RemoteCall): Promise<PullResult> {
  let there = found as LiveSession;
  const read = () => op.local.read(there.id, op);
  const attempt = (here: SessionRef) => attemptPull(here, there, settings, op);
  const isOutdated = async (error: unknown): Promise<boolean> => {
    there = await readAfterLoss(there, error, op).catch(op.remote.suspect);
    return true;
  };
  // What came stays for the next pull.
  return updateRef(there.id, { read, attempt, isOutdated, isResumable: true }, op);
}

/**
 * Returns the ref as it is now if what it named is gone and it has moved (SPEC.md R-GC-2). Throws
 * every other error.
 */
async function readAfterLoss(there: SessionRef, error: unknown, op: RemoteCall): Promise<LiveSession> {
  const isLoss = isError(error, 'INTEGRITY', 'CONFLICT') && isError(error.cause, 'NOT_FOUND');
  const now = isLoss ? (await op.remote.read(there.id, op)).live() : undefined;
  if (now === undefined || now.version === there.version) throw error;
  return now;
}

/** Passes over what the local store does not have: the remote decides. */
function unlessMissing(error: unknown): undefined {
  if (!isError(error, 'NOT_FOUND')) throw error;
}

function nothingNew(session: string, { id }: Row): PullResult {
  return { session, commit: id, pulled: false, commits: 0, objects: 0, fetchedBytes: 0 };
}

/**
 * Makes one attempt; undefined if another process of this machine changed the local session
 * meanwhile.
 */
async function attemptPull(here: SessionRef, there: LiveSession, settings: PullSettings, op: RemoteCall): Promise<PullResult | undefined> {
  const { id: session, head } = there;
  const relation = await relate(here, there, op);
  if (relation.kind === 'diverged') throw diverged(here, there);
  const isAhead = relation.kind === 'ahead';
  const at = settings.at ?? 'HEAD';
  const own = isAhead ? await here.find(at, op).catch(unlessMissing) : undefined;
  if (own !== undefined) return nothingNew(session, own);
  const row = await wantedRow(here, there, at, op);
  const wanted = new Map((isAhead ? [row] : [head, row]).map((each) => [each.id, each]));
  const mine = new Map<ObjectId, Row>();
  for await (const part of here.parts(op)) for (const each of part) mine.set(each.id, each);
  const missing = [...wanted.values()].filter(({ id }) => !mine.has(id));
  if (missing.length === 0) return nothingNew(session, row);
  const fetched = await fetchRows(here, there, missing, [...mine.values()], settings, op);
  return (
    fetched && { session, commit: row.id, pulled: true, commits: missing.length, objects: fetched.objects, fetchedBytes: fetched.bytes }
  );
}

/** Returns the entry that a revision names on the remote, or here: a tag may be only here. */
async function wantedRow(here: SessionRef, there: SessionRef, at: string, op: RemoteCall): Promise<Row> {
  return there.find(at, op).catch(async (error: unknown) => {
    if (!here.exists || !isError(error, 'NOT_FOUND')) throw error;
    return here.find(at, op).catch(() => {
      throw error;
    });
  });
}

/**
 * Fetches the content of entries and puts them among those of the local store, newest first;
 * undefined if the swap lost.
 */
async function fetchRows(
  here: SessionRef,
  there: LiveSession,
  missing: readonly Row[],
  mine: readonly Row[],
  { frames }: PullSettings,
  op: RemoteCall,
): Promise<{ objects: number; bytes: number } | undefined> {
  const [{ target, pin }, stored] = await Promise.all([
    prepareLocal(there.id, mine, op),
    Promise.all(missing.map((row) => op.remote.manifestBytes(there, row, op))),
  ]);
  if (here.hasRef ? target.version !== here.version : target.exists) return undefined;
  const { repository } = target;
  const manifests = await Promise.all(missing.map((row, i) => there.repository.openManifest(row, stored[i] as Uint8Array)));
  const former = await op.remote.notedManifest(there);
  const places = await placesHere(target, former ? [...manifests, former] : manifests, pin, op);
  const wanted = mergeBlobs(manifests);
  for (const [id, { length }] of wanted) {
    // A local manifest that claims another length is damaged: what it says of the blob is no use.
    if (places.get(id)?.length === length) wanted.delete(id);
    else places.delete(id);
  }
  const present = former ? matchSegments(former.blobs, places) : new Map<string, Segment>();
  frames?.clear();
  const copied = await copyBlobs(there.repository, repository, wanted, {
    present,
    epoch: pin.epoch,
    ...op.remote.transfer,
    onSpan: op.onProgress && pullProgress({ manifests, wanted, present }, op.onProgress),
    kept: frames,
    onVerified: (arrived) => op.local.index.record(repository, pin.epoch, arrived),
    signal: op.signal,
  });
  const all = new Map([...places, ...copied.places]);
  const added = await Promise.all(
    manifests.map(async ({ id, commit, tree, blobs }, i): Promise<Row> => {
      const content = { commit, tree, blobs: new Map([...blobs.keys()].map((id) => [id, all.get(id) as BlobPlace])) };
      const { row, manifest } = writeEntry(repository, { op: (missing[i] as Row).op, epoch: pin.epoch, ...content }, op);
      await manifest;
      op.local.noteManifest(row.manifest, { id, ...content });
      return row;
    }),
  );
  const rows = await inOrder(there, added, mine, op);
  const history = await arrange(repository, { ...target.ref, epoch: pin.epoch }, mine, rows, op);
  const tags = tagsAmong(target.ref, there.ref, rows);
  const swapped = await target.update({ state: 'live', ...history, tags, head: new Uint8Array(0), epoch: pin.epoch }, op);
  await copied.told;
  if (swapped === undefined) return undefined;
  const at = missing.findIndex(({ id }) => id === there.head.id);
  if (at !== -1) await op.remote.noteRef(there, { row: missing[at] as Row, bytes: stored[at] as Uint8Array });
  return { objects: missing.length + copied.packs, bytes: copied.bytes };
}

/**
 * Prepares what the local store must have before it takes anything in, while the manifests are on
 * their way.
 */
async function prepareLocal(session: string, mine: readonly Row[], op: RemoteCall) {
  const target = await op.local.ensure(session, op);
  const pin = new Pin(op.local.index, target, op);
  if (mine.length === 0) await pin.set();
  await op.local.index.load();
  return { target, pin };
}

/** Returns where the local store has blobs of the manifests already. */
async function placesHere(here: SessionRef, manifests: readonly Manifest[], pin: Pin, op: RemoteCall): Promise<Map<ObjectId, BlobPlace>> {
  const known = here.head ? (await here.manifest(here.head, op)).blobs : new Map<ObjectId, BlobPlace>();
  const packs = new PackPresence(here.repository, op);
  const shared = new Map<ObjectId, BlobPlace>();
  for (const { blobs } of manifests) {
    for (const id of blobs.keys()) {
      const place = known.get(id);
      if (place !== undefined) shared.set(id, place);
    }
  }
  const usable = await packs.filter(shared);
  const others: ObjectId[] = [];
  for (const { blobs } of manifests) for (const id of blobs.keys()) if (!usable.has(id)) others.push(id);
  const found = others.length === 0 ? new Map<ObjectId, BlobPlace>() : await packs.filter(await pin.lookup(others));
  return new Map([...usable, ...found]);
}

function diverged({ head: commit }: SessionRef, { id: session, head }: LiveSession): BrowserStateError {
  const [here, there] = [commit, head].map((row) => row?.id.slice(0, 12));
  return new BrowserStateError(
    'CONFLICT',
    `session ${session}: this machine has commits that were not pushed (head ${here}), and the remote has moved (head ${there}); nothing was changed`,
    {
      details: { session, commit: commit?.id ?? null, head: head.id },
      hint: `Decide with \`browserstate push -s ${session} --on-conflict ours\`, \`theirs\` or \`fork\`; --offline uses what is on this machine.`,
    },
  );
}
