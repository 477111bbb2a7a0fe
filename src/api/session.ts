/** A session: one profile's line of history, in the local store and on the remote. */
import { ignore, isError } from '../base/errors.js';
import { throwTyped } from '../base/system-errors.js';
import { diffTrees, type TreeDiff } from '../format/diff.js';
import { checkId } from '../format/keys.js';
import type { ObjectId } from '../format/object-id.js';
import type { RefEvent } from '../format/ref.js';
import { usedMount } from '../mount/recover.js';
import type { RequestOptions } from '../provider/provider.js';
import { KeptFrames } from '../repository/read/frame-cache.js';
import { type Call, callOf, hasRemote, type OfflineOptions, requireRemote } from '../session/call.js';
import type { CheckoutOptions, CheckoutResult } from '../session/checkout.js';
import type { CommitOptions, CommitResult } from '../session/commit/options.js';
import { type AtOptions, deleteSession, fork, type RollbackOptions, rollback, tag, untag } from '../session/history.js';
import { type Lease, type LeaseOptions, takeLease } from '../session/lease.js';
import { type LogEntry, logEntry, select } from '../session/log-entry.js';
import type { Replica } from '../session/replica/replica.js';
import { isCommitId, splitRevision } from '../session/revision.js';
import { noTag } from '../session/tags.js';
import type { PullOptions, PullResult } from '../sync/pull.js';
import type { PushOptions, PushResult } from '../sync/push.js';
import { type ChangeOptions, type LogOptions, optionsOf, type SaveOptions, type StatusOptions } from './options.js';
import { SessionView } from './session-view.js';
import { type SaveResult, type SyncResult, saveDirectory, syncSession } from './transfers.js';

export class Session {
  readonly #view: SessionView;
  readonly #op: Call;

  /** `op`: signal, progress callback and replicas of calls that are given none of their own. */
  constructor(
    readonly id: string,
    op: Call,
  ) {
    this.#view = new SessionView(id, op.remote);
    this.#op = op;
  }

  /**
   * Commits a directory to the local store. A session that is new there follows the head of the
   * remote, if there is one. Atomic; throws what `commitDirectory` throws.
   */
  async commit(dir: string, options: CommitOptions & OfflineOptions = {}): Promise<CommitResult> {
    const op = callOf(this.#op, 'commit', options, optionsOf.commit, { dir });
    const { commitDirectory } = await import('./parts/directory.js');
    return commitDirectory(this.id, dir, options, op);
  }

  /**
   * Commits a directory in which a browser may be running. Resolves to undefined and commits
   * nothing if a database kept changing while it was read. See `checkpointDirectory`.
   */
  async checkpoint(dir: string, options: CommitOptions & OfflineOptions = {}): Promise<CommitResult | undefined> {
    const op = callOf(this.#op, 'checkpoint', options, optionsOf.commit, { dir });
    const { checkpointDirectory } = await import('./parts/directory.js');
    return checkpointDirectory(this.id, dir, options, op);
  }

  /**
   * Commits a directory and pushes the session. Throws what `commit` and `push` throw; the message
   * of an error of the push says that the commit is safe.
   */
  async save(dir: string, options: SaveOptions = {}): Promise<SaveResult> {
    const op = callOf(this.#op, 'save', options, optionsOf.save, { dir });
    return saveDirectory(this.id, dir, options, op);
  }

  /**
   * Writes a version to a directory. A version that the local store lacks is pulled first. Atomic,
   * except for a change in place: the next checkout redoes an interrupted one. See
   * `checkoutSession`.
   */
  async checkout(dir: string, options: CheckoutOptions & OfflineOptions = {}): Promise<CheckoutResult> {
    return this.#write('checkout', dir, options, () => true);
  }

  /**
   * Pulls the newest version, or the one that `at` names, and writes it to a directory. Unlike
   * `checkout`, this call lets the remote decide which version is the newest.
   */
  async restore(dir: string, options: CheckoutOptions & OfflineOptions = {}): Promise<CheckoutResult> {
    // An id names the same version everywhere.
    return this.#write('restore', dir, options, isCommitId);
  }

  async #write(
    call: 'checkout' | 'restore',
    dir: string,
    options: CheckoutOptions & OfflineOptions,
    isLocal: (revision: string) => boolean,
  ): Promise<CheckoutResult> {
    const op = callOf(this.#op, call, options, optionsOf.checkout, { dir });
    const { checkoutSession } = await import('./parts/directory.js');
    return this.#at(options, op, async ({ id, view }, settings) => {
      const { at = 'HEAD' } = settings;
      const isHere = isLocal(at) && (await view.hasHere(at, op));
      if (isHere || !hasRemote(op)) return checkoutSession(op.local, id, dir, settings, op);
      const { pullSession } = await import('./parts/sync.js');
      const frames = new KeptFrames();
      const pulled = await pullSession(id, { at: settings.at, frames }, op).catch((error: unknown) => {
        // A diverged session has no single newest version, but every other revision is definite.
        if (!isError(error, 'CONFLICT') || at.startsWith('HEAD')) throw error;
      });
      if (!pulled) return checkoutSession(op.remote, id, dir, settings, op);
      const { commit, fetchedBytes } = pulled;
      return { ...(await checkoutSession(op.local, id, dir, { ...settings, at: commit, frames }, op)), fetchedBytes };
    });
  }

  /** Updates the local store from the remote; see `pullSession`. Throws USAGE without a remote. */
  async pull(options: PullOptions = {}): Promise<PullResult> {
    const op = requireRemote(callOf(this.#op, 'pull', options, optionsOf.pull));
    const { pullSession } = await import('./parts/sync.js');
    return this.#at(options, op, ({ id }, { at }) => pullSession(id, { at }, op));
  }

  /** Sends local commits to the remote; see `pushSession`. Throws USAGE without a remote. */
  async push(options: PushOptions & { ask?: boolean } = {}): Promise<PushResult> {
    const op = requireRemote(callOf(this.#op, 'push', options, optionsOf.push));
    const { pushSession } = await import('./parts/sync.js');
    return pushSession(this.id, options, op);
  }

  /**
   * Pulls if the remote has newer commits, and pushes if the local store has; if both have,
   * `onConflict` decides. Throws CONFLICT if the session was deleted in the local store alone and
   * the remote has no newer commit: only a pull restores it.
   */
  async sync(options: PushOptions = {}): Promise<SyncResult> {
    const op = requireRemote(callOf(this.#op, 'sync', options, optionsOf.sync));
    return syncSession(this.id, options, op);
  }

  /**
   * Yields the commits, newest first: those that were not pushed, then the remote's, also if both
   * have diverged. Omits checkpoints that have a newer ordinary commit and no tag, unless
   * `checkpoints` is true. Throws NOT_FOUND if there is no such session.
   */
  async *log(options: LogOptions = {}): AsyncGenerator<LogEntry> {
    yield* select(this.#view.log(callOf(this.#op, 'log', options, optionsOf.log)), options);
  }

  /** Returns the newest changes that made no commit (tags, forks, deletions), newest first. */
  async events(options: OfflineOptions = {}): Promise<readonly RefEvent[]> {
    const [newest] = await this.#view.sides(callOf(this.#op, 'events', options, optionsOf.offline));
    return newest.ref.events;
  }

  /** Returns the tags of both sides and the commits that they name. */
  async tags(options: OfflineOptions = {}): Promise<ReadonlyMap<string, ObjectId>> {
    const sides = await this.#view.sides(callOf(this.#op, 'tags', options, optionsOf.offline));
    return new Map(sides.reverse().flatMap(({ ref }) => [...ref.tags]));
  }

  /**
   * Returns the commit that a revision names, also of another session (`SESSION:REV`). Throws USAGE
   * for an invalid revision and NOT_FOUND if it names no commit.
   */
  async resolve(revision: string, options: OfflineOptions = {}): Promise<LogEntry> {
    const op = callOf(this.#op, 'resolve', options, optionsOf.offline, { revision });
    return this.#at({ at: revision }, op, async ({ view }, { at }) => {
      const { place, entry } = await view.find(at, op);
      return logEntry(entry, place.ref.tags);
    });
  }

  /** Returns the paths in which two versions of any session differ. Times are ignored. */
  async diff(from: string, to = 'HEAD', options: OfflineOptions = {}): Promise<TreeDiff> {
    const op = callOf(this.#op, 'diff', options, optionsOf.offline, { from, to });
    const read = (revision: string) => this.#at({ at: revision }, op, ({ view }, { at }) => view.readTree(at, op));
    return diffTrees(await read(from), await read(to));
  }

  /**
   * Returns the paths in which a directory differs from the head. Writes nothing. Throws BUSY if
   * another process changes the directory, DIRTY if such a change was interrupted.
   */
  async status(dir: string, options: StatusOptions = {}): Promise<TreeDiff> {
    const op = callOf(this.#op, 'status', options, optionsOf.status, { dir });
    const tree = await this.#view.readTree('HEAD', op);
    const { keepCaches = false, exclude = [] } = options;
    const { compareDirectory } = await import('./parts/directory.js');
    return compareDirectory(this.id, await op.local.lookedAt(dir), tree, { keepCaches, exclude }, op);
  }

  /**
   * Appends a commit with the tree of another one, which may be of another session (`SESSION:REV`).
   * Atomic. Throws CONFLICT if another writer moved the head meanwhile.
   */
  async rollback(to: string, options: RollbackOptions & ChangeOptions = {}): Promise<LogEntry> {
    const op = callOf(this.#op, 'rollback', options, optionsOf.rollback, { to });
    const { message, push } = options;
    return this.#at({ at: to }, op, async ({ id, view }, { at }) => {
      if (id !== this.id && push !== false) await view.pushIfHere(op);
      const from = push === false ? await view.pullMissing(at, op) : at;
      const act = (replica: Replica) =>
        view.namedHere(from, op, (revision) => rollback(replica, this.id, `${id}:${revision}`, message, op));
      return this.#view.change({ push }, op, act, (entry) => this.#view.repeatRollback(entry, op));
    });
  }

  /**
   * Returns whether the session has a commit on the remote, or in the local store and was not
   * deleted on the remote.
   */
  async exists(options: OfflineOptions = {}): Promise<boolean> {
    const op = callOf(this.#op, 'exists', options, optionsOf.offline);
    const there = await op.remote?.read(this.id, op);
    if (there?.exists) return true;
    return !there?.wasDeleted && (await op.local.read(this.id, op)).exists;
  }

  /**
   * Creates a session with the history of this one, or of another (`SESSION:REV`), up to a commit.
   * Copies no data. Throws CONFLICT if a session of that name exists.
   */
  async fork(name: string, options: AtOptions & ChangeOptions = {}): Promise<LogEntry> {
    const op = callOf(this.#op, 'fork', options, optionsOf.change, { name });
    return this.#at(options, op, async ({ id, view }, settings) => {
      checkId('session', name);
      await op.local.rejectLegacy(name, op);
      return view.change({ ...settings, changed: name }, op, (replica, at) => fork(replica, id, name, at, op));
    });
  }

  /**
   * Tags a commit, which is then kept for ever; an existing tag of that name moves. `SESSION:REV`
   * names a commit that this session shares with another, such as the one that it was forked from.
   */
  async tag(name: string, options: AtOptions & ChangeOptions = {}): Promise<LogEntry> {
    const op = callOf(this.#op, 'tag', options, optionsOf.change, { name });
    const { offline, push } = options;
    const isOwn = splitRevision(this.id, options.at ?? 'HEAD').session === this.id;
    const at = isOwn ? options.at : (await this.resolve(options.at as string, { offline, signal: op.signal })).commit;
    return this.#view.change({ at, push }, op, (replica, from) => tag(replica, this.id, name, from, op));
  }

  /** Removes a tag on both sides. Returns its commit. Throws NOT_FOUND if there is no such tag. */
  async untag(name: string, options: OfflineOptions = {}): Promise<ObjectId> {
    const op = callOf(this.#op, 'untag', options, optionsOf.offline, { name });
    let named: ObjectId | undefined;
    for (const replica of [op.remote, op.local]) {
      const removed = replica && (await untag(replica, this.id, name, op).catch(ignore('NOT_FOUND')));
      named ??= removed;
    }
    if (named !== undefined) return named;
    throw noTag(this.id, name, (await this.tags(options)).keys());
  }

  /** Deletes the session on both sides. Its data stays until garbage collection. */
  async delete(options: OfflineOptions = {}): Promise<void> {
    const op = callOf(this.#op, 'delete', options, optionsOf.offline);
    if (!hasRemote(op)) return deleteSession(op.local, this.id, op);
    const isHere = await this.#view.hasHere('HEAD', op);
    try {
      await deleteSession(op.remote, this.id, op);
    } catch (error) {
      // Commits that were never pushed exist locally only.
      if (!isHere || !isError(error, 'NOT_FOUND')) throw error;
    }
    if (isHere) await deleteSession(op.local, this.id, op);
  }

  /** Returns a process of this machine that works in a mount of the session, and the directory. */
  async openIn(options?: RequestOptions): Promise<{ pid: number; dir: string } | undefined> {
    return usedMount(this.id, callOf(this.#op, 'openIn', options, optionsOf.request));
  }

  /**
   * Records an owner and an expiry in the session's ref, on the remote if there is one. A lease is
   * advisory: it prevents no commit or push. See `takeLease`.
   */
  async lease(options: LeaseOptions & OfflineOptions): Promise<Lease> {
    const op = callOf(this.#op, 'lease', options, optionsOf.lease);
    return takeLease(op.remote ?? op.local, this.id, options, op, this.#op);
  }

  /**
   * Acts on the session that `at` names, with the revision there. A commit that this session lacks
   * may be of a session that a conflict or a mount made of it.
   */
  async #at<S extends AtOptions, T>(
    settings: S,
    op: Call,
    act: (session: { id: string; view: SessionView }, settings: S) => Promise<T>,
  ): Promise<T> {
    const { at } = settings;
    const on = (id: string, given: S): Promise<T> =>
      act({ id, view: id === this.id ? this.#view : new SessionView(id, this.#op.remote) }, given);
    if (at === undefined) return on(this.id, settings);
    const { session, revision } = splitRevision(this.id, at);
    return on(session, { ...settings, at: revision }).catch(async (error: unknown) =>
      on(await this.#view.relativeWith(at, error, op), settings),
    );
  }
}
throwTyped(Session);
