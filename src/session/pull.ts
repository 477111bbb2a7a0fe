/**
 * Bringing versions from the remote to home: ref, manifests, then frames, in three dependent round trips, or two where the manifest rides in the ref
 * (SPEC.md 11.5). Home gets the rows of the versions whose content it has, and no others.
 */

import { BrowserStateError, isError } from '../errors.js';
import { MAX_SWAP_ATTEMPTS } from '../limits.js';
import type { ObjectId } from '../object-id.js';
import type { RequestOptions } from '../provider/provider.js';
import { copyBlobs } from '../repository/copy.js';
import { newName } from '../repository/layout.js';
import { type BlobPlace, type Manifest, mergeBlobs } from '../repository/manifest.js';
import { type Row, wasDeleted } from '../repository/ref.js';
import type { Token } from '../repository/refs.js';
import type { Repository } from '../repository/repository.js';
import { matchSegments, type Segment } from '../repository/segments.js';
import type { Home } from './home.js';
import type { OnProgress } from './progress.js';
import { pullProgress } from './pull-progress.js';
import { arrange, inOrder, tagsAmong } from './pulled-rows.js';
import { type History, relate } from './relation.js';
import type { Remote, Seen } from './remote.js';
import { PackPresence, Pin } from './reuse.js';
import { resolveRevision } from './revision.js';
import { noSession } from './site.js';

export interface PullOptions extends RequestOptions {
  /** A revision whose content is brought as well; the head unless given. */
  at?: string | undefined;
  onProgress?: OnProgress | undefined;
}

/** Whether home keeps decoded what came, for the checkout that follows at once and lets go of it. */
export interface KeepFrames {
  keepFrames?: boolean;
}

type Settings = PullOptions & KeepFrames;

export interface PullResult {
  session: string;
  /** The commit that was asked for: home has its content now. */
  commit: ObjectId;
  /** Whether home was changed, how many commits came, and how many objects and bytes were asked for. */
  pulled: boolean;
  commits: number;
  objects: number;
  fetchedBytes: number;
}

/**
 * Makes home have what the remote has of the session, as far as asked for. Atomic: home's session is as it was or has the whole versions. Throws
 * NOT_FOUND where neither has the session or the revision, CONFLICT where home has commits that the remote has not and the remote has moved.
 */
export async function pullSession(home: Home, remote: Remote, session: string, options: Settings = {}): Promise<PullResult> {
  const seen = await remote.read(session, options);
  if (seen?.token.ref.rows[0] !== undefined) return pullSeen(home, remote, seen, options);
  await remote.refuseLegacy(session, options, seen?.token);
  await remote.requireStore(options);
  // What was never pushed is only here; what was deleted there is not brought back by a look.
  if (seen && wasDeleted(seen.token.ref)) throw noSession(session);
  const { repository, token } = await home.requireSession(session, options);
  const row = await resolveRevision(repository.refs, session, token.ref, options.at ?? 'HEAD', options);
  return { session, commit: row.id, pulled: false, commits: 0, objects: 0, fetchedBytes: 0 };
}

/** The same for a ref of the remote that was just read, and has a head. */
export async function pullSeen(home: Home, remote: Remote, found: Seen, options: Settings): Promise<PullResult> {
  const { session } = found.token;
  let seen = found;
  for (let attempt = 0; attempt < MAX_SWAP_ATTEMPTS; attempt++) {
    try {
      const pulled = await attemptPull(home, remote, seen, options);
      if (pulled !== undefined) return pulled;
    } catch (error) {
      seen = await readAfterLoss(remote, seen, error, options).catch(remote.suspect);
    }
  }
  throw new BrowserStateError('CONFLICT', `session ${session}: other processes of this machine were faster`, {
    details: { session },
    hint: 'Repeat the command.',
  });
}

/** The ref as it is now, where what it named is gone and it has moved (SPEC.md R-GC-2). Throws the error of everything else. */
async function readAfterLoss(remote: Remote, seen: Seen, error: unknown, options: RequestOptions): Promise<Seen> {
  const isLoss = isError(error, 'INTEGRITY', 'CONFLICT') && isError(error.cause, 'NOT_FOUND');
  const now = isLoss ? await remote.read(seen.token.session, options) : undefined;
  if (now?.token.ref.rows[0] === undefined || now.token.version === seen.token.version) throw error;
  return now;
}

/** Of what home does not have the remote decides. */
function unlessMissing(error: unknown): undefined {
  if (!isError(error, 'NOT_FOUND')) throw error;
}

/** Undefined where another process of this machine changed home's session meanwhile. */
async function attemptPull(home: Home, remote: Remote, seen: Seen, options: Settings): Promise<PullResult | undefined> {
  const { session } = seen.token;
  const repository = await home.open(options);
  const local = await repository?.refs.read(session, options);
  const there = { refs: seen.repository.refs, ref: seen.token.ref };
  const relation = await relate(repository && local && { refs: repository.refs, ref: local.ref }, there, options);
  if (relation.kind === 'diverged') throw diverged(session, local, seen);
  const isAhead = relation.kind === 'ahead';
  const at = options.at ?? 'HEAD';
  if (isAhead && repository !== undefined && local !== undefined) {
    const row = await resolveRevision(repository.refs, session, local.ref, at, options).catch(unlessMissing);
    if (row !== undefined) return { session, commit: row.id, pulled: false, commits: 0, objects: 0, fetchedBytes: 0 };
  }
  const row = await wantedRow(seen, repository && local && { refs: repository.refs, ref: local.ref }, at, options);
  const head = seen.token.ref.rows[0] as Row;
  const wanted = new Map((isAhead ? [row] : [head, row]).map((each) => [each.id, each]));
  const here = new Map<ObjectId, Row>();
  if (repository !== undefined && local !== undefined)
    for await (const part of repository.refs.parts(local.ref, options)) for (const each of part) here.set(each.id, each);
  const missing = [...wanted.values()].filter(({ id }) => !here.has(id));
  if (missing.length === 0) return { session, commit: row.id, pulled: false, commits: 0, objects: 0, fetchedBytes: 0 };
  const fetched = await fetchRows(home, remote, seen, missing, { token: local, rows: [...here.values()] }, options);
  return (
    fetched && { session, commit: row.id, pulled: true, commits: missing.length, objects: fetched.objects, fetchedBytes: fetched.bytes }
  );
}

/** The row that a revision names on the remote, or here: a tag may be only here. */
async function wantedRow({ repository, token }: Seen, home: History | undefined, at: string, options: RequestOptions): Promise<Row> {
  try {
    return await resolveRevision(repository.refs, token.session, token.ref, at, options);
  } catch (error) {
    if (home === undefined || !isError(error, 'NOT_FOUND')) throw error;
    return await resolveRevision(home.refs, token.session, home.ref, at, options).catch(() => {
      throw error;
    });
  }
}

/** Home's ref as it was read, if there was one, and all its rows, newest first. */
interface Here {
  token: Token | undefined;
  rows: readonly Row[];
}

/** Brings the rows' content to home and puts them among its rows; undefined where the swap lost. */
async function fetchRows(
  home: Home,
  remote: Remote,
  seen: Seen,
  missing: readonly Row[],
  here: Here,
  options: Settings,
): Promise<{ objects: number; bytes: number } | undefined> {
  const { session } = seen.token;
  const [{ repository, token, pin }, stored] = await Promise.all([
    prepareHome(home, session, here.rows, options),
    Promise.all(missing.map((row) => remote.manifestBytes(seen.repository, seen.token, row, options))),
  ]);
  if (here.token === undefined ? token.ref.rows.length > 0 : token.version !== here.token.version) return undefined;
  const manifests = await Promise.all(missing.map((row, i) => seen.repository.openManifest(row, stored[i] as Uint8Array)));
  const former = await remote.notedManifest(seen.repository, session);
  const places = await placesAtHome(home, repository, token, former ? [...manifests, former] : manifests, pin, options);
  const wanted = mergeBlobs(manifests);
  for (const [id, { length }] of wanted) {
    // A manifest of home that claims another length is damaged: what it says of the blob is no use.
    if (places.get(id)?.length === length) wanted.delete(id);
    else places.delete(id);
  }
  const present = former ? matchSegments(former.blobs, places) : new Map<string, Segment>();
  home.frames.clear();
  const copied = await copyBlobs(seen.repository, repository, wanted, {
    present,
    epoch: pin.epoch,
    ...remote.transfer,
    onSpan: options.onProgress && pullProgress({ manifests, wanted, present }, options.onProgress),
    kept: options.keepFrames ? home.frames : undefined,
    onVerified: (arrived) => home.index.record(repository, pin.epoch, arrived),
    signal: options.signal,
  });
  const all = new Map([...places, ...copied.places]);
  const added = await Promise.all(
    manifests.map(async ({ id, commit, tree, blobs }, i): Promise<Row> => {
      const name = newName(home.host, pin.epoch);
      const content = { commit, tree, blobs: new Map([...blobs.keys()].map((id) => [id, all.get(id) as BlobPlace])) };
      await repository.writeManifest(name, content, 'auto', options);
      home.noteManifest(name, { id, ...content });
      return { ...(missing[i] as Row), manifest: name };
    }),
  );
  const rows = await inOrder(seen, added, here.rows, options);
  const history = await arrange(repository, { ...token.ref, epoch: pin.epoch }, here.rows, rows, options);
  const tags = tagsAmong(token, seen.token, rows);
  const swapped = await repository.refs.swap(
    token,
    { state: 'live', ...history, tags, head: new Uint8Array(0), epoch: pin.epoch },
    options,
  );
  await copied.told;
  if (swapped === undefined) return undefined;
  const head = missing.findIndex(({ id }) => id === seen.token.ref.rows[0]?.id);
  if (head !== -1) await remote.noteRef(seen.repository, seen.token, { row: missing[head] as Row, bytes: stored[head] as Uint8Array });
  return { objects: missing.length + copied.packs, bytes: copied.bytes };
}

/** What home must have before it takes anything in, made while the manifests are on their way. */
async function prepareHome(home: Home, session: string, here: readonly Row[], options: RequestOptions) {
  const repository = await home.init(options);
  const token = await repository.refs.ensure(session, options);
  const pin = new Pin(home, repository, token, options);
  if (here.length === 0) await pin.set();
  await home.index.load();
  return { repository, token, pin };
}

/** Where home has blobs of the manifests already. */
async function placesAtHome(
  home: Home,
  repository: Repository,
  token: Token,
  manifests: readonly Manifest[],
  pin: Pin,
  options: RequestOptions,
): Promise<Map<ObjectId, BlobPlace>> {
  const head = token.ref.rows[0];
  const known = head ? (await home.readManifest(repository, token, head, options)).blobs : new Map<ObjectId, BlobPlace>();
  const packs = new PackPresence(repository, options);
  const ids = manifests.flatMap(({ blobs }) => [...blobs.keys()]);
  const usable = await packs.filter(new Map(ids.flatMap((id) => [[id, known.get(id)] as const]).filter(hasPlace)));
  const others = ids.filter((id) => !usable.has(id));
  const found = others.length === 0 ? new Map<ObjectId, BlobPlace>() : await packs.filter(await pin.lookup(others));
  return new Map([...usable, ...found]);
}

function hasPlace(entry: readonly [ObjectId, BlobPlace | undefined]): entry is readonly [ObjectId, BlobPlace] {
  return entry[1] !== undefined;
}

function diverged(session: string, local: Token | undefined, seen: Seen): BrowserStateError {
  const [commit = null, head = null] = [local?.ref.rows[0]?.id, seen.token.ref.rows[0]?.id];
  const [here, there] = [commit, head].map((id) => id?.slice(0, 12));
  return new BrowserStateError(
    'CONFLICT',
    `session ${session}: this machine has commits that were not pushed (head ${here}), and the remote has moved (head ${there}); nothing was changed`,
    {
      details: { session, commit, head },
      hint: `Decide with \`browserstate push -s ${session} --on-conflict ours\`, \`theirs\` or \`fork\`; --offline uses what is on this machine.`,
    },
  );
}
