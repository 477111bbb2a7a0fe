import { REMOTE_PACK_CONCURRENCY, REUSE_SHARE } from '../base/limits.js';
import type { Epoch } from '../format/cells.js';
import type { BlobPlace, Manifest } from '../format/manifest.js';
import type { ObjectId } from '../format/object-id.js';
import type { Row } from '../format/ref.js';
import { distinctBlobs, type Tree } from '../format/tree.js';
import { BlobReader } from '../repository/read/blob-reader.js';
import { BlobWriter } from '../repository/write/blob-writer.js';
import { compact } from '../repository/write/compaction.js';
import { writeEntry } from '../session/append-commit.js';
import type { RemoteCall } from '../session/call.js';
import { PackPresence, withoutCondemned, withoutPacks } from '../session/commit/reuse.js';
import type { Outgoing } from '../session/outgoing.js';
import { findRelocations, lostPacks } from '../session/replica/lost.js';
import type { SessionRef } from '../session/session-ref.js';
import { sendTree } from './upload-tree.js';

export interface Shipment {
  /** The session's ref on the remote; it is created if the remote has none. */
  there: SessionRef;
  /** Oldest first. */
  outgoing: readonly Outgoing[];
  /** Rows that come after them, with the manifest of the first: those of another session that the new one begins with. */
  underlying?: { rows: readonly Row[]; manifest: Manifest } | undefined;
  /** The local manifest of the commit that the first outgoing one was made from, if the local store has it. */
  base: Pick<Manifest, 'blobs'> | undefined;
  /** Tags to set with it. */
  tags: ReadonlyMap<string, ObjectId>;
  /** Name also what is not reachable from the token, after a pin. */
  pin: boolean;
  /** Whose lease ends with it. */
  release?: string | undefined;
  /** The epoch, if it was read after the token already. */
  pinned?: Epoch;
  /** Keys of what the remote has lost, and the rows of its ref that are sent again because of it, oldest first. */
  loss?: { lost: ReadonlySet<string>; relocated: readonly Outgoing[] };
  /** Whether the packs that are named again are looked for; asked for unless given. */
  looks?: boolean;
}

export interface Sent {
  /** The ref as it is after it; other writers may have gone on from what was sent. */
  ref: SessionRef;
  /** The newest commit that was sent. */
  commit: ObjectId;
  objects: number;
  bytes: number;
}

/** A ref that was never under a collection says 0: what is learnt then holds as long as there has been none. */
const FIRST_EPOCH = 1;

/** Sends; undefined if another writer was first. */
export async function send(shipment: Shipment, op: RemoteCall): Promise<Sent | undefined> {
  const { there, underlying, tags } = shipment;
  const { lost, relocated } = shipment.loss ?? { lost: new Set<string>(), relocated: [] };
  const outgoing = [...relocated, ...shipment.outgoing];
  const target = there.hasRef ? there : await op.remote.create(there.id, op);
  if (target === undefined) return undefined;
  // Not before: a look that is due is not spent on an attempt that lost before it looked.
  const looks = shipment.looks ?? (await op.remote.isLookDue());
  const { repository, ref } = target;
  const known = await knownPlaces(shipment, target, op);
  const head = outgoing.at(-1);
  // Decoded once: for a large profile it is the largest thing in memory.
  const loaded = await head?.load();
  const reuse = await findReuse(shipment, target, known.places, loaded?.blobs ?? new Map(), op);
  const epoch = Math.max(ref.epoch, reuse.learntAt);
  const ownPlaces = new Map(shipment.base?.blobs);
  const source = await op.local.init(op);
  const reader = new BlobReader(source, { signal: op.signal });
  let noting: Promise<void> = Promise.resolve();
  const writer = new BlobWriter(repository, {
    compression: 'auto',
    known: new Map([...reuse.places, ...known.places]),
    epoch: () => epoch,
    packConcurrency: REMOTE_PACK_CONCURRENCY,
    readKnown: async (id) => {
      const place = ownPlaces.get(id);
      return place && reader.read(id, place);
    },
    onDurable: (places) => {
      noting = noting.then(() => op.remote.index.record(repository, Math.max(FIRST_EPOCH, epoch), places));
      return noting;
    },
    signal: op.signal,
  });
  let previous = known.tree;
  const rows: Row[] = [];
  const moved = new Map<ObjectId, Row>();
  const manifests = new Map<ObjectId, Promise<Uint8Array>>();
  const named: BlobPlace[] = [];
  for (const each of outgoing) {
    const { commit, isHere } = each;
    const { tree, blobs: stored } = (each === head ? loaded : undefined) ?? (await each.load());
    const blobs = isHere || lost.size === 0 ? stored : await inLocalStore(shipment, stored, known.places, ownPlaces, op);
    if (isHere) for (const [id, place] of blobs) ownPlaces.set(id, place);
    await sendTree(writer, reader, { tree, blobs }, previous, op.onProgress);
    await writer.settle();
    if (each === head && isHere) await compact(writer, placesOf(tree, writer), (id) => reader.read(id, ownPlaces.get(id) as BlobPlace));
    const content = { commit, tree, blobs: placesOf(tree, writer) };
    if (looks) named.push(...content.blobs.values());
    const { row, manifest } = writeEntry(repository, { op: each.op, epoch, ...content }, op);
    manifests.set(row.id, manifest);
    if (relocated.includes(each)) moved.set(row.id, row);
    else rows.unshift(row);
    previous = tree;
  }
  const looking = new PackPresence(repository, op).missing(named, writer.packs);
  looking.catch(() => undefined);
  const pinning = reuse.pin?.();
  pinning?.catch(() => undefined);
  await writer.finish();
  const before = { ...ref, rows: ref.rows.map((row) => moved.get(row.id) ?? row), epoch };
  const [history, missing, stored] = await Promise.all([
    repository.refs.addRows(before, [...rows, ...(underlying?.rows ?? [])], op),
    looking,
    Promise.all(manifests.values()),
    writer.acknowledged(),
  ]);
  const pinned = await pinning;
  if (missing.size > 0) {
    const all = new Set([...lost, ...missing]);
    const loss = { lost: all, relocated: await findRelocations(op.local, target, all, op) };
    return send({ ...shipment, there: target, loss, looks, pin: true }, op);
  }
  if (pinned !== undefined && !isUsable(reuse, pinned)) return send({ ...shipment, there: target, looks, pinned }, op);
  const first = [...rows, ...before.rows][0] as Row;
  const bytesOfFirst = await manifests.get(first.id);
  const newest = bytesOfFirst && { row: first, bytes: bytesOfFirst };
  const change = {
    state: 'live',
    ...history,
    tags: new Map([...ref.tags, ...tags]),
    head: newest === undefined ? ref.head : op.remote.inlineHead(newest.bytes),
    epoch: Math.max(epoch, pinned?.k ?? 0),
    lease: ref.lease?.owner === shipment.release ? undefined : ref.lease,
  } as const;
  const swapped = await target.update(change, op, newest);
  if (swapped === undefined) return undefined;
  const bytes = stored.reduce((sum, { length }) => sum + length, writer.storedBytes);
  return { ref: swapped, commit: first.id, objects: writer.packs.size + stored.length, bytes };
}

/** Returns where the local store has blobs that the remote has lost, of a version that only the remote had. Throws INTEGRITY, as `lostPacks`, if it has not all. */
async function inLocalStore(
  { there, loss }: Shipment,
  stored: ReadonlyMap<ObjectId, BlobPlace>,
  known: ReadonlyMap<ObjectId, BlobPlace>,
  ownPlaces: ReadonlyMap<ObjectId, BlobPlace>,
  op: RemoteCall,
): Promise<ReadonlyMap<ObjectId, BlobPlace>> {
  const ids = [...stored.keys()].filter((id) => !known.has(id));
  const source = await op.local.init(op);
  const { k } = await source.epoch(op);
  const found = new Map([...(await op.local.index.lookup(source, k, ids)), ...ownPlaces]);
  if (ids.some((id) => !found.has(id))) throw lostPacks(op.remote.provider.url, loss?.lost ?? new Set(), there.id);
  return found;
}

/** Returns the locations that may be named without a pin, since the ref's entries reach them, and the tree that the first commit is likely to resemble. */
async function knownPlaces(
  { outgoing, underlying, loss }: Shipment,
  there: SessionRef,
  op: RemoteCall,
): Promise<{ places: ReadonlyMap<ObjectId, BlobPlace>; tree: Tree | undefined }> {
  const trees = new Set(outgoing.map(({ commit }) => commit.tree));
  const wanted = there.ref.rows.filter(({ commit }, i) => i === 0 || trees.delete(commit.tree));
  const manifests = await Promise.all(wanted.map((row) => there.manifest(row, op)));
  if (underlying !== undefined) manifests.push(underlying.manifest);
  const places = new Map(manifests.flatMap(({ blobs }) => [...blobs]));
  return { places: withoutPacks(places, loss?.lost ?? new Set()), tree: manifests[0]?.tree };
}

/** What else the remote is thought to have of what is to be sent. */
interface Reuse {
  places: ReadonlyMap<ObjectId, BlobPlace>;
  /** The epoch under which they were learnt. */
  learntAt: number;
  /** Reads the epoch, after the token: it tells whether they may be named. Undefined where nothing is named that needs it. */
  pin: (() => Promise<Epoch>) | undefined;
}

/**
 * Finds what can be used again, without the epoch that decides it: that is read while the rest is uploaded. What is uploaded meanwhile is named by nothing
 * before the swap, and the swap waits for the epoch (SPEC.md R-SYNC-2).
 */
async function findReuse(
  { pin, pinned, underlying, loss }: Shipment,
  { repository, ref }: SessionRef,
  known: ReadonlyMap<ObjectId, BlobPlace>,
  wanted: ReadonlyMap<ObjectId, BlobPlace>,
  op: RemoteCall,
): Promise<Reuse> {
  const missing = [...wanted].filter(([id]) => !known.has(id));
  const ids = missing.map(([id]) => id);
  const lost = loss?.lost ?? new Set<string>();
  if (pinned !== undefined) {
    const places = withoutPacks(withoutCondemned(await op.remote.index.lookup(repository, pinned.k, ids), pinned), lost);
    return { places, learntAt: pinned.k, pin: async () => pinned };
  }
  const none = { learntAt: 0, places: new Map<ObjectId, BlobPlace>() };
  const mayReuse = missing.length > 0 && (pin || ref.rows.length === 0);
  const guessed = mayReuse ? await op.remote.index.guess(repository, ids) : none;
  const guess = { ...guessed, places: withoutPacks(guessed.places, lost) };
  const isWorth = guess.places.size > 0 && lengthOf(guess.places) >= REUSE_SHARE * lengthOf(missing);
  // What lies beneath is another session's, and named in any case.
  const needsPin = isWorth || underlying !== undefined;
  return { ...(isWorth ? guess : none), pin: needsPin ? () => repository.epoch(op) : undefined };
}

/** Whether what was guessed holds: nothing was collected since it was learnt, and nothing of it is about to be. */
function isUsable({ places, learntAt }: Reuse, epoch: Epoch): boolean {
  return places.size === 0 || (epoch.k === learntAt && withoutCondemned(places, epoch).size === places.size);
}

function lengthOf(places: Iterable<readonly [ObjectId, BlobPlace]>): number {
  let sum = 0;
  for (const [, { length }] of places) sum += length;
  return sum;
}

function placesOf(tree: Tree, writer: BlobWriter): Map<ObjectId, BlobPlace> {
  return new Map(Array.from(distinctBlobs(tree).keys(), (id) => [id, writer.place(id) as BlobPlace]));
}
