import { REMOTE_PACK_CONCURRENCY, REUSE_SHARE } from '../limits.js';
import type { Commit } from '../object/commit.js';
import { distinctBlobs, type Tree } from '../object/tree.js';
import type { ObjectId } from '../object-id.js';
import type { RequestOptions } from '../provider/provider.js';
import { BlobReader } from '../repository/blob-reader.js';
import { BlobWriter } from '../repository/blob-writer.js';
import type { Epoch } from '../repository/cells.js';
import { compact } from '../repository/compaction.js';
import { newName } from '../repository/layout.js';
import type { BlobPlace, Manifest } from '../repository/manifest.js';
import { newRow, type Row, type RowOp } from '../repository/ref.js';
import type { Token } from '../repository/refs.js';
import type { Repository } from '../repository/repository.js';
import type { Home } from './home.js';
import { findRelocations, lostPacks } from './lost.js';
import type { OnProgress } from './progress.js';
import type { Remote, Seen } from './remote.js';
import { PackPresence, withoutCondemned, withoutPacks } from './reuse.js';
import { sendTree } from './send-tree.js';

/** A commit to be sent, with a way to its tree and to the places of its blobs in home. */
export interface Outgoing {
  id?: ObjectId | undefined;
  commit: Commit;
  op: RowOp;
  /** Whether home has its content. */
  isHere: boolean;
  load(): Promise<Pick<Manifest, 'tree' | 'blobs'>>;
}

export interface Shipment {
  home: Home;
  remote: Remote;
  session: string;
  /** The session's ref on the remote, which is the token; undefined where there is thought to be none. */
  seen: Seen | undefined;
  /** Oldest first. */
  outgoing: readonly Outgoing[];
  /** Rows that come after them, with the manifest of the first: those of another session that the new one begins with. */
  underlying?: { rows: readonly Row[]; manifest: Manifest } | undefined;
  /** Home's manifest of the commit that the first outgoing one was made from, if home has it. */
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
  token: Token;
  /** The newest commit that was sent. */
  commit: ObjectId;
  objects: number;
  bytes: number;
}

/** A ref that was never under a collection says 0: what is learnt then holds as long as there has been none. */
const FIRST_EPOCH = 1;

/** Sends; undefined where another writer was first. */
export async function send(
  shipment: Shipment,
  options: RequestOptions & { onProgress?: OnProgress | undefined },
): Promise<Sent | undefined> {
  const { home, remote, session, seen, underlying, tags } = shipment;
  const { lost, relocated } = shipment.loss ?? { lost: new Set<string>(), relocated: [] };
  const outgoing = [...relocated, ...shipment.outgoing];
  const target = seen ?? (await remote.create(session, options));
  if (target === undefined) return undefined;
  // Not before: a look that is due is not spent on an attempt that lost before it looked.
  const looks = shipment.looks ?? (await remote.isLookDue());
  const { repository, token } = target;
  const known = await knownPlaces(shipment, repository, token, options);
  const head = outgoing.at(-1);
  // Decoded once: for a large profile it is the largest thing in memory.
  const loaded = await head?.load();
  const reuse = await findReuse(shipment, repository, token, known.places, loaded?.blobs ?? new Map(), options);
  const epoch = Math.max(token.ref.epoch, reuse.learntAt);
  const homePlaces = new Map(shipment.base?.blobs);
  const source = await home.init(options);
  const reader = new BlobReader(source, { signal: options.signal });
  let noting: Promise<void> = Promise.resolve();
  const writer = new BlobWriter(repository, {
    compression: 'auto',
    known: new Map([...reuse.places, ...known.places]),
    epoch: () => epoch,
    packConcurrency: REMOTE_PACK_CONCURRENCY,
    readKnown: async (id) => {
      const place = homePlaces.get(id);
      return place && reader.read(id, place);
    },
    onDurable: (places) => {
      noting = noting.then(() => remote.index.record(repository, Math.max(FIRST_EPOCH, epoch), places));
      return noting;
    },
    signal: options.signal,
  });
  let previous = known.tree;
  const rows: Row[] = [];
  const moved = new Map<ObjectId, Row>();
  const manifests = new Map<ObjectId, Promise<Uint8Array>>();
  const named: BlobPlace[] = [];
  for (const each of outgoing) {
    const { commit, op, isHere } = each;
    const { tree, blobs: stored } = (each === head ? loaded : undefined) ?? (await each.load());
    const blobs = isHere || lost.size === 0 ? stored : await atHome(shipment, stored, known.places, homePlaces, options);
    if (isHere) for (const [id, place] of blobs) homePlaces.set(id, place);
    await sendTree(writer, reader, { tree, blobs }, previous, options.onProgress);
    await writer.settle();
    if (each === head && isHere) await compact(writer, placesOf(tree, writer), (id) => reader.read(id, homePlaces.get(id) as BlobPlace));
    const name = newName(remote.host, epoch);
    const content = { commit, tree, blobs: placesOf(tree, writer) };
    if (looks) named.push(...content.blobs.values());
    const manifest = repository.writeManifest(name, content, 'auto', options);
    manifest.catch(() => undefined);
    const row = newRow(op, commit, name);
    manifests.set(row.id, manifest);
    if (relocated.includes(each)) moved.set(row.id, row);
    else rows.unshift(row);
    previous = tree;
  }
  const looking = new PackPresence(repository, options).missing(named, writer.packs);
  looking.catch(() => undefined);
  const pinning = reuse.pin?.();
  pinning?.catch(() => undefined);
  await writer.finish();
  const before = { ...token.ref, rows: token.ref.rows.map((row) => moved.get(row.id) ?? row), epoch };
  const [history, missing, stored] = await Promise.all([
    repository.refs.addRows(before, [...rows, ...(underlying?.rows ?? [])], options),
    looking,
    Promise.all(manifests.values()),
    writer.acknowledged(),
  ]);
  const pinned = await pinning;
  if (missing.size > 0) {
    const all = new Set([...lost, ...missing]);
    const loss = { lost: all, relocated: await findRelocations(home, remote, target, all, options) };
    return send({ ...shipment, seen: target, loss, looks, pin: true }, options);
  }
  if (pinned !== undefined && !isUsable(reuse, pinned)) return send({ ...shipment, seen: target, looks, pinned }, options);
  const first = [...rows, ...before.rows][0] as Row;
  const bytesOfFirst = await manifests.get(first.id);
  const newest = bytesOfFirst && { row: first, bytes: bytesOfFirst };
  const change = {
    state: 'live',
    ...history,
    tags: new Map([...token.ref.tags, ...tags]),
    head: newest === undefined ? token.ref.head : remote.inlineHead(newest.bytes),
    epoch: Math.max(epoch, pinned?.k ?? 0),
    lease: token.ref.lease?.owner === shipment.release ? undefined : token.ref.lease,
  } as const;
  const swapped = await repository.refs.swap(token, change, options);
  if (swapped === undefined) return undefined;
  await remote.noteRef(repository, swapped, newest);
  const bytes = stored.reduce((sum, { length }) => sum + length, writer.storedBytes);
  return { token: swapped, commit: first.id, objects: writer.packs.size + stored.length, bytes };
}

/** Returns where the local store has blobs that the remote has lost, of a version that only the remote had. Throws INTEGRITY, as `lostPacks`, if it has not all. */
async function atHome(
  { home, remote, session, loss }: Shipment,
  stored: ReadonlyMap<ObjectId, BlobPlace>,
  known: ReadonlyMap<ObjectId, BlobPlace>,
  homePlaces: ReadonlyMap<ObjectId, BlobPlace>,
  options: RequestOptions,
): Promise<ReadonlyMap<ObjectId, BlobPlace>> {
  const ids = [...stored.keys()].filter((id) => !known.has(id));
  const source = await home.init(options);
  const { k } = await source.epoch(options);
  const found = new Map([...(await home.index.lookup(source, k, ids)), ...homePlaces]);
  if (ids.some((id) => !found.has(id))) throw lostPacks(remote.provider.url, loss?.lost ?? new Set(), session);
  return found;
}

/** The places that may be named without a pin, since the token's rows reach them, and the tree that the first commit is likely to resemble. */
async function knownPlaces(
  { remote, outgoing, underlying, loss }: Shipment,
  repository: Repository,
  token: Token,
  options: RequestOptions,
): Promise<{ places: ReadonlyMap<ObjectId, BlobPlace>; tree: Tree | undefined }> {
  const { rows } = token.ref;
  const trees = new Set(outgoing.map(({ commit }) => commit.tree));
  const wanted = rows.filter(({ commit }, i) => i === 0 || trees.delete(commit.tree));
  const manifests = await Promise.all(wanted.map((row) => remote.readManifest(repository, token, row, options)));
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
  { remote, pin, pinned, underlying, loss }: Shipment,
  repository: Repository,
  token: Token,
  known: ReadonlyMap<ObjectId, BlobPlace>,
  wanted: ReadonlyMap<ObjectId, BlobPlace>,
  options: RequestOptions,
): Promise<Reuse> {
  const missing = [...wanted].filter(([id]) => !known.has(id));
  const ids = missing.map(([id]) => id);
  const lost = loss?.lost ?? new Set<string>();
  if (pinned !== undefined) {
    const places = withoutPacks(withoutCondemned(await remote.index.lookup(repository, pinned.k, ids), pinned), lost);
    return { places, learntAt: pinned.k, pin: async () => pinned };
  }
  const none = { learntAt: 0, places: new Map<ObjectId, BlobPlace>() };
  const mayReuse = missing.length > 0 && (pin || token.ref.rows.length === 0);
  const guessed = mayReuse ? await remote.index.guess(repository, ids) : none;
  const guess = { ...guessed, places: withoutPacks(guessed.places, lost) };
  const isWorth = guess.places.size > 0 && lengthOf(guess.places) >= REUSE_SHARE * lengthOf(missing);
  // What lies beneath is another session's, and named in any case.
  const needsPin = isWorth || underlying !== undefined;
  return { ...(isWorth ? guess : none), pin: needsPin ? () => repository.epoch(options) : undefined };
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
  return new Map(Array.from(distinctBlobs(tree).keys(), (id) => [id, writer.places.get(id) as BlobPlace]));
}
