/** A session as the local store and the remote have it together: reads and changes of both. */
import { BrowserStateError, ignore, isError } from '../base/errors.js';
import { isId } from '../format/keys.js';
import type { ObjectId } from '../format/object-id.js';
import type { HistoryEntry } from '../format/ref.js';
import type { Tree } from '../format/tree.js';
import { appendCommit } from '../session/append-commit.js';
import { type Call, hasRemote } from '../session/call.js';
import { type LogEntry, logEntry } from '../session/log-entry.js';
import { absentSession } from '../session/names.js';
import { wasCollected } from '../session/read-manifest.js';
import { forkName, relativeWith } from '../session/relatives.js';
import { lostIn } from '../session/replica/lost.js';
import type { RemoteReplica } from '../session/replica/remote.js';
import type { Replica } from '../session/replica/replica.js';
import { isCommitId, resolveAmong } from '../session/revision.js';
import type { LiveSession, SessionRef } from '../session/session-ref.js';
import { relate } from '../sync/histories.js';

/** The revision that a change starts from, and whether it is made on the remote too. */
interface Change {
  at?: string | undefined;
  push?: boolean | undefined;
  /** The session whose ref the change updates, if it is another. */
  changed?: string | undefined;
}

/** Returns the error for the name of a session in place of a revision. */
function isSession(name: string, cause: BrowserStateError): BrowserStateError {
  return new BrowserStateError('NOT_FOUND', cause.message, {
    hint: `Did you mean ${name}:HEAD? ${name} is a session.`,
    details: { ...cause.details, nearest: `${name}:HEAD` },
    cause,
  });
}

export class SessionView {
  /** `remote` is given also if calls do not contact it: they use its cached refs. */
  constructor(
    private readonly id: string,
    private readonly remote: RemoteReplica | undefined,
  ) {}

  /**
   * Changes the session on the remote, after a push of what only the local store has, and repeats
   * the change locally. If it cannot be repeated there, `changed` is pulled: this session unless
   * given. Without a remote, or if `push` is false, changes the local store alone.
   */
  async change(
    { at, push, changed = this.id }: Change,
    op: Call,
    act: (replica: Replica, at: string | undefined) => Promise<LogEntry>,
    repeat = async (entry: LogEntry): Promise<boolean> => (await act(op.local, entry.commit)) !== undefined,
  ): Promise<LogEntry> {
    if (!hasRemote(op)) return act(op.local, at);
    if (push === false) return act(op.local, await this.pullMissing(at, op));
    // A change of a commit that the remote has needs no push, and works even if a push would fail.
    if (at === undefined || !(await this.#isOnRemote(at))) await this.pushIfHere(op);
    const { remote } = op;
    const entry = await this.namedHere(at, op, (from) => act(remote, from)).catch(async (error: unknown) => {
      const loss = lostIn(error);
      if (loss === undefined || !(await this.hasHere('HEAD', op))) throw error;
      const { repairSession } = await import('./parts/sync.js');
      await repairSession(loss.session, loss.packs, op);
      return act(op.remote, at);
    });
    const isRepeated = await repeat(entry).catch(ignore('NOT_FOUND', 'CONFLICT'));
    if (!isRepeated && (await this.hasHere('HEAD', op))) {
      // The remote has already changed, so a failed pull is ignored: the next pull retries.
      const { pullSession } = await import('./parts/sync.js');
      await pullSession(changed, { at: entry.commit }, op).catch(ignore('NOT_FOUND', 'CONFLICT', 'UNREACHABLE', 'INTEGRITY'));
    }
    return entry;
  }

  /**
   * Acts on a revision. If that throws NOT_FOUND, acts on its commit in the local store: a tag may
   * be in one replica alone (R-REV-4).
   */
  async namedHere<T, R extends string | undefined>(at: R, op: Call, act: (at: R | ObjectId) => Promise<T>): Promise<T> {
    return act(at).catch(async (error: unknown) => {
      if (at === undefined || !isError(error, 'NOT_FOUND') || error.details['revision'] === undefined) throw error;
      const here = (await op.local.read(this.id, op)).live();
      const entry = await here?.find(at, op).catch(ignore('NOT_FOUND'));
      if (entry === undefined || entry.id === at) throw error;
      return act(entry.id);
    });
  }

  /**
   * Repeats a rollback of the remote locally. Returns false if the cached ref lacks the rollback,
   * its parent is not the local head, or no local commit has the same content.
   */
  async repeatRollback({ commit }: LogEntry, op: Call): Promise<boolean> {
    const entry = (await this.remote?.recall(this.id))?.ref.entries.find(({ id }) => id === commit);
    const here = await op.local.requireSession(this.id, op);
    if (entry === undefined || entry.commit.parents[0] !== here.head.id) return false;
    for await (const same of here.entries(op)) {
      if (same.commit.tree !== entry.commit.tree) continue;
      const { tree, blobs } = await here.manifest(same, op);
      await appendCommit(here, { op: entry.op, commit: entry.commit, tree, blobs, epoch: here.ref.epoch }, op);
      return true;
    }
    return false;
  }

  /** Returns a revision that the local store has: `at`, or its commit, pulled from the remote. */
  async pullMissing(at: string | undefined, op: Call): Promise<string | undefined> {
    if (!hasRemote(op) || (await this.hasHere(at, op))) return at;
    const { pullSession } = await import('./parts/sync.js');
    return (await pullSession(this.id, { at }, op)).commit;
  }

  /** Pushes the session if the local store has it and there is a remote. */
  async pushIfHere(op: Call): Promise<void> {
    if (!hasRemote(op) || !(await this.hasHere('HEAD', op))) return;
    const { pushSession } = await import('./parts/sync.js');
    await pushSession(this.id, {}, op);
  }

  /** Yields the unpushed commits, then those of the remote, if it has the session. */
  async *log(op: Call): AsyncGenerator<LogEntry> {
    const { local, remote } = op;
    const there = await remote?.read(this.id, op);
    const here = await local.read(this.id, op);
    if (!there?.exists) {
      if (!here.exists) await remote?.rejectLegacy(this.id, op, there);
      await remote?.requireStore(op);
      if (!here.exists) throw await this.#absent(here, op);
      const last = remote === undefined ? await this.remote?.recall(this.id) : there;
      let pushed = this.remote && false;
      for await (const entry of here.entries(op)) {
        if (!pushed && last !== undefined) pushed = last.ref.entries.some(({ id }) => id === entry.id) || (await this.#isConflictAt(entry));
        yield { ...logEntry(entry, here.ref.tags), head: entry === here.head, ...(pushed !== undefined && { pushed }) };
      }
      return;
    }
    const { kind, unsent } = await relate(here, there, op);
    const tags = new Map([...here.ref.tags, ...there.ref.tags]);
    const head = kind === 'ahead' ? unsent[0] : there.head;
    let pushed = false;
    for (const entry of unsent) {
      pushed ||= kind === 'diverged' && (await this.#isConflictAt(entry));
      yield { ...logEntry(entry, tags), head: entry === head, pushed };
    }
    for await (const entry of there.entries(op)) yield { ...logEntry(entry, tags), head: entry === head, pushed: true };
  }

  /**
   * Reads the session in every replica that has it. The newest comes first: the local store, unless
   * the remote has newer commits. Throws NOT_FOUND or LEGACY_SESSION if no replica has the session.
   */
  async sides(op: Call): Promise<[LiveSession, ...LiveSession[]]> {
    const there = await op.remote?.read(this.id, op);
    const here = await op.local.read(this.id, op);
    const [theirs, ours] = [there?.live(), here.live()];
    if (ours !== undefined && theirs !== undefined) {
      const { kind } = await relate(ours, theirs, op);
      return kind === 'same' || kind === 'ahead' ? [ours, theirs] : [theirs, ours];
    }
    const side = ours ?? theirs;
    if (side !== undefined) return [side];
    await op.remote?.rejectLegacy(this.id, op, there);
    throw await this.#absent(here, op);
  }

  /** Returns the error for an absent session. Throws LEGACY_SESSION if v0 has it here. */
  async #absent(here: SessionRef, op: Call): Promise<BrowserStateError> {
    await op.local.rejectLegacy(this.id, op, here);
    return absentSession([op.local, op.remote], this.id, op);
  }

  /** Returns whether the remote is known to have a commit as the head of a conflict session. */
  async #isConflictAt({ id }: HistoryEntry): Promise<boolean> {
    return (await this.remote?.recall(forkName(this.id, id)))?.head?.id === id;
  }

  /**
   * Finds a revision in either replica: the local store has only versions that were used here, the
   * remote those that were pushed. `HEAD` is the head of the newest replica. Throws NOT_FOUND if
   * neither replica has the revision, and USAGE for an invalid one.
   */
  async find(revision: string, op: Call): Promise<{ place: LiveSession; entry: HistoryEntry }> {
    return resolveAmong(await this.sides(op), revision, op);
  }

  /** Reads the tree of a revision. Retries once if it was collected meanwhile (R-GC-2). */
  async readTree(revision: string, op: Call): Promise<Tree> {
    const read = async () => {
      const { place, entry } = await this.find(revision, op);
      return (await place.manifest(entry, op)).tree;
    };
    return read().catch((error: unknown) => {
      if (!wasCollected(error)) throw error;
      return read();
    });
  }

  /** Returns whether the local store has the revision. */
  async hasHere(revision = 'HEAD', op: Call): Promise<boolean> {
    const find = async () => (await op.local.requireSession(this.id, op)).find(revision, op);
    return (await find().catch(ignore('NOT_FOUND', 'LEGACY_SESSION'))) !== undefined;
  }

  /**
   * Returns the session that has a commit which this one lacks, after a call failed for that
   * reason. A conflict or a mount made it of this session. Throws the error of the call if there is
   * none.
   */
  async relativeWith(revision: string, error: unknown, op: Call): Promise<string> {
    const isUnknown = isError(error, 'NOT_FOUND') && error.details['revision'] !== undefined;
    const replicas = op.remote === undefined ? [op.local] : [op.local, op.remote];
    const isCommit = isCommitId(revision.replace(/(?:~[0-9]*)+$/, ''));
    const found = isUnknown && isCommit ? await relativeWith(replicas, this.id, revision, op) : undefined;
    if (found !== undefined) return found;
    if (isUnknown && isId(revision)) {
      const named = await Promise.all(replicas.map((replica) => replica.read(revision, op).catch(() => undefined)));
      if (named.some((each) => each?.exists)) throw isSession(revision, error);
    }
    throw error;
  }

  /** Returns whether the cached ref of the remote has a commit, which is named by its id. */
  async #isOnRemote(revision: string): Promise<boolean> {
    const there = isCommitId(revision) ? await this.remote?.recall(this.id) : undefined;
    return there?.ref.entries.some(({ id }) => id.startsWith(revision.toLowerCase())) ?? false;
  }
}
