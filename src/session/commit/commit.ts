/** Commits a directory to a session: ref, capture, packs and manifest, swap (SPEC.md 11.1). */
import { BrowserStateError } from '../../base/errors.js';
import { isCheckpoint } from '../../format/checkpoint-label.js';
import { diffTrees, isEmptyDiff } from '../../format/diff.js';
import { type BlobPlace, prepareTree } from '../../format/manifest.js';
import { type ObjectId, objectId } from '../../format/object-id.js';
import type { HistoryEntry } from '../../format/ref.js';
import { measureTree, type Tree } from '../../format/tree.js';
import { ignoreFailure } from '../../fs/errors.js';
import { readFacts } from '../../profile/excludes.js';
import { loneWarning, rejectLoneProfile } from '../../profile/lone-profile.js';
import { rejectRunningBrowser } from '../../profile/running-browser.js';
import { BlobReader } from '../../repository/read/blob-reader.js';
import { BlobWriter } from '../../repository/write/blob-writer.js';
import { compact, type Places } from '../../repository/write/compaction.js';
import { type CaptureRules, readRules } from '../../workspace/capture/filter.js';
import { overlay } from '../../workspace/capture/partial.js';
import type { StatCache } from '../../workspace/capture/stat-cache.js';
import { identityOf } from '../../workspace/checkout/exchange.js';
import { rejectUnfinished, settleWorkspace } from '../../workspace/checkout/settle.js';
import { rejectMarked } from '../../workspace/marker.js';
import { withFormerModes } from '../../workspace/opened.js';
import { Workspace, type WorkspaceRecord } from '../../workspace/workspace.js';
import { appendCommit, newCommit } from '../append-commit.js';
import type { Call } from '../call.js';
import type { LocalReplica } from '../replica/local.js';
import type { SessionRef } from '../session-ref.js';
import { requireTag, setTag } from '../tags.js';
import { headMoved, updateRef } from '../update-ref.js';
import { type Parent, passedWarning, readParent, readUnderlay, rejectDiverged, type Underlay } from './base.js';
import type { CommitResult, CommitSettings } from './options.js';
import { openDirectory } from './read-directory.js';
import { PackPresence, Pin } from './reuse.js';
import { checkShrink } from './shrink-guard.js';

/**
 * Commits `dir` to the session. Atomic. Throws CONFLICT if another writer moved the head meanwhile,
 * BUSY if a browser uses `dir`, UNREADABLE, SHRUNK, and what the provider throws.
 */
export async function commitDirectory(session: string, dir: string, options: CommitSettings, op: Call): Promise<CommitResult> {
  if (options.tag !== undefined) requireTag(options.tag);
  // If the local store cannot be written, no process can have the lock. The swap is preceded by a
  // check that no checkout ran meanwhile.
  return op.local.holding(dir, (workspace) => commitHeld(session, workspace, options, op), { orWithout: true });
}

async function commitHeld(session: string, found: Workspace, options: CommitSettings, op: Call): Promise<CommitResult> {
  // An interrupted checkout may have left the directory at another path.
  const workspace = await settleWorkspace(found);
  const { dir } = workspace;
  const { isMigration = false } = options;
  const rules = readRules(dir, options);
  if (options.read === undefined) rejectRunningBrowser(dir, op.host, []);
  rejectUnfinished(workspace);
  rejectMarked(dir);
  await op.local.init(op);
  let { onto } = options;
  const read = async (): Promise<SessionRef> => {
    const now = await op.local.read(session, op);
    if (!now.exists && !isMigration) await op.local.rejectLegacy(session, op, now);
    return now.hasRef ? now : op.local.ensure(session, op);
  };
  const attempt = async (from: SessionRef): Promise<CommitResult | undefined> => {
    const parent = await readParent(from, isMigration, op);
    const underlay = await readUnderlay(from, workspace.record, op);
    const head = parent?.entry.id;
    if (onto !== undefined && onto.head !== head) throw headMoved(session, head);
    await rejectDiverged(from, parent, workspace, op);
    onto = { head };
    return commitOnto({ from, parent, underlay }, workspace, rules, options, op);
  };
  return updateRef(session, { read, attempt }, op);
}

interface Start {
  from: SessionRef;
  parent: Parent | undefined;
  underlay: Underlay | undefined;
}

/** Makes one attempt. Returns undefined if another writer updated the ref first. */
async function commitOnto(
  start: Start,
  workspace: Workspace,
  rules: CaptureRules,
  options: CommitSettings,
  op: Call,
): Promise<CommitResult | undefined> {
  const { from, parent, underlay } = start;
  const { dir } = workspace;
  const { opened } = workspace.record ?? {};
  const identity = identityOf(dir);
  const facts = readFacts(dir);
  if (facts.isLone && underlay === undefined && !options.isMigration) rejectLoneProfile(dir, parent?.manifest.tree, options);
  const directory = await openDirectory(workspace, facts, rules, options.read, op);
  const pin = new Pin(op.local.index, from, op);
  const here = parent?.source === from ? parent.manifest : undefined;
  if (here === undefined) await pin.set();
  const packs = new PackPresence(from.repository, op);
  const blobs = here?.blobs ?? new Map<ObjectId, BlobPlace>();
  const known = underlay ? new Map([...underlay.manifest.blobs, ...blobs]) : blobs;
  const usable = await packs.filter(known);
  const writer = new BlobWriter(from.repository, {
    compression: options.compression ?? 'auto',
    known: usable,
    lookup: async (ids) => packs.filter(await pin.lookup(ids)),
    epoch: () => pin.epoch,
    signal: op.signal,
  });
  const captured = await directory.capture({ sink: writer, previous: underlay?.manifest ?? here });
  const own = withFormerModes(captured, opened);
  const tree = underlay ? overlay(underlay.manifest.tree, own, underlay.only) : own;
  if (!options.allowShrink) {
    // Judges the captured content, since that is what would be committed.
    await writer.settle();
    const read = (id: ObjectId) => writer.read(id, (writer.place(id) ?? underlay?.manifest.blobs.get(id)) as BlobPlace);
    await checkShrink(dir, parent && readable(parent, op), { tree, read });
  }
  await rejectChanged(op.local, workspace, identity);
  await directory.check();
  // If a pack is lost, the same tree is stored once more: the head can no longer be read.
  const isWhole = usable.size === known.size;
  // An unchanged directory is committed after a checkpoint, which the log then omits.
  const isFinal = options.read === undefined && parent !== undefined && isCheckpoint(parent.entry.commit);
  const same = isWhole && !isFinal && parent !== undefined && isEmptyDiff(diffTrees(parent.manifest.tree, tree));
  const outcome = same ? await keepHead(from, parent.entry, options.tag, op) : await store(start, tree, writer, pin, options, op);
  if (outcome === undefined) return undefined;
  const { entry, storedBytes } = outcome;
  const session = options.notedAs ?? from.id;
  await remember(workspace, { session, base: entry.id, head: entry.id, only: underlay?.only, rules, opened }, directory.learn);
  const passed = same ? undefined : await passedWarning(from, parent?.entry, workspace, op);
  // A mount names its base, and any command may work in it.
  const isStrange = facts.browser === undefined && parent === undefined && options.onto === undefined && !options.isMigration;
  const warnings = [
    ...directory.warnings,
    ...(facts.isLone ? [loneWarning(dir)] : []),
    ...(isStrange ? [`no browser profile found in ${dir}; its files were committed as they are`] : []),
    ...(passed ? [passed] : []),
  ];
  for (const warning of warnings) op.onWarning?.(warning);
  const { tree: treeId, files, bytes, parents } = entry.commit;
  const { excluded, skipped } = directory.scanned();
  const stats = { files, bytes, newBytes: same ? 0 : writer.newBytes, storedBytes, excluded, skipped };
  return { commit: entry.id, tree: treeId, parent: parents[0], changed: !same, stats, warnings };
}

/** Returns the parent with a reader of its blobs, from the replica that has them. */
function readable({ manifest: { tree, blobs }, source }: Parent, op: Call) {
  const reader = new BlobReader(source.repository, op);
  return { tree, read: (id: ObjectId) => reader.read(id, blobs.get(id) as BlobPlace) };
}

/** Updates the record. If that fails the commit stands, and the next commit reads all files. */
async function remember(workspace: Workspace, record: WorkspaceRecord, cache: StatCache | undefined): Promise<void> {
  try {
    await workspace.write(record);
    if (cache !== undefined) await workspace.writeCache(cache);
  } catch (error) {
    ignoreFailure(error);
  }
}

/** Throws BUSY if another process, also of another store, checked out or committed meanwhile. */
async function rejectChanged(local: LocalReplica, { dir, generation }: Workspace, identity: string | undefined): Promise<void> {
  rejectMarked(dir);
  if ((await Workspace.open(local.records, dir, local.host)).generation === generation && identityOf(dir) === identity) return;
  throw new BrowserStateError('BUSY', `${dir}: another process checked out or committed it meanwhile; nothing was committed`, {
    hint: 'Repeat the command when the other one is done.',
    details: { path: dir },
  });
}

/** Sets a given tag on the head. Returns undefined if another writer updated the ref. */
async function keepHead(from: SessionRef, entry: HistoryEntry, tag: string | undefined, op: Call) {
  const isSet = tag === undefined || from.ref.tags.get(tag) === entry.id || (await setTag(from, tag, entry.id, op));
  return isSet ? { entry, storedBytes: 0 } : undefined;
}

/** Stores new content and swaps the ref. Returns undefined if another writer updated it. */
async function store({ from, parent, underlay }: Start, tree: Tree, writer: BlobWriter, pin: Pin, options: CommitSettings, op: Call) {
  const { op: kind = 'commit', compression, message = '', labels = {}, tag } = options;
  await writer.settle();
  const prepared = prepareTree(tree);
  const get = (id: ObjectId) => writer.place(id) ?? underlay?.manifest.blobs.get(id);
  // The packs of a first version are full, if all its blobs are new: there is nothing to compact.
  const isAllNew = parent === undefined && writer.isAllNew;
  if (!isAllNew) await compact(writer, placesOf(prepared.blobs, get), (id, place) => writer.read(id, place));
  await writer.finish();
  const content = { tree: objectId('tree', prepared.bytes), ...measureTree(tree) };
  const commit = newCommit(content, { parents: parent ? [parent.entry.id] : [], message, labels }, op.host);
  const { epoch } = pin;
  const added = { op: kind, commit, tree, prepared, blobs: { get }, epoch, compression, tag, ready: writer.acknowledged() };
  const done = await appendCommit(from, added, op);
  if (done === undefined) return undefined;
  if (!writer.isNothingNew) await op.local.index.record(from.repository, epoch, writer.stored());
  return { entry: done.entry, storedBytes: writer.storedBytes + done.storedBytes };
}

/** Returns a view of the locations: a large profile leaves no memory for another Map of them. */
function placesOf(blobs: ReadonlyMap<ObjectId, unknown>, get: (id: ObjectId) => BlobPlace | undefined): Places {
  return {
    *[Symbol.iterator]() {
      for (const id of blobs.keys()) yield [id, get(id) as BlobPlace];
    },
  };
}
