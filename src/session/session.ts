/** A session: one profile's line of history, at home and on the remote, and what can be done with it. */
import { BrowserStateError, isError } from '../errors.js';
import { diffTrees, type TreeDiff } from '../object/diff.js';
import type { ObjectId } from '../object-id.js';
import { type RefEvent, wasDeleted } from '../repository/ref.js';
import { refuseHalfDone } from '../workspace/checkout.js';
import { readRules } from '../workspace/filter.js';
import { type CheckoutOptions, type CheckoutResult, checkoutSession, selectMatching } from './checkout.js';
import { checkpointDirectory } from './checkpoint.js';
import { type CommitOptions, type CommitResult, commitDirectory } from './commit.js';
import { type AtOptions, deleteSession, fork, type LogEntry, logEntry, type RollbackOptions, rollback, tag } from './history.js';
import type { Home } from './home.js';
import { type Lease, type LeaseOptions, takeLease } from './lease.js';
import { isCheckpoint } from './live-label.js';
import { lookAt } from './look.js';
import { type PullOptions, type PullResult, pullSession } from './pull.js';
import { type PushOptions, type PushResult, pushSession } from './push.js';
import { relate } from './relation.js';
import type { Remote } from './remote.js';
import { noSession, type Site } from './site.js';
import { type OfflineOptions, Sites } from './sites.js';

export interface StatusOptions extends OfflineOptions {
  exclude?: readonly string[] | undefined;
  keepCaches?: boolean | undefined;
}

export interface LogOptions extends OfflineOptions {
  /** How many to tell; all unless given. */
  limit?: number | undefined;
  /** Tell all checkpoints, also those that a later commit stands for. */
  checkpoints?: boolean | undefined;
}

export interface SyncResult {
  pull: PullResult | undefined;
  push: PushResult | undefined;
}

export class Session {
  readonly #home: Home;
  readonly #remote: Remote | undefined;
  readonly #sites: Sites;
  readonly #defaults: Pick<CommitOptions, 'signal' | 'onProgress'>;

  /** `defaults` serve operations that are given no signal or progress callback of their own. */
  constructor(
    home: Home,
    remote: Remote | undefined,
    readonly id: string,
    defaults: Pick<CommitOptions, 'signal' | 'onProgress'> = {},
  ) {
    this.#home = home;
    this.#remote = remote;
    this.#sites = new Sites(home, remote, id);
    this.#defaults = defaults;
  }

  /**
   * Commits a directory to home. Where home has nothing of the session the remote's head, if there is one, is what the commit follows. See `commitDirectory` for what
   * it throws; atomic.
   */
  commit(dir: string, options?: CommitOptions & OfflineOptions): Promise<CommitResult> {
    const remote = options?.offline ? undefined : this.#remote;
    return commitDirectory(this.#home, remote, this.id, dir, { ...this.#defaults, ...options });
  }

  /**
   * Commits a directory in which a browser may be at work; see `checkpointDirectory`. Undefined: a database would not hold still, and nothing was committed.
   */
  checkpoint(dir: string, options?: CommitOptions & OfflineOptions): Promise<CommitResult | undefined> {
    const remote = options?.offline ? undefined : this.#remote;
    return checkpointDirectory(this.#home, remote, this.id, dir, { ...this.#defaults, ...options });
  }

  /**
   * Makes a directory hold a version; one that home has not is pulled first. See `checkoutSession` for what it throws; atomic but for a cut-off in-place
   * change, which the next checkout redoes.
   */
  async checkout(dir: string, options: CheckoutOptions & OfflineOptions = {}): Promise<CheckoutResult> {
    const settings = { ...this.#defaults, ...options };
    const isHere = await this.#sites.hasAtHome(options.at ?? 'HEAD', settings);
    if (isHere || this.#remote === undefined || options.offline) return checkoutSession(this.#home, this.id, dir, settings);
    const { commit, fetchedBytes } = await pullSession(this.#home, this.#remote, this.id, { ...settings, keepFrames: true });
    return { ...(await checkoutSession(this.#home, this.id, dir, { ...settings, at: commit })), fetchedBytes };
  }

  /** Brings what the remote has; see `pullSession`. Throws USAGE where there is no remote. */
  async pull(options?: PullOptions): Promise<PullResult> {
    return pullSession(this.#home, this.#sites.needRemote(), this.id, { ...this.#defaults, ...options });
  }

  /** Sends what home has; see `pushSession`. Throws USAGE where there is no remote. */
  async push(options?: PushOptions & { ask?: boolean }): Promise<PushResult> {
    return pushSession(this.#home, this.#sites.needRemote(), this.id, { ...this.#defaults, ...options });
  }

  /**
   * Pulls where the remote has more, pushes where home has; where both have, `onConflict` decides. Throws CONFLICT where the session was deleted here alone, and the
   * remote has nothing new since: only a pull brings it back.
   */
  async sync(options: PushOptions = {}): Promise<SyncResult> {
    const remote = this.#sites.needRemote();
    const settings = { ...this.#defaults, ...options };
    const last = await remote.lastHead(this.id);
    const seen = await remote.read(this.id, settings);
    const local = await this.#home.read(this.id, settings);
    if (local && wasDeleted(local.token.ref) && last !== undefined && seen?.token.ref.rows[0]?.id === last) throw deletedHere(this.id);
    const there = seen && { refs: seen.repository.refs, ref: seen.token.ref };
    const { kind } = await relate(local && { refs: local.repository.refs, ref: local.token.ref }, there, settings);
    if (kind === 'same' && local?.token.ref.rows[0] === undefined) throw noSession(this.id);
    const pull = kind === 'behind' ? await pullSession(this.#home, remote, this.id, settings) : undefined;
    const push = kind === 'ahead' || kind === 'diverged' ? await pushSession(this.#home, remote, this.id, settings) : undefined;
    return { pull, push };
  }

  /**
   * The session's commits, newest first: those that were not pushed yet, then the remote's, also where these do not lead to those. A checkpoint that has a newer
   * ordinary commit is left out, unless a tag names it or `checkpoints` asks for all. Throws NOT_FOUND where there is no such session.
   */
  async *log({ limit = Number.POSITIVE_INFINITY, checkpoints = false, ...options }: LogOptions = {}): AsyncGenerator<LogEntry> {
    let left = limit;
    let hasNewer = false;
    if (left <= 0) return;
    for await (const { row, tags, pushed, head } of this.#sites.rows({ ...this.#defaults, ...options })) {
      const entry = { ...logEntry(row, tags), head, ...(pushed !== undefined && { pushed }) };
      // Where the two have diverged, what was not pushed is not newer than the remote's head.
      if (head) hasNewer = false;
      const isSquashed = hasNewer && isCheckpoint(entry) && entry.tags.length === 0;
      hasNewer ||= !isCheckpoint(entry);
      if (isSquashed && !checkpoints) continue;
      yield entry;
      if (--left <= 0) return;
    }
  }

  /** The newest changes that made no commit (tags, forks, deletions), newest first. */
  async events(options: OfflineOptions = {}): Promise<readonly RefEvent[]> {
    const site = await this.#sites.site(options);
    return (await site.requireSession(this.id, options)).token.ref.events;
  }

  /** The tags and the commits that they name. */
  async tags(options: OfflineOptions = {}): Promise<ReadonlyMap<string, ObjectId>> {
    const site = await this.#sites.site(options);
    return (await site.requireSession(this.id, options)).token.ref.tags;
  }

  /** The commit that a revision names. Throws USAGE or NOT_FOUND where it names none. */
  async resolve(revision: string, options: OfflineOptions = {}): Promise<LogEntry> {
    const { token, row } = await this.#sites.find(revision, options);
    return logEntry(row, token.ref.tags);
  }

  /** The paths in which two versions differ; times alone make no difference. */
  async diff(from: string, to = 'HEAD', options: OfflineOptions = {}): Promise<TreeDiff> {
    const [a, b] = [await this.#sites.readTree(from, options), await this.#sites.readTree(to, options)];
    return diffTrees(a, b);
  }

  /** The paths in which a directory differs from the head. Nothing is written. */
  async status(dir: string, options: StatusOptions = {}): Promise<TreeDiff> {
    const tree = await this.#sites.readTree('HEAD', options);
    const workspace = await this.#home.workspace(dir);
    refuseHalfDone(workspace);
    const rules = readRules(dir, { keepCaches: options.keepCaches ?? false, exclude: options.exclude ?? [] });
    const there = await lookAt(workspace, rules, options);
    const { only, session } = workspace.record ?? {};
    return only && session === this.id ? diffTrees(selectMatching(tree, only), selectMatching(there, only)) : diffTrees(tree, there);
  }

  /** Appends a commit with the tree of an older one. Atomic. Throws CONFLICT where another writer moved the head meanwhile. */
  async rollback(to: string, options: RollbackOptions & OfflineOptions = {}): Promise<LogEntry> {
    return this.#act(options, async (site) => {
      const entry = await rollback(site, this.id, to, options);
      if (site !== this.#home) await this.#sites.takeOver(entry.commit, options);
      return entry;
    });
  }

  /** Whether there is a commit of the session: on the remote, or here and not deleted there. */
  async exists(options: OfflineOptions = {}): Promise<boolean> {
    const seen = options.offline ? undefined : await this.#remote?.read(this.id, options);
    if (seen?.token.ref.rows[0] !== undefined) return true;
    return !(seen && wasDeleted(seen.token.ref)) && (await this.#home.read(this.id, options))?.token.ref.rows[0] !== undefined;
  }

  /** Creates a session that begins with this one's history up to a commit; nothing is copied. Throws CONFLICT where a session of that name exists. */
  async fork(name: string, options: AtOptions & OfflineOptions = {}): Promise<LogEntry> {
    await this.#home.refuseLegacy(name);
    return this.#act(options, async (site) => {
      const entry = await fork(site, this.id, name, options);
      if (site !== this.#home) await this.#sites.alsoAtHome(() => fork(this.#home, this.id, name, { ...options, at: entry.commit }));
      return entry;
    });
  }

  /** Gives a commit a name that keeps it for ever; a tag of that name moves. */
  async tag(name: string, options: AtOptions & OfflineOptions = {}): Promise<LogEntry> {
    return this.#act(options, async (site) => {
      const entry = await tag(site, this.id, name, options);
      if (site !== this.#home) await this.#sites.alsoAtHome(() => tag(this.#home, this.id, name, { ...options, at: entry.commit }));
      return entry;
    });
  }

  /** Removes the session and its history. Its name can be used again. */
  async delete(options: OfflineOptions = {}): Promise<void> {
    const remote = options.offline ? undefined : this.#remote;
    if (remote === undefined) return deleteSession(this.#home, this.id, options);
    const isHere = await this.#sites.hasAtHome('HEAD', options);
    try {
      await deleteSession(remote, this.id, options);
    } catch (error) {
      // What was never pushed is only here.
      if (!isHere || !isError(error, 'NOT_FOUND')) throw error;
    }
    if (isHere) await deleteSession(this.#home, this.id, options);
  }

  /**
   * Says in the session's ref, on the remote where there is one, who works on it and until when. A lease is advice: no commit or push of others is refused by
   * it. See `takeLease` for what it throws.
   */
  async lease(options: LeaseOptions & OfflineOptions): Promise<Lease> {
    const site = options.offline ? this.#home : (this.#remote ?? this.#home);
    return takeLease(site, this.id, { ...this.#defaults, ...options });
  }

  /** Changes the session on the remote, after what home has more was pushed; at home alone where there is no remote or it does not have the session. */
  async #act<T>(options: OfflineOptions, act: (site: Site) => Promise<T>): Promise<T> {
    if (this.#remote === undefined || options.offline) return act(this.#home);
    if (await this.#sites.hasAtHome('HEAD', options))
      await pushSession(this.#home, this.#remote, this.id, { ...this.#defaults, ...options });
    return act(this.#remote);
  }
}

function deletedHere(session: string): BrowserStateError {
  return new BrowserStateError('CONFLICT', `session ${session} was deleted on this machine, and the remote still has it`, {
    hint: `\`browserstate pull -s ${session}\` brings it back; \`browserstate delete -s ${session}\` deletes it on the remote too.`,
  });
}
