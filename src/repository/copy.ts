/**
 * Copies blobs from one repository to another frame by frame, as they are compressed, into packs of the target (SPEC.md 11.5). What arrives is verified
 * before the caller learns its place, so that nothing unverified is ever named. Memory is bounded by the spans under way and one pack.
 */
import { readAhead } from '../concurrency.js';
import { type BrowserStateError, integrity, isError, throwIfAborted } from '../errors.js';
import { BLOBS_AHEAD, FETCH_AHEAD_BYTES, MAX_PACK_SIZE } from '../limits.js';
import type { ObjectId } from '../object-id.js';
import { type Frame, frameKey, type Location, nameText } from '../pack/locator.js';
import type { RequestOptions } from '../provider/provider.js';
import { BlobReader } from './blob-reader.js';
import { allowedRanges, LiveFrames, partsOf, remoteSpans } from './fetch-plan.js';
import { newName, objectKey } from './layout.js';
import type { BlobPlace } from './manifest.js';
import { PackDraft } from './pack-draft.js';
import type { Repository } from './repository.js';
import type { Span } from './spans.js';

/** Part of an uncompressed frame: where a blob's base or a patch begins. */
export interface Segment {
  frame: Frame;
  offset: number;
}

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
  /** Told the places of blobs whose packs are durable and whose bytes are verified. */
  onVerified?: ((places: ReadonlyMap<ObjectId, BlobPlace>) => Promise<void>) | undefined;
}

function segmentKey({ frame, offset }: Segment): string {
  return `${frameKey(frame)}+${offset}`;
}

/**
 * The segments that make up blobs in the source, with those that make up the same blobs in the target in the same way. The same blob may be put
 * together from other bytes, so these are guesses.
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

class Copy {
  readonly places = new Map<ObjectId, BlobPlace>();
  readonly packs = new Set<string>();
  bytes = 0;
  readonly #source: Repository;
  readonly #target: Repository;
  readonly #options: CopyOptions;
  /** Frames whose packs are durable in the target, by their keys in the source. */
  readonly #copied = new Map<string, Frame>();

  constructor(source: Repository, target: Repository, options: CopyOptions) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
  }

  /**
   * Copies what the blobs need and is not present; resolves to those for which what was thought to be present was not. What a pack completes is verified and
   * told as soon as the pack is durable: a process that is killed fetches no more than what was under way once more.
   */
  async run(blobs: ReadonlyMap<ObjectId, BlobPlace>, present: ReadonlyMap<string, Segment>): Promise<Map<ObjectId, BlobPlace>> {
    const { signal, epoch, concurrency, onSpan } = this.#options;
    const wrong = new Map<ObjectId, BlobPlace>();
    const waiting = new Waiting(blobs, present, this.#copied);
    const buffer = new Uint8Array(MAX_PACK_SIZE);
    let pack: PackDraft | undefined;
    let packed = new Map<string, Frame>();
    const arrive = async (ready: ReadonlyMap<ObjectId, BlobPlace>): Promise<void> => {
      for (const [id, place] of await this.#arrive(ready, present)) wrong.set(id, place);
    };
    const close = async (draft: PackDraft): Promise<void> => {
      await this.#target.provider.put(draft.key, draft.seal(), { signal });
      for (const [key, frame] of packed) this.#copied.set(key, frame);
      await arrive(waiting.without(packed.keys()));
      packed = new Map();
    };
    await arrive(waiting.complete());
    const window = { weight: ({ start, end }: Span) => end - start, most: FETCH_AHEAD_BYTES };
    const fetch = async (span: Span) => ({ span, bytes: await fetchSpan(this.#source, span, this.#options) });
    for await (const { span, bytes } of readAhead(this.#plan(blobs, present), concurrency, fetch, window)) {
      throwIfAborted(signal);
      this.packs.add(nameText(span.pack));
      this.bytes += bytes.length;
      for (const frame of span.frames) {
        const stored = bytes.subarray(frame.offset - span.start, frame.offset - span.start + frame.storedLength);
        if (pack !== undefined && !pack.fits(stored.length)) {
          await close(pack);
          pack = undefined;
        }
        pack ??= new PackDraft(this.#target, newName(this.#target.host, epoch), buffer);
        packed.set(frameKey(frame), { ...frame, pack: pack.name, offset: pack.append(stored) });
      }
      onSpan?.(bytes.length, span.frames);
    }
    if (pack !== undefined) await close(pack);
    return wrong;
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
    if (arrived.size > 0) await this.#options.onVerified?.(arrived);
    for (const [id, place] of arrived) this.places.set(id, place);
    return new Map([...ready].filter(([id]) => wrong.has(id)));
  }
}

/** Blobs and the frames that they wait for. */
class Waiting {
  readonly #blobs: ReadonlyMap<ObjectId, BlobPlace>;
  /** How many frames a blob waits for, and who waits for a frame. */
  readonly #missing = new Map<ObjectId, number>();
  readonly #waiters = new Map<string, ObjectId[]>();

  constructor(blobs: ReadonlyMap<ObjectId, BlobPlace>, present: ReadonlyMap<string, Segment>, copied: ReadonlyMap<string, Frame>) {
    this.#blobs = blobs;
    for (const [id, { location }] of blobs) {
      const absent = segmentsOf(location).filter((each) => !present.has(segmentKey(each)) && !copied.has(frameKey(each.frame)));
      const frames = new Set(absent.map(({ frame }) => frameKey(frame)));
      this.#missing.set(id, frames.size);
      for (const key of frames) {
        const waiters = this.#waiters.get(key);
        if (waiters === undefined) this.#waiters.set(key, [id]);
        else waiters.push(id);
      }
    }
  }

  /** Those that wait for nothing. */
  complete(): Map<ObjectId, BlobPlace> {
    return new Map([...this.#blobs].filter(([id]) => this.#missing.get(id) === 0));
  }

  /** Those that wait for nothing more once these frames are there. */
  without(frames: Iterable<string>): Map<ObjectId, BlobPlace> {
    const ready = new Map<ObjectId, BlobPlace>();
    for (const key of frames) {
      for (const id of this.#waiters.get(key) ?? []) {
        const left = (this.#missing.get(id) as number) - 1;
        this.#missing.set(id, left);
        if (left === 0) ready.set(id, this.#blobs.get(id) as BlobPlace);
      }
      this.#waiters.delete(key);
    }
    return ready;
  }
}

function segmentsOf({ frame, offset, patches }: Location): Segment[] {
  return [{ frame, offset }, ...patches];
}

async function fetchSpan({ provider }: Repository, { pack, start, end }: Span, { signal }: RequestOptions): Promise<Uint8Array> {
  const key = objectKey('packs', pack);
  try {
    return await provider.get(key, { signal, range: { start, end } });
  } catch (error) {
    throw isError(error, 'NOT_FOUND') ? integrity(`${key}: expected a pack that a manifest names, found none`, error) : error;
  }
}

function moved(location: Location, present: ReadonlyMap<string, Segment>, copied: ReadonlyMap<string, Frame>): Location {
  const to = ({ frame, offset }: Segment): Segment => {
    const { frame: found, offset: at } = present.get(segmentKey({ frame, offset })) ?? {
      frame: copied.get(frameKey(frame)) as Frame,
      offset,
    };
    return { frame: found, offset: at };
  };
  const { baseLength, patches } = location;
  return { ...to(location), baseLength, patches: patches.map((patch) => ({ ...to(patch), bitmap: patch.bitmap })) };
}

/** Verifies what arrived; resolves to the ids of guesses that were wrong. */
async function verify(
  target: Repository,
  places: ReadonlyMap<ObjectId, BlobPlace>,
  guesses: ReadonlySet<ObjectId>,
  damage: (id: ObjectId, cause: unknown) => BrowserStateError,
  options: RequestOptions,
): Promise<Set<ObjectId>> {
  const wrong = new Set<ObjectId>();
  const reader = new BlobReader(target, { signal: options.signal });
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
