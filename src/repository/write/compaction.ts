/**
 * Compaction, which keeps a long history from fragmenting a mount (SPEC.md 11.1, R-COMPACT-1). The
 * blobs of a commit may be in too many packs, or among too many dead bytes. The commit then stores
 * some of its blobs again in its own pack. Planning is pure: it uses locations and sizes, no bytes.
 * Ids never change, only the locations of bytes.
 */
import { isError } from '../../base/errors.js';
import { COMPACT_RATIO, LASTING_SHARE, MAX_COMPACTION_ROUNDS, MAX_PACK_SIZE, PAGE_SIZE } from '../../base/limits.js';
import { objectKey } from '../../format/keys.js';
import { type Frame, frameKey, type Location } from '../../format/locator.js';
import type { BlobPlace } from '../../format/manifest.js';
import type { ObjectId } from '../../format/object-id.js';
import { pageCount } from '../../format/patch.js';
import { allowedRanges, LiveFrames, type Part, partsOf, remoteSpans, spanBytes, storedShare } from '../read/fetch-plan.js';
import type { BlobWriter } from './blob-writer.js';

/**
 * The form in which a blob is rewritten. The blob is stored whole, or as the kept part of its
 * location and a patch of the other pages that it showed.
 */
export type Rewrite = 'whole' | { kept: Location; bitmap: number };

/** Blobs with their locations, each once. Iterated several times. */
export type Places = Iterable<readonly [ObjectId, BlobPlace]>;

/**
 * Reads a blob that moves. Throws INTEGRITY if the blob is damaged: it then stays at its location.
 */
export type ReadBlob = (id: ObjectId, place: BlobPlace) => Promise<Uint8Array>;

/**
 * Compacts the blobs that the writer stored, and those that it only names, until a cold mount of
 * `places` is within its limits. Called after `settle` and before `finish`. The writer has the new
 * locations.
 */
export async function compact(writer: BlobWriter, places: Places, readBlob: ReadBlob): Promise<void> {
  const current: Places = {
    *[Symbol.iterator]() {
      for (const [id, place] of places) yield [id, writer.place(id) ?? place];
    },
  };
  // The size of moved blobs, which are compressed again, was only an estimate. Little is left to do
  // after the first round.
  for (let round = 0; round < MAX_COMPACTION_ROUNDS; round++) {
    const plan = planCompaction(current, writer.packs);
    if (plan.size === 0) return;
    for (const [id, place] of current) {
      const rewrite = plan.get(id);
      if (rewrite !== undefined) await execute(writer, id, place, rewrite, readBlob);
    }
    await writer.settle();
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
 * Returns the blobs to rewrite in the commit's packs, whose keys are in `own`. Patches that show
 * nothing are always removed from their locations: the removal moves no byte.
 */
export function planCompaction(places: Places, own: ReadonlySet<string>): Map<ObjectId, Rewrite> {
  const plan = new Plan(places, own);
  while (plan.isOver() && plan.drop());
  return plan.rewrites();
}

/** The lowest cost of a range to try, in bytes moved. Each further cost is twice the previous. */
const MIN_RANGE_COST = 1024;
/** Costs to try for a dead byte in a range, in bytes moved. */
const DEAD_COSTS = [0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2];

interface LiveFrame {
  key: string;
  frame: Frame;
  live: number;
}

/**
 * The expected cold mount after the frames dropped so far. Bytes are stored bytes. The bytes of
 * moved blobs are an estimate.
 */
interface Outcome {
  /** The frames that stay, by the keys of their packs. */
  packs: ReadonlyMap<string, LiveFrame[]>;
  liveBytes: number;
  fetchBytes: number;
  ranges: number;
  /** The part of the bytes in the commit's own packs: new bytes, and moved bytes. */
  ownBytes: number;
  movedBytes: number;
}

class Plan {
  readonly #places: Places;
  readonly #own: ReadonlySet<string>;
  readonly #dropped = new Set<string>();
  /** Bytes that the commit stored before any blob moved. */
  readonly #fresh: number;
  #outcome: Outcome;

  constructor(places: Places, own: ReadonlySet<string>) {
    this.#places = places;
    this.#own = own;
    this.#outcome = this.#measure();
    this.#fresh = this.#outcome.ownBytes;
  }

  isOver(): boolean {
    const { ranges, liveBytes, fetchBytes } = this.#outcome;
    return ranges > allowedRanges(liveBytes) || fetchBytes > COMPACT_RATIO * liveBytes;
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
   * Drops the frames that are cheapest to move in the long run, so that the rest is within the
   * limits. Returns false if there is none. Frames of the commit's own packs stay unless nothing
   * else suffices. If several commits are sent at once, these packs contain the dead bytes of the
   * earlier commits.
   */
  drop(): boolean {
    const { packs, ownBytes, movedBytes } = this.#outcome;
    const others = [...packs].filter(([name]) => !this.#own.has(name));
    return this.#drop(others, ownBytes) || this.#drop([...packs], movedBytes);
  }

  #drop(packs: readonly (readonly [string, LiveFrame[]])[], written: number): boolean {
    const { liveBytes } = this.#outcome;
    const frames = packs.flatMap(([, group]) => inPlace(group));
    let best: { cost: number; isKept: Uint8Array } | undefined;
    for (const deadCost of DEAD_COSTS) {
      for (let rangeCost = MIN_RANGE_COST; rangeCost <= 2 * MAX_PACK_SIZE; rangeCost *= 2) {
        const { isKept, moved, ranges, fetched } = cheapestRanges(frames, rangeCost, deadCost);
        const total = written + moved;
        const free = allowedRanges(liveBytes) - ranges - packsOf(total);
        const spare = COMPACT_RATIO * liveBytes - fetched - total;
        if (free <= 0 || spare < 0) continue;
        const cost = costPerCommit(total, { free, spare, lasting: LASTING_SHARE * this.#fresh });
        if (best === undefined || cost < best.cost) best = { cost, isKept };
      }
    }
    const before = this.#dropped.size;
    frames.forEach(({ key }, i) => {
      if (best?.isKept[i] === 0) this.#dropped.add(key);
    });
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
    // The writer has the same rule: a blob with most of its pages changed is stored whole.
    if (pageCount(bitmap) * 4 > Math.ceil(length / PAGE_SIZE) * 3) return 'whole';
    return { kept: { ...location, patches: location.patches.filter((_, i) => isKept[i]) }, bitmap };
  }

  #measure(): Outcome {
    const frames = new LiveFrames();
    let moved = 0;
    // The parts of a location are computed each time. The kept parts of all 31,000 blobs took 25
    // MB.
    for (const [, place] of this.#places) {
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
    return { packs, liveBytes, fetchBytes: spanBytes(spans) + moved, ranges: spans.length + morePacks, ownBytes, movedBytes: moved };
  }
}

/** A frame that may move. */
interface Movable {
  key: string;
  live: number;
  stored: number;
  /** Bytes between the frame and the previous frame in its pack. Undefined for the first frame. */
  gap: number | undefined;
}

function inPlace(group: readonly LiveFrame[]): Movable[] {
  let end: number | undefined;
  return [...group]
    .sort((a, b) => a.frame.offset - b.frame.offset)
    .map(({ key, frame: { offset, storedLength }, live }) => {
      const gap = end === undefined ? undefined : offset - end;
      end = offset + storedLength;
      return { key, live, stored: storedLength, gap };
    });
}

/**
 * Finds the cheapest way to keep some runs of frames in place, as one range each, and to move all
 * other frames. Moving a frame costs its live bytes, a range costs `rangeCost`, and a dead byte in
 * a range costs `deadCost`. Makes one pass over the frames, with the cheapest ways that keep and
 * that drop the last frame.
 */
function cheapestRanges(frames: readonly Movable[], rangeCost: number, deadCost: number) {
  const isJoined = new Uint8Array(frames.length);
  const isAfterKept = new Uint8Array(frames.length);
  let keep = Number.POSITIVE_INFINITY;
  let drop = 0;
  frames.forEach(({ live, stored, gap }, i) => {
    const before = Math.min(keep, drop);
    const joined = gap === undefined ? Number.POSITIVE_INFINITY : keep + deadCost * gap;
    isAfterKept[i] = Number(keep < drop);
    isJoined[i] = Number(joined < before + rangeCost);
    keep = Math.min(joined, before + rangeCost) + deadCost * (stored - live);
    drop = before + live;
  });
  const found = { isKept: new Uint8Array(frames.length), moved: 0, ranges: 0, fetched: 0 };
  let isKept = keep < drop;
  for (let i = frames.length - 1; i >= 0; i--) {
    const { live, stored, gap = 0 } = frames[i] as Movable;
    found.isKept[i] = Number(isKept);
    if (!isKept) {
      found.moved += live;
    } else {
      found.fetched += stored;
      if (isJoined[i] === 1) {
        found.fetched += gap;
        continue;
      }
      found.ranges++;
    }
    isKept = isAfterKept[i] === 1;
  }
  return found;
}

/**
 * Returns the cost of `moved` bytes for each of the commits that can follow before as many bytes
 * must be moved again. In n = `free` slots fit C(n + w, w) commits if none is written more than w
 * times (binomial merging). A commit is then written w n/(n + 1) times on average; the best w
 * counts. `spare` dead bytes hold as many commits as it takes to leave so many dead bytes.
 */
function costPerCommit(moved: number, { free, spare, lasting }: { free: number; spare: number; lasting: number }): number {
  const most = 1 + spare / Math.max(1, lasting);
  let best = Number.POSITIVE_INFINITY;
  let commits = 1;
  for (let writes = 1; writes <= free && commits < most; writes++) {
    commits *= (free + writes) / writes;
    best = Math.min(best, moved / Math.min(commits, most) + (lasting * writes * free) / (free + 1));
  }
  return best;
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
