/** Changes of a session that need no directory, in either replica (SPEC.md R-WRITE-5). */
import { BrowserStateError, ignore, isError } from '../base/errors.js';
import type { Operation } from '../base/operation.js';
import type { ObjectId } from '../format/object-id.js';
import type { HistoryEntry, Ref } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { StoredEpoch } from '../repository/repository.js';
import { appendCommit, newCommit } from './append-commit.js';
import { mayName } from './condemned.js';
import { type LogEntry, logEntry } from './log-entry.js';
import { wasCollected } from './read-manifest.js';
import type { Replica } from './replica/replica.js';
import { splitRevision } from './revision.js';
import type { LiveSession, SessionRef } from './session-ref.js';
import { noTag, requireTag, setTag } from './tags.js';
import { headMoved, updateRef } from './update-ref.js';

export interface RollbackOptions extends RequestOptions {
  message?: string | undefined;
}

export interface AtOptions extends RequestOptions {
  /** A revision; the head unless given. */
  at?: string | undefined;
}

interface Version {
  source: SessionRef;
  entry: HistoryEntry;
}

/** Appends a commit with another one's tree. Throws CONFLICT if the head moved meanwhile. */
export function rollback(replica: Replica, session: string, to: string, message: string | undefined, op: Operation): Promise<LogEntry> {
  return changeLive(replica, session, op, async (from) => {
    const named = splitRevision(from.id, to);
    const isOwn = named.session === from.id;
    // After the ref the epoch is read, and then another session: so nothing that the session names
    // can be collected unnoticed.
    const epoch = isOwn ? undefined : await from.repository.epoch(op);
    const { source, entry } = isOwn
      ? { source: from, entry: await from.find(named.revision, op) }
      : await findVersion(replica, named.session, named.revision, op);
    if (epoch !== undefined && !(await mayName(source, [entry], epoch, op))) return undefined;
    const { tree, blobs } = await source.manifest(entry, op);
    const of = isOwn ? '' : ` of ${source.id}`;
    const facts = { parents: [from.head.id], message: message ?? `Roll back to ${entry.id.slice(0, 12)}${of}` };
    const commit = newCommit(entry.commit, facts, op.host);
    const ready = replica.requirePresent(source, entry, op);
    const added = { op: 'rollback', commit, tree, blobs, epoch: Math.max(epoch?.k ?? 0, from.ref.epoch, source.ref.epoch), ready } as const;
    const done = await appendCommit(from, added, op);
    return done && logEntry(done.entry, done.tags);
  });
}

/**
 * Creates a session that begins with this one's history up to a revision; nothing is copied. Throws
 * CONFLICT if that session exists, and INTEGRITY, before a ref is created, if the history cannot be
 * read.
 */
export async function fork(
  replica: Replica,
  session: string,
  name: string,
  revision: string | undefined,
  op: Operation,
): Promise<LogEntry> {
  const at = revision ?? 'HEAD';
  const recalled = replica.isConfirmed ? (await replica.recall(session))?.live() : undefined;
  const known = await recalled?.find(at, op).catch(ignore('NOT_FOUND', 'CONFLICT'));
  const checked = recalled && known ? { source: recalled, entry: known } : await findVersion(replica, session, at, op);
  await requireHistory(replica, checked, op);
  let before: StoredEpoch | undefined;
  const read = async () => {
    const repository = await replica.forNewRef(op);
    const [epoch, created] = await Promise.all([repository.epoch(op), replica.create(name, op)]);
    before = epoch;
    return created ?? (await replica.read(name, op));
  };
  const attempt = async (target: SessionRef): Promise<LogEntry | undefined> => {
    if (target.exists) {
      throw new BrowserStateError('CONFLICT', `session ${name} already exists`, {
        details: { session: name },
        hint: name === session ? 'Choose another name.' : 'Choose another name, or delete that session first.',
      });
    }
    const { repository, ref } = target;
    // A collection that deletes what the source named when it was read began either before the
    // target had a ref or after it. In the first case the epoch condemns it or is another one than
    // before. In the second case the collection swaps the target's ref.
    const [epoch, found] = await Promise.all([repository.epoch(op), findVersion(replica, session, at, op)]);
    if (epoch.k !== before?.k) return undefined;
    if (found.entry.id !== checked.entry.id) await requireHistory(replica, found, op);
    const k = Math.max(epoch.k, found.source.ref.epoch);
    const entries = () => found.source.entriesFrom(found.entry.id, op);
    if (epoch.condemned.length > 0 && !(await mayName(found.source, await entries(), epoch, op))) return undefined;
    const history = inlineHistory(found) ?? (await repository.refs.adopt({ ...ref, epoch: k }, await entries(), op));
    const event = repository.refs.event(ref, 'fork', `${session} ${found.entry.id}`);
    const forked = await target.update({ state: 'live', ...history, ...event, epoch: k }, op);
    return forked && logEntry(found.entry, forked.ref.tags);
  };
  return updateRef(name, { read, attempt }, op);
}

async function findVersion(replica: Replica, session: string, revision: string, op: Operation): Promise<Version> {
  const source = await replica.requireSession(session, op);
  return { source, entry: await source.find(revision, op) };
}

/** Throws INTEGRITY if a version, or the segments before it, cannot be read. */
async function requireHistory(replica: Replica, { source, entry }: Version, op: Operation): Promise<void> {
  await replica.requirePresent(source, entry, op, inlineHistory({ source, entry })?.segments);
}

/** Returns the history up to an entry in the ref itself; undefined for an entry in a segment. */
function inlineHistory({ source: { ref }, entry }: Version): Pick<Ref, 'entries' | 'segments'> | undefined {
  const at = ref.entries.findIndex(({ id }) => id === entry.id);
  return at === -1 ? undefined : { entries: ref.entries.slice(at), segments: ref.segments };
}

/** Tags a commit, which is then kept for ever. An existing tag of that name moves. */
export async function tag(replica: Replica, session: string, name: string, at: string | undefined, op: Operation): Promise<LogEntry> {
  requireTag(name);
  return changeLive(replica, session, op, async (from) => {
    const entry = await from.find(at ?? 'HEAD', op);
    await replica.requirePresent(from, entry, op);
    const tagged = await setTag(from, name, entry.id, op);
    return tagged && logEntry(entry, tagged.ref.tags);
  });
}

/** Removes a tag and returns the commit that it named. Throws NOT_FOUND if there is no such tag. */
export function untag(replica: Replica, session: string, name: string, op: Operation): Promise<ObjectId> {
  return changeLive(replica, session, op, async (from) => {
    const named = from.ref.tags.get(name);
    if (named === undefined) throw noTag(session, name, from.ref.tags.keys());
    const tags = new Map([...from.ref.tags].filter(([other]) => other !== name));
    const event = from.repository.refs.event(from.ref, 'tag', `${name} removed`);
    return (await from.update({ tags, ...event }, op)) && named;
  });
}

/** Deletes a session. `movedTo` has its commits now; undefined if a caller asked for this. */
export async function deleteSession(
  replica: Replica,
  session: string,
  op: Operation,
  movedTo?: { session: string; commit: ObjectId },
): Promise<void> {
  const detail = movedTo === undefined ? '' : `${movedTo.session} ${movedTo.commit}`;
  const emptied = { state: 'deleted', tags: new Map(), entries: [], segments: [], lease: undefined, head: new Uint8Array(0) } as const;
  await changeLive(replica, session, op, (from) =>
    from.update({ ...emptied, ...from.repository.refs.event(from.ref, 'delete', detail) }, op),
  );
}

/**
 * Changes a session that has a commit. Retries after a lost swap if the head is unchanged
 * (R-WRITE-2). The first attempt starts from the cached ref. If that attempt throws NOT_FOUND or
 * CONFLICT, the current ref is read.
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
    if (head !== undefined && head !== found.head.id) throw headMoved(session, found.head.id);
    head = found.head.id;
    return found;
  };
  const isOutdated = (error: unknown, from: SessionRef) =>
    wasCollected(error) || (from === recalled && isError(error, 'NOT_FOUND', 'CONFLICT'));
  return updateRef(session, { read, recalled, attempt: (from) => attempt(from as LiveSession), isOutdated }, op);
}
