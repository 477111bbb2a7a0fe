/**
 * Progress of BrowserState by file: each file with bytes to move, never backwards, and at 100 at
 * the end.
 */
import type { Progress } from '../base/progress.js';

export interface ProgressEvent {
  type: 'download' | 'upload';
  /** Relative to the mounted directory. */
  fileName: string;
  /**
   * Bytes of this file that were moved, and bytes to move. Bytes that the target has already are
   * not counted.
   */
  bytesTransferred: number;
  totalBytes: number;
  /** 0 to 100. */
  percentage: number;
  /** Of all files that are moved together. */
  bytesPerSecond: number;
}

type Tell = (event: ProgressEvent) => void;

const types: Partial<Record<Progress['phase'], ProgressEvent['type']>> = { pull: 'download', push: 'upload' };

/** One transfer. */
export class FileProgress {
  readonly #files = new Map<string, { type: ProgressEvent['type']; moved: number; total: number }>();
  readonly #now: () => number;
  readonly #tell: Tell;
  readonly #startedAt: number;
  #bytes = 0;

  /** `now`: milliseconds, of any clock. */
  constructor(now: () => number, tell: Tell) {
    this.#now = now;
    this.#tell = tell;
    this.#startedAt = now();
  }

  readonly update = ({ phase, path, file }: Progress): void => {
    const type = types[phase];
    if (type === undefined || file === undefined || file.totalBytes === 0) return;
    const before = this.#files.get(path) ?? { type, moved: 0, total: file.totalBytes };
    // A file in several versions is moved several times, and reported once.
    const moved = Math.min(before.total, Math.max(before.moved, file.bytes));
    if (moved === before.moved && this.#files.has(path)) return;
    this.#bytes += moved - before.moved;
    this.#files.set(path, { ...before, moved });
    this.#send(path);
  };

  /**
   * Reports all files as complete, including those that were there or arrived with another file.
   */
  finish(): void {
    for (const [path, file] of this.#files) {
      if (file.moved === file.total) continue;
      this.#bytes += file.total - file.moved;
      file.moved = file.total;
      this.#send(path);
    }
  }

  #send(fileName: string): void {
    const file = this.#files.get(fileName);
    if (file === undefined) return;
    const { type, moved: bytesTransferred, total: totalBytes } = file;
    const bytesPerSecond = (this.#bytes / Math.max(1, this.#now() - this.#startedAt)) * 1000;
    this.#tell({ type, fileName, bytesTransferred, totalBytes, percentage: (bytesTransferred / totalBytes) * 100, bytesPerSecond });
  }
}
