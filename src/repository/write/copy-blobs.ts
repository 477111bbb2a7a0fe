/**
 * Copies of blobs from one repository to another, frame by frame, without recompression, into packs
 * of the target (SPEC.md 11.5). Data is verified before the caller learns its location, so that
 * nothing unverified is ever named. Memory is bounded by the spans in transfer and one pack.
 */
import { readAhead } from '../../base/concurrency.js';
import { type BrowserStateError, integrity, isError, readingKey, throwIfAborted } from '../../base/errors.js';
import { ARRIVING_BLOBS, BLOBS_AHEAD, FETCH_AHEAD_BYTES, FETCH_AT_ONCE_BYTES, KEPT_FRAME_BYTES, MAX_PACK_SIZE } from '../../base/limits.js';
import { newName, objectKey } from '../../format/keys.js';
import { type Frame, frameKey, framesOf, nameText } from '../../format/locator.js';
import type { BlobPlace } from '../../format/manifest.js';
import type { ObjectId } from '../../format/object-id.js';
import type { GetOptions, Provider, RequestOptions } from '../../provider/provider.js';
import { BlobReader, decodeFrame, type Readable } from '../read/blob-reader.js';
import { allowedRanges, LiveFrames, partsOf, remoteSpans, spanBytes } from '../read/fetch-plan.js';
import type { KeptFrames } from '../read/frame-cache.js';
import type { Span } from '../read/spans.js';
import type { Repository } from '../repository.js';
import { moved, type Segment, segmentKey, segmentsOf, Waiting } from './blob-parts.js';
import { BufferPool, PackDraft } from './pack-draft.js';

/**
 * Bytes of a span from which the span is fetched into a pooled buffer. At most half of the buffer
 * is unused then.
 */
const POOLED_SPAN = MAX_PACK_SIZE / 2;

export interface CopyOptions extends RequestOptions {
  /**
   * Segments of the source that the target probably has, by `segmentKey`. Blobs that need these
   * segments are verified, and are copied if the guess was wrong.
   */
  present?: ReadonlyMap<string, Segment> | undefined;
  /** The birth epoch of new packs. */
  epoch: number;
  /** Maximum spans fetched at once, and maximum bytes of one span. */
  concurrency: number;
  maxSpan: number;
  /** Called after each span, with its bytes and its frames. */
  onSpan?: ((bytes: number, frames: readonly Frame[]) => void) | undefined;
  /**
   * A cache that keeps the frames of the new packs decoded for the next reader, if there is room
   * for all.
   */
  kept?: KeptFrames | undefined;
  /**
   * Called with the locations of blobs whose packs are durable and whose bytes are verified. Calls
   * do not overlap.
   */
  onVerified?: ((places: ReadonlyMap<ObjectId, BlobPlace>) => Promise<void>) | undefined;
}

/**
 * Copies the blobs. Resolves to their locations in the target, and the packs and bytes that were
 * fetched. The promise in the result resolves after the last call of `onVerified`. Throws INTEGRITY
 * if a blob does not match its id.
 */
export async function copyBlobs(
  source: Repository,
  target: Repository,
  blobs: ReadonlyMap<ObjectId, BlobPlace>,
  options: CopyOptions,
): Promise<{ places: Map<ObjectId, BlobPlace>; packs: number; bytes: number; recorded: Promise<void> }> {
  const copy = new Copy(source, target, blobs, options);
  try {
    const wrong = await copy.run(blobs, options.present ?? new Map());
    if (wrong.size > 0) await copy.run(wrong, new Map());
  } catch (error) {
    // No more calls are made after this. The first error reports the reason.
    await copy.recorded.catch(() => undefined);
    throw error;
  }
  return { places: copy.places, packs: copy.packs.size, bytes: copy.bytes, recorded: copy.recorded };
}

/**
 * A pack of the target with its frames by their keys in the source, and the pending reads of its
 * buffer.
 */
interface FilledPack {
  draft: PackDraft;
  frames: Map<string, Frame>;
  decoding: Promise<void>[];
}

class Copy {
  readonly places = new Map<ObjectId, BlobPlace>();
  readonly packs = new Set<string>();
  bytes = 0;
  recorded: Promise<void> = Promise.resolve();
  readonly #source: Repository;
  readonly #target: Repository;
  readonly #options: CopyOptions;
  readonly #buffers = new BufferPool(MAX_PACK_SIZE);
  /**
   * The cache of decoded frames. Undefined if the blobs are too many for the cache: a part of them
   * is not worth the memory.
   */
  readonly #kept: KeptFrames | undefined;
  /** Frames whose packs are durable in the target, by their keys in the source. */
  readonly #copied = new Map<string, Frame>();

  constructor(source: Repository, target: Repository, blobs: ReadonlyMap<ObjectId, BlobPlace>, options: CopyOptions) {
    this.#kept = fitsDecoded(blobs) ? options.kept : undefined;
    this.#source = source;
    this.#target = target;
    this.#options = options;
  }

  /**
   * Copies the missing segments of the blobs. Resolves to the blobs whose segments were not present
   * as expected. The blobs that a pack completes are verified and reported as soon as the pack is
   * durable, while the next pack is filled. So a killed process repeats only the pending fetches.
   */
  async run(blobs: ReadonlyMap<ObjectId, BlobPlace>, present: ReadonlyMap<string, Segment>): Promise<Map<ObjectId, BlobPlace>> {
    const { signal, concurrency, onSpan } = this.#options;
    const wrong = new Map<ObjectId, BlobPlace>();
    const waiting = new Waiting(blobs, present, this.#copied);
    const arrive = async (ready: ReadonlyMap<ObjectId, BlobPlace>, durable: Promise<void>, draft?: PackDraft): Promise<void> => {
      // Blobs arrive in parts: if hostile bytes claim a million patches of a pack, the first wrong
      // blob ends the pull.
      for (const part of inParts(ready)) for (const [id, place] of await this.#arrive(part, present, durable, draft)) wrong.set(id, place);
    };
    const close = async ({ draft, frames, decoding }: FilledPack): Promise<void> => {
      const durable = this.#target.provider.put(draft.key, draft.seal(), { signal });
      for (const [key, frame] of frames) this.#copied.set(key, frame);
      await arrive(waiting.without(frames.keys()), durable, draft);
      await Promise.all(decoding);
      draft.release();
    };
    // Errors from closing a pack surface at the next await of `closing`: before the next pack is
    // closed, and at the end.
    let closing = arrive(waiting.complete(), Promise.resolve());
    closing.catch(() => undefined);
    let pack: FilledPack | undefined;
    const hand = async (filled: FilledPack): Promise<void> => {
      await closing;
      closing = close(filled);
      closing.catch(() => undefined);
    };
    const spans = this.#plan(blobs, present);
    const isSmall = spanBytes(spans) <= FETCH_AT_ONCE_BYTES;
    const window = { weight: ({ start, end }: Span) => end - start, most: isSmall ? FETCH_AT_ONCE_BYTES : FETCH_AHEAD_BYTES };
    const fetch = async (span: Span) => {
      // Memory of this size that is freed repeatedly is returned to the system late.
      const into = span.end - span.start < POOLED_SPAN ? undefined : this.#buffers.take();
      return { span, into, bytes: await fetchSpan(this.#source, span, { signal, into }) };
    };
    try {
      for await (const { span, into, bytes } of readAhead(spans, concurrency, fetch, window)) {
        throwIfAborted(signal);
        this.packs.add(nameText(span.pack));
        this.bytes += bytes.length;
        for (const frame of span.frames) {
          const stored = bytes.subarray(frame.offset - span.start, frame.offset - span.start + frame.storedLength);
          if (pack !== undefined && !pack.draft.fits(stored.length)) {
            await hand(pack);
            pack = undefined;
          }
          pack ??= this.#newPack();
          this.#append(pack, frame, stored);
        }
        if (into !== undefined) this.#buffers.give(into);
        onSpan?.(bytes.length, span.frames);
      }
      if (pack !== undefined) await hand(pack);
      await closing;
    } finally {
      // Nothing is written after this, and an error has been thrown already.
      await closing.catch(() => undefined);
    }
    return wrong;
  }

  #newPack(): FilledPack {
    const draft = new PackDraft(this.#target, newName(this.#target.host, this.#options.epoch), this.#buffers);
    return { draft, frames: new Map(), decoding: [] };
  }

  #append({ draft, frames, decoding }: FilledPack, frame: Frame, stored: Uint8Array): void {
    const copy = { ...frame, pack: draft.name, offset: draft.append(stored) };
    frames.set(frameKey(frame), copy);
    // The frame is decoded from its position in the new pack, so that the pack is verified.
    const decode = async (): Promise<Uint8Array> => {
      const bytes = await decodeFrame(copy, draft.buffer.subarray(copy.offset, copy.offset + copy.storedLength));
      // Raw data would change when the buffer is reused.
      return bytes.buffer === draft.buffer.buffer ? bytes.slice() : bytes;
    };
    const decoded = this.#kept?.keep(copy, decode);
    if (decoded !== undefined) decoding.push(decoded);
  }

  #plan(blobs: ReadonlyMap<ObjectId, BlobPlace>, present: ReadonlyMap<string, Segment>): Span[] {
    const live = new LiveFrames();
    for (const place of blobs.values()) {
      for (const part of partsOf(place)) if (!present.has(segmentKey(part)) && !this.#copied.has(frameKey(part.frame))) live.add(part);
    }
    const frames = live.list();
    const liveBytes = frames.reduce((sum, frame) => sum + frame.live, 0);
    return remoteSpans(
      frames.map(({ frame }) => frame),
      allowedRanges(liveBytes),
      this.#options.maxSpan,
    );
  }

  /**
   * Verifies blobs with all data in the target or in the `draft`, which is `durable` soon, and then
   * assigns their locations. Resolves to the blobs that were wrongly expected to be there.
   */
  async #arrive(
    ready: ReadonlyMap<ObjectId, BlobPlace>,
    present: ReadonlyMap<string, Segment>,
    durable: Promise<void>,
    draft: PackDraft | undefined,
  ): Promise<Map<ObjectId, BlobPlace>> {
    const arrived = new Map<ObjectId, BlobPlace>();
    const guesses = new Set<ObjectId>();
    for (const [id, { location, length }] of ready) {
      arrived.set(id, { location: moved(location, present, this.#copied), length });
      if (present.size > 0 && segmentsOf(location).some((each) => present.has(segmentKey(each)))) guesses.add(id);
    }
    const damage = (id: ObjectId, cause: unknown): BrowserStateError => {
      const pack = objectKey('packs', (ready.get(id) as BlobPlace).location.frame.pack);
      return integrity(`${this.#source.provider.url}${pack}: expected the blob ${id}, found other bytes`, cause, { key: pack });
    };
    const reader = new BlobReader(draft === undefined ? this.#target : withDraft(this.#target, draft), {
      signal: this.#options.signal,
      kept: this.#kept,
    });
    const [verified] = await Promise.allSettled([verify(reader, arrived, guesses, damage), durable]);
    await durable;
    if (verified.status === 'rejected') throw verified.reason;
    const wrong = verified.value;
    for (const id of wrong) arrived.delete(id);
    const { onVerified } = this.#options;
    if (arrived.size > 0 && onVerified !== undefined) {
      // At most one batch is reported meanwhile: an unreported batch is fetched again if the
      // process is killed.
      await this.recorded;
      this.recorded = onVerified(arrived);
    }
    // Errors surface at the await at the end.
    this.recorded.catch(() => undefined);
    for (const [id, place] of arrived) this.places.set(id, place);
    return new Map([...ready].filter(([id]) => wrong.has(id)));
  }
}

/** Yields the blobs in parts. Yields at least one part. */
function* inParts(blobs: ReadonlyMap<ObjectId, BlobPlace>): Generator<ReadonlyMap<ObjectId, BlobPlace>> {
  if (blobs.size <= ARRIVING_BLOBS) return void (yield blobs);
  let part = new Map<ObjectId, BlobPlace>();
  for (const [id, place] of blobs) {
    part.set(id, place);
    if (part.size < ARRIVING_BLOBS) continue;
    yield part;
    part = new Map();
  }
  if (part.size > 0) yield part;
}

/** Returns true if all frames of the blobs together have at most KEPT_FRAME_BYTES. */
function fitsDecoded(blobs: ReadonlyMap<ObjectId, BlobPlace>): boolean {
  const seen = new Set<string>();
  let bytes = 0;
  for (const { location } of blobs.values()) {
    for (const frame of framesOf(location)) {
      const key = frameKey(frame);
      if (!seen.has(key)) bytes += frame.length;
      seen.add(key);
      if (bytes > KEPT_FRAME_BYTES) return false;
    }
  }
  return true;
}

async function fetchSpan({ provider }: Repository, { pack, start, end }: Span, options: GetOptions): Promise<Uint8Array> {
  const key = objectKey('packs', pack);
  try {
    return await readingKey(key, () => provider.get(key, { ...options, range: { start, end } }));
  } catch (error) {
    throw isError(error, 'NOT_FOUND') ? integrity(`${key}: expected a pack that a manifest names, found none`, error, { key }) : error;
  }
}

/** Returns a source that reads from the target, and from a pack that is not stored there yet. */
function withDraft({ provider }: Repository, draft: PackDraft): Readable {
  const get: Provider['get'] = async (key, options) => {
    const range = key === draft.key ? options?.range : undefined;
    return range === undefined ? provider.get(key, options) : draft.buffer.subarray(range.start, range.end);
  };
  return { provider: { get } };
}

/** Verifies copied blobs. Resolves to the ids of wrong guesses. */
async function verify(
  reader: BlobReader,
  places: ReadonlyMap<ObjectId, BlobPlace>,
  guesses: ReadonlySet<ObjectId>,
  damage: (id: ObjectId, cause: unknown) => BrowserStateError,
): Promise<Set<ObjectId>> {
  const wrong = new Set<ObjectId>();
  reader.plan(places.values());
  const check = async ([id, place]: [ObjectId, BlobPlace]): Promise<void> => {
    try {
      await reader.read(id, place);
    } catch (error) {
      if (!isError(error, 'INTEGRITY')) throw error;
      if (!guesses.has(id)) throw damage(id, error);
      wrong.add(id);
    }
  };
  for await (const done of readAhead(places, BLOBS_AHEAD, check)) void done;
  return wrong;
}
