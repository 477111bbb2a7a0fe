/** A session: one profile's line of history, at home and on the remote, and what can be done with it. */
import { BrowserStateError, isError } from '../errors.js';
import { diffTrees, type TreeDiff } from '../object/diff.js';
import type { ObjectId } from '../object-id.js';
import { checkId } from '../repository/layout.js';
import { type Ref, type RefEvent, wasDeleted } from '../repository/ref.js';
import { readRules } from '../workspace/filter.js';
import { refuseHalfDone } from '../workspace/settle.js';
import { type Defaults, optionsOf, settingsOf, transferSettingsOf } from './calls.js';
import { type CheckoutOptions, type CheckoutResult, checkoutFrom, checkoutSession, selectMatching } from './checkout.js';
import { checkpointDirectory } from './checkpoint.js';
import { type CommitOptions, type CommitResult, commitDirectory } from './commit.js';
import { type AtOptions, deleteSession, fork, type RollbackOptions, rollback, tag, untag } from './history.js';
import type { Home } from './home.js';
import { type Lease, type LeaseOptions, takeLease } from './lease.js';
import { type LogEntry, type LogSelection, logEntry, select } from './log-entry.js';
import { lookAt } from './look.js';
import { lostIn } from './lost.js';
import { type PullOptions, type PullResult, pullSession } from './pull.js';
import { type PushOptions, type PushResult, pushSession } from './push.js';
import { relate } from './relation.js';
import { repairSession } from './relocate.js';
import type { Remote } from './remote.js';
import { isCommitId, splitRevision } from './revision.js';
import { noSession, type Site } from './site.js';
import { type OfflineOptions, Sites } from './sites.js';
import { noTag } from './tags.js';

export interface StatusOptions extends OfflineOptions {
  exclude?: readonly string[] | undefined;
  keepCaches?: boolean | undefined;
}

export interface LogOptions extends OfflineOptions, LogSelection {}

export interface SyncResult {
  pull: PullResult | undefined;
  push: PushResult | undefined;
}

export class Session {
  readonly #home: Home;
  readonly #remote: Remote | undefined;
  readonly #sites: Sites;
  readonly #defaults: Defaults;

  /** `defaults` serve calls that are given no signal or progress callback of their own. */
  constructor(
    home: Home,
    remote: Remote | undefined,
    readonly id: string,
    defaults: Defaults = {},
  ) {
    this.#home = home;
    this.#remote = remote;
    this.#sites = new Sites(home, remote, id);
    this.#defaults = defaults;
  }

  /**
   * Commits a directory to the local store. If that has nothing of the session, the commit follows the head of the remote, if there is one. See `commitDirectory`
   * for what it throws; atomic.
   */
  async commit(dir: string, options?: CommitOptions & OfflineOptions): Promise<CommitResult> {
    const settings = transferSettingsOf(this.#defaults, 'commit', options, optionsOf.commit);
    return commitDirectory(this.#home, this.#asked(settings), this.id, dir, settings);
  }

  /**
   * Commits a directory in which a browser may be at work; see `checkpointDirectory`. Undefined: a database would not hold still, and nothing was committed.
   */
  async checkpoint(dir: string, options?: CommitOptions & OfflineOptions): Promise<CommitResult | undefined> {
    const settings = transferSettingsOf(this.#defaults, 'checkpoint', options, optionsOf.commit);
    return checkpointDirectory(this.#home, this.#asked(settings), this.id, dir, settings);
  }

  /**
   * Makes a directory hold a version; one that the local store does not have is pulled first. See `checkoutSession` for what it throws; atomic but for an in-place
   * change that is cut off, which the next checkout redoes.
   */
  async checkout(dir: string, options?: CheckoutOptions & OfflineOptions): Promise<CheckoutResult> {
    return this.#at(transferSettingsOf(this.#defaults, 'checkout', options, optionsOf.checkout), async (session, settings) => {
      const isHere = await session.#sites.hasAtHome(settings.at ?? 'HEAD', settings);
      return session.#checkOut(dir, settings, isHere);
    });
  }

  /** Pulls the newest version, or the one that `at` names, and checks it out: as `checkout`, but the remote is asked what is the newest. */
  async restore(dir: string, options?: CheckoutOptions & OfflineOptions): Promise<CheckoutResult> {
    return this.#at(transferSettingsOf(this.#defaults, 'restore', options, optionsOf.checkout), async (session, settings) => {
      // An id names the same version everywhere.
      const isHere = isCommitId(settings.at ?? '') && (await session.#sites.hasAtHome(settings.at as string, settings));
      return session.#checkOut(dir, settings, isHere);
    });
  }

  async #checkOut(dir: string, settings: CheckoutOptions & OfflineOptions, isHere: boolean): Promise<CheckoutResult> {
    if (isHere || this.#remote === undefined || settings.offline) return checkoutSession(this.#home, this.id, dir, settings);
    const remote = this.#remote;
    const pulled = await pullSession(this.#home, remote, this.id, { ...settings, keepFrames: true }).catch((error: unknown) => {
      // Of a session that has diverged the newest version cannot be known; any other is what it is.
      if (!isError(error, 'CONFLICT') || (settings.at ?? 'HEAD').startsWith('HEAD')) throw error;
      return undefined;
    });
    if (pulled === undefined) return checkoutFrom(remote, this.#home, this.id, dir, settings);
    const { commit, fetchedBytes } = pulled;
    return { ...(await checkoutSession(this.#home, this.id, dir, { ...settings, at: commit })), fetchedBytes };
  }

  /** Brings what the remote has; see `pullSession`. Throws USAGE if there is no remote. */
  async pull(options?: PullOptions): Promise<PullResult> {
    const remote = this.#sites.needRemote();
    return this.#at(transferSettingsOf(this.#defaults, 'pull', options, optionsOf.pull), (session, settings) =>
      pullSession(this.#home, remote, session.id, settings),
    );
  }

  /** Sends what the local store has; see `pushSession`. Throws USAGE if there is no remote. */
  async push(options?: PushOptions & { ask?: boolean }): Promise<PushResult> {
    const settings = transferSettingsOf(this.#defaults, 'push', options, optionsOf.push);
    return pushSession(this.#home, this.#sites.needRemote(), this.id, settings);
  }

  /**
   * Pulls where the remote has more, pushes where home has; where both have, `onConflict` decides. Throws CONFLICT where the session was deleted here alone, and the
   * remote has nothing new since: only a pull brings it back.
   */
  async sync(options?: PushOptions): Promise<SyncResult> {
    const settings = transferSettingsOf(this.#defaults, 'sync', options, optionsOf.sync);
    const remote = this.#sites.needRemote();
    const last = await remote.lastHead(this.id);
    const seen = await remote.read(this.id, settings);
    const local = await this.#home.read(this.id, settings);
    if (local && wasDeleted(local.token.ref) && last !== undefined && seen?.token.ref.rows[0]?.id === last) throw deletedHere(this.id);
    const there = seen && { refs: seen.repository.refs, ref: seen.token.ref };
    const { kind } = await relate(local && { refs: local.repository.refs, ref: local.token.ref }, there, settings);
    if (kind === 'same' && local?.token.ref.rows[0] === undefined) throw noSession(this.id);
    const pull = kind === 'behind' ? await pullSession(this.#home, remote, this.id, settings) : undefined;
    const push = kind === 'behind' ? undefined : await pushSession(this.#home, remote, this.id, settings);
    // A push of nothing looks whether what is there can still be read.
    return { pull, push: kind === 'same' && !push?.pushed ? undefined : push };
  }

  /**
   * The session's commits, newest first: those that were not pushed yet, then the remote's, also where these do not lead to those. A checkpoint that has a newer
   * ordinary commit is left out, unless a tag names it or `checkpoints` asks for all. Throws NOT_FOUND where there is no such session.
   */
  async *log(options?: LogOptions): AsyncGenerator<LogEntry> {
    const settings = settingsOf(this.#defaults, 'log', options, optionsOf.log);
    yield* select(this.#logEntries(settings), settings);
  }

  async *#logEntries(settings: OfflineOptions): AsyncGenerator<LogEntry> {
    for await (const { row, tags, pushed, head } of this.#sites.rows(settings)) {
      yield { ...logEntry(row, tags), head, ...(pushed !== undefined && { pushed }) };
    }
  }

  /** The newest changes that made no commit (tags, forks, deletions), newest first. */
  async events(options?: OfflineOptions): Promise<readonly RefEvent[]> {
    return (await this.#ref(settingsOf(this.#defaults, 'events', options, optionsOf.offline))).events;
  }

  /** The tags and the commits that they name. */
  async tags(options?: OfflineOptions): Promise<ReadonlyMap<string, ObjectId>> {
    return (await this.#ref(settingsOf(this.#defaults, 'tags', options, optionsOf.offline))).tags;
  }

  /** Returns the commit that a revision names, also one of another session (`SESSION:REV`). Throws USAGE or NOT_FOUND if it names none. */
  async resolve(revision: string, options?: OfflineOptions): Promise<LogEntry> {
    const settings = settingsOf(this.#defaults, 'resolve', options, optionsOf.offline);
    return this.#at({ ...settings, at: revision }, async (session, { at }) => {
      const { token, row } = await session.#sites.find(at, settings);
      return logEntry(row, token.ref.tags);
    });
  }

  /** Returns the paths in which two versions differ, each of this session or, as `SESSION:REV`, of another; times alone make no difference. */
  async diff(from: string, to = 'HEAD', options?: OfflineOptions): Promise<TreeDiff> {
    const settings = settingsOf(this.#defaults, 'diff', options, optionsOf.offline);
    const read = (revision: string) => this.#at({ ...settings, at: revision }, (session, { at }) => session.#sites.readTree(at, settings));
    return diffTrees(await read(from), await read(to));
  }

  /** Returns the paths in which a directory differs from the head. Writes nothing. Throws BUSY if another process changes the directory, DIRTY if one was cut off. */
  async status(dir: string, options?: StatusOptions): Promise<TreeDiff> {
    const settings = settingsOf(this.#defaults, 'status', options, optionsOf.status);
    const tree = await this.#sites.readTree('HEAD', settings);
    const workspace = await this.#home.lookedAt(dir);
    refuseHalfDone(workspace);
    const rules = readRules(dir, { keepCaches: settings.keepCaches ?? false, exclude: settings.exclude ?? [] });
    const there = await lookAt(workspace, rules, settings);
    const { only, session } = workspace.record ?? {};
    return only && session === this.id ? diffTrees(selectMatching(tree, only), selectMatching(there, only)) : diffTrees(tree, there);
  }

  /**
   * Appends a commit with the tree of another one, which may be of another session (`SESSION:REV`). Atomic. Throws CONFLICT if another writer moved the head
   * meanwhile.
   */
  async rollback(to: string, options?: RollbackOptions & OfflineOptions): Promise<LogEntry> {
    const settings = settingsOf(this.#defaults, 'rollback', options, optionsOf.rollback);
    return this.#at({ ...settings, at: to }, async (session, { at }) => {
      if (session !== this) await session.#sendFirst(settings);
      return this.#act(settings, async (site) => {
        const entry = await rollback(site, this.id, `${session.id}:${at}`, settings);
        if (site !== this.#home) await this.#sites.takeOver(entry.commit, settings);
        return entry;
      });
    });
  }

  /** Whether there is a commit of the session: on the remote, or here and not deleted there. */
  async exists(options?: OfflineOptions): Promise<boolean> {
    const settings = settingsOf(this.#defaults, 'exists', options, optionsOf.offline);
    const seen = settings.offline ? undefined : await this.#remote?.read(this.id, settings);
    if (seen?.token.ref.rows[0] !== undefined) return true;
    return !(seen && wasDeleted(seen.token.ref)) && (await this.#home.read(this.id, settings))?.token.ref.rows[0] !== undefined;
  }

  /**
   * Creates a session that begins with this one's history up to a commit, or another's (`SESSION:REV`); nothing is copied. Throws CONFLICT if a session of that
   * name exists.
   */
  async fork(name: string, options?: AtOptions & OfflineOptions): Promise<LogEntry> {
    return this.#at(settingsOf(this.#defaults, 'fork', options, optionsOf.at), async (session, settings) => {
      checkId('session', name);
      await this.#home.refuseLegacy(name);
      return session.#act(settings, async (site) => {
        const entry = await fork(site, session.id, name, settings);
        if (site !== this.#home) await this.#sites.alsoAtHome(() => fork(this.#home, session.id, name, { ...settings, at: entry.commit }));
        return entry;
      });
    });
  }

  /**
   * Gives a commit a name that keeps it for ever; a tag of that name moves. `SESSION:REV` names a commit that this session shares with another, such as the one
   * that it was forked from.
   */
  async tag(name: string, options?: AtOptions & OfflineOptions): Promise<LogEntry> {
    const settings = settingsOf(this.#defaults, 'tag', options, optionsOf.at);
    const at =
      this.#named(settings.at ?? 'HEAD').session === this
        ? settings.at
        : (await this.resolve(settings.at as string, { offline: settings.offline, signal: settings.signal })).commit;
    return this.#act({ ...settings, at }, async (site) => {
      const entry = await tag(site, this.id, name, { ...settings, at });
      if (site !== this.#home) await this.#sites.alsoAtHome(() => tag(this.#home, this.id, name, { ...settings, at: entry.commit }));
      return entry;
    });
  }

  /** Removes a tag, here and on the remote; returns the commit that it named, which stays. Throws NOT_FOUND if there is no such tag. */
  async untag(name: string, options?: OfflineOptions): Promise<ObjectId> {
    const settings = settingsOf(this.#defaults, 'untag', options, optionsOf.offline);
    const sites = this.#remote === undefined || settings.offline ? [this.#home] : [this.#remote, this.#home];
    let named: ObjectId | undefined;
    for (const site of sites) {
      const removed = await untag(site, this.id, name, settings).catch(unlessMissing);
      named ??= removed;
    }
    if (named !== undefined) return named;
    throw noTag(this.id, name);
  }

  /** Removes the session and its history. Its name can be used again; its bytes stay until they are collected. */
  async delete(options?: OfflineOptions): Promise<void> {
    const settings = settingsOf(this.#defaults, 'delete', options, optionsOf.offline);
    const remote = this.#asked(settings);
    if (remote === undefined) return deleteSession(this.#home, this.id, settings);
    const isHere = await this.#sites.hasAtHome('HEAD', settings);
    try {
      await deleteSession(remote, this.id, settings);
    } catch (error) {
      // What was never pushed is only here.
      if (!isHere || !isError(error, 'NOT_FOUND')) throw error;
    }
    if (isHere) await deleteSession(this.#home, this.id, settings);
  }

  /**
   * Says in the session's ref, on the remote where there is one, who works on it and until when. A lease is advice: no commit or push of others is refused by
   * it. See `takeLease` for what it throws.
   */
  async lease(options: LeaseOptions & OfflineOptions): Promise<Lease> {
    const settings = settingsOf(this.#defaults, 'lease', options, optionsOf.lease);
    return takeLease(this.#asked(settings) ?? this.#home, this.id, settings);
  }

  /** Changes the session on the remote, after what the local store has more was pushed; in the local store alone if there is no remote to ask. */
  async #act<T>(options: OfflineOptions & { at?: string | undefined }, act: (site: Site) => Promise<T>): Promise<T> {
    const remote = this.#asked(options);
    if (remote === undefined) return act(this.#home);
    // What is about a commit that the remote has needs no push, and does not meet what is in the way of one.
    if (options.at === undefined || !(await this.#sites.isOnRemote(options.at))) await this.#sendFirst(options);
    try {
      return await act(remote);
    } catch (error) {
      const loss = lostIn(error);
      if (loss === undefined || !(await this.#sites.hasAtHome('HEAD', options))) throw error;
      await repairSession(this.#home, remote, loss.session, loss.packs, options);
      return act(remote);
    }
  }

  /** Pushes what the local store has of the session, if there is a remote to ask. */
  async #sendFirst(options: OfflineOptions): Promise<void> {
    const remote = this.#asked(options);
    if (remote === undefined || !(await this.#sites.hasAtHome('HEAD', options))) return;
    await pushSession(this.#home, remote, this.id, { signal: options.signal, onProgress: this.#defaults.onProgress });
  }

  /** Returns the session that a revision is of, and the revision there. */
  #named(text: string): { session: Session; revision: string } {
    const { session, revision } = splitRevision(this.id, text);
    return { session: session === this.id ? this : new Session(this.#home, this.#remote, session, this.#defaults), revision };
  }

  /**
   * Runs a call with the session that `at` is of and the revision there. A commit that this session has not may be one of a session
   * that a conflict or a mount made of it.
   */
  async #at<S extends OfflineOptions & { at?: string | undefined }, T>(
    settings: S,
    act: (session: Session, settings: S) => Promise<T>,
  ): Promise<T> {
    const { at } = settings;
    if (at === undefined) return act(this, settings);
    const { session, revision } = this.#named(at);
    try {
      return await act(session, { ...settings, at: revision });
    } catch (error) {
      const other = isUnknownCommit(error, at) ? await this.#sites.relativeWith(at, settings) : undefined;
      if (other === undefined) throw error;
      return act(this.#named(`${other}:${at}`).session, settings);
    }
  }

  /** Returns the remote, unless it is to be left alone. */
  #asked({ offline }: OfflineOptions): Remote | undefined {
    return offline ? undefined : this.#remote;
  }

  async #ref(settings: OfflineOptions): Promise<Ref> {
    const site = await this.#sites.site(settings);
    return (await site.requireSession(this.id, settings)).token.ref;
  }
}

/** Tells whether a call failed because a session has no commit of that id. */
function isUnknownCommit(error: unknown, revision: string): boolean {
  return isError(error, 'NOT_FOUND') && error.details['revision'] !== undefined && isCommitId(revision.replace(/(?:~[0-9]*)+$/, ''));
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
