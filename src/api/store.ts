/** The open store of one user: its sessions, and the care of the whole. */
import { readdirSync } from 'node:fs';
import { readAhead } from '../base/concurrency.js';
import { BrowserStateError, isError } from '../base/errors.js';
import type { Host } from '../base/host.js';
import { REMOTE_CONCURRENCY } from '../base/limits.js';
import type { Operation } from '../base/operation.js';
import type { OptionNames } from '../base/option-check.js';
import { checkArgument, kind } from '../base/option-check.js';
import type { OnProgress } from '../base/progress.js';
import { throwTyped } from '../base/system-errors.js';
import { checkId } from '../format/keys.js';
import type { ObjectId } from '../format/object-id.js';
import { type Ref, wasDeleted } from '../format/ref.js';
import { errno } from '../fs/errors.js';
import { removeTree } from '../fs/remove.js';
import { type MigrateOptions, type MigrateResult, migrateSession } from '../legacy/migrate.js';
import { measure } from '../legacy/sources.js';
import type { Mount } from '../mount/mount.js';
import { openMount } from '../mount/open.js';
import type { OpenMountOptions, RecoverAction, RecoverOptions } from '../mount/options.js';
import {
  type AbandonedMount,
  abandonedMounts,
  type Recovered,
  recoverMount,
  type UnfinishedCheckout,
  unfinishedCheckouts,
} from '../mount/recover.js';
import type { RequestOptions } from '../provider/provider.js';
import { type CheckOptions, type CheckResult, checkRepository } from '../repository/maintain/verify.js';
import { type Call, callOf, hasRemote, type OfflineOptions, requireRemote } from '../session/call.js';
import { leaseOf } from '../session/lease.js';
import type { LegacyPlace } from '../session/replica/legacy-place.js';
import { LocalReplica } from '../session/replica/local.js';
import { RemoteReplica } from '../session/replica/remote.js';
import type { Replica } from '../session/replica/replica.js';
import type { PullResult } from '../sync/pull.js';
import { pullForMount } from '../sync/pull-for-mount.js';
import type { PushOptions, PushResult } from '../sync/push.js';
import { type Action, forAll, type Outcome } from './all-sessions.js';
import type { Places } from './locations.js';
import { type OnOptions, optionsOf, type PullAllOptions, type SessionsOptions } from './options.js';
import { Session } from './session.js';
import type { SyncResult } from './transfers.js';
import { type Usage, usageOf } from './usage.js';

export interface SessionInfo {
  session: string;
  /** The newest commit, when it was made, and what it holds. */
  commit: ObjectId;
  time: Date;
  message: string;
  files: number;
  bytes: number;
  /** Commits that are kept. */
  commits: number;
  /**
   * Whether the remote has this commit as the session's newest, or had it when this machine last
   * saw it; absent without a remote.
   */
  pushed?: boolean;
  /** The owner of its lease, and when it expires; absent if there is no lease. */
  lease?: { owner: string; expires: Date };
}

/** A repository's id, and whether it was made just now. */
export interface Initialized {
  repository: string;
  created: boolean;
}

export interface InitResult extends Initialized {
  /** The same of the remote, where there is one. */
  remote?: Initialized;
}

/** A session of the older package. */
export interface LegacySession {
  /** Of any form: not every one can be a session here. */
  session: string;
  from: string;
  files: number;
  bytes: number;
  /**
   * Whether this store has a session of that name, or had one that was deleted; `refused` where it
   * cannot be migrated.
   */
  state: 'new' | 'here' | 'deleted' | 'refused';
  /** Why it cannot. */
  problem?: BrowserStateError;
}

export interface StoreOptions extends Places {
  host: Host;
  /** Used by operations that are given none of their own. */
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
  onWarning?: ((message: string) => void) | undefined;
}

export class Store {
  readonly #local: LocalReplica;
  readonly #remote: RemoteReplica | undefined;
  /** The operation of calls that are given no options of their own. */
  readonly #op: Call;
  readonly #temporary: string | undefined;

  constructor({ provider, folder, temporary, legacy, host, remote, signal, onProgress, onWarning }: StoreOptions) {
    const said = new Set<string>();
    const warnOnce = (message: string): void => {
      if (!said.has(message)) onWarning?.(message);
      said.add(message);
    };
    this.#local = new LocalReplica({ provider, folder, legacy, host, onWarning: warnOnce });
    this.#remote = remote && new RemoteReplica({ ...remote, host, records: this.#local.records, onWarning: warnOnce });
    this.#temporary = temporary;
    this.#op = { host, signal, onProgress, local: this.#local, remote: this.#remote };
  }

  /** A session by its id, whether it exists or not. Throws USAGE for what cannot be one. */
  session(id: string): Session {
    checkId('session', id);
    return new Session(id, this.#op);
  }

  /**
   * Creates the repository where there is none, and that of the remote, after a probe; resolves to
   * their ids in hex.
   */
  async init(options?: RequestOptions): Promise<InitResult> {
    const op = callOf(this.#op, 'init', options, optionsOf.request);
    const local = await initialize(this.#local, op);
    await this.#remote?.confirm(op);
    return this.#remote === undefined ? local : { ...local, remote: await initialize(this.#remote, op) };
  }

  /**
   * All sessions that have a commit, in the order of their names: those of the remote, and those
   * that are only here. A damaged ref keeps the others from nothing: where no `onProblem` is told
   * of it, it is thrown after them, as INTEGRITY, NEWER_VERSION or UNSUPPORTED.
   */
  async *sessions(options: SessionsOptions = {}): AsyncGenerator<SessionInfo> {
    const op = callOf(this.#op, 'sessions', options, optionsOf.sessions);
    const problems: BrowserStateError[] = [];
    const tell = options.onProblem ?? ((_session: string, problem: BrowserStateError) => problems.push(problem));
    const found = new Map<string, { ref: Ref; replica: Replica }>();
    for (const replica of [op.local, op.remote]) {
      // Which repository the remote is now is asked, not remembered: refs of any other are none of
      // its.
      const repository = replica instanceof RemoteReplica ? await replica.requireStore(op) : await replica?.open(op);
      if (replica === undefined || repository === undefined) continue;
      const names: string[] = [];
      for await (const name of repository.refs.list(op)) names.push(name);
      const place = replica === this.#local ? 'on this machine' : 'on the remote';
      const read = async (session: string) => {
        const checked = async () => {
          const token = await repository.refs.read(session, op);
          if (token !== undefined && replica instanceof RemoteReplica) await replica.rejectReplayed(token);
          return token;
        };
        return { session, token: await checked().catch((error: unknown) => problemOf(session, place, error)) };
      };
      for await (const { session, token } of readAhead(names, REMOTE_CONCURRENCY, read)) {
        if (token instanceof BrowserStateError) tell(session, token);
        else if (token && wasDeleted(token.ref)) found.delete(session);
        else if (token?.ref.rows[0] !== undefined) found.set(session, { ref: token.ref, replica });
      }
    }
    for (const [session, { ref, replica }] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const head = ref.rows[0];
      if (head === undefined) continue;
      const { time, message, files, bytes } = head.commit;
      const commits = ref.segments.reduce((sum, { rows }) => sum + rows, ref.rows.length);
      const lease = leaseOf(ref, op.host.now());
      const pushed = this.#remote && (replica === this.#remote || head.id === (await this.#remote.lastHead(session)));
      const more = { ...(pushed !== undefined && { pushed }), ...(lease && { lease }) };
      yield { session, commit: head.id, time: new Date(time), message, files, bytes, commits, ...more };
    }
    for (const problem of problems) throw problem;
  }

  /**
   * The sessions that the older package left here and on the remote, in the order of their names,
   * with what each would bring. One that is in both places is told of the remote, where `migrate`
   * reads it. One that cannot be migrated says why.
   */
  async *legacySessions(options: OfflineOptions = {}): AsyncGenerator<LegacySession> {
    const op = callOf(this.#op, 'legacySessions', options, optionsOf.offline);
    const found = new Map<string, LegacyPlace>();
    for (const place of this.#legacyPlaces(op)) {
      for (const name of await place.sessions(op)) if (!found.has(name)) found.set(name, place);
    }
    for (const [session, place] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) yield await this.#tellLegacy(session, place, op);
  }

  /**
   * Pushes every session of this machine, one after the other; see `Session.push`. Throws USAGE if
   * there is no remote.
   */
  pushAll(options: PushOptions = {}): AsyncGenerator<Outcome<PushResult>> {
    return this.#forAll('pushAll', 'out', options, optionsOf.sync, (session) => session.push({ ...options, ask: true }));
  }

  /**
   * Pulls every session of the remote, one after the other; see `Session.pull`. Throws USAGE if
   * there is no remote.
   */
  pullAll(options: PullAllOptions = {}): AsyncGenerator<Outcome<PullResult>> {
    return this.#forAll('pullAll', 'in', options, optionsOf.pullAll, (session) => session.pull(options));
  }

  /**
   * Syncs every session, one after the other; see `Session.sync`. Throws USAGE if there is no
   * remote.
   */
  syncAll(options: PushOptions = {}): AsyncGenerator<Outcome<SyncResult>> {
    return this.#forAll('syncAll', 'both', options, optionsOf.sync, (session) => session.sync(options));
  }

  async *#forAll<O extends RequestOptions, Result>(
    call: string,
    moves: Action<Result>['moves'],
    options: O,
    names: OptionNames<O>,
    act: (session: Session) => Promise<Result>,
  ): AsyncGenerator<Outcome<Result>> {
    const { signal } = requireRemote(callOf(this.#op, call, options, names));
    yield* forAll({ moves, list: (given) => this.sessions({ ...given, signal }), act: (id) => act(this.session(id)) });
  }

  /** Moves a session of v0 into this store; see `migrateSession`. */
  async migrate(session: string, options: MigrateOptions = {}): Promise<MigrateResult> {
    const op = callOf(this.#op, 'migrate', options, optionsOf.migrate);
    const migration = { places: this.#legacyPlaces(op), session: this.session(session) };
    return migrateSession(migration, options, op);
  }

  #legacyPlaces({ local, remote }: Call): LegacyPlace[] {
    return [...(remote === undefined ? [] : [remote.legacy]), local.legacy];
  }

  async #tellLegacy(session: string, place: LegacyPlace, op: Call): Promise<LegacySession> {
    const from = `${place.url}/${session}`;
    try {
      const entries = await place.entries(session, op);
      checkId('session', session);
      return { session, from, ...measure(entries), state: await this.#stateOf(session, op) };
    } catch (error) {
      if (!isError(error, 'USAGE', 'INTEGRITY', 'UNREADABLE')) throw error;
      return { session, from, files: 0, bytes: 0, state: 'refused', problem: error };
    }
  }

  /** Returns whether this store has the session, or had it. */
  async #stateOf(session: string, { local, remote, ...op }: Call): Promise<'new' | 'here' | 'deleted'> {
    const found = [await remote?.read(session, op), await local.read(session, op)];
    if (found.some((ref) => ref?.exists)) return 'here';
    return found.some((ref) => ref?.wasDeleted) ? 'deleted' : 'new';
  }

  /** Mounts a session in a directory of its own; see `openMount`. */
  async mount(session: string, options: OpenMountOptions = {}): Promise<Mount> {
    const op = callOf(this.#op, 'mount', options, optionsOf.mount);
    checkId('session', session);
    return openMount(session, options, op, this.#op);
  }

  /**
   * Returns the checkouts that were cut off; the next checkout into each directory finishes or
   * undoes it, or names what is in the way.
   */
  async unfinishedCheckouts(options?: RequestOptions): Promise<UnfinishedCheckout[]> {
    callOf(this.#op, 'unfinishedCheckouts', options, optionsOf.request);
    return unfinishedCheckouts(this.#local);
  }

  /**
   * Returns the workspaces that processes which are gone have left. Those of one session are
   * recovered when it is mounted next.
   */
  async abandonedMounts(options?: RequestOptions): Promise<AbandonedMount[]> {
    callOf(this.#op, 'abandonedMounts', options, optionsOf.request);
    return abandonedMounts(this.#local);
  }

  /**
   * Recovers a workspace that was left, after a pull of its session: see `recoverMount` and
   * `pullForMount` for what they throw. Throws BUSY if another process is faster.
   */
  async recover(left: AbandonedMount, how: RecoverAction, options: RecoverOptions & OfflineOptions = {}): Promise<Recovered> {
    const op = callOf(this.#op, 'recover', options, optionsOf.recover);
    checkArgument('recover', 'left', left, kind.object);
    checkArgument('recover', 'how', how, optionsOf.mount.recover);
    if (hasRemote(op) && how === 'commit') await pullForMount(left.session, {}, op);
    const done = await recoverMount(left, how, options, op);
    if (done !== undefined) return done;
    throw new BrowserStateError('BUSY', `${left.dir}: another process recovers this workspace, or has recovered it`, {
      details: { id: left.id, session: left.session, path: left.dir },
      hint: '`browserstate recover` lists what is left.',
    });
  }

  /** Verifies the repository of this machine, or the remote; see `checkRepository`. */
  async verify(given: CheckOptions & OnOptions = {}): Promise<CheckResult> {
    const op = callOf(this.#op, 'verify', given, optionsOf.verify);
    const { on, ...options } = given;
    const result = await checkRepository(this.#replica(on).provider, op.host, { ...options, signal: op.signal });
    if (on === 'remote' && result.findings.length > 0) await this.#remote?.lookSoon();
    return result;
  }

  /** Returns what the repository of this machine, or the remote, holds and takes. */
  async usage(options: RequestOptions & OnOptions = {}): Promise<Usage> {
    const op = callOf(this.#op, 'usage', options, optionsOf.usage);
    return usageOf(this.#replica(options.on), op);
  }

  /** Releases what the store holds open. */
  async close(): Promise<void> {
    await this.#local.provider.close();
    await this.#remote?.provider.close();
    // Directories that are still mounted are somebody's work.
    if (this.#temporary !== undefined && namesIn(this.#local.workspaces).length === 0) await removeTree(this.#temporary);
  }

  #replica(on: OnOptions['on']): Replica {
    if (on !== 'remote') return this.#local;
    if (this.#remote !== undefined) return this.#remote;
    throw new BrowserStateError('USAGE', 'expected a remote, found none', { hint: 'Name one with --remote URL or BROWSERSTATE_REMOTE.' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
throwTyped(Store);

/** What is wrong with one ref alone, and where. Throws every other error. */
function problemOf(session: string, place: string, error: unknown): BrowserStateError {
  if (!isError(error, 'INTEGRITY', 'NEWER_VERSION', 'UNSUPPORTED')) throw error;
  const { code, message, hint, details } = error;
  return new BrowserStateError(code, `session ${session} ${place}: ${message}`, { hint, details: { session, ...details }, cause: error });
}

async function initialize(replica: Replica, op: Operation): Promise<Initialized> {
  const created = (await replica.open(op)) === undefined;
  return { repository: (await replica.init(op)).name, created };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error;
    return [];
  }
}
