/** Progress of a push or a pull by file: a file is complete when all blobs that it needs are. */
import type { OnProgress, Progress } from '../base/progress.js';
import { type Frame, frameKey } from '../format/locator.js';
import type { BlobPlace, Manifest } from '../format/manifest.js';
import type { ObjectId } from '../format/object-id.js';
import { blobCount, blobId, blobLength, type Tree } from '../format/tree.js';
import { segmentKey, segmentsOf } from '../repository/write/blob-parts.js';

/**
 * Returns a function that reports the files of a transferred blob, and the counters of its reports.
 * `wanted` has all blobs to transfer. `stored` is the number of their stored bytes, if the caller
 * counts these. Without it, the bytes of the blobs are counted.
 */
function reporter(
  phase: Progress['phase'],
  trees: readonly Tree[],
  wanted: ReadonlySet<ObjectId>,
  onProgress: OnProgress,
  stored?: number,
) {
  const uses = new Map<ObjectId, { path: string; file: { bytes: number; totalBytes: number }; length: number }[]>();
  const total = { totalFiles: 0, totalBytes: stored ?? 0 };
  const done = { files: 0, bytes: 0 };
  for (const entry of trees.flat()) {
    if (entry.kind !== 'file') continue;
    const file = { bytes: 0, totalBytes: 0 };
    for (let i = 0; i < blobCount(entry.size); i++) {
      const id = blobId(entry, i);
      if (!wanted.has(id)) continue;
      const length = blobLength(entry.size, i);
      const known = uses.get(id) ?? [];
      known.push({ path: entry.path, file, length });
      uses.set(id, known);
      file.totalBytes += length;
    }
    if (file.totalBytes > 0) total.totalFiles++;
    if (stored === undefined) total.totalBytes += file.totalBytes;
  }
  const report = (id: ObjectId): void => {
    for (const { path, file, length } of uses.get(id) ?? []) {
      file.bytes += length;
      if (stored === undefined) done.bytes += length;
      if (file.bytes === file.totalBytes) done.files++;
      onProgress({ phase, path, ...done, ...total, file: { ...file } });
    }
  };
  return { done, report };
}

/** Returns a function to call with each blob of the tree that was sent. */
export function pushProgress(tree: Tree, unsent: ReadonlySet<ObjectId>, onProgress: OnProgress): (sent: ObjectId) => void {
  return reporter('push', [tree], unsent, onProgress).report;
}

/**
 * Returns a function to call with frames as they arrive. It reports files of complete blobs.
 * `wanted`: the blobs to fetch. `present`: the segments of these blobs that are here, by key.
 */
export function pullProgress(
  manifests: readonly Manifest[],
  wanted: ReadonlyMap<ObjectId, BlobPlace>,
  present: ReadonlyMap<string, unknown>,
  onProgress: OnProgress,
) {
  const frames = new Map<string, { bytes: number; blobs: { id: ObjectId; frames: number }[] }>();
  const waiting = new Set<ObjectId>();
  for (const [id, { location }] of wanted) {
    const segments = segmentsOf(location).filter((each) => !present.has(segmentKey(each)));
    const missing = new Map(segments.map(({ frame }) => [frameKey(frame), frame.storedLength]));
    const blob = { id, frames: missing.size };
    if (missing.size > 0) waiting.add(id);
    for (const [key, bytes] of missing) {
      const frame = frames.get(key) ?? { bytes, blobs: [] };
      frame.blobs.push(blob);
      frames.set(key, frame);
    }
  }
  const stored = [...frames.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  const trees = manifests.map(({ tree }) => tree);
  const { done, report } = reporter('pull', trees, waiting, onProgress, stored);
  return (_fetched: number, arrived: readonly Frame[]): void => {
    for (const key of arrived.map(frameKey)) {
      const frame = frames.get(key);
      // A frame that was expected to be here, or that arrives twice, is not counted.
      if (frame === undefined) continue;
      frames.delete(key);
      done.bytes += frame.bytes;
      for (const blob of frame.blobs) if (--blob.frames === 0) report(blob.id);
    }
  };
}
