/** Committing a directory to a session: token, capture, packs and manifest, swap (SPEC.md 11.1). */
import { lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { BrowserStateError } from '../../base/errors.js';
import { MAX_CAPTURE_ATTEMPTS } from '../../base/limits.js';
import { kind, type OptionNames } from '../../base/option-check.js';
import type { OnProgress } from '../../base/progress.js';
import { isCheckpoint } from '../../format/checkpoint-label.js';
import type { Compression } from '../../format/codecs.js';
import { diffTrees, isEmptyDiff } from '../../format/diff.js';
import { type BlobPlace, prepareTree } from '../../format/manifest.js';
import { type ObjectId, objectId } from '../../format/object-id.js';
import type { Row, RowOp } from '../../format/ref.js';
import { measureTree, type Tree, type TreeEntry } from '../../format/tree.js';
import { errno } from '../../fs/errors.js';
import { microseconds } from '../../fs/times.js';
import { readFacts } from '../../profile/excludes.js';
import { loneWarning, refuseLone } from '../../profile/lone-profile.js';
import { rejectRunningBrowser } from '../../profile/running-browser.js';
import type { RequestOptions } from '../../provider/provider.js';
import { BlobReader } from '../../repository/read/blob-reader.js';
import { BlobWriter } from '../../repository/write/blob-writer.js';
import { compact, type Places } from '../../repository/write/compaction.js';
import { type CaptureOptions, capture } from '../../workspace/capture/capture.js';
import { buildFilter, type CaptureRules, type Filter, readRules } from '../../workspace/capture/filter.js';
import { type LockWatch, watchLock } from '../../workspace/capture/lock-watch.js';
import { overlay, within } from '../../workspace/capture/partial.js';
import { type Scan, type SkippedEntry, scan } from '../../workspace/capture/scan.js';
import type { ScannedEntry } from '../../workspace/capture/scanned.js';
import { StatCache } from '../../workspace/capture/stat-cache.js';
import { identityOf } from '../../workspace/checkout/exchange.js';
import { rejectUnfinished, settleWorkspace } from '../../workspace/checkout/settle.js';
import { rejectMarked } from '../../workspace/marker.js';
import { withFormerModes } from '../../workspace/opened.js';
import type { Workspace, WorkspaceRecord } from '../../workspace/workspace.js';
import { appendCommit, newCommit } from '../append-commit.js';
import { type Call, type OfflineOptions, offlineOptions } from '../call.js';
import type { LocalReplica } from '../replica/local.js';
import type { SessionRef } from '../session-ref.js';
import { requireTag, withTag } from '../tags.js';
import { updateRef } from '../update-ref.js';
import { moved, type Parent, passedWarning, readParent, readUnderlay, refuseDiverged, type Underlay } from './base.js';
import { PackPresence, Pin } from './reuse.js';
import { checkShrink, type Readable } from './shrink-guard.js';

export interface CommitOptions {
  message?: string | undefined;
  labels?: Record<string, string> | undefined;
  /** A tag to set on the commit, in the same swap. */
  tag?: string | undefined;
  /** Patterns to leave out, in gitignore syntax. */
  exclude?: readonly string[] | undefined;
  /** Keep what can be regenerated, such as caches. */
  keepCaches?: boolean | undefined;
  /** Commit even if the directory lost its cookies or nearly all files, or a file that a login depends on is broken. */
  allowShrink?: boolean | undefined;
  /** Commit a profile directory such as `Default` without the directory above it, which has the key of its cookies. */
  allowPartialProfile?: boolean | undefined;
  compression?: Compression | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
}

/** The names of the options of a commit. */
export const commitOptions: OptionNames<CommitOptions & OfflineOptions> = {
  ...offlineOptions,
  message: kind.text,
  labels: kind.labels,
  tag: kind.text,
  exclude: kind.texts,
  keepCaches: kind.flag,
  allowShrink: kind.flag,
  allowPartialProfile: kind.flag,
  compression: kind.oneOf('auto', 'max', 'off'),
  onProgress: kind.call,
};

/** What callers inside this library say besides. */
export interface CommitSettings extends CommitOptions {
  /** What the history tells of how the commit came about; `commit` unless given. */
  op?: RowOp | undefined;
  /** The head that the commit is to follow; CONFLICT where it is another. Unless given it follows whatever is the head. */
  onto?: { head: ObjectId | undefined } | undefined;
  /** The session that the record names, if the commit goes to a fork that a conflict made of it. */
  notedAs?: string | undefined;
  /** The directory is the older package's session of the same name, which is in the way of every other. */
  isMigration?: boolean | undefined;
  /** Takes the content in where a browser may be at work; then the directory need not be at rest, and nothing is learnt of its files. */
  read?: ReadDirectory | undefined;
}

/** Reads a scanned directory, as `capture` does. */
export type ReadDirectory = (dir: string, found: Scan, options: CaptureOptions & { filter: Filter }) => Promise<TreeEntry[]>;

export interface CommitStats {
  /** Files of the version and the sum of their sizes. */
  files: number;
  bytes: number;
  /** Uncompressed bytes that the repository did not have: whole blobs and changed pages. */
  newBytes: number;
  /** Bytes of the packs and the manifest that were written. */
  storedBytes: number;
  /** What the rules left out. */
  excluded: { files: number; bytes: number };
  /** Sockets, fifos and devices, which no version holds. */
  skipped: SkippedEntry[];
}

export interface CommitResult {
  commit: ObjectId;
  tree: ObjectId;
  parent: ObjectId | undefined;
  /** False: the directory is as the head has it, and no commit was made; `commit` is the head. */
  changed: boolean;
  stats: CommitStats;
  /** What a person should know of the directory. */
  warnings: string[];
}

/**
 * Commits `dir` to the session. Atomic: the session has the whole new version or is as it was. Throws CONFLICT where another writer
 * moved the head meanwhile, BUSY where a browser is live in `dir`, UNREADABLE, SHRUNK, and what the provider throws.
 */
export async function commitDirectory(session: string, dir: string, options: CommitSettings, op: Call): Promise<CommitResult> {
  if (options.tag !== undefined) requireTag(options.tag);
  const commit = (workspace: Workspace) => commitHeld(session, workspace, options, op);
  // Without a place for notes nobody can have the lock. That no checkout ran meanwhile is checked before the swap.
  return op.local.holding(dir, commit, { orWithout: true });
}

async function commitHeld(session: string, found: Workspace, options: CommitSettings, op: Call): Promise<CommitResult> {
  // First: if a checkout was cut off, the directory may not even be in its place.
  const workspace = await settleWorkspace(found);
  const { dir } = workspace;
  const { isMigration = false } = options;
  const rules = readRules(dir, { keepCaches: options.keepCaches ?? false, exclude: options.exclude ?? [] });
  if (options.read === undefined) rejectRunningBrowser(dir, op.host, []);
  const watch = options.read === undefined ? await watchLock(dir, [dir, dirname(dir)], rules, op.host, op) : undefined;
  rejectUnfinished(workspace);
  rejectMarked(dir);
  await op.local.init(op);
  let onto = options.onto;
  const read = async (): Promise<SessionRef> => {
    const found = await op.local.read(session, op);
    if (!found.exists && !isMigration) await op.local.rejectLegacy(session, op, found);
    return found.hasRef ? found : op.local.ensure(session, op);
  };
  const attempt = async (from: SessionRef): Promise<CommitResult | undefined> => {
    const parent = await readParent(from, op.remote, isMigration, op);
    const underlay = await readUnderlay(from, workspace.record, op);
    const head = parent?.row.id;
    if (onto !== undefined && onto.head !== head) throw moved(session, head);
    await refuseDiverged(from, parent, workspace, op);
    onto = { head };
    return commitOnto({ from, parent, underlay }, workspace, { ...rules, watch }, options, op);
  };
  return updateRef(session, { read, attempt }, op);
}

/** What is captured of a directory, and the watch over it if it may be in use elsewhere. */
type WatchedRules = CaptureRules & { watch: LockWatch | undefined };

/** The session as it was read, and the versions that a commit starts from. */
interface Start {
  from: SessionRef;
  parent: Parent | undefined;
  underlay: Underlay | undefined;
}

async function commitOnto(
  start: Start,
  workspace: Workspace,
  { watch, ...rules }: WatchedRules,
  options: CommitSettings,
  op: Call,
): Promise<CommitResult | undefined> {
  const { from, parent, underlay } = start;
  const { dir } = workspace;
  const { read = capture } = options;
  const isLive = options.read !== undefined;
  const learn = isLive ? undefined : new StatCache({ dir }, op.host.now());
  const identity = identityOf(dir);
  const facts = readFacts(dir);
  if (facts.isLone && underlay === undefined && !options.isMigration) refuseLone(dir, parent?.manifest.tree, options);
  const filter = buildFilter({ facts, ...rules });
  let rootTime = changeTime(dir);
  const look = async (): Promise<Scan> => {
    const seen = await scan(dir, filter, { now: op.host.now(), signal: op.signal });
    if (!isLive) rejectRunningBrowser(dir, op.host, seen.locked);
    return seen;
  };
  let found = await look();
  const nested = isLive ? [] : new Set(found.locked.filter((place) => place !== dir));
  const watchBelow = await watchLock(dir, nested, rules, op.host, op);
  // While that began, something may have changed.
  if (watchBelow !== undefined) found = await look();
  const pin = new Pin(op.local.index, from, op);
  const here = parent?.isHere ? parent.manifest : undefined;
  if (here === undefined) await pin.set();
  const packs = new PackPresence(from.repository, op);
  const known = underlay ? new Map([...underlay.manifest.blobs, ...(here?.blobs ?? [])]) : (here?.blobs ?? new Map<ObjectId, BlobPlace>());
  const usable = await packs.filter(known);
  const writer = new BlobWriter(from.repository, {
    compression: options.compression ?? 'auto',
    known: usable,
    lookup: async (ids) => packs.filter(await pin.lookup(ids)),
    epoch: () => pin.epoch,
    signal: op.signal,
  });
  const takeIn = async (): Promise<TreeEntry[]> =>
    read(dir, underlay ? within(found, underlay.only) : found, {
      onVanished: (parent) => {
        found.vanished ??= parent;
      },
      filter,
      sink: writer,
      cache: await workspace.readCache(),
      learn,
      previous: underlay?.manifest ?? here,
      signal: op.signal,
      onProgress: op.onProgress && ((progress) => op.onProgress?.({ phase: 'capture', ...progress })),
    });
  let captured = await takeIn();
  // A checkout from another store, which knows no lock of this one, changes the directory's own entries. An entry that was listed and
  // is gone may have been renamed to a name that was not listed.
  const isUnsettled = (): boolean => changeTime(dir) !== rootTime || found.vanished !== undefined || found.changing !== undefined;
  for (let attempt = 1; !isLive && isUnsettled(); attempt++) {
    rootTime = changeTime(dir);
    found = await look();
    if (attempt < MAX_CAPTURE_ATTEMPTS) captured = await takeIn();
    else if (found.vanished !== undefined) throw keepsLosing(join(dir, found.vanished));
    else if (isAsRead(captured, underlay ? within(found, underlay.only) : found)) break;
    else throw keepsChanging(dir);
  }
  const { opened } = workspace.record ?? {};
  const own = withFormerModes(captured, opened);
  const tree = underlay ? overlay(underlay.manifest.tree, own, underlay.only) : own;
  if (!options.allowShrink) {
    // Content is judged as it was taken in, which is what would be committed.
    await writer.settle();
    const read = (id: ObjectId) => writer.read(id, (writer.place(id) ?? underlay?.manifest.blobs.get(id)) as BlobPlace);
    await checkShrink(dir, parent && readable(parent, op), { tree, read });
  }
  await refuseChanged(op.local, workspace, identity);
  await watch?.check();
  await watchBelow?.check();
  // With a pack lost the same tree is stored once more: what the head names cannot be read any longer.
  const isWhole = usable.size === known.size;
  // A checkpoint disappears behind the next commit: what ends as it was has to have one of its own.
  const isFinal = !isLive && parent !== undefined && isCheckpoint(parent.row.commit);
  const same = isWhole && !isFinal && parent !== undefined && isEmptyDiff(diffTrees(parent.manifest.tree, tree));
  const outcome = same ? await keepHead(from, parent.row, options, op) : await store(start, tree, writer, pin, options, op);
  if (outcome === undefined) return undefined;
  const { row, storedBytes } = outcome;
  await remember(
    workspace,
    { session: options.notedAs ?? from.id, base: row.id, head: row.id, only: underlay?.only, rules, opened },
    learn,
  );
  const { excluded, skipped } = found;
  const { tree: treeOf, files, bytes, parents } = row.commit;
  const newBytes = same ? 0 : writer.newBytes;
  const passed = same ? undefined : await passedWarning(from, parent?.row, workspace, op);
  const warnings = [
    ...(watch?.warnings ?? []),
    ...(watchBelow?.warnings ?? []),
    ...(facts.isLone ? [loneWarning(dir)] : []),
    ...(passed ? [passed] : []),
  ];
  for (const warning of warnings) op.onWarning?.(warning);
  return {
    commit: row.id,
    tree: treeOf,
    parent: parents[0],
    changed: !same,
    stats: { files, bytes, newBytes, storedBytes, excluded, skipped },
    warnings,
  };
}

/** The version that a commit follows, read from where it lies. */
function readable({ manifest: { tree, blobs }, source }: Parent, options: RequestOptions): Readable {
  const reader = new BlobReader(source.repository, options);
  return { tree, read: (id) => reader.read(id, blobs.get(id) as BlobPlace) };
}

/** Notes what was committed. The commit stands whatever becomes of the notes: without them the directory is a stranger, and is read anew. */
async function remember(workspace: Workspace, record: WorkspaceRecord, cache: StatCache | undefined): Promise<void> {
  try {
    await workspace.write(record);
    if (cache !== undefined) await workspace.writeCache(cache);
  } catch (error) {
    if (errno(error) === undefined) throw error;
  }
}

/** Returns when the directory itself was changed last, as it is when one of its entries is made, renamed or removed. */
function changeTime(dir: string): bigint | undefined {
  return lstatSync(dir, { bigint: true, throwIfNoEntry: false })?.ctimeNs;
}

/** Returns whether a directory still holds the entries that were read, as far as sizes and times tell. */
function isAsRead(read: readonly TreeEntry[], { entries }: Scan): boolean {
  const isSame = (entry: TreeEntry, now: ScannedEntry | undefined): boolean =>
    now?.path === entry.path &&
    now.kind === entry.kind &&
    (entry.kind === 'directory' || microseconds(now.mtimeNs) === entry.mtime) &&
    (entry.kind !== 'file' || now.size === entry.size);
  return read.length === entries.length && read.every((entry, i) => isSame(entry, entries[i]));
}

function keepsLosing(path: string): BrowserStateError {
  return new BrowserStateError('UNREADABLE', `${path}: entries of it keep being renamed or removed; nothing was committed`, {
    hint: 'Close the program that writes to it, and repeat the command.',
    details: { path },
  });
}

function keepsChanging(dir: string): BrowserStateError {
  return new BrowserStateError('BUSY', `${dir}: another program keeps changing this directory; nothing was committed`, {
    hint: 'Close the program that writes to it, and repeat the command.',
    details: { path: dir },
  });
}

/**
 * Throws BUSY if the record was written since the directory was read, or another directory has its place, as after a checkout from another store: what was read
 * may be parts of two versions.
 */
async function refuseChanged(local: LocalReplica, { dir, generation }: Workspace, identity: string | undefined): Promise<void> {
  rejectMarked(dir);
  if ((await local.workspace(dir)).generation === generation && identityOf(dir) === identity) return;
  throw new BrowserStateError('BUSY', `${dir}: another process checked out or committed it meanwhile; nothing was committed`, {
    hint: 'Repeat the command when the other one is done.',
    details: { path: dir },
  });
}

/** Keeps the head, and sets a tag that was asked for on it. */
async function keepHead(
  from: SessionRef,
  row: Row,
  { tag }: CommitOptions,
  op: Call,
): Promise<{ row: Row; storedBytes: number } | undefined> {
  if (tag === undefined || from.ref.tags.get(tag) === row.id) return { row, storedBytes: 0 };
  const tags = withTag(from.ref, tag, row.id);
  const event = from.repository.refs.event(from.ref, 'tag', `${tag} ${row.id}`);
  return (await from.update({ tags, ...event }, op)) && { row, storedBytes: 0 };
}

/** Stores what is new and swaps the ref; undefined if another writer was first. */
async function store(
  { from, parent, underlay }: Start,
  tree: Tree,
  writer: BlobWriter,
  pin: Pin,
  { op: kind = 'commit', compression, message = '', labels, tag }: CommitSettings,
  op: Call,
): Promise<{ row: Row; storedBytes: number } | undefined> {
  await writer.settle();
  const prepared = prepareTree(tree);
  const get = (id: ObjectId) => writer.place(id) ?? underlay?.manifest.blobs.get(id);
  // What a first version stores by itself lies in full packs: there is nothing to compact.
  const isAllNew = parent === undefined && writer.isAllNew;
  if (!isAllNew) await compact(writer, placesOf(prepared.blobs, get), (id, place) => writer.read(id, place));
  await writer.finish();
  const content = { tree: objectId('tree', prepared.bytes), ...measureTree(tree) };
  const commit = newCommit(content, { parents: parent ? [parent.row.id] : [], message, labels }, op.host);
  const { epoch } = pin;
  const entry = { op: kind, commit, tree, prepared, blobs: { get }, epoch, compression, tag, ready: writer.acknowledged() };
  const done = await appendCommit(from, entry, op);
  if (done === undefined) return undefined;
  if (!writer.isNothingNew) await op.local.index.record(from.repository, epoch, writer.stored());
  return { row: done.row, storedBytes: writer.storedBytes + done.storedBytes };
}

/** A view of the places, for a large profile has no room for another Map of them. */
function placesOf(blobs: ReadonlyMap<ObjectId, unknown>, get: (id: ObjectId) => BlobPlace | undefined): Places {
  return {
    *[Symbol.iterator]() {
      for (const id of blobs.keys()) yield [id, get(id) as BlobPlace];
    },
  };
}
