/**
 * The segments of frames that blobs consist of: which of them the target of a copy has, and which
 * blobs wait for which frames.
 */
import { type Frame, frameKey, type Location, NO_PATCHES, type PatchLocation } from '../../format/locator.js';
import type { BlobPlace } from '../../format/manifest.js';
import type { ObjectId } from '../../format/object-id.js';

/** Part of an uncompressed frame: the start of a blob's base or of a patch. */
export interface Segment {
  frame: Frame;
  offset: number;
}

export function segmentKey({ frame, offset }: Segment): string {
  return `${frameKey(frame)}+${offset}`;
}

/**
 * Matches the segments of blobs in the source with those of the same blobs in the target. The same
 * blob may consist of other bytes there, so the matches are guesses.
 */
export function matchSegments(
  source: ReadonlyMap<ObjectId, BlobPlace>,
  target: ReadonlyMap<ObjectId, BlobPlace>,
): ReadonlyMap<string, Segment> {
  const matches = new Map<string, Segment>();
  for (const [id, { location: from }] of source) {
    const to = target.get(id)?.location;
    if (to === undefined || to.baseLength !== from.baseLength || to.patches.length !== from.patches.length) continue;
    if (from.patches.some(({ bitmap }, i) => bitmap !== to.patches[i]?.bitmap)) continue;
    matches.set(segmentKey(from), to);
    for (const [i, patch] of from.patches.entries()) matches.set(segmentKey(patch), to.patches[i] as Segment);
  }
  return matches;
}

export function segmentsOf({ frame, offset, patches }: Location): Segment[] {
  return [{ frame, offset }, ...patches];
}

/** Blobs and the frames that they wait for. */
export class Waiting {
  readonly #blobs: ReadonlyMap<ObjectId, BlobPlace>;
  /**
   * Blobs that wait for no frame, the number of pending frames of each blob that needs several, and
   * the blobs that wait for each frame.
   */
  readonly #complete: ObjectId[] = [];
  readonly #missing = new Map<ObjectId, number>();
  readonly #waiters = new Map<string, ObjectId[]>();

  constructor(blobs: ReadonlyMap<ObjectId, BlobPlace>, present: ReadonlyMap<string, Segment>, copied: ReadonlyMap<string, Frame>) {
    this.#blobs = blobs;
    for (const [id, { location }] of blobs) {
      const absent = segmentsOf(location).filter((each) => !present.has(segmentKey(each)) && !copied.has(frameKey(each.frame)));
      const frames = new Set(absent.map(({ frame }) => frameKey(frame)));
      if (frames.size === 0) this.#complete.push(id);
      else if (frames.size > 1) this.#missing.set(id, frames.size);
      for (const key of frames) {
        const waiters = this.#waiters.get(key);
        if (waiters === undefined) this.#waiters.set(key, [id]);
        else waiters.push(id);
      }
    }
  }

  /** Returns the blobs that wait for nothing. */
  complete(): Map<ObjectId, BlobPlace> {
    return new Map(this.#complete.map((id) => [id, this.#blobs.get(id) as BlobPlace]));
  }

  /** Returns the blobs that wait for no other frame after these frames are present. */
  without(frames: Iterable<string>): Map<ObjectId, BlobPlace> {
    const ready = new Map<ObjectId, BlobPlace>();
    for (const key of frames) {
      for (const id of this.#waiters.get(key) ?? []) {
        const left = (this.#missing.get(id) ?? 1) - 1;
        if (left > 0) this.#missing.set(id, left);
        else ready.set(id, this.#blobs.get(id) as BlobPlace);
      }
      this.#waiters.delete(key);
    }
    return ready;
  }
}

/** Returns the location of a blob in the target, after all its segments are present or copied. */
export function moved({ frame, offset, baseLength, patches }: Location, present: Present, copied: Copied): Location {
  const base = target({ frame, offset }, present, copied);
  // Each field is copied by name. V8 makes an object of four times the size from a spread with
  // additions, and there are millions of these objects.
  return {
    frame: base.frame,
    offset: base.offset,
    baseLength,
    patches: patches.length === 0 ? NO_PATCHES : patches.map((patch) => movedPatch(patch, present, copied)),
  };
}

type Present = ReadonlyMap<string, Segment>;
type Copied = ReadonlyMap<string, Frame>;

function movedPatch(patch: PatchLocation, present: Present, copied: Copied): PatchLocation {
  const { frame, offset } = target(patch, present, copied);
  return { frame, offset, bitmap: patch.bitmap };
}

function target({ frame, offset }: Segment, present: Present, copied: Copied): Segment {
  const found = present.size === 0 ? undefined : present.get(segmentKey({ frame, offset }));
  return found ?? { frame: copied.get(frameKey(frame)) as Frame, offset };
}
