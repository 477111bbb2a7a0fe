/** Progress that operations report. */

/**
 * Files and bytes of one phase: done so far, and in total. `path` is the last processed file. A
 * pull counts bytes as they are stored. A push of several commits counts each commit separately.
 */
export interface Progress {
  phase: 'capture' | 'checkout' | 'push' | 'pull';
  path: string;
  files: number;
  totalFiles: number;
  bytes: number;
  totalBytes: number;
  /** Bytes of `path` that a push or a pull has moved, and the total of its bytes. */
  file?: { bytes: number; totalBytes: number };
}

export type OnProgress = (progress: Progress) => void;
