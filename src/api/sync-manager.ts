/** Transfers of the mounted session, and the metadata of its files, under the names of v0. */
import { isError } from '../base/errors.js';
import type { Host } from '../base/host.js';
import { checkArgument, checkOptions, kind } from '../base/option-check.js';
import type { OnProgress } from '../base/progress.js';
import { throwTyped } from '../base/system-errors.js';
import type { Mount } from '../mount/mount.js';
import type { RequestOptions } from '../provider/provider.js';
import type { OnConflict } from '../sync/conflict.js';
import type { FileMetadata, FileTracker } from './file-metadata.js';
import { FileProgress, type ProgressEvent } from './file-progress.js';
import { optionsOf } from './options.js';

export interface Tracked {
  mount: Mount;
  tracker: FileTracker;
  onConflict: OnConflict | undefined;
}

/** The shared state of a BrowserState and its SyncManager. */
export class SyncWork {
  /** Called for each file with bytes to move. */
  readonly listeners = new Set<(event: ProgressEvent) => void>();
  #tracker: FileTracker | undefined;
  /** True once the files were requested: until then none is read. */
  #isAsked = false;
  /** The saved files in place of the scanned ones, until the next scan. */
  #saved: ReadonlyMap<string, FileMetadata> | undefined;

  /** `onProgress` is called for all progress of a transfer. */
  constructor(
    private readonly host: Pick<Host, 'now'>,
    private readonly onProgress: OnProgress | undefined,
  ) {}

  async transfer<T>(move: (onProgress: OnProgress) => Promise<T>): Promise<T> {
    const progress = new FileProgress(this.host.now, (event) => {
      for (const listener of this.listeners) listener(event);
    });
    const result = await move((each) => {
      progress.update(each);
      this.onProgress?.(each);
    });
    progress.finish();
    return result;
  }

  /** Uses the files of this directory from here on. */
  follow(tracker: FileTracker): void {
    this.#saved = undefined;
    this.#tracker = tracker;
  }

  /** Returns the files of the directory, and scans it periodically from here on. */
  files(): ReadonlyMap<string, FileMetadata> {
    this.#isAsked = true;
    return this.#saved ?? this.#tracker?.files() ?? new Map();
  }

  /** Replaces the files until the next scan of the directory. */
  save(files: ReadonlyMap<string, FileMetadata>): void {
    this.#isAsked = true;
    this.#saved = files;
  }

  /** Scans the directory again, if its files were requested. */
  async lookAgain(tracker: FileTracker, signal?: AbortSignal): Promise<void> {
    if (!this.#isAsked) return;
    await tracker.look(signal);
    this.follow(tracker);
  }

  /** Returns a function that makes a checkpoint and, as long as there is no conflict, pushes it. */
  checkpoints(mount: Mount, warn: (message: string) => void): (signal: AbortSignal) => Promise<void> {
    let isPushed = true;
    return async (signal) => {
      try {
        const done = await mount.checkpoint({ signal });
        if (done === undefined) return warn('a checkpoint was skipped: the browser wrote while it was read');
        if (done.changed && isPushed) await this.transfer((onProgress) => mount.push(done.session, { signal, onProgress }));
      } catch (error) {
        if (!isError(error)) throw error;
        if (error.code === 'CONFLICT') isPushed = false;
        if (!signal.aborted) warn(`a checkpoint failed: ${error.message}`);
      }
    };
  }
}

export class SyncManager {
  readonly #work: SyncWork;
  readonly #current: () => Tracked;
  readonly #inTurn: <T>(task: () => Promise<T>) => Promise<T>;

  /** `current` throws if nothing is mounted. `inTurn` runs one task at a time. */
  constructor(work: SyncWork, current: () => Tracked, inTurn: <T>(task: () => Promise<T>) => Promise<T>) {
    this.#work = work;
    this.#current = current;
    this.#inTurn = inTurn;
  }

  /**
   * Commits the mounted directory and pushes it; the session stays mounted. If a browser runs in
   * it, the commit is a checkpoint. Throws USAGE if nothing is mounted, BUSY if no consistent state
   * could be read while the browser wrote, and the errors of `unmount`.
   */
  async syncToCloud(options: RequestOptions = {}): Promise<void> {
    checkOptions('syncToCloud', options, optionsOf.request);
    await this.#inTurn(async () => {
      const { mount, tracker, onConflict } = this.#current();
      await this.#work.transfer(async (onProgress) => {
        const done = await mount.commit({ ...options, onConflict }).catch(async (error: unknown) => {
          const made = isError(error, 'BUSY') ? await mount.checkpoint(options) : undefined;
          if (made === undefined) throw error;
          return made;
        });
        if (done.commit !== undefined) await mount.push(done.session, { ...options, onConflict, onProgress });
        mount.requireInPlace(done, onConflict);
      });
      await this.#work.lookAgain(tracker, options.signal);
    });
  }

  /**
   * Pulls the newest version from the shared storage to this machine. The mounted directory does
   * not change: the version is used at the next mount. Throws USAGE if nothing is mounted.
   */
  async syncFromCloud(options: RequestOptions = {}): Promise<void> {
    checkOptions('syncFromCloud', options, optionsOf.request);
    await this.#inTurn(async () => {
      const { mount, onConflict } = this.#current();
      await this.#work.transfer((onProgress) => mount.pull({ ...options, onConflict, onProgress }));
    });
  }

  /** Returns the files of the directory that was mounted last, by path, as of the last scan. */
  getMetadata(): Map<string, FileMetadata> {
    return new Map(this.#work.files());
  }

  /** Replaces the result of `getMetadata` until the next scan. Changes no commit. */
  async saveMetadata(metadata: ReadonlyMap<string, FileMetadata>): Promise<void> {
    checkArgument('saveMetadata', 'metadata', metadata, kind.map);
    this.#work.save(new Map(metadata));
  }

  /** Calls `listener` for each file with bytes to move. Returns a function that removes it. */
  onProgress(listener: (event: ProgressEvent) => void): () => void {
    checkArgument('onProgress', 'listener', listener, kind.call);
    this.#work.listeners.add(listener);
    return () => this.#work.listeners.delete(listener);
  }
}
throwTyped(SyncManager);
