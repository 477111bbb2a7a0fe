/**
 * Copies blobs from one repository to another frame by frame, as they are compressed, into packs of the target (SPEC.md 11.5). What arrives is verified
 * before the caller learns its place, so that nothing unverified is ever named. Memory is bounded by the spans under way and one pack.
 */
import { readAhead } from '../concurrency.js';
import { type BrowserStateError, integrity, isError, throwIfAborted } from '../errors.js';
import { BLOBS_AHEAD, FETCH_AHEAD_BYTES, MAX_PACK_SIZE } from '../limits.js';
import type { ObjectId } from '../object-id.js';
import { type Frame, frameKey, nameText } from '../pack/locator.js';
import type { RequestOptions } from '../provider/provider.js';
import { BlobReader, decodeFrame } from './blob-reader.js';
import { allowedRanges, LiveFrames, partsOf, remoteSpans } from './fetch-plan.js';
import type { KeptFrames } from './kept-frames.js';
import { newName, objectKey } from './layout.js';
import type { BlobPlace } from './manifest.js';
import { BufferPool, PackDraft } from './pack-draft.js';
import type { Repository } from './repository.js';
import { moved, type Segment, segmentKey, segmentsOf, Waiting } from './segments.js';
import type { Span } from './spans.js';

export interface CopyOptions extends RequestOptions {
  /** Segments of the source that the target is thought to have, by `segmentKey`: blobs that need them are verified, and copied if that is not so. */
  present?: ReadonlyMap<string, Segment> | undefined;
  /** The birth epoch of new packs. */
  epoch: number;
  /** Spans that are fetched at once, and the most bytes of one. */
  concurrency: number;
  maxSpan: number;
  /** Told after each span, with its bytes and the frames in it. */
  onSpan?: ((bytes: number, frames: readonly Frame[]) => void) | undefined;
  /** Keeps frames of the new packs decoded, for whoever reads them next. */
  kept?: KeptFrames | undefined;
  /** Told the places of blobs whose packs are durable and whose bytes are verified, one time after the other. */
  onVerified?: ((places: ReadonlyMap<ObjectId, BlobPlace>) => Promise<void>) | undefined;
}

/** Copies the blobs; resolves to their places in the target, and the packs and bytes that were fetched. INTEGRITY where one is not what its id says. */
export async function copyBlobs(
  source: Repository,
  target: Repository,
  blobs: ReadonlyMap<ObjectId, BlobPlace>,
  options: CopyOptions,
): Promise<{ places: Map<ObjectId, BlobPlace>; packs: number; bytes: number }> {
  const copy = new Copy(source, target, options);
  const wrong = await copy.run(blobs, options.present ?? new Map());
  if (wrong.size > 0) await copy.run(wrong, new Map());
  return { places: copy.places, packs: copy.packs.size, bytes: copy.bytes };
}

/** A pack of the target with its frames by their keys in the source, and what still reads from its buffer. */
interface FilledPack {
  draft: PackDraft;
  frames: Map<string, Frame>;
  decoding: Promise<void>[];
}

class Copy {
  readonly places = new Map<ObjectId, BlobPlace>();
  readonly packs = new Set<string>();
  bytes = 0;
  readonly #source: Repository;
  readonly #target: Repository;
  readonly #options: CopyOptions;
  readonly #buffers = new BufferPool(MAX_PACK_SIZE);
  /** Frames whose packs are durable in the target, by their keys in the source. */
  readonly #copied = new Map<string, Frame>();
  #told: Promise<void> = Promise.resolve();

  constructor(source: Repository, target: Repository, options: CopyOptions) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
  }

  /**
   * Copies what the blobs need and is not present; resolves to those for which what was thought to be present was not. What a pack completes is verified and
   * told as soon as the pack is durable, while the next one is filled: a process that is killed fetches no more than what was under way once more.
   */
  async run(blobs: ReadonlyMap<ObjectId, BlobPlace>, present: ReadonlyMap<string, Segment>): Promise<Map<ObjectId, BlobPlace>> {
    const { signal, concurrency, onSpan } = this.#options;
    const wrong = new Map<ObjectId, BlobPlace>();
    const waiting = new Waiting(blobs, present, this.#copied);
    const arrive = async (ready: ReadonlyMap<ObjectId, BlobPlace>): Promise<void> => {
      for (const [id, place] of await this.#arrive(ready, present)) wrong.set(id, place);
    };
    const close = async (pack: FilledPack): Promise<void> => {
      await this.#target.provider.put(pack.draft.key, pack.draft.seal(), { signal });
      for (const [key, frame] of pack.frames) this.#copied.set(key, frame);
      await arrive(waiting.without(pack.frames.keys()));
      await Promise.all(pack.decoding);
      this.#buffers.give(pack.draft.buffer);
    };
    let closing = arrive(waiting.complete());
    let pack: FilledPack | undefined;
    const hand = async (filled: FilledPack): Promise<void> => {
      await closing;
      closing = close(filled);
      closing.catch(() => undefined);
    };
    closing.catch(() => undefined);
    const window = { weight: ({ start, end }: Span) => end - start, most: FETCH_AHEAD_BYTES };
    const fetch = async (span: Span) => ({ span, bytes: await fetchSpan(this.#source, span, this.#options) });
    try {
      for await (const { span, bytes } of readAhead(this.#plan(blobs, present), concurrency, fetch, window)) {
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
        onSpan?.(bytes.length, span.frames);
      }
      if (pack !== undefined) await hand(pack);
      await closing;
      await this.#told;
    } finally {
      // Nothing is written any more once this is over.
      await Promise.allSettled([closing, this.#told]);
    }
    return wrong;
  }

  #newPack(): FilledPack {
    const draft = new PackDraft(this.#target, newName(this.#target.host, this.#options.epoch), this.#buffers.take());
    return { draft, frames: new Map(), decoding: [] };
  }

  #append({ draft, frames, decoding }: FilledPack, frame: Frame, stored: Uint8Array): void {
    const copy = { ...frame, pack: draft.name, offset: draft.append(stored) };
    frames.set(frameKey(frame), copy);
    const { kept } = this.#options;
    // Decoded from where it lies in the new pack, so that this is verified.
    const decoded = kept?.keep(copy, () => decodeFrame(copy, draft.buffer.subarray(copy.offset, copy.offset + copy.storedLength)));
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

  /** Verifies blobs of which everything is there, and gives them their places; resolves to those that were wrongly thought to be there. */
  async #arrive(ready: ReadonlyMap<ObjectId, BlobPlace>, present: ReadonlyMap<string, Segment>): Promise<Map<ObjectId, BlobPlace>> {
    if (ready.size === 0) return new Map();
    const arrived = new Map<ObjectId, BlobPlace>();
    const guesses = new Set<ObjectId>();
    for (const [id, { location, length }] of ready) {
      arrived.set(id, { location: moved(location, present, this.#copied), length });
      if (segmentsOf(location).some((each) => present.has(segmentKey(each)))) guesses.add(id);
    }
    const damage = (id: ObjectId, cause: unknown): BrowserStateError => {
      const pack = objectKey('packs', (ready.get(id) as BlobPlace).location.frame.pack);
      return integrity(`${this.#source.provider.url}${pack}: expected the blob ${id}, found other bytes`, cause);
    };
    const wrong = await verify(this.#target, arrived, guesses, damage, this.#options);
    for (const id of wrong) arrived.delete(id);
    const { onVerified } = this.#options;
    if (arrived.size > 0 && onVerified !== undefined) this.#told = this.#told.then(() => onVerified(arrived));
    this.#told.catch(() => undefined);
    for (const [id, place] of arrived) this.places.set(id, place);
    return new Map([...ready].filter(([id]) => wrong.has(id)));
  }
}

async function fetchSpan({ provider }: Repository, { pack, start, end }: Span, { signal }: RequestOptions): Promise<Uint8Array> {
  const key = objectKey('packs', pack);
  try {
    return await provider.get(key, { signal, range: { start, end } });
  } catch (error) {
    throw isError(error, 'NOT_FOUND') ? integrity(`${key}: expected a pack that a manifest names, found none`, error) : error;
  }
}

/** Verifies what arrived; resolves to the ids of guesses that were wrong. */
async function verify(
  target: Repository,
  places: ReadonlyMap<ObjectId, BlobPlace>,
  guesses: ReadonlySet<ObjectId>,
  damage: (id: ObjectId, cause: unknown) => BrowserStateError,
  options: Pick<CopyOptions, 'signal' | 'kept'>,
): Promise<Set<ObjectId>> {
  const wrong = new Set<ObjectId>();
  const reader = new BlobReader(target, { signal: options.signal, kept: options.kept });
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
