import { blobCount, blobId, type Tree } from '../object/tree.js';
import type { ObjectId } from '../object-id.js';
import type { OnProgress } from './progress.js';

/** A file with blobs that are to be sent. */
interface Going {
  path: string;
  bytes: number;
  totalBytes: number;
}

/** Takes blobs of the tree as they are sent, and tells of each file that has them. `lengths`: of all that are to be sent. */
export function pushProgress(tree: Tree, lengths: ReadonlyMap<ObjectId, number>, onProgress: OnProgress): (sent: ObjectId) => void {
  const uses = new Map<ObjectId, Going[]>();
  const files = new Set<Going>();
  for (const entry of tree) {
    if (entry.kind !== 'file') continue;
    const file: Going = { path: entry.path, bytes: 0, totalBytes: 0 };
    for (let i = 0; i < blobCount(entry.size); i++) {
      const id = blobId(entry, i);
      const length = lengths.get(id);
      if (length === undefined) continue;
      const others = uses.get(id);
      if (others === undefined) uses.set(id, [file]);
      else others.push(file);
      file.totalBytes += length;
      files.add(file);
    }
  }
  const totals = { totalFiles: files.size, totalBytes: [...files].reduce((sum, file) => sum + file.totalBytes, 0) };
  const done = { files: 0, bytes: 0 };
  return (id) => {
    const length = lengths.get(id) as number;
    for (const file of uses.get(id) ?? []) {
      file.bytes += length;
      done.bytes += length;
      if (file.bytes === file.totalBytes) done.files++;
      onProgress({ phase: 'push', path: file.path, ...done, ...totals, file: { bytes: file.bytes, totalBytes: file.totalBytes } });
    }
  };
}
