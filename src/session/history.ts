/**
 * Changes of a session's history that need no directory: rollback, fork, tag, delete (SPEC.md
 * R-WRITE-5). All work on either replica.
 */
import { BrowserStateError, isError } from '../base/errors.js';
import type { Operation } from '../base/operation.js';
import type { ObjectId } from '../format/object-id.js';
import type { Ref, Row } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { Repository } from '../repository/repository.js';
import { appendCommit, newCommit } from './append-commit.js';
import { type LogEntry, logEntry } from './log-entry.js';
import { wasCollected } from './read-manifest.js';
import type { Replica } from './replica/replica.js';
import { splitRevision } from './revision.js';
import type { LiveSession, SessionRef } from './session-ref.js';
import { noTag, requireTag, withTag } from './tags.js';
import { updateRef } from './update-ref.js';

export interface RollbackOptions extends RequestOptions {
  message?: string | undefined;
}

export interface AtOptions extends RequestOptions {
  /** A revision; the head unless given. */
  at?: string | undefined;
}

/**
 * Appends a commit with the tree of another one, of this session or, as `SESSION:REV`, of another.
 * Atomic. Throws CONFLICT if another writer moved the head meanwhile.
 */
export function rollback(replica: Replica, session: string, to: string, message: string | undefined, op: Operation): Promise<LogEntry> {
  return changeLive(replica, session, op, async (from) => {
    const { k, source, row } = await findSource(replica, from, to, op);
    const { tree, blobs } = await source.manifest(row, op);
    const of = source === from ? '' : ` of ${source.id}`;
    const facts = { parents: [from.head.id], message: message ?? `Roll back to ${row.id.slice(0, 12)}${of}` };
    const commit = newCommit(row.commit, facts, op.host);
    const ready = replica.requirePresent(source, row, op);
    const done = await appendCommit(from, { op: 'rollback', commit, tree, blobs, epoch: k, ready }, op);
    return done && logEntry(done.row, done.tags);
  });
}

/** Finds the version that a change of the session is to name, and the epoch under which it may. */
async function findSource(
  replica: Replica,
  from: SessionRef,
  to: string,
  op: Operation,
): Promise<{ k: number; source: SessionRef; row: Row }> {
  const { session, revision } = splitRevision(from.id, to);
  if (session === from.id) return { k: from.ref.epoch, source: from, row: await from.find(revision, op) };
  // Both are read after the ref, so that nothing that the other session names can be collected
  // unnoticed.
  const [{ k }, found] = await Promise.all([from.repository.epoch(op), findVersion(replica, session, revision, op)]);
  return { k: Math.max(k, from.ref.epoch), ...found };
}

/**
 * Creates a session that begins with this one's history up to a revision; nothing is copied. Throws
 * CONFLICT if a session of that name exists, and INTEGRITY if the version or the history before it
 * cannot be read. Creates no ref then.
 */
export async function fork(
  replica: Replica,
  session: string,
  name: string,
  revision: string | undefined,
  op: Operation,
): Promise<LogEntry> {
  const at = revision ?? 'HEAD';
  const { source, row: checked } = await findSourceOfFork(replica, session, at, op);
  await requireHistory(replica, source, checked, op);
  const read = async () => (await replica.create(name, op)) ?? (await replica.read(name, op));
  const attempt = async (target: SessionRef): Promise<LogEntry | undefined> => {
    if (target.exists) {
      throw new BrowserStateError('CONFLICT', `session ${name} exists already`, {
        details: { session: name },
        hint: 'Choose another name, or delete that session first.',
      });
    }
    const { repository, ref } = target;
    // Both are read after the target's ref, so that nothing that the source names can be collected
    // unnoticed.
    const [{ k }, { source, row }] = await Promise.all([repository.epoch(op), findVersion(replica, session, at, op)]);
    if (row.id !== checked.id) await requireHistory(replica, source, row, op);
    const history = await historyFrom(repository, source, row, { ...ref, epoch: k }, op);
    const event = repository.refs.event(ref, 'fork', `${session} ${row.id}`);
    const forked = await target.update({ state: 'live', ...history, ...event, epoch: k }, op);
    return forked && logEntry(row, forked.ref.tags);
  };
  return updateRef(name, { read, attempt }, op);
}

interface Version {
  source: SessionRef;
  row: Row;
}

async function findVersion(replica: Replica, session: string, revision: string, op: Operation): Promise<Version> {
  const source = await replica.requireSession(session, op);
  return { source, row: await source.find(revision, op) };
}

/** Finds the version that a fork begins with, in what the replica recalls if that has it. */
async function findSourceOfFork(replica: Replica, session: string, at: string, op: Operation): Promise<Version> {
  const source = replica.isConfirmed ? (await replica.recall(session))?.live() : undefined;
  const row = await source?.find(at, op).catch((error: unknown) => {
    if (!isError(error, 'NOT_FOUND', 'CONFLICT')) throw error;
    return undefined;
  });
  return source && row ? { source, row } : findVersion(replica, session, at, op);
}

/** Throws INTEGRITY if a version, or the segments that are named again with it, cannot be read. */
async function requireHistory(replica: Replica, source: SessionRef, row: Row, op: Operation): Promise<void> {
  const isInline = source.ref.rows.some(({ id }) => id === row.id);
  await replica.requirePresent(source, row, op, isInline ? source.ref.segments : []);
}

/**
 * Returns the entries of a session from one on, as those of `ref`. Segments that are wholly older
 * than the entry are named again; nothing of them is read.
 */
async function historyFrom(
  { refs }: Repository,
  source: SessionRef,
  row: Row,
  ref: Ref,
  op: Operation,
): Promise<Pick<Ref, 'rows' | 'segments'>> {
  const inline = source.ref.rows.findIndex(({ id }) => id === row.id);
  if (inline !== -1) return { rows: source.ref.rows.slice(inline), segments: source.ref.segments };
  const rows: Row[] = [];
  for await (const each of source.entries(op)) if (rows.length > 0 || each.id === row.id) rows.push(each);
  return refs.adopt(ref, rows, op);
}

/** Gives a commit a name that keeps it for ever; a tag of that name moves. */
export async function tag(replica: Replica, session: string, name: string, at: string | undefined, op: Operation): Promise<LogEntry> {
  requireTag(name);
  return changeLive(replica, session, op, async (from) => {
    const row = await from.find(at ?? 'HEAD', op);
    await replica.requirePresent(from, row, op);
    const tags = withTag(from.ref, name, row.id);
    const event = from.repository.refs.event(from.ref, 'tag', `${name} ${row.id}`);
    return (await from.update({ tags, ...event }, op)) && logEntry(row, tags);
  });
}

/** Removes a tag and returns the commit that it named. Throws NOT_FOUND if there is no such tag. */
export function untag(replica: Replica, session: string, name: string, op: Operation): Promise<ObjectId> {
  return changeLive(replica, session, op, async (from) => {
    const named = from.ref.tags.get(name);
    if (named === undefined) throw noTag(session, name);
    const tags = new Map([...from.ref.tags].filter(([other]) => other !== name));
    const event = from.repository.refs.event(from.ref, 'tag', `${name} removed`);
    return (await from.update({ tags, ...event }, op)) && named;
  });
}

/**
 * Removes the session and its history. Its name can be used again. `movedTo`: the session that has
 * its commits since, and the newest of them; undefined if the session is deleted on request.
 */
export async function deleteSession(
  replica: Replica,
  session: string,
  op: Operation,
  movedTo?: { session: string; commit: ObjectId },
): Promise<void> {
  const detail = movedTo === undefined ? '' : `${movedTo.session} ${movedTo.commit}`;
  const emptied = { state: 'deleted', tags: new Map(), rows: [], segments: [], lease: undefined, head: new Uint8Array(0) } as const;
  await changeLive(replica, session, op, (from) =>
    from.update({ ...emptied, ...from.repository.refs.event(from.ref, 'delete', detail) }, op),
  );
}

/**
 * Changes a session that has a commit, starting over as long as other writers are faster and leave
 * the head (R-WRITE-2). The first attempt starts from what the replica recalls; that the recalled
 * ref lacks something proves nothing.
 */
async function changeLive<T>(
  replica: Replica,
  session: string,
  op: Operation,
  attempt: (from: LiveSession) => Promise<T | undefined>,
): Promise<T> {
  const recalled = (await replica.recall(session))?.live();
  let head: ObjectId | undefined;
  const read = async (): Promise<LiveSession> => {
    const found = await replica.requireSession(session, op);
    if (head !== undefined && head !== found.head.id) throw moved(session, found.head.id);
    head = found.head.id;
    return found;
  };
  const isOutdated = (error: unknown, from: SessionRef) =>
    wasCollected(error) || (from === recalled && isError(error, 'NOT_FOUND', 'CONFLICT'));
  return updateRef(session, { read, recalled, attempt: (from) => attempt(from as LiveSession), isOutdated }, op);
}

function moved(session: string, head: ObjectId): BrowserStateError {
  return new BrowserStateError('CONFLICT', `session ${session} was changed by another writer meanwhile; nothing was changed here`, {
    details: { session, head },
    hint: 'Repeat the command.',
  });
}
