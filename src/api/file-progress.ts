/**
 * Progress of BrowserState by file: each file with bytes to move, never backwards, and at 100 at
 * the end.
 */
import type { Progress } from '../base/progress.js';

export interface ProgressEvent {
  type: 'download' | 'upload';
  /** Relative to the mounted directory. */
  fileName: string;
  /** Bytes moved and to move. Bytes that the target has already do not count. */
  bytesTransferred: number;
  totalBytes: number;
  /** 0 to 100. */
  percentage: number;
  /** Of all files that are moved together. */
  bytesPerSecond: number;
}

const types: Partial<Record<Progress['phase'], ProgressEvent['type']>> = { pull: 'download', push: 'upload' };

export class FileProgress {
  readonly #files = new Map<string, ProgressEvent>();
  readonly #startedAt: number;
  #bytes = 0;

  /** `now` returns milliseconds; only differences matter. */
  constructor(
    private readonly now: () => number,
    private readonly report: (event: ProgressEvent) => void,
  ) {
    this.#startedAt = now();
  }

  readonly update = ({ phase, path: fileName, file }: Progress): void => {
    const type = types[phase];
    if (type === undefined || file === undefined || file.totalBytes === 0) return;
    const known = this.#files.get(fileName);
    // A file in several versions is moved several times, and reported once.
    const { bytesTransferred, totalBytes } = known ?? { bytesTransferred: 0, totalBytes: file.totalBytes };
    const moved = Math.min(totalBytes, Math.max(bytesTransferred, file.bytes));
    if (known === undefined || moved > bytesTransferred) this.#move({ type, fileName, bytesTransferred, totalBytes }, moved);
  };

  /** Reports all files as complete, also those that arrived with another file. */
  finish(): void {
    for (const file of this.#files.values()) if (file.bytesTransferred < file.totalBytes) this.#move(file, file.totalBytes);
  }

  #move(file: Omit<ProgressEvent, 'percentage' | 'bytesPerSecond'>, bytesTransferred: number): void {
    this.#bytes += bytesTransferred - file.bytesTransferred;
    const bytesPerSecond = (this.#bytes / Math.max(1, this.now() - this.#startedAt)) * 1000;
    const event = { ...file, bytesTransferred, percentage: (bytesTransferred / file.totalBytes) * 100, bytesPerSecond };
    this.#files.set(file.fileName, event);
    this.report(event);
  }
}
