/** Moving the mounted session to and from where it is shared, and what is known of its files, under the names that the older package had for it. */

import { isError } from './errors.js';
import { FileProgress, type ProgressEvent } from './file-progress.js';
import type { Host } from './host.js';
import type { RequestOptions } from './provider/provider.js';
import type { OnConflict } from './session/conflict.js';
import type { Mount } from './session/mount.js';
import type { OnProgress } from './session/progress.js';
import type { FileMetadata, FileTracker } from './workspace/metadata.js';

/** What is mounted, as far as it is moved and looked at. */
export interface Tracked {
  mount: Mount;
  tracker: FileTracker;
  onConflict: OnConflict | undefined;
}

export interface SyncManagerParts {
  host: Pick<Host, 'now'>;
  /** What is mounted. Throws USAGE where nothing is. */
  current: () => Tracked;
  /** Runs a task when no other of the same state runs. */
  inTurn: <T>(task: () => Promise<T>) => Promise<T>;
  /** Told of all that a transfer tells. */
  onProgress: OnProgress | undefined;
}

export class SyncManager {
  readonly #parts: SyncManagerParts;
  readonly #listeners = new Set<(event: ProgressEvent) => void>();
  #tracker: FileTracker | undefined;
  #saved: Map<string, FileMetadata> | undefined;

  /** Made by BrowserState. */
  constructor(parts: SyncManagerParts) {
    this.#parts = parts;
  }

  /**
   * Commits the mounted directory and pushes it; the session stays mounted. Where a browser runs in it the commit is a checkpoint. Throws USAGE where nothing is
   * mounted, BUSY where no consistent state could be read while the browser wrote, and what `unmount` throws.
   */
  async syncToCloud(options: RequestOptions = {}): Promise<void> {
    await this.#parts.inTurn(async () => {
      const { mount, tracker, onConflict } = this.#parts.current();
      await this.transfer(async (onProgress) => {
        const done = await mount.commit({ ...options, onConflict }).catch(async (error: unknown) => {
          const made = isError(error, 'BUSY') ? await mount.checkpoint(options) : undefined;
          if (made === undefined) throw error;
          return made;
        });
        if (done.commit !== undefined) await mount.push(done.session, { ...options, onConflict, onProgress });
        mount.requireInPlace(done, onConflict);
      });
      await this.look(tracker, options.signal);
    });
  }

  /**
   * Brings the newest version from where it is shared to this machine. The mounted directory never changes from outside: it has that version when it is mounted
   * next. Throws USAGE where nothing is mounted.
   */
  async syncFromCloud(options: RequestOptions = {}): Promise<void> {
    await this.#parts.inTurn(async () => {
      const { mount, onConflict } = this.#parts.current();
      await this.transfer((onProgress) => mount.pull({ ...options, onConflict, onProgress }));
    });
  }

  /** The files of the mounted directory, or of the one that was mounted last, by path, as they were found when it was looked at last. */
  getMetadata(): Map<string, FileMetadata> {
    return new Map(this.#saved ?? this.#tracker?.files());
  }

  /** Replaces what `getMetadata` gives until the directory is looked at next. No commit is changed by it. */
  async saveMetadata(metadata: ReadonlyMap<string, FileMetadata>): Promise<void> {
    this.#saved = new Map(metadata);
  }

  /** Calls `listener` for each file that bytes are moved of. Returns what takes it back. */
  onProgress(listener: (event: ProgressEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Runs a transfer and tells of its files. */
  async transfer<T>(move: (onProgress: OnProgress) => Promise<T>): Promise<T> {
    const progress = new FileProgress(this.#parts.host.now, (event) => {
      for (const listener of this.#listeners) listener(event);
    });
    const result = await move((each) => {
      progress.update(each);
      this.#parts.onProgress?.(each);
    });
    progress.finish();
    return result;
  }

  /** Looks at the directory again. */
  async look(tracker: FileTracker, signal?: AbortSignal): Promise<void> {
    await tracker.look(signal);
    this.#saved = undefined;
    this.#tracker = tracker;
  }

  /** From here on it is told of this directory. */
  follow(tracker: FileTracker): void {
    this.#saved = undefined;
    this.#tracker = tracker;
  }
}
