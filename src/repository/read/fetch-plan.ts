/**
 * The plan of a cold mount: the bytes that it fetches, and the share of live bytes (SPEC.md
 * R-COMPACT-1). Live bytes are the bytes that the blobs show. Pages that a later patch covers are
 * dead, and so are bytes that no blob names. A frame's stored bytes count in proportion.
 */
import { CHUNK_SIZE, FETCH_SPARE_RANGES, MAX_PACK_SIZE, MAX_REMOTE_SPAN, PAGE_SIZE } from '../../base/limits.js';
import { type Frame, frameKey } from '../../format/locator.js';
import type { BlobPlace } from '../../format/manifest.js';
import { pageCount } from '../../format/patch.js';
import { planSpans, type Span } from './spans.js';

/** One part of a location: its base, or a patch. */
export interface Part {
  frame: Frame;
  /** Position of the part: bytes from the start of the uncompressed frame. */
  offset: number;
  /** The pages of the part that the blob shows, as a bitmap. */
  seen: number;
  /** Number of bytes of these pages. */
  bytes: number;
}

/** Returns the base and the patches of a location, in order. */
export function partsOf({ location, length }: BlobPlace): [Part, ...Part[]] {
  let open = bitmapOf(length);
  const patches: Part[] = [];
  for (const { frame, offset, bitmap } of [...location.patches].reverse()) {
    const seen = bitmap & open;
    open &= ~bitmap;
    patches.unshift({ frame, offset, seen, bytes: pageCount(seen) * PAGE_SIZE });
  }
  const baseLength = Math.min(location.baseLength, length);
  const seen = open & bitmapOf(baseLength);
  const cut = (seen & lastPage(baseLength)) === 0 ? 0 : -baseLength & (PAGE_SIZE - 1);
  return [{ frame: location.frame, offset: location.offset, seen, bytes: pageCount(seen) * PAGE_SIZE - cut }, ...patches];
}

/** Returns the bitmap of all pages of a blob of that length. */
export const bitmapOf = (length: number): number => 2 ** Math.ceil(Math.min(length, CHUNK_SIZE) / PAGE_SIZE) - 1;
const lastPage = (length: number): number => 2 ** (Math.ceil(length / PAGE_SIZE) - 1);

/** Returns the stored bytes that correspond to an uncompressed length of a frame. */
export const storedShare = (frame: Frame, bytes: number): number => (frame.storedLength * bytes) / frame.length;

/** Sums of the live bytes in each frame. */
export class LiveFrames {
  readonly #frames = new Map<string, { frame: Frame; segments: Map<number, number> }>();

  /** Counts a part. If several blobs share a segment, the blob that shows most counts. */
  add({ frame, offset, bytes }: Pick<Part, 'frame' | 'offset' | 'bytes'>): void {
    const key = frameKey(frame);
    const entry = this.#frames.get(key) ?? { frame, segments: new Map() };
    entry.segments.set(offset, Math.max(entry.segments.get(offset) ?? 0, bytes));
    this.#frames.set(key, entry);
  }

  /** Returns every counted frame, with its live stored bytes. */
  list(): { key: string; frame: Frame; live: number }[] {
    return [...this.#frames].map(([key, { frame, segments }]) => ({
      key,
      frame,
      live: storedShare(
        frame,
        [...segments.values()].reduce((sum, bytes) => sum + bytes, 0),
      ),
    }));
  }
}

/** Returns the maximum ranges of a cold mount with so many live bytes. */
export function allowedRanges(liveBytes: number): number {
  return Math.ceil(liveBytes / MAX_PACK_SIZE) + FETCH_SPARE_RANGES;
}

/**
 * Returns the spans of a cold read from a remote: at most `ranges`, with the widest gaps left out,
 * and at least one per pack.
 */
export function remoteSpans(frames: Iterable<Frame>, ranges: number, span = MAX_REMOTE_SPAN): Span[] {
  return planSpans(frames, { gap: 0, span, ranges });
}

export interface FetchPlan {
  /**
   * The spans. Each span is one ranged request. Every frame that the locations name is in exactly
   * one span.
   */
  spans: Span[];
  /** Sum of the live stored bytes. */
  liveBytes: number;
  /** Bytes of all spans. */
  fetchBytes: number;
}

/** Plans the fetch of all blobs at these locations from a remote, without any local data. */
export function planFetch(places: Iterable<BlobPlace>): FetchPlan {
  const live = new LiveFrames();
  for (const place of places) for (const part of partsOf(place)) live.add(part);
  const frames = live.list();
  const liveBytes = frames.reduce((sum, { live }) => sum + live, 0);
  const spans = remoteSpans(
    frames.map(({ frame }) => frame),
    allowedRanges(liveBytes),
  );
  return { spans, liveBytes, fetchBytes: spanBytes(spans) };
}

export function spanBytes(spans: readonly Span[]): number {
  return spans.reduce((sum, { start, end }) => sum + end - start, 0);
}
