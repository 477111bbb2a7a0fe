/** Moving the mounted session to and from where it is shared, and what is known of its files, under the names that the older package had for it. */
import { isError } from './errors.js';
import { FileProgress, type ProgressEvent } from './file-progress.js';
import type { Host } from './host.js';
import { checkOptions } from './option-check.js';
import type { RequestOptions } from './provider/provider.js';
import { optionsOf } from './session/calls.js';
import type { OnConflict } from './session/conflict.js';
import type { Mount } from './session/mount.js';
import type { OnProgress } from './session/progress.js';
import { throwTyped } from './system-errors.js';
import type { FileMetadata, FileTracker } from './workspace/metadata.js';

/** What is mounted, as far as it is moved and looked at. */
export interface Tracked {
  mount: Mount;
  tracker: FileTracker;
  onConflict: OnConflict | undefined;
}

/** What a BrowserState and its SyncManager share. */
export class SyncWork {
  /** Told of each file that bytes are moved of. */
  readonly listeners = new Set<(event: ProgressEvent) => void>();
  #tracker: FileTracker | undefined;
  /** Whether somebody wants to know of the files: until then none is read. */
  #isAsked = false;
  /** What was put in place of what was found, until the next look. */
  #saved: ReadonlyMap<string, FileMetadata> | undefined;
  readonly #host: Pick<Host, 'now'>;
  readonly #onProgress: OnProgress | undefined;

  /** `onProgress` is told of all that a transfer tells. */
  constructor(host: Pick<Host, 'now'>, onProgress: OnProgress | undefined) {
    this.#host = host;
    this.#onProgress = onProgress;
  }

  /** Runs a transfer and tells of its files. */
  async transfer<T>(move: (onProgress: OnProgress) => Promise<T>): Promise<T> {
    const progress = new FileProgress(this.#host.now, (event) => {
      for (const listener of this.listeners) listener(event);
    });
    const result = await move((each) => {
      progress.update(each);
      this.#onProgress?.(each);
    });
    progress.finish();
    return result;
  }

  /** From here on files are those of this directory. */
  follow(tracker: FileTracker): void {
    this.#saved = undefined;
    this.#tracker = tracker;
  }

  /** Returns the files of the directory. From here on it is looked at again and again. */
  files(): ReadonlyMap<string, FileMetadata> {
    this.#isAsked = true;
    return this.#saved ?? this.#tracker?.files() ?? new Map();
  }

  /** Replaces the files until the directory is looked at next. */
  save(files: ReadonlyMap<string, FileMetadata>): void {
    this.#isAsked = true;
    this.#saved = files;
  }

  /** Looks at the directory again, if its files were asked for. */
  async lookAgain(tracker: FileTracker, signal?: AbortSignal): Promise<void> {
    if (!this.#isAsked) return;
    await tracker.look(signal);
    this.follow(tracker);
  }

  /** One checkpoint, each time that it is called. After a conflict none is pushed any more: what to do then is decided when the session is unmounted. */
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

  /** Made by BrowserState. `current` tells what is mounted, and throws where nothing is; `inTurn` runs a task when no other of the same state runs. */
  constructor(work: SyncWork, current: () => Tracked, inTurn: <T>(task: () => Promise<T>) => Promise<T>) {
    this.#work = work;
    this.#current = current;
    this.#inTurn = inTurn;
  }

  /**
   * Commits the mounted directory and pushes it; the session stays mounted. Where a browser runs in it the commit is a checkpoint. Throws USAGE where nothing is
   * mounted, BUSY where no consistent state could be read while the browser wrote, and what `unmount` throws.
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
   * Brings the newest version from where it is shared to this machine. The mounted directory never changes from outside: it has that version when it is mounted
   * next. Throws USAGE where nothing is mounted.
   */
  async syncFromCloud(options: RequestOptions = {}): Promise<void> {
    checkOptions('syncFromCloud', options, optionsOf.request);
    await this.#inTurn(async () => {
      const { mount, onConflict } = this.#current();
      await this.#work.transfer((onProgress) => mount.pull({ ...options, onConflict, onProgress }));
    });
  }

  /** The files of the mounted directory, or of the one that was mounted last, by path, as they were found when it was looked at last. */
  getMetadata(): Map<string, FileMetadata> {
    return new Map(this.#work.files());
  }

  /** Replaces what `getMetadata` gives until the directory is looked at next. No commit is changed by it. */
  async saveMetadata(metadata: ReadonlyMap<string, FileMetadata>): Promise<void> {
    this.#work.save(new Map(metadata));
  }

  /** Calls `listener` for each file that bytes are moved of. Returns what takes it back. */
  onProgress(listener: (event: ProgressEvent) => void): () => void {
    this.#work.listeners.add(listener);
    return () => this.#work.listeners.delete(listener);
  }
}
throwTyped(SyncManager);
