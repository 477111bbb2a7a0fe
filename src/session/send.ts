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
import type { OnProgress } from './progress.js';
import type { Remote, Seen } from './remote.js';
import { withoutCondemned } from './reuse.js';
import { sendTree } from './send-tree.js';

/** A commit to be sent, with a way to its tree and to the places of its blobs in home. */
export interface Outgoing {
  commit: Commit;
  op: RowOp;
  /** Whether home has its content. */
  isHere: boolean;
  load(): Promise<Pick<Manifest, 'tree' | 'blobs'>>;
}

export interface Shipment {
  home: Repository;
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
  /** The epoch, where it was read after the token already. */
  pinned?: Epoch;
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
  const { remote, session, seen, outgoing, underlying, tags } = shipment;
  const target = seen ?? (await remote.create(session, options));
  if (target === undefined) return undefined;
  const { repository, token } = target;
  const known = await knownPlaces(shipment, repository, token, options);
  const head = outgoing.at(-1);
  // Decoded once: for a large profile it is the largest thing in memory.
  const loaded = await head?.load();
  const reuse = await findReuse(shipment, repository, token, known.places, loaded?.blobs ?? new Map(), options);
  const epoch = Math.max(token.ref.epoch, reuse.learntAt);
  const homePlaces = new Map(shipment.base?.blobs);
  const reader = new BlobReader(shipment.home, { signal: options.signal });
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
  const manifests: Promise<Uint8Array>[] = [];
  for (const each of outgoing) {
    const { commit, op, isHere } = each;
    const { tree, blobs } = (each === head ? loaded : undefined) ?? (await each.load());
    if (isHere) for (const [id, place] of blobs) homePlaces.set(id, place);
    await sendTree(writer, reader, { tree, blobs }, previous, options.onProgress);
    await writer.settle();
    if (each === head && isHere) await compact(writer, placesOf(tree, writer), (id) => reader.read(id, homePlaces.get(id) as BlobPlace));
    const name = newName(remote.host, epoch);
    const content = { commit, tree, blobs: placesOf(tree, writer) };
    const manifest = repository.writeManifest(name, content, 'auto', options);
    manifest.catch(() => undefined);
    manifests.push(manifest);
    rows.unshift(newRow(op, commit, name));
    previous = tree;
  }
  const pinning = reuse.pin?.();
  pinning?.catch(() => undefined);
  await writer.finish();
  const [history] = await Promise.all([
    repository.refs.addRows({ ...token.ref, epoch }, [...rows, ...(underlying?.rows ?? [])], options),
    writer.acknowledged(),
    ...manifests,
  ]);
  const stored = await Promise.all(manifests);
  const pinned = await pinning;
  if (pinned !== undefined && !isUsable(reuse, pinned)) return send({ ...shipment, seen: target, pinned }, options);
  const newest = { row: rows[0] as Row, bytes: stored.at(-1) as Uint8Array };
  const change = {
    state: 'live',
    ...history,
    tags: new Map([...token.ref.tags, ...tags]),
    head: remote.inlineHead(newest.bytes),
    epoch: Math.max(epoch, pinned?.k ?? 0),
    lease: token.ref.lease?.owner === shipment.release ? undefined : token.ref.lease,
  } as const;
  const swapped = await repository.refs.swap(token, change, options);
  if (swapped === undefined) return undefined;
  await remote.noteRef(repository, swapped, newest);
  const bytes = stored.reduce((sum, { length }) => sum + length, writer.storedBytes);
  return { token: swapped, commit: newest.row.id, objects: writer.packs.size + stored.length, bytes };
}

/** The places that may be named without a pin, since the token's rows reach them, and the tree that the first commit is likely to resemble. */
async function knownPlaces(
  { remote, outgoing, underlying }: Shipment,
  repository: Repository,
  token: Token,
  options: RequestOptions,
): Promise<{ places: Map<ObjectId, BlobPlace>; tree: Tree | undefined }> {
  const { rows } = token.ref;
  const trees = new Set(outgoing.map(({ commit }) => commit.tree));
  const wanted = rows.filter(({ commit }, i) => i === 0 || trees.delete(commit.tree));
  const manifests = await Promise.all(wanted.map((row) => remote.readManifest(repository, token, row, options)));
  if (underlying !== undefined) manifests.push(underlying.manifest);
  return { places: new Map(manifests.flatMap(({ blobs }) => [...blobs])), tree: manifests[0]?.tree };
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
  { remote, pin, pinned, underlying }: Shipment,
  repository: Repository,
  token: Token,
  known: ReadonlyMap<ObjectId, BlobPlace>,
  wanted: ReadonlyMap<ObjectId, BlobPlace>,
  options: RequestOptions,
): Promise<Reuse> {
  const missing = [...wanted].filter(([id]) => !known.has(id));
  const ids = missing.map(([id]) => id);
  if (pinned !== undefined) {
    const places = withoutCondemned(await remote.index.lookup(repository, pinned.k, ids), pinned);
    return { places, learntAt: pinned.k, pin: async () => pinned };
  }
  const none = { learntAt: 0, places: new Map<ObjectId, BlobPlace>() };
  const mayReuse = missing.length > 0 && (pin || token.ref.rows.length === 0);
  const guess = mayReuse ? await remote.index.guess(repository, ids) : none;
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
  return new Map(distinctBlobs(tree).map(({ id }) => [id, writer.places.get(id) as BlobPlace]));
}
