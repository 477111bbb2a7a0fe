/** The open store of one user: its sessions, its mounts and its maintenance. */
import { BrowserStateError } from '../base/errors.js';
import type { Host } from '../base/host.js';
import type { Operation } from '../base/operation.js';
import { checkArgument, kind, type OptionNames } from '../base/option-check.js';
import type { OnProgress } from '../base/progress.js';
import { throwTyped } from '../base/system-errors.js';
import { checkId } from '../format/keys.js';
import { type Ref, wasDeleted } from '../format/ref.js';
import { removeTree } from '../fs/remove.js';
import type { LegacySession } from '../legacy/list.js';
import type { MigrateOptions, MigrateResult } from '../legacy/migrate.js';
import type { Mount } from '../mount/mount.js';
import type { OpenMountOptions, RecoverAction, RecoverOptions } from '../mount/options.js';
import type { AbandonedMount, Recovered, UnfinishedCheckout } from '../mount/recover.js';
import { namesIn } from '../provider/local/files.js';
import type { RequestOptions } from '../provider/provider.js';
import type { Collected, Stamp } from '../repository/maintain/gc.js';
import type { Usage } from '../repository/maintain/usage.js';
import type { CheckOptions, CheckResult } from '../repository/maintain/verify.js';
import { CHECK_ADDRESS, noStore } from '../repository/repository.js';
import { type Call, callOf, hasRemote, type OfflineOptions, requireRemote } from '../session/call.js';
import { leaseOf } from '../session/lease.js';
import { LocalReplica } from '../session/replica/local.js';
import { RemoteReplica } from '../session/replica/remote.js';
import type { Replica } from '../session/replica/replica.js';
import { leftoverBytes, sweep } from '../session/replica/sweep.js';
import { byName, type ListedRef, listRefs, type SessionSummary, summaryOf } from '../session/session-list.js';
import { stampRef } from '../session/stamp.js';
import { unsentIn } from '../sync/histories.js';
import type { PullResult } from '../sync/pull.js';
import type { PushOptions, PushResult } from '../sync/push.js';
import { forAll, type Moves, type Outcome } from './all-sessions.js';
import type { Places } from './locations.js';
import { type GcOptions, type OnOptions, optionsOf, type PullAllOptions, type SessionsOptions } from './options.js';
import { Session } from './session.js';
import type { SyncResult } from './transfers.js';

export interface SessionInfo extends SessionSummary {
  /** False if the local store has commits that were not pushed; absent without a remote. */
  pushed?: boolean;
  /** The owner of its lease, and when it expires; absent if there is no lease. */
  lease?: { owner: string; expires: Date };
}

/** A repository's id in hex, and whether it was created just now. */
export interface Initialized {
  repository: string;
  created: boolean;
}

export interface InitResult extends Initialized {
  remote?: Initialized;
}

export interface GcResult extends Collected {
  /** Bytes of the temporary files and notes of killed processes; those of the remote have none. */
  leftoverBytes: number;
}

export interface StoreOptions extends Places {
  host: Host;
  /** The signal and the callback of calls that are given none of their own. */
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
  onWarning?: ((message: string) => void) | undefined;
}

export class Store {
  /** The operation of calls that are given no options of their own. */
  readonly #op: Call;
  readonly #temporary: string | undefined;

  constructor({ provider, folder, temporary, legacy, host, remote, signal, onProgress, onWarning }: StoreOptions) {
    const said = new Set<string>();
    const warnOnce = (message: string): void => {
      if (!said.has(message)) onWarning?.(message);
      said.add(message);
    };
    const machine = { host, onWarning: warnOnce };
    const local = new LocalReplica({ provider, folder, legacy, ...machine });
    const shared = remote && new RemoteReplica({ ...remote, records: local.records, ...machine });
    this.#op = { host, signal, onProgress, local, remote: shared };
    this.#temporary = temporary;
  }

  /** Returns a session by its id, whether it exists or not. Throws USAGE for an invalid id. */
  session(id: string): Session {
    checkId('session', id);
    return new Session(id, this.#op);
  }

  /** Creates the local repository and, after a probe, that of the remote, unless they exist. */
  async init(options?: RequestOptions): Promise<InitResult> {
    const op = callOf(this.#op, 'init', options, optionsOf.request);
    const local = await initialize(op.local, op);
    await op.remote?.confirm(op);
    return op.remote === undefined ? local : { ...local, remote: await initialize(op.remote, op) };
  }

  /**
   * Yields all sessions that have a commit, in the order of their names: those of the remote, and
   * those of the local store alone. Other sessions are listed even if a ref is damaged. The error
   * of a damaged ref (INTEGRITY, NEWER_VERSION or UNSUPPORTED) is passed to `onProblem`, or else
   * thrown at the end.
   */
  async *sessions(options: SessionsOptions = {}): AsyncGenerator<SessionInfo> {
    const op = callOf(this.#op, 'sessions', options, optionsOf.sessions);
    const problems: BrowserStateError[] = [];
    const report = options.onProblem ?? ((_session: string, problem: BrowserStateError) => void problems.push(problem));
    const found = new Map<string, { ref: Ref; isRemote: boolean; here?: Ref | undefined }>();
    const add = async (refs: AsyncIterable<ListedRef>, isRemote: boolean): Promise<void> => {
      for await (const { session, token, problem } of refs) {
        if (problem !== undefined) report(session, problem);
        else if (token && wasDeleted(token.ref)) found.delete(session);
        else if (token && token.ref.entries.length > 0) {
          found.set(session, { ref: token.ref, isRemote, here: found.get(session)?.ref });
        }
      }
    };
    const here = await op.local.open(op);
    if (here !== undefined) await add(listRefs(here, ' on this machine', op), false);
    const { remote } = op;
    // The repository is requested now, so that refs of another one are not listed.
    if (remote !== undefined)
      await add(
        listRefs(await remote.requireStore(op), ' on the remote', op, (token) => remote.rejectReplayed(token)),
        true,
      );
    for (const [session, { ref, isRemote, here }] of byName(found)) {
      const unsent = here && unsentIn(here, ref);
      const summary = summaryOf(session, here && unsent === 'ahead' ? here : ref) as SessionSummary;
      const lease = leaseOf(ref, op.host.now());
      const isPushed = async () => (isRemote ? unsent === undefined : summary.commit === (await this.#op.remote?.lastHead(session)));
      const pushed = this.#op.remote && (await isPushed());
      yield { ...summary, ...(pushed !== undefined && { pushed }), ...(lease && { lease }) };
    }
    for (const problem of problems) throw problem;
  }

  /**
   * Yields the sessions of v0, locally and on the remote, in the order of their names. A session in
   * both is listed as that of the remote, which `migrate` imports.
   */
  async *legacySessions(options: OfflineOptions = {}): AsyncGenerator<LegacySession> {
    const op = callOf(this.#op, 'legacySessions', options, optionsOf.offline);
    const { listLegacy } = await import('./parts/mounts.js');
    yield* listLegacy(op);
  }

  /** Pushes every session of this machine; see `Session.push`. Throws USAGE without a remote. */
  pushAll(options: PushOptions = {}): AsyncGenerator<Outcome<PushResult>> {
    return this.#forAll('pushAll', 'out', options, optionsOf.sync, (session) => session.push({ ...options, ask: true }));
  }

  /** Pulls every session of the remote; see `Session.pull`. Throws USAGE without a remote. */
  pullAll(options: PullAllOptions = {}): AsyncGenerator<Outcome<PullResult>> {
    return this.#forAll('pullAll', 'in', options, optionsOf.pullAll, (session) => session.pull(options));
  }

  /** Syncs every session; see `Session.sync`. Throws USAGE without a remote. */
  syncAll(options: PushOptions = {}): AsyncGenerator<Outcome<SyncResult>> {
    return this.#forAll('syncAll', 'both', options, optionsOf.sync, (session) => session.sync(options));
  }

  async *#forAll<O extends RequestOptions, Result>(
    call: string,
    moves: Moves,
    options: O,
    names: OptionNames<O>,
    act: (session: Session) => Promise<Result>,
  ): AsyncGenerator<Outcome<Result>> {
    const { signal } = requireRemote(callOf(this.#op, call, options, names));
    const list = (given: SessionsOptions) => this.sessions({ ...given, signal });
    yield* forAll(moves, list, (id) => act(this.session(id)));
  }

  /** Imports a session of v0; see `migrateSession`. */
  async migrate(session: string, options: MigrateOptions = {}): Promise<MigrateResult> {
    const op = callOf(this.#op, 'migrate', options, optionsOf.migrate);
    const { migrateSession } = await import('./parts/mounts.js');
    return migrateSession(this.session(session), options, op);
  }

  /** Mounts a session in a directory of its own; see `openMount`. */
  async mount(session: string, options: OpenMountOptions = {}): Promise<Mount> {
    const op = callOf(this.#op, 'mount', options, optionsOf.mount);
    checkId('session', session);
    const { openMount } = await import('./parts/mounts.js');
    return openMount(session, options, op, this.#op);
  }

  /** Returns the interrupted checkouts. The next checkout into a directory settles its own. */
  async unfinishedCheckouts(options?: RequestOptions): Promise<UnfinishedCheckout[]> {
    callOf(this.#op, 'unfinishedCheckouts', options, optionsOf.request);
    const { unfinishedCheckouts } = await import('./parts/mounts.js');
    return unfinishedCheckouts(this.#op.local);
  }

  /** Returns the mounts of exited processes. The next mount of a session recovers its own. */
  async abandonedMounts(options?: RequestOptions): Promise<AbandonedMount[]> {
    callOf(this.#op, 'abandonedMounts', options, optionsOf.request);
    const { abandonedMounts } = await import('./parts/mounts.js');
    return abandonedMounts(this.#op.local);
  }

  /** Recovers an abandoned mount after a pull; see `recoverMount`. Throws BUSY if another does. */
  async recover(left: AbandonedMount, how: RecoverAction, options: RecoverOptions & OfflineOptions = {}): Promise<Recovered> {
    const op = callOf(this.#op, 'recover', options, optionsOf.recover);
    checkArgument('recover', 'left', left, kind.object);
    checkArgument('recover', 'how', how, optionsOf.mount.recover);
    const { recoverMount } = await import('./parts/mounts.js');
    if (hasRemote(op) && how === 'commit') {
      const { pullForMount } = await import('./parts/sync.js');
      await pullForMount(left.session, {}, op);
    }
    const done = await recoverMount(left, how, options, op);
    if (done !== undefined) return done;
    throw new BrowserStateError('BUSY', `${left.dir} is being recovered, or was recovered, by another process`, {
      details: { id: left.id, session: left.session, path: left.dir },
      hint: 'Run `browserstate recover` to list the abandoned mounts.',
    });
  }

  /** Verifies the local repository or the remote; see `checkRepository`. */
  async verify(given: CheckOptions & OnOptions = {}): Promise<CheckResult> {
    const op = callOf(this.#op, 'verify', given, optionsOf.verify);
    const { on, ...options } = given;
    const { checkRepository } = await import('./parts/maintenance.js');
    const result = await checkRepository(this.#replica(on, op).provider, op.host, { ...options, signal: op.signal });
    if (on === 'remote' && result.findings.length > 0) await this.#op.remote?.lookSoon();
    return result;
  }

  /** Returns the contents and the size of the local repository or the remote. */
  async usage(options: RequestOptions & OnOptions = {}): Promise<Usage> {
    const op = callOf(this.#op, 'usage', options, optionsOf.usage);
    const replica = this.#replica(options.on, op);
    const repository = await replica.open(op);
    if (repository === undefined) throw noStore(replica.provider, CHECK_ADDRESS);
    const { usageOf } = await import('./parts/maintenance.js');
    // `usageOf` gets the temporary files from the provider, so their folder is skipped here.
    return usageOf(repository, replica === op.local ? await leftoverBytes(op.local, op.local.temporaries) : 0, op);
  }

  /**
   * Deletes the objects of the local repository or the remote that no session needs, such as those
   * of deleted sessions. Locally it also deletes what killed processes left. Safe while others read
   * and write; if interrupted, the next call continues. Throws INTEGRITY if a session is
   * unreadable, before anything is deleted, and CONFLICT if another collection runs.
   */
  async gc(given: GcOptions = {}): Promise<GcResult> {
    const op = callOf(this.#op, 'gc', given, optionsOf.gc);
    const { on, dryRun, onProgress } = given;
    const { local } = op;
    const repository = on === 'remote' ? await requireRemote(op).remote.requireStore(op) : await local.open(op);
    if (repository === undefined) throw noStore(local.provider, CHECK_ADDRESS);
    const leftover = on === 'remote' ? 0 : await leftoverBytes(local);
    const stamp: Stamp = (session, k) => stampRef(repository, session, k, op);
    const { collectGarbage } = await import('./parts/maintenance.js');
    const result = await collectGarbage(repository, stamp, { dryRun, onProgress, signal: op.signal });
    // Objects of killed commits are garbage, and counted as such, so the rest is removed last.
    if (on !== 'remote' && !dryRun) await sweep(local);
    return { ...result, leftoverBytes: leftover };
  }

  /** Closes connections and removes temporary files. Mounts stay. */
  async close(): Promise<void> {
    await this.#op.local.provider.close();
    await this.#op.remote?.provider.close();
    // Directories that are still mounted have uncommitted changes.
    if (this.#temporary !== undefined && ((await namesIn(this.#op.local.workspaces)) ?? []).length === 0) await removeTree(this.#temporary);
  }

  #replica(on: OnOptions['on'], op: Call): Replica {
    return on === 'remote' ? requireRemote(op).remote : op.local;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
throwTyped(Store);

async function initialize(replica: Replica, op: Operation): Promise<Initialized> {
  const created = (await replica.open(op)) === undefined;
  return { repository: (await replica.init(op)).name, created };
}
