import type { ObjectId } from '../object-id.js';
import { type Frame, frameKey, framesOf } from '../pack/locator.js';
import type { BlobPlace, Manifest } from '../repository/manifest.js';
import { type Uses, usesOf } from './moving-files.js';
import type { OnProgress } from './progress.js';

/** A blob that is to come, with the frames that it waits for. */
interface Waiting {
  frames: number;
  uses: Uses;
}

/** Takes frames as they arrive, and tells of each file of which a blob is complete. */
export function pullProgress(manifests: readonly Manifest[], wanted: ReadonlyMap<ObjectId, BlobPlace>, onProgress: OnProgress) {
  const frames = new Map<string, { bytes: number; waiting: Waiting[] }>();
  const uses = usesOf(
    manifests.map(({ tree }) => tree),
    wanted,
  );
  for (const [id, { location }] of wanted) {
    const parts = new Map(framesOf(location).map((frame) => [frameKey(frame), frame]));
    const blob: Waiting = { frames: parts.size, uses: uses.get(id) ?? [] };
    for (const [key, { storedLength }] of parts) {
      const frame = frames.get(key) ?? { bytes: storedLength, waiting: [] };
      frame.waiting.push(blob);
      frames.set(key, frame);
    }
  }
  const totalFiles = new Set([...uses.values()].flat().map(({ file }) => file.path)).size;
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
