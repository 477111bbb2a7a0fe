/** The versions that a commit starts from, and conflicts with the directory (SPEC.md 11.1). */
import { BrowserStateError, ignore } from '../../base/errors.js';
import type { Operation } from '../../base/operation.js';
import type { Manifest } from '../../format/manifest.js';
import type { ObjectId } from '../../format/object-id.js';
import type { HistoryEntry } from '../../format/ref.js';
import type { Workspace, WorkspaceRecord } from '../../workspace/workspace.js';
import type { Call } from '../call.js';
import { relativeWith } from '../relatives.js';
import type { SessionRef } from '../session-ref.js';
import { headMoved } from '../update-ref.js';

/** The version that a commit follows, and the ref that it was read from: local or remote. */
export interface Parent {
  entry: HistoryEntry;
  manifest: Manifest;
  source: SessionRef;
}

/** The version that completes a partial directory, and the directory's globs. */
export interface Underlay {
  manifest: Manifest;
  only: string[];
}

/**
 * Returns the version that a commit follows: the local head, or else the head of the remote.
 * Returns undefined for a first commit. Ignores an unreachable remote, which a later push reports.
 */
export async function readParent(from: SessionRef, isMigration: boolean, op: Call): Promise<Parent | undefined> {
  const { remote } = op;
  const parentIn = async (source: SessionRef | undefined): Promise<Parent | undefined> =>
    source?.head && { entry: source.head, manifest: await source.manifest(source.head, op), source };
  if (from.exists || remote === undefined) return parentIn(from);
  const read = isMigration ? remote.read(from.id, op) : remote.readPerhapsNew(from.id, op);
  // A bucket that does not exist is NOT_FOUND.
  return read.catch(ignore('NOT_FOUND')).then(parentIn).catch(ignore('UNREACHABLE', 'FORBIDDEN'));
}

/** Returns the underlay of a partial directory. Throws CONFLICT if its version is not the head. */
export async function readUnderlay(from: SessionRef, record: WorkspaceRecord | undefined, op: Operation): Promise<Underlay | undefined> {
  if (record?.only === undefined) return undefined;
  const head = from.head?.id;
  if (record.session !== from.id) {
    throw new BrowserStateError('USAGE', `the directory holds only a part of session ${record.session}`, {
      hint: `Commit it to session ${record.session}, or restore a whole version first.`,
    });
  }
  const base = record.head === head && (await from.entry(record.base, op));
  if (base) return { manifest: await from.manifest(base, op), only: record.only };
  throw headMoved(from.id, head, 'Restore the newest version into another directory, put your changes there, and snapshot that one.');
}

/** Returns a warning if the commit replaces content of others, which the directory never had. */
export async function passedWarning(
  from: SessionRef,
  head: HistoryEntry | undefined,
  { dir, record }: Workspace,
  op: Operation,
): Promise<string | undefined> {
  if (head === undefined || record?.session !== from.id || record.base === head.id) return undefined;
  const made = await from.entry(record.base, op);
  if (made?.commit.tree === head.commit.tree) return undefined;
  const [base, passed] = [record.base, head.id].map((id) => id.slice(0, 12));
  return (
    `${dir} was made from commit ${base}, but the head of session ${from.id} was ${passed}: this commit replaces its content; ` +
    `\`browserstate rollback -s ${from.id} --to ${passed}\` restores it`
  );
}

/** Throws CONFLICT if the directory was made from a commit that only a conflict session has. */
export async function rejectDiverged(from: SessionRef, parent: Parent | undefined, { dir, record }: Workspace, op: Call): Promise<void> {
  const head = parent?.entry.id;
  if (head === undefined || record?.session !== from.id || record.base === head) return;
  const known = await historyOf(from.entries(op));
  const { base } = record;
  const fork = known.has(base) ? undefined : await relativeWith([op.local], from.id, base, op);
  if (fork === undefined) return;
  // The local store has only some entries. The fork shares those before the conflict.
  const others = [(await op.remote?.recall(from.id))?.ref.entries ?? [], parent?.source === from ? [] : (parent?.source.entries(op) ?? [])];
  for (const entries of others) for (const id of await historyOf(entries)) known.add(id);
  for await (const { id } of (await op.local.read(fork, op)).entries(op)) {
    if (known.has(id)) return;
    if (id !== base) continue;
    const history = `which is not in the history of session ${from.id}: its head is ${head.slice(0, 12)}`;
    throw new BrowserStateError(
      'CONFLICT',
      `${dir} was made from commit ${base.slice(0, 12)} of session ${fork}, ${history}; nothing was committed`,
      {
        details: { session: fork, base, head },
        hint: `Continue in the fork with \`browserstate snapshot DIR -s ${fork}\`, or repeat the command with --on-conflict fork, ours or theirs.`,
      },
    );
  }
}

/** Returns the ids of entries and of their parents. */
async function historyOf(entries: AsyncIterable<HistoryEntry> | Iterable<HistoryEntry>): Promise<Set<ObjectId>> {
  const ids = new Set<ObjectId>();
  for await (const { id, commit } of entries) for (const each of [id, ...commit.parents]) ids.add(each);
  return ids;
}
