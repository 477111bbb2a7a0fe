/**
 * Keeps a long history from fragmenting a mount (SPEC.md 11.1, R-COMPACT): a commit that would leave its blobs in too many packs, or among
 * too many dead bytes, stores some of them anew in its own pack. Planning is pure: it sees places and sizes, no bytes. Ids never change; what
 * changes is where bytes are.
 */
import { isError } from '../errors.js';
import { COMPACT_RATIO, COMPACTED_RATIO, MAX_COMPACTION_ROUNDS, MAX_PACK_SIZE, PAGE_SIZE } from '../limits.js';
import type { ObjectId } from '../object-id.js';
import { type Frame, frameKey, type Location } from '../pack/locator.js';
import { pageCount } from '../pack/patch.js';
import type { BlobWriter } from './blob-writer.js';
import { allowedRanges, LiveFrames, type Part, partsOf, remoteSpans, spanBytes, storedShare } from './fetch-plan.js';
import { objectKey } from './layout.js';
import type { BlobPlace } from './manifest.js';
import type { Span } from './spans.js';

/** How a blob is stored anew: whole, or as what is kept of its location and a patch of the pages that the rest showed. */
export type Rewrite = 'whole' | { kept: Location; bitmap: number };

/** Reads a blob that moves; INTEGRITY where it is damaged: it then stays where it is. */
export type ReadBlob = (id: ObjectId, place: BlobPlace) => Promise<Uint8Array>;

/**
 * Compacts what the writer placed, and what it only names, until a cold mount of `places` is within its limits. Called after `settle` and
 * before `finish`; the new places are in `writer.places`.
 */
export async function compact(writer: BlobWriter, places: ReadonlyMap<ObjectId, BlobPlace>, readBlob: ReadBlob): Promise<void> {
  let current = places;
  // What moves is compressed anew, to a size that could only be estimated; what that leaves to do is little.
  for (let round = 0; round < MAX_COMPACTION_ROUNDS; round++) {
    const plan = planCompaction(current, writer.packs);
    if (plan.size === 0) return;
    for (const [id, rewrite] of plan) await execute(writer, id, current.get(id) as BlobPlace, rewrite, readBlob);
    await writer.settle();
    current = new Map([...current].map(([id, place]) => [id, writer.places.get(id) ?? place]));
  }
}

async function execute(writer: BlobWriter, id: ObjectId, place: BlobPlace, rewrite: Rewrite, readBlob: ReadBlob): Promise<void> {
  if (rewrite !== 'whole' && rewrite.bitmap === 0) {
    writer.move(id, { location: rewrite.kept, length: place.length });
    return;
  }
  try {
    await writer.rewrite(id, await readBlob(id, place), rewrite);
  } catch (error) {
    if (!isError(error, 'INTEGRITY')) throw error;
  }
}

/**
 * The blobs to store anew in the commit's packs, whose keys `own` has. Patches that show nothing are left out of their locations in any
 * case: that moves no byte.
 */
export function planCompaction(places: ReadonlyMap<ObjectId, BlobPlace>, own: ReadonlySet<string>): Map<ObjectId, Rewrite> {
  const plan = new Plan(places, own);
  if (plan.isOver(COMPACT_RATIO)) {
    plan.dropPacks();
    while (plan.isOver(COMPACTED_RATIO) && plan.dropFrames());
  }
  return plan.rewrites();
}

interface LiveFrame {
  key: string;
  frame: Frame;
  live: number;
}

/** What a cold mount would meet after the frames that were dropped so far. Bytes are stored ones; those of what moves are an estimate. */
interface Outcome {
  /** The frames that stay, by the keys of their packs. */
  packs: ReadonlyMap<string, LiveFrame[]>;
  liveBytes: number;
  fetchBytes: number;
  ranges: number;
  /** What of it is in the commit's own packs: new bytes, and those that move. */
  ownBytes: number;
  /** By the keys of packs, the bytes fetched for a byte of their frames. */
  waste: ReadonlyMap<string, number>;
}

class Plan {
  readonly #places: ReadonlyMap<ObjectId, BlobPlace>;
  readonly #own: ReadonlySet<string>;
  readonly #dropped = new Set<string>();
  #outcome: Outcome;

  constructor(places: ReadonlyMap<ObjectId, BlobPlace>, own: ReadonlySet<string>) {
    this.#places = places;
    this.#own = own;
    this.#outcome = this.#measure();
  }

  isOver(ratio: number): boolean {
    const { ranges, liveBytes, fetchBytes } = this.#outcome;
    return ranges > allowedRanges(liveBytes) || fetchBytes > ratio * liveBytes;
  }

  rewrites(): Map<ObjectId, Rewrite> {
    const found = new Map<ObjectId, Rewrite>();
    for (const [id, place] of this.#places) {
      const rewrite = this.#rewrite(place, partsOf(place));
      if (rewrite !== undefined) found.set(id, rewrite);
    }
    return found;
  }

  /**
   * Drops the smallest packs, as many as are cheapest: n free slots serve some n(n + 1)/2 commits before as much must be moved again, for
   * the packs in them are merged meanwhile, each time into one slot less.
   */
  dropPacks(): void {
    const { liveBytes, ownBytes } = this.#outcome;
    const packs = [...this.#outcome.packs]
      .filter(([name]) => !this.#own.has(name))
      .map(([, frames]) => ({ frames, live: sum(frames.map(({ live }) => live)) }))
      .sort((a, b) => a.live - b.live);
    let moved = ownBytes;
    let best = { cost: Number.POSITIVE_INFINITY, count: 0 };
    packs.forEach(({ live }, i) => {
      moved += live;
      const free = allowedRanges(liveBytes) - (packs.length - i - 1) - packsOf(moved);
      const cost = free > 0 ? moved / (free * (free + 1)) : Number.POSITIVE_INFINITY;
      if (cost <= best.cost && cost < Number.POSITIVE_INFINITY) best = { cost, count: i + 1 };
    });
    for (const { frames } of packs.slice(0, best.count)) for (const { key } of frames) this.#dropped.add(key);
    this.#outcome = this.#measure();
  }

  /** Drops the frames that are most dead, as many as seem to be needed; false where none are left to gain by. */
  dropFrames(): boolean {
    const { packs, liveBytes, fetchBytes, waste } = this.#outcome;
    const gains = [...packs.values()].flat().map(({ key, frame, live }) => {
      const fetched = frame.storedLength * (waste.get(objectKey('packs', frame.pack)) as number);
      return { key, gain: fetched - live, share: live / fetched };
    });
    let needed = Math.max(1, fetchBytes - COMPACTED_RATIO * liveBytes);
    const before = this.#dropped.size;
    for (const { key, gain } of gains.sort((a, b) => a.share - b.share)) {
      if (needed <= 0 || gain <= 0) break;
      this.#dropped.add(key);
      needed -= gain;
    }
    this.#outcome = this.#measure();
    return this.#dropped.size > before;
  }

  #isDropped({ frame }: Part): boolean {
    return this.#dropped.has(frameKey(frame));
  }

  #rewrite({ location, length }: BlobPlace, [base, ...patches]: [Part, ...Part[]]): Rewrite | undefined {
    if (this.#isDropped(base)) return 'whole';
    const isKept = patches.map((patch) => !this.#isDropped(patch) && patch.seen !== 0);
    if (!isKept.includes(false)) return undefined;
    const bitmap = patches.reduce((bits, { seen }, i) => (isKept[i] ? bits : bits | seen), 0);
    // As a writer does it: what changed in most of its pages is stored whole.
    if (pageCount(bitmap) * 4 > Math.ceil(length / PAGE_SIZE) * 3) return 'whole';
    return { kept: { ...location, patches: location.patches.filter((_, i) => isKept[i]) }, bitmap };
  }

  #measure(): Outcome {
    const frames = new LiveFrames();
    let moved = 0;
    // The parts of a place are found again each time: held for all of 31,000 they took 25 MB.
    for (const place of this.#places.values()) {
      const parts = partsOf(place);
      const rewrite = this.#rewrite(place, parts);
      parts.forEach((part, i) => {
        const isMoved = rewrite === 'whole' || (rewrite !== undefined && this.#isDropped(part));
        if (isMoved) moved += storedShare(part.frame, part.bytes);
        else if (i === 0 || part.seen !== 0) frames.add(part);
      });
    }
    const packs = groupByPack(frames.list());
    const staying = [...packs.values()].flat();
    const ownBytes = moved + sum([...this.#own].flatMap((name) => (packs.get(name) ?? []).map(({ frame }) => frame.storedLength)));
    const morePacks = Math.max(0, packsOf(ownBytes) - this.#own.size);
    const liveBytes = moved + sum(staying.map(({ live }) => live));
    const spans = remoteSpans(
      staying.map(({ frame }) => frame),
      allowedRanges(liveBytes) - morePacks,
    );
    return { packs, liveBytes, fetchBytes: spanBytes(spans) + moved, ranges: spans.length + morePacks, ownBytes, waste: wasteOf(spans) };
  }
}

function wasteOf(spans: readonly Span[]): Map<string, number> {
  const totals = new Map<string, { fetched: number; used: number }>();
  for (const { pack, start, end, frames } of spans) {
    const { fetched, used } = totals.get(objectKey('packs', pack)) ?? { fetched: 0, used: 0 };
    totals.set(objectKey('packs', pack), {
      fetched: fetched + end - start,
      used: used + sum(frames.map(({ storedLength }) => storedLength)),
    });
  }
  return new Map([...totals].map(([name, { fetched, used }]) => [name, fetched / used]));
}

const packsOf = (bytes: number): number => Math.ceil(bytes / MAX_PACK_SIZE);

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

function groupByPack(frames: readonly LiveFrame[]): Map<string, LiveFrame[]> {
  const groups = new Map<string, LiveFrame[]>();
  for (const live of frames) {
    const name = objectKey('packs', live.frame.pack);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [live]);
    else group.push(live);
  }
  return groups;
}
