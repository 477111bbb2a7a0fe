/**
 * The main entry point: one session at a time in a directory of its own, for a browser to work in.
 * It adds the steps of a typical program to a mount. It prepares the profile before the browser
 * starts, and commits and scans in the background. It unmounts when the process receives a signal.
 */
import { places, whileBusy } from '../base/concurrency.js';
import { BrowserStateError, messageOf, throwIfAborted } from '../base/errors.js';
import { type Host, type StopSignal, systemHost } from '../base/host.js';
import { repeat, type Stop } from '../base/interval.js';
import { METADATA_INTERVAL_S } from '../base/limits.js';
import { checkOptions } from '../base/option-check.js';
import { throwTyped } from '../base/system-errors.js';
import { entryFacts } from '../fs/paths.js';
import { removeTree } from '../fs/remove.js';
import type { Mount, Unmounted } from '../mount/mount.js';
import { prepareProfile } from '../profile/prepare.js';
import { type LiveBrowser, liveBrowser } from '../profile/running-browser.js';
import {
  type BrowserStateOptions,
  checkStorage,
  type MountOptions,
  openRemote,
  type StateUnmountOptions,
  stateOptionsOf,
} from './browser-state-options.js';
import { FileTracker } from './file-metadata.js';
import { openStore } from './open.js';
import type { Store } from './store.js';
import { SyncManager, SyncWork, type Tracked } from './sync-manager.js';

interface Mounted extends Tracked {
  beginLoops: () => Stop[];
  loops: readonly Stop[];
  endSignals: () => void;
  /** Facts of the directory before a browser was launched there; undefined if none was. */
  before: string | undefined;
}

export class BrowserState {
  readonly syncManager: SyncManager;
  readonly #options: BrowserStateOptions;
  readonly #host: Host;
  readonly #work: SyncWork;
  readonly #inTurn = places(1);
  readonly #warn: (message: string) => void;
  /** Directories that were kept when they were unmounted. */
  readonly #kept = new Set<string>();
  #store: Promise<Store> | undefined;
  #mounted: Mounted | undefined;
  /** Cancels an unmount that a signal started. */
  #stopping: AbortController | undefined;

  /**
   * Nothing is requested or written before the first mount, and no SDK is loaded before a bucket is
   * used. Throws USAGE for options that do not name a storage, UNSUPPORTED for redis.
   *
   * @example
   * const s3Options = { bucketName: 'profiles', region: 'eu-central-1' };
   * const state = new BrowserState({ userId: 'alice', storageType: 's3', s3Options });
   * const dir = await state.mount('work');
   * try {
   *   // start a browser with dir as its user data directory, and close it
   * } finally {
   *   await state.unmount();
   * }
   */
  constructor(options: BrowserStateOptions = {}) {
    checkOptions('BrowserState', options, stateOptionsOf.open);
    checkStorage(options);
    this.#options = options;
    this.#host = options.host ?? systemHost;
    this.#warn = options.onWarning ?? (() => undefined);
    this.#work = new SyncWork(this.#host, options.onProgress);
    this.syncManager = new SyncManager(this.#work, () => this.#requireMounted(), this.#inTurn);
    if (options.syncOptions?.storeMetadataOnProvider === false)
      this.#warn('storeMetadataOnProvider: false has no effect: the store consists of manifests');
  }

  /**
   * Mounts a session and resolves to its directory, which no other process uses. A mounted session
   * is unmounted first. Throws the errors of `Store.mount`; no directory is left then.
   */
  async mount(session: string, options: MountOptions = {}): Promise<string> {
    checkOptions('mount', options, stateOptionsOf.mount);
    const { checkpointInterval: _interval, prepare: _prepare, handleSignals: _signals, browser: _browser, ...mounting } = options;
    return this.#inTurn(async () => {
      throwIfAborted(options.signal ?? this.#options.signal);
      await this.#unmountAny();
      const store = await this.#open();
      const mount = await this.#work.transfer((onProgress) =>
        store.mount(session, { ...mounting, recover: this.#options.recover, onProgress, onWarning: this.#warn }),
      );
      try {
        await this.#prepare(mount.dir, options);
      } catch (error) {
        await mount.discard();
        throw error;
      }
      this.#begin(mount, options);
      return mount.dir;
    });
  }

  /**
   * Commits, pushes, and removes the directory. With `discard` the directory is removed with all
   * its content. Rejects and stays mounted if the commit fails. If the commit is safe on this
   * machine and something else fails (CONFLICT, UNREACHABLE), it rejects, and the session is
   * unmounted.
   */
  async unmount(options: StateUnmountOptions = {}): Promise<Unmounted> {
    checkOptions('unmount', options, stateOptionsOf.unmount);
    return this.#inTurn(() => this.#unmount(this.#requireMounted(), options));
  }

  /** Returns the mounted session; with mode `fork` the one that was created for it. */
  getCurrentSession(): string | undefined {
    return this.#mounted?.mount.session;
  }

  getCurrentSessionPath(): string | undefined {
    return this.#mounted?.mount.dir;
  }

  /** Records that a process works in the mounted directory; see `Mount.usedBy`. */
  async usedBy(pid: number): Promise<void> {
    await this.#requireMounted().mount.usedBy(pid);
  }

  /** Returns the browser that has the mounted directory open; undefined if there is none. */
  getLiveBrowser(): LiveBrowser | undefined {
    return this.#mounted && liveBrowser(this.#mounted.mount.dir, this.#host);
  }

  /** Returns the names of all sessions. An unreachable store is an error, never an empty list. */
  async listSessions(): Promise<string[]> {
    const names: string[] = [];
    for await (const { session } of (await this.#open()).sessions()) names.push(session);
    return names;
  }

  async hasSession(session: string): Promise<boolean> {
    return (await this.#open()).session(session).exists();
  }

  /** Deletes a session with its history, if it exists. Unmounts it first if it is mounted here. */
  deleteSession(session: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.getCurrentSession() === session) await this.#unmountAny();
      const found = (await this.#open()).session(session);
      if (await found.exists()) await found.delete();
    });
  }

  /** Unmounts the session, removes directories that were kept, and closes connections. */
  cleanup(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#unmountAny();
      for (const dir of this.#kept) await removeTree(dir);
      this.#kept.clear();
      const store = this.#store;
      this.#store = undefined;
      await (await store)?.close();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cleanup();
  }

  async #open(): Promise<Store> {
    this.#store ??= this.#openStore();
    try {
      return await this.#store;
    } catch (error) {
      this.#store = undefined;
      throw error;
    }
  }

  async #openStore(): Promise<Store> {
    const { userId, localOptions, syncOptions = {}, onRetry, signal, onProgress } = this.#options;
    const home = this.#options.home ?? localOptions?.storagePath;
    const remote = await openRemote(this.#options, this.#host);
    const { storeMetadataOnProvider: _metadata, metadataUpdateInterval: _interval, ...transfer } = syncOptions;
    return openStore({ home, remote, userId, transfer, onRetry, signal, onProgress, onWarning: this.#warn, host: this.#host });
  }

  async #prepare(dir: string, { prepare = {}, signal }: MountOptions): Promise<void> {
    if (prepare === false) return;
    for (const { message } of await prepareProfile(dir, prepare, this.#host, signal)) this.#warn(message);
  }

  #begin(mount: Mount, options: MountOptions): void {
    const { checkpointInterval, handleSignals = true, onConflict, keepCaches, exclude, browser } = options;
    const tracker = new FileTracker(mount.dir, { keepCaches, exclude });
    this.#work.follow(tracker);
    const seconds = this.#options.syncOptions?.metadataUpdateInterval ?? METADATA_INTERVAL_S;
    const beginLoops = (): Stop[] => [
      repeat(seconds * 1000, (signal) => this.#work.lookAgain(tracker, signal)),
      ...(checkpointInterval === undefined ? [] : [repeat(checkpointInterval, this.#work.checkpoints(mount, this.#warn))]),
    ];
    const endSignals = handleSignals ? this.#host.onStop((signal) => void this.#stop(signal)) : () => undefined;
    const before = browser ? entryFacts(mount.dir) : undefined;
    this.#mounted = { mount, tracker, onConflict, beginLoops, loops: beginLoops(), endSignals, before };
  }

  async #unmount(mounted: Mounted, { discard, ...options }: StateUnmountOptions): Promise<Unmounted> {
    const { mount, loops, onConflict, endSignals, before } = mounted;
    await Promise.all(loops.map((stop) => stop()));
    const keepDirectory = !discard && !(this.#options.autoCleanup ?? true);
    try {
      if (discard) return await mount.discard();
      // Every browser creates its lock there: names in the directory change.
      const isUntouched = before !== undefined && entryFacts(mount.dir) === before;
      const done = await this.#work.transfer((onProgress) =>
        mount.unmount({
          keepDirectory,
          ...options,
          onProgress: options.onProgress ?? onProgress,
          onConflict: options.onConflict ?? onConflict,
        }),
      );
      if (isUntouched && !done.changed) this.#warn(neverWrote(mount));
      return done;
    } finally {
      if (mount.isOver) {
        this.#mounted = undefined;
        if (keepDirectory) this.#kept.add(mount.dir);
        if (this.#stopping === undefined) endSignals();
      } else mounted.loops = mounted.beginLoops();
    }
  }

  /** Unmounts, then ends the process by the signal. A second signal cancels the running work. */
  async #stop(signal: StopSignal): Promise<void> {
    if (this.#stopping !== undefined) return this.#stopping.abort();
    const { endSignals } = this.#mounted ?? {};
    this.#stopping = new AbortController();
    try {
      const { signal } = this.#stopping;
      // A browser that got the signal too needs time. One that runs on keeps its directory.
      await whileBusy(() => this.#inTurn(() => this.#unmountAny({ signal })), signal);
    } catch (error) {
      this.#warn(`the session was not unmounted in order: ${messageOf(error)}`);
    } finally {
      this.#stopping = undefined;
      endSignals?.();
      this.#host.stop(signal);
    }
  }

  async #unmountAny(options: StateUnmountOptions = {}): Promise<void> {
    if (this.#mounted !== undefined) await this.#unmount(this.#mounted, options);
  }

  #requireMounted(): Mounted {
    if (this.#mounted !== undefined) return this.#mounted;
    throw new BrowserStateError('USAGE', 'No session is currently mounted', { hint: 'Call mount first.' });
  }
}
throwTyped(BrowserState);

function neverWrote({ session, dir }: Mount): string {
  return `session ${session}: the browser never wrote to ${dir}; it may have used another profile, as it does if none is named or a stale lock is in the way`;
}
