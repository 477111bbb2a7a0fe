/**
 * A reader of blobs. It fetches the parts that a location names, verifies the result against the
 * blob's id, and keeps frames that nearby blobs need. Frames that are close in a pack are fetched
 * as one span. Memory is bounded by the caches, not by the bytes read.
 */

import { type BrowserStateError, integrity, isError, readingKey } from '../../base/errors.js';
import { FRAME_CACHE_BYTES, PAGE_SIZE } from '../../base/limits.js';
import { decode } from '../../format/codecs.js';
import { objectKey } from '../../format/keys.js';
import { type Frame, framesOf } from '../../format/locator.js';
import type { BlobPlace } from '../../format/manifest.js';
import { type ObjectId, objectId } from '../../format/object-id.js';
import { applyPatches, pageCount } from '../../format/patch.js';
import type { Provider, RequestOptions } from '../../provider/provider.js';
import type { KeptFrames } from './frame-cache.js';
import { homeSpans, planSpans, type Span, spanOf } from './spans.js';

/** The part of a repository that packs are read from. */
export interface Readable {
  provider: Pick<Provider, 'get'>;
}

export interface BlobReaderOptions extends RequestOptions {
  /**
   * Maximum bytes of the fetched frames to keep, and of the decoded frames to keep. The default is
   * FRAME_CACHE_BYTES.
   */
  cacheBytes?: number | undefined;
  /** Frames that need not be fetched. */
  kept?: KeptFrames | undefined;
}

export class BlobReader {
  readonly #repository: Readable;
  readonly #options: BlobReaderOptions;
  readonly #spans = new Map<Frame, Span>();
  readonly #fetched: ByteCache<Span>;
  readonly #decoded: ByteCache<Frame>;
  /** Bytes fetched so far. */
  fetchedBytes = 0;

  constructor(repository: Readable, options: BlobReaderOptions = {}) {
    this.#repository = repository;
    this.#options = options;
    this.#fetched = new ByteCache(options.cacheBytes ?? FRAME_CACHE_BYTES);
    this.#decoded = new ByteCache(options.cacheBytes ?? FRAME_CACHE_BYTES);
  }

  /**
   * Records which blobs will be read, so that close frames are fetched as one span. May be called
   * again for more blobs.
   */
  plan(places: Iterable<BlobPlace>): void {
    const frames = new Set<Frame>();
    for (const { location } of places) for (const frame of framesOf(location)) frames.add(frame);
    this.fetchAs(planSpans(frames, homeSpans));
  }

  /**
   * Fetches the frames of each span by one request, when the first of them is read. May be called
   * again for more spans.
   */
  fetchAs(spans: readonly Span[]): void {
    for (const span of spans) for (const frame of span.frames) this.#spans.set(frame, span);
  }

  /**
   * Returns the verified bytes of a blob, a view that must not be changed. Throws INTEGRITY if the
   * bytes are missing or do not match the id.
   */
  async read(id: ObjectId, { location, length }: BlobPlace): Promise<Uint8Array> {
    const { frame, offset, baseLength, patches } = location;
    const [base, ...pages] = await Promise.all([
      this.#slice(frame, offset, baseLength),
      ...patches.map((patch) => this.#slice(patch.frame, patch.offset, pageCount(patch.bitmap) * PAGE_SIZE)),
    ]);
    const plain = patches.length === 0 ? (base as Uint8Array).subarray(0, length) : undefined;
    const parts = patches.map(({ bitmap }, i) => ({ bitmap, pages: pages[i] as Uint8Array }));
    const blob = plain ?? applyPatches(base as Uint8Array, parts, length);
    const { kept } = this.#options;
    if (kept?.isVerified(id, location)) return blob;
    verify(id, blob, frame, length);
    kept?.noteVerified(id, location);
    return blob;
  }

  /**
   * Returns a frame in its stored form, after the blobs that are whole in it were verified. Throws
   * the errors of `read`.
   */
  async readStored(frame: Frame, blobs: readonly { id: ObjectId; offset: number; length: number }[]): Promise<Uint8Array> {
    const stored = await this.#stored(frame);
    const bytes = await decodeFrame(frame, stored);
    for (const { id, offset, length } of blobs) verify(id, bytes.subarray(offset, offset + length), frame, length);
    return stored;
  }

  async #slice(frame: Frame, offset: number, length: number): Promise<Uint8Array> {
    const bytes = await (this.#options.kept?.get(frame) ?? this.#decoded.get(frame, frame.length, () => this.#decode(frame)));
    return bytes.subarray(offset, offset + length);
  }

  async #decode(frame: Frame): Promise<Uint8Array> {
    return decodeFrame(frame, await this.#stored(frame));
  }

  async #stored(frame: Frame): Promise<Uint8Array> {
    const span = this.#spans.get(frame) ?? spanOf(frame);
    // A frame that is needed again after it was evicted is fetched alone.
    this.#spans.delete(frame);
    const bytes = await this.#fetched.get(span, span.end - span.start, () => this.#fetch(span));
    const start = frame.offset - span.start;
    return bytes.subarray(start, start + frame.storedLength);
  }

  async #fetch({ pack, start, end }: Span): Promise<Uint8Array> {
    const key = objectKey('packs', pack);
    try {
      const range = { start, end };
      const bytes = await readingKey(key, () => this.#repository.provider.get(key, { signal: this.#options.signal, range }));
      this.fetchedBytes += bytes.length;
      return bytes;
    } catch (error) {
      throw isError(error, 'NOT_FOUND') ? integrity(`${key}: expected a pack that a manifest names, found none`, error, { key }) : error;
    }
  }
}

function verify(id: ObjectId, blob: Uint8Array, frame: Frame, length: number): void {
  if (blob.length !== length) throw notTheBlob(frame, `expected a blob of ${length} bytes at ${frame.offset}, found ${blob.length}`);
  const found = objectId('blob', blob);
  if (found !== id) throw notTheBlob(frame, `expected the blob ${id} at ${frame.offset}, found ${found}`);
}

function notTheBlob({ pack }: Frame, message: string): BrowserStateError {
  const key = objectKey('packs', pack);
  return integrity(`${key}: ${message}`, undefined, { key });
}

/** Returns a frame's uncompressed bytes. Throws INTEGRITY if `stored` is damaged. */
export async function decodeFrame({ pack, offset, codec, length }: Frame, stored: Uint8Array): Promise<Uint8Array> {
  try {
    return await decode({ codec, length, stored });
  } catch (error) {
    if (!isError(error, 'INTEGRITY')) throw error;
    const key = objectKey('packs', pack);
    throw integrity(`${key}: the frame at ${offset} is damaged: ${error.message}`, error, { key });
  }
}

/**
 * A cache of the newest results up to a number of bytes. Pending results are shared, and failed
 * results are removed.
 */
class ByteCache<Key> {
  readonly #entries = new Map<Key, { size: number; value: Promise<Uint8Array> }>();
  readonly #most: number;
  #total = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get(key: Key, size: number, load: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const hit = this.#entries.get(key);
    if (hit !== undefined) {
      // Moves the entry to the end: a Map keeps the order of insertion, and the oldest entry is
      // evicted first.
      this.#entries.delete(key);
      this.#entries.set(key, hit);
      return hit.value;
    }
    const value = load();
    this.#entries.set(key, { size, value });
    this.#total += size;
    value.catch(() => this.#drop(key));
    for (const oldest of this.#entries.keys()) {
      if (this.#total <= this.#most || oldest === key) break;
      this.#drop(oldest);
    }
    return value;
  }

  #drop(key: Key): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#total -= entry.size;
  }
}
