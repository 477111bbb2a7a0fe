/** The files whose blobs are under way between home and a remote, for whoever tells how far each is. */
import type { ObjectId } from '../../format/object-id.js';
import { blobCount, blobId, blobLength, type Tree } from '../../format/tree.js';

/** A file, with the bytes of its content that are to move, and those that have. */
export interface MovingFile {
  path: string;
  bytes: number;
  totalBytes: number;
}

/** The places of a blob in files; a file may have it several times. */
export type Uses = { file: MovingFile; length: number }[];

/** Where in files of the trees each of the `wanted` blobs is. */
export function usesOf(trees: Iterable<Tree>, wanted: { has(id: ObjectId): boolean }): Map<ObjectId, Uses> {
  const uses = new Map<ObjectId, Uses>();
  for (const tree of trees) {
    for (const entry of tree) {
      if (entry.kind !== 'file') continue;
      const file: MovingFile = { path: entry.path, bytes: 0, totalBytes: 0 };
      for (let i = 0; i < blobCount(entry.size); i++) {
        const id = blobId(entry, i);
        if (!wanted.has(id)) continue;
        const length = blobLength(entry.size, i);
        const others = uses.get(id);
        if (others === undefined) uses.set(id, [{ file, length }]);
        else others.push({ file, length });
        file.totalBytes += length;
      }
    }
  }
  return uses;
}
