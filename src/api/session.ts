/**
 * A session: one profile's line of history, in the local store and on the remote, and what can be
 * done with it.
 */
import { BrowserStateError, isError } from '../base/errors.js';
import { throwTyped } from '../base/system-errors.js';
import { diffTrees, type TreeDiff } from '../format/diff.js';
import { checkId } from '../format/keys.js';
import type { ObjectId } from '../format/object-id.js';
import type { RefEvent } from '../format/ref.js';
import { KeptFrames } from '../repository/read/frame-cache.js';
import { type Call, callOf, hasRemote, type OfflineOptions, requireRemote } from '../session/call.js';
import { type CheckoutOptions, type CheckoutResult, checkoutSession } from '../session/checkout.js';
import { selectMatching } from '../session/checkout-target.js';
import { checkpointDirectory } from '../session/commit/checkpoint.js';
import { commitDirectory } from '../session/commit/commit.js';
import type { CommitOptions, CommitResult } from '../session/commit/options.js';
import { type AtOptions, deleteSession, fork, type RollbackOptions, rollback, tag, untag } from '../session/history.js';
import { type Lease, type LeaseOptions, takeLease } from '../session/lease.js';
import { type LogEntry, logEntry, select } from '../session/log-entry.js';
import { absentSession } from '../session/names.js';
import { lostIn } from '../session/replica/lost.js';
import type { Replica } from '../session/replica/replica.js';
import { isCommitId, splitRevision } from '../session/revision.js';
import { noTag } from '../session/tags.js';
import { relate } from '../sync/compare.js';
import { mergeSession } from '../sync/merge.js';
import { type PullOptions, type PullResult, pullSession } from '../sync/pull.js';
import { notPushed, type PushOptions, type PushResult, pushSession } from '../sync/push.js';
import { repairSession } from '../sync/relocate.js';
import { readRules } from '../workspace/capture/filter.js';
import { lookAt } from '../workspace/capture/look.js';
import { rejectUnfinished } from '../workspace/checkout/settle.js';
import { type ChangeOptions, type LogOptions, optionsOf, type SaveOptions, type StatusOptions } from './options.js';
import { SessionView } from './session-view.js';

/** A commit, and what was sent after it. */
export interface SaveResult extends CommitResult {
  /** Undefined without a remote, or if it was not to be contacted. */
  push: PushResult | undefined;
}

export interface SyncResult {
  session: string;
  /** The newest commit of both sides. */
  commit: ObjectId;
  pull: PullResult | undefined;
  push: PushResult | undefined;
}

export class Session {
  readonly #view: SessionView;
  readonly #op: Call;

  /** `op`: what the store gives calls that are given no signal or progress callback of their own. */
  constructor(
    readonly id: string,
    op: Call,
  ) {
    this.#view = new SessionView(op.local, op.remote, id);
    this.#op = op;
  }

  /**
   * Commits a directory to the local store. If that has nothing of the session, the commit follows
   * the head of the remote, if there is one. See `commitDirectory` for what it throws; atomic.
   */
  async commit(dir: string, options: CommitOptions & OfflineOptions = {}): Promise<CommitResult> {
    const op = callOf(this.#op, 'commit', options, optionsOf.commit, { dir });
    return commitDirectory(this.id, dir, options, op);
  }

  /**
   * Commits a directory in which a browser may be at work; see `checkpointDirectory`. Undefined: a
   * database would not hold still, and nothing was committed.
   */
  async checkpoint(dir: string, options: CommitOptions & OfflineOptions = {}): Promise<CommitResult | undefined> {
    const op = callOf(this.#op, 'checkpoint', options, optionsOf.commit, { dir });
    return checkpointDirectory(this.id, dir, options, op);
  }

  /**
   * Commits a directory and pushes the session. Throws what `commit` and `push` throw; the message
   * of an error of the push says that the commit is safe.
   */
  async save(dir: string, options: SaveOptions = {}): Promise<SaveResult> {
    const op = callOf(this.#op, 'save', options, optionsOf.save, { dir });
    const { session, ...done } = await this.#commitAnyway(dir, options, op);
    for (const { kind, path } of done.stats.skipped) op.onWarning?.(`${path}: left out, as every ${kind} is`);
    if (!hasRemote(op) || options.push === false) return { ...done, push: undefined };
    const { commit, changed } = done;
    const { tag } = options;
    try {
      const push = await pushSession(session, options, op);
      // A tag goes with its commit; that of a commit that is there already goes by itself.
      if (tag !== undefined && !changed && !push.pushed) await new Session(session, this.#op).tag(tag, { at: commit, signal: op.signal });
      return { ...done, push: session === this.id ? push : { ...push, session: this.id, forkedTo: push.forkedTo ?? session } };
    } catch (error) {
      throw notPushed(session, commit, error);
    }
  }

  /**
   * Commits a directory, to the session that is returned. If the directory was made from a fork
   * that a conflict made of this session, `onConflict` decides as it does for a push.
   */
  async #commitAnyway(dir: string, options: SaveOptions, op: Call): Promise<CommitResult & { session: string }> {
    const { onConflict = 'fail', tag: name } = options;
    try {
      return { ...(await commitDirectory(this.id, dir, options, op)), session: this.id };
    } catch (error) {
      const found = onConflict === 'fail' ? undefined : forkIn(error);
      if (found === undefined) throw error;
      const { session, base } = found;
      const isJoined = onConflict === 'ours' || onConflict === 'theirs';
      const settings = { ...options, onto: { head: base }, notedAs: this.id, ...(isJoined && { tag: undefined }) };
      const done = await commitDirectory(session, dir, settings, op);
      if (!isJoined) return { ...done, session };
      await this.#here('HEAD', op);
      const commit = await mergeSession(op.local, this.id, session, onConflict, op);
      if (name !== undefined) await tag(op.local, this.id, name, commit, op);
      const { tree, parents } = await this.resolve(commit, { offline: true, signal: op.signal });
      return { ...done, commit, tree, parent: parents[0], changed: true, session: this.id };
    }
  }

  /**
   * Makes a directory hold a version; one that the local store does not have is pulled first. See
   * `checkoutSession` for what it throws; atomic but for an in-place change that is cut off, which
   * the next checkout redoes.
   */
  async checkout(dir: string, options: CheckoutOptions & OfflineOptions = {}): Promise<CheckoutResult> {
    const op = callOf(this.#op, 'checkout', options, optionsOf.checkout, { dir });
    return this.#at(options, op, async (session, settings) => {
      const isHere = await session.#view.hasHere(settings.at ?? 'HEAD', op);
      return session.#checkOut(dir, settings, isHere, op);
    });
  }

  /**
   * Pulls the newest version, or the one that `at` names, and checks it out: as `checkout`, but the
   * remote is asked what is the newest.
   */
  async restore(dir: string, options: CheckoutOptions & OfflineOptions = {}): Promise<CheckoutResult> {
    const op = callOf(this.#op, 'restore', options, optionsOf.checkout, { dir });
    return this.#at(options, op, async (session, settings) => {
      // An id names the same version everywhere.
      const isHere = isCommitId(settings.at ?? '') && (await session.#view.hasHere(settings.at as string, op));
      return session.#checkOut(dir, settings, isHere, op);
    });
  }

  async #checkOut(dir: string, settings: CheckoutOptions & OfflineOptions, isHere: boolean, op: Call): Promise<CheckoutResult> {
    if (isHere || !hasRemote(op)) return checkoutSession(op.local, this.id, dir, settings, op);
    const frames = new KeptFrames();
    const pulled = await pullSession(this.id, { at: settings.at, frames }, op).catch((error: unknown) => {
      // Of a session that has diverged the newest version cannot be known; any other is what it is.
      if (!isError(error, 'CONFLICT') || (settings.at ?? 'HEAD').startsWith('HEAD')) throw error;
      return undefined;
    });
    if (pulled === undefined) return checkoutSession(op.remote, this.id, dir, settings, op);
    const { commit, fetchedBytes } = pulled;
    return { ...(await checkoutSession(op.local, this.id, dir, { ...settings, at: commit, frames }, op)), fetchedBytes };
  }

  /**
   * Gives the local store what the remote has; see `pullSession`. Throws USAGE if there is no
   * remote.
   */
  async pull(options: PullOptions = {}): Promise<PullResult> {
    const op = requireRemote(callOf(this.#op, 'pull', options, optionsOf.pull));
    return this.#at(options, op, (session, { at }) => pullSession(session.id, { at }, op));
  }

  /** Sends what the local store has; see `pushSession`. Throws USAGE if there is no remote. */
  async push(options: PushOptions & { ask?: boolean } = {}): Promise<PushResult> {
    const op = requireRemote(callOf(this.#op, 'push', options, optionsOf.push));
    return pushSession(this.id, options, op);
  }

  /**
   * Pulls if the remote has more, pushes if the local store has; if both have, `onConflict`
   * decides. Throws CONFLICT if the session was deleted here alone, and the remote has nothing new
   * since: only a pull brings it back.
   */
  async sync(options: PushOptions = {}): Promise<SyncResult> {
    const op = requireRemote(callOf(this.#op, 'sync', options, optionsOf.sync));
    const { local, remote } = op;
    const last = await remote.lastHead(this.id);
    const there = await remote.read(this.id, op);
    const here = await local.read(this.id, op);
    if (here.wasDeleted && !here.wasMoved && last !== undefined && there.head?.id === last) throw deletedHere(this.id);
    const { kind } = await relate(here, there, op);
    if (kind === 'same' && !here.exists) throw await absentSession([local, remote], this.id, op);
    const pull = kind === 'behind' ? await pullSession(this.id, {}, op) : undefined;
    const push = kind === 'behind' ? undefined : await pushSession(this.id, options, op);
    const commit = push?.commit ?? pull?.commit ?? (here.head?.id as ObjectId);
    // A push of nothing looks whether what is there can still be read.
    return { session: this.id, commit, pull, push: kind === 'same' && !push?.pushed ? undefined : push };
  }

  /**
   * Yields the session's commits, newest first: those that were not pushed yet, then the remote's,
   * also if these do not lead to those. A checkpoint that has a newer ordinary commit is left out,
   * unless a tag names it or `checkpoints` asks for all. Throws NOT_FOUND if there is no such
   * session.
   */
  async *log(options: LogOptions = {}): AsyncGenerator<LogEntry> {
    const op = callOf(this.#op, 'log', options, optionsOf.log);
    yield* select(this.#logEntries(op), options);
  }

  async *#logEntries(op: Call): AsyncGenerator<LogEntry> {
    for await (const { row, tags, pushed, head } of this.#view.entries(op)) {
      yield { ...logEntry(row, tags), head, ...(pushed !== undefined && { pushed }) };
    }
  }

  /** Returns the newest changes that made no commit (tags, forks, deletions), newest first. */
  async events(options: OfflineOptions = {}): Promise<readonly RefEvent[]> {
    const op = callOf(this.#op, 'events', options, optionsOf.offline);
    return (await this.#view.sides(op))[0].ref.events;
  }

  /** Returns the tags of both sides and the commits that they name. */
  async tags(options: OfflineOptions = {}): Promise<ReadonlyMap<string, ObjectId>> {
    const op = callOf(this.#op, 'tags', options, optionsOf.offline);
    const sides = await this.#view.sides(op);
    return new Map(sides.reverse().flatMap(({ ref }) => [...ref.tags]));
  }

  /**
   * Returns the commit that a revision names, also one of another session (`SESSION:REV`). Throws
   * USAGE or NOT_FOUND if it names none.
   */
  async resolve(revision: string, options: OfflineOptions = {}): Promise<LogEntry> {
    const op = callOf(this.#op, 'resolve', options, optionsOf.offline, { revision });
    return this.#at({ ...options, at: revision }, op, async (session, { at }) => {
      const { place, row } = await session.#view.find(at, op);
      return logEntry(row, place.ref.tags);
    });
  }

  /**
   * Returns the paths in which two versions differ, each of this session or, as `SESSION:REV`, of
   * another; times alone make no difference.
   */
  async diff(from: string, to = 'HEAD', options: OfflineOptions = {}): Promise<TreeDiff> {
    const op = callOf(this.#op, 'diff', options, optionsOf.offline, { from, to });
    const read = (revision: string) => this.#at({ ...options, at: revision }, op, (session, { at }) => session.#view.readTree(at, op));
    return diffTrees(await read(from), await read(to));
  }

  /**
   * Returns the paths in which a directory differs from the head. Writes nothing. Throws BUSY if
   * another process changes the directory, DIRTY if one was cut off.
   */
  async status(dir: string, options: StatusOptions = {}): Promise<TreeDiff> {
    const op = callOf(this.#op, 'status', options, optionsOf.status, { dir });
    const tree = await this.#view.readTree('HEAD', op);
    const workspace = await op.local.lookedAt(dir);
    rejectUnfinished(workspace);
    const rules = readRules(dir, { keepCaches: options.keepCaches ?? false, exclude: options.exclude ?? [] });
    const there = await lookAt(workspace, rules, op);
    const { only, session } = workspace.record ?? {};
    return only && session === this.id ? diffTrees(selectMatching(tree, only), selectMatching(there, only)) : diffTrees(tree, there);
  }

  /**
   * Appends a commit with the tree of another one, which may be of another session (`SESSION:REV`).
   * Atomic. Throws CONFLICT if another writer moved the head meanwhile.
   */
  async rollback(to: string, options: RollbackOptions & ChangeOptions = {}): Promise<LogEntry> {
    const op = callOf(this.#op, 'rollback', options, optionsOf.rollback, { to });
    const { message, push } = options;
    return this.#at({ ...options, at: to }, op, async (session, { at }) => {
      if (session !== this && push !== false) await session.#sendFirst(op);
      const from = push === false ? await session.#here(at as string, op) : at;
      const act = (replica: Replica) => rollback(replica, this.id, `${session.id}:${from}`, message, op);
      return this.#change({ push }, op, act, ({ commit }) => this.#view.takeOver(commit, op));
    });
  }

  /**
   * Returns whether there is a commit of the session: on the remote, or here and not deleted there.
   */
  async exists(options: OfflineOptions = {}): Promise<boolean> {
    const op = callOf(this.#op, 'exists', options, optionsOf.offline);
    const there = await op.remote?.read(this.id, op);
    if (there?.exists) return true;
    return !there?.wasDeleted && (await op.local.read(this.id, op)).exists;
  }

  /**
   * Creates a session that begins with this one's history up to a commit, or another's
   * (`SESSION:REV`); nothing is copied. Throws CONFLICT if a session of that name exists.
   */
  async fork(name: string, options: AtOptions & ChangeOptions = {}): Promise<LogEntry> {
    const op = callOf(this.#op, 'fork', options, optionsOf.change, { name });
    return this.#at(options, op, async (session, { at, push }) => {
      checkId('session', name);
      await op.local.rejectLegacy(name, op);
      return session.#change({ at, push }, op, (replica, from) => fork(replica, session.id, name, from, op));
    });
  }

  /**
   * Gives a commit a name that keeps it for ever; a tag of that name moves. `SESSION:REV` names a
   * commit that this session shares with another, such as the one that it was forked from.
   */
  async tag(name: string, options: AtOptions & ChangeOptions = {}): Promise<LogEntry> {
    const op = callOf(this.#op, 'tag', options, optionsOf.change, { name });
    const { offline, push } = options;
    const isOwn = this.#named(options.at ?? 'HEAD').session === this;
    const at = isOwn ? options.at : (await this.resolve(options.at as string, { offline, signal: op.signal })).commit;
    return this.#change({ at, push }, op, (replica, from) => tag(replica, this.id, name, from, op));
  }

  /**
   * Removes a tag, here and on the remote; returns the commit that it named, which stays. Throws
   * NOT_FOUND if there is no such tag.
   */
  async untag(name: string, options: OfflineOptions = {}): Promise<ObjectId> {
    const op = callOf(this.#op, 'untag', options, optionsOf.offline, { name });
    let named: ObjectId | undefined;
    for (const replica of [op.remote, op.local]) {
      const removed = replica && (await untag(replica, this.id, name, op).catch(unlessMissing));
      named ??= removed;
    }
    if (named !== undefined) return named;
    throw noTag(this.id, name);
  }

  /**
   * Removes the session and its history. Its name can be used again; its bytes stay until they are
   * collected.
   */
  async delete(options: OfflineOptions = {}): Promise<void> {
    const op = callOf(this.#op, 'delete', options, optionsOf.offline);
    const { remote } = op;
    if (remote === undefined) return deleteSession(op.local, this.id, op);
    const isHere = await this.#view.hasHere('HEAD', op);
    try {
      await deleteSession(remote, this.id, op);
    } catch (error) {
      // Commits that were never pushed exist locally only.
      if (!isHere || !isError(error, 'NOT_FOUND')) throw error;
    }
    if (isHere) await deleteSession(op.local, this.id, op);
  }

  /**
   * Says in the session's ref, on the remote if there is one, who works on it and until when. A
   * lease is advice: no commit or push of others is rejected because of it. See `takeLease` for
   * what it throws.
   */
  async lease(options: LeaseOptions & OfflineOptions): Promise<Lease> {
    const op = callOf(this.#op, 'lease', options, optionsOf.lease);
    return takeLease(op.remote ?? op.local, this.id, options, op, this.#op);
  }

  /**
   * Changes the session on the remote, after a push of what only the local store has, and repeats
   * the change here. Without a remote, or if `push` is false, changes the local store alone.
   */
  async #change(
    { at, push }: { at?: string | undefined; push: boolean | undefined },
    op: Call,
    act: (replica: Replica, at: string | undefined) => Promise<LogEntry>,
    repeat = (entry: LogEntry): Promise<unknown> => act(op.local, entry.commit),
  ): Promise<LogEntry> {
    if (!hasRemote(op)) return act(op.local, at);
    if (push === false) return act(op.local, await this.#here(at, op));
    // A change of a commit that the remote has needs no push, and works even if a push would fail.
    if (at === undefined || !(await this.#view.isOnRemote(at))) await this.#sendFirst(op);
    const entry = await act(op.remote, at).catch(async (error: unknown) => {
      const loss = lostIn(error);
      if (loss === undefined || !(await this.#view.hasHere('HEAD', op))) throw error;
      await repairSession(loss.session, loss.packs, op);
      return act(op.remote, at);
    });
    await this.#view.alsoHere(() => repeat(entry));
    return entry;
  }

  /**
   * Returns a revision that the local store has: `at`, or the commit that it names on the remote,
   * which is pulled then.
   */
  async #here(at: string | undefined, op: Call): Promise<string | undefined> {
    if (!hasRemote(op) || (await this.#view.hasHere(at ?? 'HEAD', op))) return at;
    return (await pullSession(this.id, { at }, op)).commit;
  }

  /** Pushes what the local store has of the session, if there is a remote to ask. */
  async #sendFirst(op: Call): Promise<void> {
    if (hasRemote(op) && (await this.#view.hasHere('HEAD', op))) await pushSession(this.id, {}, op);
  }

  /** Returns the session that a revision is of, and the revision there. */
  #named(text: string): { session: Session; revision: string } {
    const { session, revision } = splitRevision(this.id, text);
    return { session: session === this.id ? this : new Session(session, this.#op), revision };
  }

  /**
   * Runs a call with the session that `at` is of and the revision there. A commit that this session
   * does not have may be one of a session that a conflict or a mount made of it.
   */
  async #at<S extends AtOptions & OfflineOptions, T>(
    settings: S,
    op: Call,
    act: (session: Session, settings: S) => Promise<T>,
  ): Promise<T> {
    const { at } = settings;
    if (at === undefined) return act(this, settings);
    const { session, revision } = this.#named(at);
    try {
      return await act(session, { ...settings, at: revision });
    } catch (error) {
      const other = isUnknownCommit(error, at) ? await this.#view.relativeWith(at, op) : undefined;
      if (other === undefined) throw error;
      return act(this.#named(`${other}:${at}`).session, settings);
    }
  }
}

/** Returns whether a call failed because a session has no commit of that id. */
function isUnknownCommit(error: unknown, revision: string): boolean {
  return isError(error, 'NOT_FOUND') && error.details['revision'] !== undefined && isCommitId(revision.replace(/(?:~[0-9]*)+$/, ''));
}
throwTyped(Session);

/** Returns the fork that a directory was made from, and its commit, if a commit failed for that. */
function forkIn(error: unknown): { session: string; base: ObjectId } | undefined {
  if (!isError(error, 'CONFLICT') || error.details['base'] === undefined) return undefined;
  return error.details as { session: string; base: ObjectId };
}

function unlessMissing(error: unknown): undefined {
  if (!isError(error, 'NOT_FOUND')) throw error;
  return undefined;
}

function deletedHere(session: string): BrowserStateError {
  return new BrowserStateError('CONFLICT', `session ${session} was deleted on this machine, and the remote still has it`, {
    details: { session },
    hint: `\`browserstate pull -s ${session}\` brings it back; \`browserstate delete -s ${session}\` deletes it on the remote too.`,
  });
}
