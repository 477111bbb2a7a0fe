/** What the library tells while it works. */

/** Files and bytes of a capture or a checkout, done so far and in all; `path` was finished last. */
export interface Progress {
  phase: 'capture' | 'checkout';
  path: string;
  files: number;
  totalFiles: number;
  bytes: number;
  totalBytes: number;
}

export type OnProgress = (progress: Progress) => void;
