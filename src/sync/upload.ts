/** Uploads of commits to a session on the remote (SPEC.md 11.5). */
import { REMOTE_PACK_CONCURRENCY, REUSE_SHARE } from '../base/limits.js';
import type { Epoch } from '../format/cells.js';
import type { BlobPlace, Manifest } from '../format/manifest.js';
import type { ObjectId } from '../format/object-id.js';
import type { HistoryEntry } from '../format/ref.js';
import { distinctBlobs, type Tree } from '../format/tree.js';
import { BlobReader } from '../repository/read/blob-reader.js';
import { BlobWriter } from '../repository/write/blob-writer.js';
import { compact } from '../repository/write/compaction.js';
import { writeEntry } from '../session/append-commit.js';
import type { RemoteCall } from '../session/call.js';
import { PackPresence, withoutCondemned, withoutPacks } from '../session/commit/reuse.js';
import { lostPacks } from '../session/replica/lost.js';
import type { SessionRef } from '../session/session-ref.js';
import { findRelocations, type Outgoing } from './outgoing.js';
import { sendTree } from './upload-tree.js';

export interface Shipment {
  /** The session's ref on the remote; it is created if there is none. */
  there: SessionRef;
  /** Oldest first. */
  outgoing: Outgoing[];
  /** Entries of another session under the new ones, and the manifest of the first. */
  underlying?: { entries: readonly HistoryEntry[]; manifest: Manifest; epoch: number } | undefined;
  /** The local manifest of the commit before the first outgoing one. */
  base?: Pick<Manifest, 'blobs'> | undefined;
  /** Tags to set in the same swap. */
  tags?: Iterable<readonly [name: string, commit: ObjectId]>;
  /** Also reuse objects that the token does not reach, after a pin. */
  pin: boolean;
  /** The owner whose lease ends in the same swap. */
  release?: string | undefined;
  /** The epoch, if the caller has read it after the token. */
  pinned?: Epoch | undefined;
  /** The keys of objects that the remote has lost, and the entries to send again, oldest first. */
  loss?: { lost: ReadonlySet<string>; relocated: readonly Outgoing[] };
  /** Whether to check that reused packs exist; decided by the remote unless given. */
  looks?: boolean;
}

export interface Sent {
  /** The ref after the swap; other writers may have updated it since. */
  ref: SessionRef;
  /** The newest commit that was sent. */
  commit: ObjectId;
  objects: number;
  bytes: number;
}

/** The lowest epoch of entries in the index. Refs have epoch 0 before any collection. */
const FIRST_EPOCH = 1;

/** Sends the commits in one swap. Returns undefined if another writer was first. */
export async function send(shipment: Shipment, op: RemoteCall): Promise<Sent | undefined> {
  const { there, underlying, tags = [], release } = shipment;
  const { lost, relocated } = shipment.loss ?? { lost: new Set<string>(), relocated: [] };
  const outgoing = [...relocated, ...shipment.outgoing];
  const target = there.hasRef ? there : await op.remote.create(there.id, op);
  if (target === undefined) return undefined;
  // Counted only now, so that an attempt that has lost already does not use up a due check.
  const looks = shipment.looks ?? (await op.remote.isLookDue());
  const { repository, ref } = target;
  const known = await knownPlaces(shipment, target, op);
  const head = outgoing.at(-1);
  // The head's manifest is decoded once: it is the largest object in memory.
  const loaded = await head?.load();
  const reuse = await findReuse(shipment, target, known.places, loaded?.blobs ?? new Map(), op);
  const epoch = Math.max(ref.epoch, reuse.learntAt);
  const ownPlaces = new Map(shipment.base?.blobs);
  const source = await op.local.init(op);
  const reader = new BlobReader(source, { signal: op.signal });
  let recording: Promise<void> = Promise.resolve();
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
      recording = recording.then(() => op.remote.index.record(repository, Math.max(FIRST_EPOCH, epoch), places));
      return recording;
    },
    signal: op.signal,
  });
  let previous = known.tree;
  const entries: HistoryEntry[] = [];
  const moved = new Map<ObjectId, HistoryEntry>();
  const manifests = new Map<ObjectId, Promise<Uint8Array>>();
  const named: BlobPlace[] = [];
  for (const each of outgoing) {
    const { commit, isHere } = each;
    const { tree, blobs: stored } = (each === head ? loaded : undefined) ?? (await each.load());
    const blobs = isHere || lost.size === 0 ? stored : await localPlaces(there.id, lost, stored, known.places, ownPlaces, op);
    if (isHere) for (const [id, place] of blobs) ownPlaces.set(id, place);
    await sendTree(writer, reader, { tree, blobs }, previous, op.onProgress);
    await writer.settle();
    if (each === head && isHere) await compact(writer, placesOf(tree, writer), (id) => reader.read(id, ownPlaces.get(id) as BlobPlace));
    const content = { commit, tree, blobs: placesOf(tree, writer) };
    if (looks) named.push(...content.blobs.values());
    const { entry, manifest } = writeEntry(repository, { op: each.op, epoch, ...content }, op);
    manifests.set(entry.id, manifest);
    if (relocated.includes(each)) moved.set(entry.id, entry);
    else entries.unshift(entry);
    previous = tree;
  }
  const looking = new PackPresence(repository, op).missing(named, writer.packs);
  looking.catch(() => undefined);
  const pinning = reuse.needsPin ? Promise.resolve(shipment.pinned ?? repository.epoch(op)) : undefined;
  pinning?.catch(() => undefined);
  await writer.finish();
  const before = { ...ref, entries: ref.entries.map((entry) => moved.get(entry.id) ?? entry), epoch };
  const [history, missing, stored] = await Promise.all([
    repository.refs.addEntries(before, [...entries, ...(underlying?.entries ?? [])], op),
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
  const first = [...entries, ...before.entries][0] as HistoryEntry;
  const bytes = await manifests.get(first.id);
  const change = {
    state: 'live',
    ...history,
    tags: new Map([...ref.tags, ...tags]),
    head: bytes === undefined ? ref.head : op.remote.inlineHead(bytes),
    epoch: Math.max(epoch, pinned?.k ?? 0, underlying?.epoch ?? 0),
    lease: ref.lease?.owner === release ? undefined : ref.lease,
  } as const;
  const swapped = await target.update(change, op, bytes && { entry: first, bytes });
  if (swapped === undefined) return undefined;
  const total = stored.reduce((sum, { length }) => sum + length, writer.storedBytes);
  return { ref: swapped, commit: first.id, objects: writer.packs.size + stored.length, bytes: total };
}

/**
 * Returns the local locations of the blobs of a version that only the remote had, and has lost.
 * Throws the error of `lostPacks` if the local store lacks a blob.
 */
async function localPlaces(
  session: string,
  lost: ReadonlySet<string>,
  stored: ReadonlyMap<ObjectId, BlobPlace>,
  known: ReadonlyMap<ObjectId, BlobPlace>,
  ownPlaces: ReadonlyMap<ObjectId, BlobPlace>,
  op: RemoteCall,
): Promise<ReadonlyMap<ObjectId, BlobPlace>> {
  const ids = [...stored.keys()].filter((id) => !known.has(id));
  const source = await op.local.init(op);
  const { k } = await source.epoch(op);
  const found = new Map([...(await op.local.index.lookup(source, k, ids)), ...ownPlaces]);
  if (ids.some((id) => !found.has(id))) throw lostPacks(op.remote.provider.url, lost, session);
  return found;
}

/** Returns the locations that need no pin, and the tree that the first commit may resemble. */
async function knownPlaces(
  { outgoing, underlying, loss }: Shipment,
  there: SessionRef,
  op: RemoteCall,
): Promise<{ places: ReadonlyMap<ObjectId, BlobPlace>; tree: Tree | undefined }> {
  const trees = new Set(outgoing.map(({ commit }) => commit.tree));
  const wanted = there.ref.entries.filter(({ commit }, i) => i === 0 || trees.delete(commit.tree));
  const manifests = await Promise.all(wanted.map((entry) => there.manifest(entry, op)));
  if (underlying !== undefined) manifests.push(underlying.manifest);
  const places = new Map(manifests.flatMap(({ blobs }) => [...blobs]));
  return { places: withoutPacks(places, loss?.lost ?? new Set()), tree: manifests[0]?.tree };
}

/** The other blobs to send that the remote probably has. */
interface Reuse {
  places: ReadonlyMap<ObjectId, BlobPlace>;
  /** The epoch under which the locations were learnt. */
  learntAt: number;
  /** Whether the swap names an object that only the current epoch allows. */
  needsPin: boolean;
}

/**
 * Finds blobs to reuse without waiting for the epoch, which is read during the upload. Nothing
 * names the uploaded objects before the swap, which waits for the epoch (SPEC.md R-SYNC-2).
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
    const found = withoutCondemned(await op.remote.index.lookup(repository, pinned.k, ids), pinned);
    return { places: withoutPacks(found, lost), learntAt: pinned.k, needsPin: true };
  }
  const mayReuse = missing.length > 0 && (pin || ref.entries.length === 0);
  const guess = mayReuse ? await op.remote.index.guess(repository, ids) : { learntAt: 0, places: new Map<ObjectId, BlobPlace>() };
  const places = withoutPacks(guess.places, lost);
  if (places.size > 0 && lengthOf(places) >= REUSE_SHARE * lengthOf(missing)) return { ...guess, places, needsPin: true };
  // The underlying entries are of another session, and this session's ref does not protect them.
  return { places: new Map(), learntAt: 0, needsPin: underlying !== undefined };
}

/** Returns whether all reused blobs are still stored: none was collected, and none is condemned. */
function isUsable({ places, learntAt }: Reuse, epoch: Epoch): boolean {
  return places.size === 0 || (epoch.k === learntAt && withoutCondemned(places, epoch).size === places.size);
}

function lengthOf(places: Iterable<readonly [ObjectId, BlobPlace]>): number {
  return [...places].reduce((sum, [, { length }]) => sum + length, 0);
}

function placesOf(tree: Tree, writer: BlobWriter): Map<ObjectId, BlobPlace> {
  return new Map(Array.from(distinctBlobs(tree).keys(), (id) => [id, writer.place(id) as BlobPlace]));
}
