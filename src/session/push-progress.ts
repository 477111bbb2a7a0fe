import type { OnProgress } from './progress.js';

/** A blob that is to be sent, with a file for each place that it has in the tree. */
interface Sending {
  length: number;
  paths: readonly string[];
}

/** Takes blobs as they are sent, and tells of each file that has them. */
export function pushProgress(sending: Iterable<Sending>, onProgress: OnProgress): (sent: Sending) => void {
  const files = new Map<string, { bytes: number; totalBytes: number }>();
  let totalBytes = 0;
  for (const { length, paths } of sending) {
    for (const path of paths) {
      const file = files.get(path) ?? { bytes: 0, totalBytes: 0 };
      files.set(path, file);
      file.totalBytes += length;
      totalBytes += length;
    }
  }
  const totals = { totalFiles: files.size, totalBytes };
  const done = { files: 0, bytes: 0 };
  return ({ length, paths }) => {
    for (const path of paths) {
      const file = files.get(path) as { bytes: number; totalBytes: number };
      file.bytes += length;
      done.bytes += length;
      if (file.bytes === file.totalBytes) done.files++;
      onProgress({ phase: 'push', path, ...done, ...totals, file: { ...file } });
    }
  };
}
