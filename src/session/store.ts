/** The open store of one user: its sessions, and the care of the whole. */
import { readdirSync } from 'node:fs';
import { readAhead } from '../concurrency.js';
import { BrowserStateError, isError } from '../errors.js';
import type { Host } from '../host.js';
import { REMOTE_CONCURRENCY } from '../limits.js';
import type { ObjectId } from '../object-id.js';
import type { Provider, RequestOptions } from '../provider/provider.js';
import { type CheckOptions, type CheckResult, checkRepository } from '../repository/check.js';
import { checkId } from '../repository/layout.js';
import { type Ref, wasDeleted } from '../repository/ref.js';
import { errno } from '../workspace/files.js';
import { removeTree } from '../workspace/remove.js';
import { bring } from './bring.js';
import { type Defaults, optionsOf, settingsOf, transferSettingsOf } from './calls.js';
import { Home } from './home.js';
import { leaseOf } from './lease.js';
import { type LegacyPlace, measure } from './legacy.js';
import { type MigrateOptions, type MigrateResult, migrateSession } from './migrate.js';
import type { Mount } from './mount.js';
import { mountNotes, type OpenMountOptions, openMount } from './mounts.js';
import type { OnProgress } from './progress.js';
import {
  type LeftMount,
  leftOf,
  type Recovered,
  type RecoverHow,
  type RecoverOptions,
  recoverMount,
  type UnfinishedCheckout,
  unfinishedCheckouts,
} from './recover.js';
import { Remote, type RemoteOptions } from './remote.js';
import { Session } from './session.js';
import type { OfflineOptions } from './sites.js';
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
  /** Whether the remote has this commit as the session's newest, or had it when this machine last saw it; absent without a remote. */
  pushed?: boolean;
  /** Who has a lease of it, and until when; absent where nobody has. */
  lease?: { owner: string; expires: Date };
}

/** A repository's id, and whether it was made just now. */
export interface Initialised {
  repository: string;
  created: boolean;
}

export interface InitResult extends Initialised {
  /** The same of the remote, where there is one. */
  remote?: Initialised;
}

export interface SessionsOptions extends OfflineOptions {
  /** Told of each session whose ref is damaged, or of a form that this version cannot read, with what was found and where: twice of one that is so here and on the remote. */
  onProblem?: ((session: string, problem: BrowserStateError) => void) | undefined;
}

/** Which repository is meant: that of this machine unless said. */
export interface OnOptions {
  on?: 'home' | 'remote' | undefined;
}

/** A session of the older package. */
export interface LegacySession {
  /** Of any form: not every one can be a session here. */
  session: string;
  from: string;
  files: number;
  bytes: number;
  /** Whether this store has a session of that name, or had one that was deleted; `refused` where it cannot be migrated. */
  state: 'new' | 'here' | 'deleted' | 'refused';
  /** Why it cannot. */
  problem?: BrowserStateError;
}

export interface StoreOptions {
  provider: Provider;
  /** A private directory of this machine for the index and the records. */
  folder: string;
  /** A folder that is for this store alone, and is removed when it is closed. */
  temporary?: string | undefined;
  /** The older package's sessions in the same place. */
  legacy: LegacyPlace;
  host: Host;
  /** The repository that is shared with other machines. */
  remote?: Omit<RemoteOptions, 'host' | 'records' | 'onWarning'> | undefined;
  /** Used by operations that are given none of their own. */
  signal?: AbortSignal | undefined;
  onProgress?: OnProgress | undefined;
  onWarning?: ((message: string) => void) | undefined;
}

export class Store {
  readonly #home: Home;
  readonly #remote: Remote | undefined;
  readonly #defaults: Defaults;
  readonly #temporary: string | undefined;

  constructor({ provider, folder, temporary, legacy, host, remote, signal, onProgress, onWarning }: StoreOptions) {
    const said = new Set<string>();
    const warnOnce = (message: string): void => {
      if (!said.has(message)) onWarning?.(message);
      said.add(message);
    };
    this.#home = new Home({ provider, folder, legacy, host, onWarning: warnOnce });
    this.#remote = remote && new Remote({ ...remote, host, records: this.#home.records, onWarning: warnOnce });
    this.#temporary = temporary;
    this.#defaults = { signal, onProgress };
  }

  /** A session by its id, whether it exists or not. Throws USAGE for what cannot be one. */
  session(id: string): Session {
    checkId('session', id);
    return new Session(this.#home, this.#remote, id, this.#defaults);
  }

  /** Creates the repository where there is none, and that of the remote, after a probe; resolves to their ids in hex. */
  async init(given?: RequestOptions): Promise<InitResult> {
    const options = settingsOf(this.#defaults, 'init', given, optionsOf.request);
    const home = await initialise(this.#home, options);
    await this.#remote?.confirm(options);
    return this.#remote === undefined ? home : { ...home, remote: await initialise(this.#remote, options) };
  }

  /**
   * All sessions that have a commit, in the order of their names: those of the remote, and those that are only here. A damaged ref keeps the others
   * from nothing: where no `onProblem` is told of it, it is thrown after them, as INTEGRITY, NEWER_VERSION or UNSUPPORTED.
   */
  async *sessions(given?: SessionsOptions): AsyncGenerator<SessionInfo> {
    const options = settingsOf(this.#defaults, 'sessions', given, optionsOf.sessions);
    const problems: BrowserStateError[] = [];
    const tell = options.onProblem ?? ((_session: string, problem: BrowserStateError) => problems.push(problem));
    const found = new Map<string, { ref: Ref; site: Home | Remote }>();
    for (const site of [this.#home, options.offline ? undefined : this.#remote]) {
      // Which repository the remote is now is asked, not remembered: refs of any other are none of its.
      const repository = site instanceof Remote ? await site.requireStore(options) : await site?.open(options);
      if (site === undefined || repository === undefined) continue;
      const names: string[] = [];
      for await (const name of repository.refs.list(options)) names.push(name);
      const place = site === this.#home ? 'on this machine' : 'on the remote';
      const read = async (session: string) => {
        const checked = async () => {
          const token = await repository.refs.read(session, options);
          if (token !== undefined && site instanceof Remote) await site.refuseReplayed(token);
          return token;
        };
        return { session, token: await checked().catch((error: unknown) => problemOf(session, place, error)) };
      };
      for await (const { session, token } of readAhead(names, REMOTE_CONCURRENCY, read)) {
        if (token instanceof BrowserStateError) tell(session, token);
        else if (token && wasDeleted(token.ref)) found.delete(session);
        else if (token?.ref.rows[0] !== undefined) found.set(session, { ref: token.ref, site });
      }
    }
    for (const [session, { ref, site }] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const head = ref.rows[0];
      if (head === undefined) continue;
      const { time, message, files, bytes } = head.commit;
      const commits = ref.segments.reduce((sum, { rows }) => sum + rows, ref.rows.length);
      const lease = leaseOf(ref, this.#home.host.now());
      const pushed = this.#remote && (site === this.#remote || head.id === (await this.#remote.lastHead(session)));
      const more = { ...(pushed !== undefined && { pushed }), ...(lease && { lease }) };
      yield { session, commit: head.id, time: new Date(time), message, files, bytes, commits, ...more };
    }
    for (const problem of problems) throw problem;
  }

  /**
   * The sessions that the older package left here and on the remote, in the order of their names, with what each would bring. One that is in both places is told of
   * the remote, where `migrate` reads it. One that cannot be migrated says why.
   */
  async *legacySessions(given?: OfflineOptions): AsyncGenerator<LegacySession> {
    const options = settingsOf(this.#defaults, 'legacySessions', given, optionsOf.offline);
    const found = new Map<string, LegacyPlace>();
    for (const place of this.#legacyPlaces(options)) {
      for (const name of await place.sessions(options)) if (!found.has(name)) found.set(name, place);
    }
    for (const [session, place] of [...found].sort(([a], [b]) => (a < b ? -1 : 1))) {
      yield await this.#tellLegacy(session, place, options);
    }
  }

  /** Moves a session of the older package into this store; see `migrateSession`. */
  async migrate(session: string, given?: MigrateOptions): Promise<MigrateResult> {
    const options = transferSettingsOf(this.#defaults, 'migrate', given, optionsOf.migrate);
    const remote = options.offline ? undefined : this.#remote;
    const migration = { home: this.#home, remote, places: this.#legacyPlaces(options), session: this.session(session) };
    return migrateSession(migration, options);
  }

  #legacyPlaces({ offline }: OfflineOptions): LegacyPlace[] {
    return [...(this.#remote === undefined || offline ? [] : [this.#remote.legacy]), this.#home.legacy];
  }

  async #tellLegacy(session: string, place: LegacyPlace, options: OfflineOptions): Promise<LegacySession> {
    const from = `${place.url}/${session}`;
    try {
      const entries = await place.entries(session, options);
      checkId('session', session);
      return { session, from, ...measure(entries), state: await this.#stateOf(session, options) };
    } catch (error) {
      if (!isError(error, 'USAGE', 'INTEGRITY', 'UNREADABLE')) throw error;
      return { session, from, files: 0, bytes: 0, state: 'refused', problem: error };
    }
  }

  /** Whether this store has the session, or had it. */
  async #stateOf(session: string, options: OfflineOptions): Promise<'new' | 'here' | 'deleted'> {
    const home = await this.#home.open(options);
    const tokens = [
      options.offline ? undefined : (await this.#remote?.read(session, options))?.token,
      await home?.refs.read(session, options),
    ];
    if (tokens.some((token) => token?.ref.rows[0] !== undefined)) return 'here';
    return tokens.some((token) => token !== undefined && wasDeleted(token.ref)) ? 'deleted' : 'new';
  }

  /** Mounts a session in a directory of its own; see `openMount`. */
  async mount(session: string, options?: OpenMountOptions): Promise<Mount> {
    const settings = transferSettingsOf(this.#defaults, 'mount', options, optionsOf.mount);
    checkId('session', session);
    return openMount(this.#home, this.#remote, session, settings);
  }

  /** Returns the checkouts that were cut off; the next checkout into each directory finishes or undoes it, or names what is in the way. */
  unfinishedCheckouts(): Promise<UnfinishedCheckout[]> {
    return unfinishedCheckouts(this.#home);
  }

  /** The workspaces that processes which are gone have left. Those of one session are recovered when it is mounted next. */
  leftMounts(): Promise<LeftMount[]> {
    return leftOf(this.#home, mountNotes(this.#home));
  }

  /**
   * Recovers a workspace that was left, after a pull of its session: see `recoverMount` for what it throws, and `bring`. Throws BUSY where another process is faster.
   */
  async recover(left: LeftMount, how: RecoverHow, options?: RecoverOptions & OfflineOptions): Promise<Recovered> {
    const settings = transferSettingsOf(this.#defaults, 'recover', options, optionsOf.recover);
    const remote = settings.offline ? undefined : this.#remote;
    if (remote !== undefined && how === 'commit') await bring(this.#home, remote, left.session, settings);
    const done = await recoverMount(this.#home, remote, mountNotes(this.#home), left, how, settings);
    if (done !== undefined) return done;
    throw new BrowserStateError('BUSY', `${left.dir}: another process recovers this workspace, or has recovered it`, {
      details: { id: left.id, session: left.session, path: left.dir },
      hint: '`browserstate recover` lists what is left.',
    });
  }

  /** Verifies the repository of this machine, or the remote; see `checkRepository`. */
  async verify(given?: CheckOptions & OnOptions): Promise<CheckResult> {
    const { on, ...options } = settingsOf(this.#defaults, 'verify', given, optionsOf.verify);
    const result = await checkRepository(this.#side(on).provider, this.#home.host, options);
    if (on === 'remote' && result.findings.length > 0) await this.#remote?.lookSoon();
    return result;
  }

  /** What the repository of this machine, or the remote, holds and takes. */
  async usage(given?: RequestOptions & OnOptions): Promise<Usage> {
    const { on, ...options } = settingsOf(this.#defaults, 'usage', given, optionsOf.usage);
    return usageOf(this.#side(on), options);
  }

  /** Releases what the store holds open. */
  async close(): Promise<void> {
    await this.#home.provider.close();
    await this.#remote?.provider.close();
    // Directories that are still mounted are somebody's work.
    if (this.#temporary !== undefined && namesIn(this.#home.workspaces).length === 0) await removeTree(this.#temporary);
  }

  #side(on: OnOptions['on']): Home | Remote {
    if (on !== 'remote') return this.#home;
    if (this.#remote !== undefined) return this.#remote;
    throw new BrowserStateError('USAGE', 'expected a remote, found none', { hint: 'Name one with --remote URL or BROWSERSTATE_REMOTE.' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** What is wrong with one ref alone, and where. Throws every other error. */
function problemOf(session: string, place: string, error: unknown): BrowserStateError {
  if (!isError(error, 'INTEGRITY', 'NEWER_VERSION', 'UNSUPPORTED')) throw error;
  const { code, message, hint, details } = error;
  return new BrowserStateError(code, `session ${session} ${place}: ${message}`, { hint, details: { session, ...details }, cause: error });
}

async function initialise(site: Home | Remote, options: RequestOptions): Promise<Initialised> {
  const created = (await site.open(options)) === undefined;
  return { repository: (await site.init(options)).name, created };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error;
    return [];
  }
}
