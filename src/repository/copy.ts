/**
 * Copies blobs from one repository to another frame by frame, as they are compressed, into packs of the target (SPEC.md 11.5). What arrives is verified
 * before the caller learns its place, so that nothing unverified is ever named. Memory is bounded by the spans under way and one pack.
 */
import { readAhead } from '../concurrency.js';
import { integrity, isError, throwIfAborted } from '../errors.js';
import { BLOBS_AHEAD, COPY_BATCH_BYTES, MAX_PACK_SIZE } from '../limits.js';
import type { ObjectId } from '../object-id.js';
import { compareFrames, type Frame, frameKey, framesOf, type Location } from '../pack/locator.js';
import type { RequestOptions } from '../provider/provider.js';
import { BlobReader, type Span, spansOf } from './blob-reader.js';
import { newName, objectKey } from './layout.js';
import type { BlobPlace } from './manifest.js';
import { PackDraft } from './pack-draft.js';
import type { Repository } from './repository.js';

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

/** Copies the blobs; resolves to their places in the target and the bytes that were fetched. INTEGRITY where one is not what its id says. */
export async function copyBlobs(
  source: Repository,
  target: Repository,
  blobs: ReadonlyMap<ObjectId, BlobPlace>,
  options: CopyOptions,
): Promise<{ places: Map<ObjectId, BlobPlace>; bytes: number }> {
  const places = new Map<ObjectId, BlobPlace>();
  const copied = new Map<string, Frame>();
  const present = new Map(options.present);
  let bytes = 0;
  const copy = async (batch: readonly [ObjectId, BlobPlace][]): Promise<[ObjectId, BlobPlace][]> => {
    bytes += await copyFrames(source, target, batch, present, copied, options);
    const arrived = new Map(batch.map(([id, { location, length }]) => [id, { location: moved(location, present, copied), length }]));
    const isGuess = new Set(
      batch.filter(([, { location }]) => segmentsOf(location).some((each) => present.has(segmentKey(each)))).map(([id]) => id),
    );
    const wrong = await verify(target, arrived, isGuess, source.provider.url, options);
    for (const id of wrong) arrived.delete(id);
    await options.onVerified?.(arrived);
    for (const [id, place] of arrived) places.set(id, place);
    return batch.filter(([id]) => wrong.has(id));
  };
  const again: [ObjectId, BlobPlace][] = [];
  for (const batch of batchesOf(blobs)) again.push(...(await copy(batch)));
  present.clear();
  if (again.length > 0) await copy(again);
  return { places, bytes };
}

function segmentsOf({ frame, offset, patches }: Location): Segment[] {
  return [{ frame, offset }, ...patches];
}

/** The blobs in the order of their places, in batches of a bounded number of stored bytes: what a crash makes to be fetched again. */
function* batchesOf(blobs: ReadonlyMap<ObjectId, BlobPlace>): Generator<[ObjectId, BlobPlace][]> {
  const sorted = [...blobs].sort(([, { location: a }], [, { location: b }]) => compareFrames(a.frame, b.frame) || a.offset - b.offset);
  const seen = new Set<string>();
  let batch: [ObjectId, BlobPlace][] = [];
  let size = 0;
  for (const blob of sorted) {
    batch.push(blob);
    for (const frame of framesOf(blob[1].location)) {
      if (!seen.has(frameKey(frame))) size += frame.storedLength;
      seen.add(frameKey(frame));
    }
    if (size < COPY_BATCH_BYTES) continue;
    yield batch;
    batch = [];
    size = 0;
  }
  if (batch.length > 0) yield batch;
}

/** Copies what the batch needs and `copied` has not yet. */
async function copyFrames(
  source: Repository,
  target: Repository,
  batch: readonly [ObjectId, BlobPlace][],
  present: ReadonlyMap<string, Segment>,
  copied: Map<string, Frame>,
  options: CopyOptions,
): Promise<number> {
  const { signal, epoch, concurrency, maxSpan, onSpan } = options;
  const needed = batch.flatMap(([, { location }]) => segmentsOf(location)).filter((segment) => !present.has(segmentKey(segment)));
  const frames = new Map(needed.map(({ frame }) => [frameKey(frame), frame]));
  for (const key of copied.keys()) frames.delete(key);
  const fetch = async (span: Span) => ({ span, bytes: await fetchSpan(source, span, options) });
  const buffer = new Uint8Array(MAX_PACK_SIZE);
  let pack: PackDraft | undefined;
  let total = 0;
  const send = async (draft: PackDraft) => {
    await target.provider.put(objectKey('packs', draft.name), draft.seal(), { signal });
  };
  for await (const { span, bytes } of readAhead(spansOf(frames.values(), maxSpan), concurrency, fetch)) {
    throwIfAborted(signal);
    total += bytes.length;
    for (const frame of span.frames) {
      const stored = bytes.subarray(frame.offset - span.start, frame.offset - span.start + frame.storedLength);
      if (pack !== undefined && !pack.fits(stored.length)) {
        await send(pack);
        pack = undefined;
      }
      pack ??= new PackDraft(target, newName(target.host, epoch), buffer);
      copied.set(frameKey(frame), { ...frame, pack: pack.name, offset: pack.append(stored) });
    }
    onSpan?.(bytes.length, span.frames);
  }
  if (pack !== undefined) await send(pack);
  return total;
}

async function fetchSpan({ provider }: Repository, { key, start, end }: Span, { signal }: RequestOptions): Promise<Uint8Array> {
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
  from: string,
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
      if (!guesses.has(id)) throw integrity(`${from}: what came from there is damaged: ${error.message}`, error);
      wrong.add(id);
    }
  };
  for await (const done of readAhead(places, BLOBS_AHEAD, check)) void done;
  return wrong;
}
