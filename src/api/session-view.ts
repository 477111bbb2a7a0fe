/**
 * A session as this machine and the remote have it together: which of the two answers a question,
 * and how a change of the remote is repeated here.
 */
import { type BrowserStateError, isError } from '../base/errors.js';
import type { ObjectId } from '../format/object-id.js';
import type { Row } from '../format/ref.js';
import type { Tree } from '../format/tree.js';
import { appendCommit } from '../session/append-commit.js';
import type { Call } from '../session/call.js';
import { absentSession } from '../session/names.js';
import { wasCollected } from '../session/read-manifest.js';
import { forkName, relativeWith } from '../session/relatives.js';
import type { LocalReplica } from '../session/replica/local.js';
import type { RemoteReplica } from '../session/replica/remote.js';
import { isCommitId, resolveAmong } from '../session/revision.js';
import type { LiveSession, SessionRef } from '../session/session-ref.js';
import { relate } from '../sync/compare.js';

export interface ViewedEntry {
  row: Row;
  tags: ReadonlyMap<string, ObjectId>;
  pushed?: boolean | undefined;
  /** Whether HEAD names it. */
  head: boolean;
}

export class SessionView {
  constructor(
    private readonly local: LocalReplica,
    private readonly remote: RemoteReplica | undefined,
    private readonly id: string,
  ) {}

  /**
   * Repeats here what was done on the remote. The local store may not have what it is about; then
   * it comes with the next pull.
   */
  async alsoHere(act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!isError(error, 'NOT_FOUND', 'CONFLICT')) throw error;
    }
  }

  /**
   * Takes a commit of the remote that rolls back into the local history, if the local store has its
   * content.
   */
  async takeOver(commit: ObjectId, op: Call): Promise<void> {
    const entry = (await this.remote?.recall(this.id))?.ref.rows.find(({ id }) => id === commit);
    await this.alsoHere(async () => {
      const here = await this.local.requireSession(this.id, op);
      if (entry === undefined || entry.commit.parents[0] !== here.head.id) return;
      for await (const same of here.entries(op)) {
        if (same.commit.tree !== entry.commit.tree) continue;
        const { tree, blobs } = await here.manifest(same, op);
        await appendCommit(here, { op: entry.op, commit: entry.commit, tree, blobs, epoch: here.ref.epoch }, op);
        return;
      }
    });
  }

  /**
   * Yields the entries that were not pushed, then the remote's; only the local ones if the remote
   * has none or is not asked.
   */
  async *entries(op: Call): AsyncGenerator<ViewedEntry> {
    const { remote } = op;
    const there = await remote?.read(this.id, op);
    const here = await this.local.read(this.id, op);
    if (!there?.exists) {
      if (!here.exists) await remote?.rejectLegacy(this.id, op, there);
      await remote?.requireStore(op);
      if (!here.exists) throw await this.#absent(here, op);
      const last = remote === undefined ? await this.remote?.recall(this.id) : there;
      let pushed = this.remote && false;
      for await (const row of here.entries(op)) {
        if (!pushed && last !== undefined) pushed = last.ref.rows.some(({ id }) => id === row.id) || (await this.#isConflictAt(row));
        yield { row, tags: here.ref.tags, pushed, head: row === here.head };
      }
      return;
    }
    const relation = await relate(here, there, op);
    const tags = new Map([...here.ref.tags, ...there.ref.tags]);
    const unsent = 'unsent' in relation ? relation.unsent : [];
    const head = relation.kind === 'ahead' ? unsent[0] : there.head;
    let pushed = false;
    for (const row of unsent) {
      pushed ||= relation.kind === 'diverged' && (await this.#isConflictAt(row));
      yield { row, tags, pushed, head: row === head };
    }
    for await (const row of there.entries(op)) yield { row, tags, pushed: true, head: row === head };
  }

  /**
   * Reads the session on every side that has it; first the one with the newest state: the local
   * store, unless the remote has moved on. Throws NOT_FOUND or LEGACY_SESSION if no side has it.
   */
  async sides(op: Call): Promise<[LiveSession, ...LiveSession[]]> {
    const { remote } = op;
    const there = await remote?.read(this.id, op);
    const here = await this.local.read(this.id, op);
    const [theirs, ours] = [there?.live(), here.live()];
    if (ours !== undefined && theirs !== undefined) {
      const { kind } = await relate(ours, theirs, op);
      return kind === 'same' || kind === 'ahead' ? [ours, theirs] : [theirs, ours];
    }
    const side = ours ?? theirs;
    if (side !== undefined) return [side];
    await remote?.rejectLegacy(this.id, op, there);
    throw await this.#absent(here, op);
  }

  /** Returns the error for a session that neither side has. Throws LEGACY_SESSION if v0 has it here. */
  async #absent(here: SessionRef, op: Call): Promise<BrowserStateError> {
    await this.local.rejectLegacy(this.id, op, here);
    return absentSession([op.local, op.remote], this.id, op);
  }

  /**
   * Returns whether a conflict put a commit, and those before it, on the remote as a session of its
   * own, as far as is known.
   */
  async #isConflictAt({ id }: Row): Promise<boolean> {
    return (await this.remote?.recall(forkName(this.id, id)))?.head?.id === id;
  }

  /**
   * Finds a revision on either side: the local store has only the versions that were used here, the
   * remote those that were pushed. `HEAD` is that of the first side. Throws NOT_FOUND if neither
   * has it, and USAGE for text that is no revision.
   */
  async find(revision: string, op: Call): Promise<{ place: LiveSession; row: Row }> {
    return resolveAmong(await this.sides(op), revision, op);
  }

  /**
   * Reads the tree that a revision names; once more if the session was changed meanwhile, and what
   * it named collected (SPEC.md R-GC-2).
   */
  async readTree(revision: string, op: Call): Promise<Tree> {
    const read = async () => {
      const { place, row } = await this.find(revision, op);
      return (await place.manifest(row, op)).tree;
    };
    return read().catch((error: unknown) => {
      if (!wasCollected(error)) throw error;
      return read();
    });
  }

  /** Returns whether the local store has the revision. */
  async hasHere(revision: string, op: Call): Promise<boolean> {
    try {
      await (await this.local.requireSession(this.id, op)).find(revision, op);
      return true;
    } catch (error) {
      if (!isError(error, 'NOT_FOUND', 'LEGACY_SESSION')) throw error;
      return false;
    }
  }

  /** Returns the session that has a commit which this one has not; see `relativeWith`. */
  async relativeWith(revision: string, op: Call): Promise<string | undefined> {
    const replicas = op.remote === undefined ? [op.local] : [op.local, op.remote];
    return relativeWith(replicas, this.id, revision, op);
  }

  /** Returns whether the remote, as it was last seen, has a commit that is named by its id. */
  async isOnRemote(revision: string): Promise<boolean> {
    const there = isCommitId(revision) ? await this.remote?.recall(this.id) : undefined;
    return there?.ref.rows.some(({ id }) => id.startsWith(revision.toLowerCase())) ?? false;
  }
}
