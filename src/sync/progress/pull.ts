import type { OnProgress } from '../../base/progress.js';
import { type Frame, frameKey } from '../../format/locator.js';
import type { BlobPlace, Manifest } from '../../format/manifest.js';
import type { ObjectId } from '../../format/object-id.js';
import { segmentKey, segmentsOf } from '../../repository/write/blob-parts.js';
import { type Uses, usesOf } from './files.js';

/** A blob that is to come, with the frames that it waits for. */
interface Waiting {
  frames: number;
  uses: Uses;
}

export interface Coming {
  manifests: readonly Manifest[];
  /** The blobs that home does not have, and what it has of them. */
  wanted: ReadonlyMap<ObjectId, BlobPlace>;
  present: { has(segmentKey: string): boolean };
}

/** Takes frames as they arrive, and tells of each file of which a blob is complete. */
export function pullProgress({ manifests, wanted, present }: Coming, onProgress: OnProgress) {
  const frames = new Map<string, { bytes: number; waiting: Waiting[] }>();
  const blobs = new Map<ObjectId, Map<string, Frame>>();
  for (const [id, { location }] of wanted) {
    const missing = segmentsOf(location).filter((each) => !present.has(segmentKey(each)));
    if (missing.length > 0) blobs.set(id, new Map(missing.map(({ frame }) => [frameKey(frame), frame])));
  }
  const uses = usesOf(
    manifests.map(({ tree }) => tree),
    blobs,
  );
  for (const [id, parts] of blobs) {
    const blob: Waiting = { frames: parts.size, uses: uses.get(id) ?? [] };
    for (const [key, { storedLength }] of parts) {
      const frame = frames.get(key) ?? { bytes: storedLength, waiting: [] };
      frame.waiting.push(blob);
      frames.set(key, frame);
    }
  }
  const totalFiles = new Set([...uses.values()].flat().map(({ file }) => file)).size;
  const totalBytes = [...frames.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  let files = 0;
  let bytes = 0;
  return (_fetched: number, arrived: readonly Frame[]): void => {
    for (const frame of arrived) {
      const key = frameKey(frame);
      const coming = frames.get(key);
      // What comes though it was thought to be here, or comes twice, is not counted.
      if (coming === undefined) continue;
      frames.delete(key);
      bytes += coming.bytes;
      const complete = coming.waiting.filter((blob) => --blob.frames === 0);
      for (const { file, length } of complete.flatMap(({ uses }) => uses)) {
        file.bytes += length;
        if (file.bytes === file.totalBytes) files++;
        const ofFile = { bytes: file.bytes, totalBytes: file.totalBytes };
        onProgress({ phase: 'pull', path: file.path, files, totalFiles, bytes, totalBytes, file: ofFile });
      }
    }
  };
}
