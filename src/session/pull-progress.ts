import { blobCount, blobId, blobLength, type Tree } from '../object/tree.js';
import type { ObjectId } from '../object-id.js';
import { type Frame, frameKey, framesOf } from '../pack/locator.js';
import type { BlobPlace, Manifest } from '../repository/manifest.js';
import type { OnProgress } from './progress.js';

/** A file, with the bytes of its content that are to come, and those that came. */
interface Coming {
  path: string;
  bytes: number;
  totalBytes: number;
}

/** A blob that is to come, with the frames that it waits for. */
interface Waiting {
  frames: number;
  uses: { file: Coming; length: number }[];
}

/** Takes frames as they arrive, and tells of each file of which a blob is complete. */
export function pullProgress(manifests: readonly Manifest[], wanted: ReadonlyMap<ObjectId, BlobPlace>, onProgress: OnProgress) {
  const frames = new Map<string, { bytes: number; waiting: Waiting[] }>();
  const blobs = new Map<ObjectId, Waiting>();
  for (const [id, { location }] of wanted) {
    const parts = new Map(framesOf(location).map((frame) => [frameKey(frame), frame]));
    const blob: Waiting = { frames: parts.size, uses: [] };
    blobs.set(id, blob);
    for (const [key, { storedLength }] of parts) {
      const frame = frames.get(key) ?? { bytes: storedLength, waiting: [] };
      frame.waiting.push(blob);
      frames.set(key, frame);
    }
  }
  const totalFiles = new Set(manifests.flatMap(({ tree }) => filesOf(tree, blobs))).size;
  const totalBytes = [...frames.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const begun = new Set<string>();
  let bytes = 0;
  return (_fetched: number, arrived: readonly Frame[]): void => {
    for (const frame of arrived) {
      bytes += frame.storedLength;
      const key = frameKey(frame);
      const complete = (frames.get(key)?.waiting ?? []).filter((blob) => --blob.frames === 0);
      // A frame that comes twice completes nothing more.
      frames.delete(key);
      for (const { file, length } of complete.flatMap(({ uses }) => uses)) {
        file.bytes += length;
        begun.add(file.path);
        const ofFile = { bytes: file.bytes, totalBytes: file.totalBytes };
        onProgress({ phase: 'pull', path: file.path, files: begun.size, totalFiles, bytes, totalBytes, file: ofFile });
      }
    }
  };
}

/** The paths of files that wait for blobs; each is noted with the blobs. */
function filesOf(tree: Tree, blobs: ReadonlyMap<ObjectId, Waiting>): string[] {
  const paths: string[] = [];
  for (const entry of tree) {
    if (entry.kind !== 'file') continue;
    const file: Coming = { path: entry.path, bytes: 0, totalBytes: 0 };
    for (let i = 0; i < blobCount(entry.size); i++) {
      const length = blobLength(entry.size, i);
      const blob = blobs.get(blobId(entry, i));
      if (blob === undefined) continue;
      blob.uses.push({ file, length });
      file.totalBytes += length;
    }
    if (file.totalBytes > 0) paths.push(entry.path);
  }
  return paths;
}
