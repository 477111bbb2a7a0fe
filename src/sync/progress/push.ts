import type { OnProgress } from '../../base/progress.js';
import type { ObjectId } from '../../format/object-id.js';
import type { Tree } from '../../format/tree.js';
import { usesOf } from './files.js';

/** Takes blobs of the tree as they are sent, and tells of each file that has them. `going`: all that are to be sent. */
export function pushProgress(tree: Tree, going: { has(id: ObjectId): boolean }, onProgress: OnProgress): (sent: ObjectId) => void {
  const uses = usesOf([tree], going);
  const files = new Set([...uses.values()].flat().map(({ file }) => file));
  const totals = { totalFiles: files.size, totalBytes: [...files].reduce((sum, file) => sum + file.totalBytes, 0) };
  const done = { files: 0, bytes: 0 };
  return (id) => {
    for (const { file, length } of uses.get(id) ?? []) {
      file.bytes += length;
      done.bytes += length;
      if (file.bytes === file.totalBytes) done.files++;
      onProgress({ phase: 'push', path: file.path, ...done, ...totals, file: { bytes: file.bytes, totalBytes: file.totalBytes } });
    }
  };
}
