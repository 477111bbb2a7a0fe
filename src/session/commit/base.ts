/**
 * What a commit follows: the session's head in the local store or on the remote, and what a
 * directory that holds a part is laid over (SPEC.md 11.1).
 */
import { BrowserStateError, isError } from '../../base/errors.js';
import type { Operation } from '../../base/operation.js';
import type { Manifest } from '../../format/manifest.js';
import type { ObjectId } from '../../format/object-id.js';
import type { Row } from '../../format/ref.js';
import type { Workspace, WorkspaceRecord } from '../../workspace/workspace.js';
import type { Call } from '../call.js';
import { relativeWith } from '../relatives.js';
import type { RemoteReplica } from '../replica/remote.js';
import type { SessionRef } from '../session-ref.js';

/** The version that a commit follows. Its content is in the local store, or only on the remote. */
export interface Parent {
  row: Row;
  manifest: Manifest;
  source: SessionRef;
  isHere: boolean;
}

/** What a partial directory lays its entries over. */
export interface Underlay {
  manifest: Manifest;
  only: string[];
}

/** Reads the version that a commit to the session follows; undefined if it is the first. */
export async function readParent(
  from: SessionRef,
  remote: RemoteReplica | undefined,
  isMigration: boolean,
  op: Operation,
): Promise<Parent | undefined> {
  if (from.head !== undefined) return { row: from.head, manifest: await from.manifest(from.head, op), source: from, isHere: true };
  return remote && readRemoteHead(from.id, remote, isMigration, op);
}

/**
 * Reads the head of a session of which the local store has nothing; undefined if the remote has
 * none, is a bucket that does not exist, or does not let this machine look: a later push reports
 * that.
 */
async function readRemoteHead(session: string, remote: RemoteReplica, isMigration: boolean, op: Operation): Promise<Parent | undefined> {
  try {
    const look = isMigration ? remote.read(session, op) : remote.readPerhapsNew(session, op);
    const there = await look.catch((error: unknown) => {
      if (!isError(error, 'NOT_FOUND')) throw error;
    });
    return there?.head && { row: there.head, manifest: await there.manifest(there.head, op), source: there, isHere: false };
  } catch (error) {
    if (!isError(error, 'UNREACHABLE', 'FORBIDDEN')) throw error;
    return undefined;
  }
}

/**
 * Reads what a partial directory is laid over; undefined for a whole one. Throws CONFLICT if the
 * part is of a version that is no longer the head.
 */
export async function readUnderlay(from: SessionRef, record: WorkspaceRecord | undefined, op: Operation): Promise<Underlay | undefined> {
  if (record?.only === undefined) return undefined;
  if (record.session !== from.id) {
    throw new BrowserStateError('USAGE', `expected a whole directory, found a part of session ${record.session}`, {
      hint: `Commit it to session ${record.session}, or restore a whole version first.`,
    });
  }
  const head = from.head?.id;
  if (record.head !== head) throw moved(from.id, head, partHint);
  for await (const row of from.entries(op)) {
    if (row.id === record.base) return { manifest: await from.manifest(row, op), only: record.only };
  }
  throw moved(from.id, head, partHint);
}

/** A part is laid over the version that it was taken from, never over a newer one. */
const partHint = 'Restore the newest version into another directory, put your changes there, and snapshot that one.';

/**
 * Returns a warning if the head that a commit of the directory replaces has content that the
 * directory never had: another writer's, or that of a rollback. Undefined if the directory was made
 * from the head or from the same tree, or if nothing of the session is known of it.
 */
export async function passedWarning(
  from: SessionRef,
  head: Row | undefined,
  { dir, record }: Workspace,
  op: Operation,
): Promise<string | undefined> {
  if (head === undefined || record?.session !== from.id || record.base === head.id) return undefined;
  for await (const row of from.entries(op)) if (row.id === record.base && row.commit.tree === head.commit.tree) return undefined;
  const [base, passed] = [record.base, head.id].map((id) => id.slice(0, 12));
  return (
    `${dir} was made from commit ${base}, but the head of session ${from.id} was ${passed}: this commit replaces its content; ` +
    `\`browserstate rollback -s ${from.id} --to ${passed}\` restores it`
  );
}

/**
 * Throws CONFLICT if the directory was made from a commit that is not in the session's history
 * but in that of a fork which a conflict made of it. The commit would replace the head's content.
 */
export async function refuseDiverged(from: SessionRef, parent: Parent | undefined, { dir, record }: Workspace, op: Call): Promise<void> {
  const head = parent?.row.id;
  if (head === undefined || record?.session !== from.id || record.base === head) return;
  const known = await historyOf(from.entries(op));
  const { base } = record;
  const fork = known.has(base) ? undefined : await relativeWith([op.local], from.id, base, op);
  if (fork === undefined) return;
  // The local store has only some entries. The fork shares those before the conflict.
  for (const id of await historyOf(op.remote === undefined ? [] : ((await op.remote.recall(from.id))?.ref.rows ?? []))) known.add(id);
  if (parent?.isHere === false) for (const id of await historyOf(parent.source.entries(op))) known.add(id);
  for await (const { id } of (await op.local.read(fork, op)).entries(op)) {
    if (known.has(id)) return;
    if (id === base) throw diverged(dir, from.id, { session: fork, base, head });
  }
}

/** Returns the ids of entries and of their parents. */
async function historyOf(entries: AsyncIterable<Row> | Iterable<Row>): Promise<Set<ObjectId>> {
  const ids = new Set<ObjectId>();
  for await (const { id, commit } of entries) for (const each of [id, ...commit.parents]) ids.add(each);
  return ids;
}

function diverged(dir: string, session: string, details: { session: string; base: ObjectId; head: ObjectId }): BrowserStateError {
  const { session: fork, base, head } = details;
  return new BrowserStateError(
    'CONFLICT',
    `${dir} was made from commit ${base.slice(0, 12)} of session ${fork}, which is not in the history of session ${session}: its head is ${head.slice(0, 12)}; nothing was committed`,
    {
      details,
      hint: `Continue in the fork with \`browserstate snapshot DIR -s ${fork}\`, or repeat the command with --on-conflict fork, ours or theirs.`,
    },
  );
}

/** The error for a head that is not the one that was expected. */
export function moved(session: string, head: ObjectId | undefined, hint?: string): BrowserStateError {
  const now = head === undefined ? 'it has no commits now' : `its head is ${head.slice(0, 12)} now`;
  return new BrowserStateError('CONFLICT', `session ${session} was changed by another writer meanwhile: ${now}; nothing was committed`, {
    details: { session, head: head ?? null },
    hint: hint ?? `Look at \`browserstate log -s ${session}\`; repeat the command to commit on top.`,
  });
}
