/** What the library tells while it works. */

/**
 * * Files and bytes of one phase, done so far and in all; `path` was worked on last. A pull counts
 * bytes as they are stored; a push of several commits counts for each by itself.
 */
export interface Progress {
  phase: 'capture' | 'checkout' | 'push' | 'pull';
  path: string;
  files: number;
  totalFiles: number;
  bytes: number;
  totalBytes: number;
  /** Of a push and a pull: the bytes of `path` that are to be moved, and those that were. */
  file?: { bytes: number; totalBytes: number };
}

export type OnProgress = (progress: Progress) => void;
