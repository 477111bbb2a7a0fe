/** Reuse of stored blobs by a commit, as long as their packs exist and are not condemned. */
import { readAhead } from '../../base/concurrency.js';
import { ignore } from '../../base/errors.js';
import { REMOTE_CONCURRENCY } from '../../base/limits.js';
import type { Epoch } from '../../format/cells.js';
import { objectKey } from '../../format/keys.js';
import { framesOf } from '../../format/locator.js';
import type { BlobPlace } from '../../format/manifest.js';
import type { ObjectId } from '../../format/object-id.js';
import type { RequestOptions } from '../../provider/provider.js';
import type { BlobIndex } from '../../repository/blob-index.js';
import type { Repository } from '../../repository/repository.js';
import type { SessionRef } from '../session-ref.js';

/** Checks once whether a pack exists. Blobs of a lost pack are stored again. */
export class PackPresence {
  readonly #looks = new Map<string, Promise<boolean>>();

  constructor(
    private readonly repository: Repository,
    private readonly options: RequestOptions,
  ) {}

  /** Returns the locations whose packs all exist. */
  async filter(places: ReadonlyMap<ObjectId, BlobPlace>): Promise<ReadonlyMap<ObjectId, BlobPlace>> {
    return withoutPacks(places, await this.missing(places.values()));
  }

  /** Returns the keys of packs, other than `own`, that the locations need and that are lost. */
  async missing(places: Iterable<BlobPlace>, own: ReadonlySet<string> = new Set()): Promise<Set<string>> {
    const ends = new Map<string, number>();
    for (const { location } of places) {
      for (const { pack, offset, storedLength } of framesOf(location)) {
        const key = objectKey('packs', pack);
        if (!own.has(key)) ends.set(key, Math.max(ends.get(key) ?? 0, offset + storedLength));
      }
    }
    const lost = new Set<string>();
    const look = async ([key, end]: [string, number]) => ({ key, exists: await this.#exists(key, end) });
    for await (const { key, exists } of readAhead(ends, REMOTE_CONCURRENCY, look)) if (!exists) lost.add(key);
    return lost;
  }

  /** Returns whether a pack has that many bytes. */
  #exists(key: string, end: number): Promise<boolean> {
    const known = this.#looks.get(`${key} ${end}`);
    if (known !== undefined) return known;
    const last = this.repository.provider.get(key, { signal: this.options.signal, range: { start: end - 1, end } });
    const look = last.catch(ignore('NOT_FOUND', 'INTEGRITY')).then((byte) => byte !== undefined);
    this.#looks.set(`${key} ${end}`, look);
    return look;
  }
}

/**
 * A pin: the GC epoch, read after the ref and written into the ref with the swap (SPEC.md 11.1 step
 * 3). It lets a commit name blobs that the head of the ref does not reach.
 */
export class Pin {
  #pinned: Epoch | undefined;

  constructor(
    private readonly index: BlobIndex,
    private readonly from: SessionRef,
    private readonly options: RequestOptions,
  ) {}

  /** The epoch under which packs are born and the ref is swapped. */
  get epoch(): number {
    return Math.max(this.from.ref.epoch, this.#pinned?.k ?? 0);
  }

  async set(): Promise<Epoch> {
    this.#pinned ??= await this.from.repository.epoch(this.options);
    return this.#pinned;
  }

  /** Returns the locations of blobs in the index whose packs are not condemned. */
  async lookup(ids: readonly ObjectId[]): Promise<ReadonlyMap<ObjectId, BlobPlace>> {
    const epoch = await this.set();
    return withoutCondemned(await this.index.lookup(this.from.repository, epoch.k, ids), epoch);
  }
}

/** Returns whether a location needs one of the packs, which are given by their keys. */
export function needsPack({ location }: BlobPlace, packs: ReadonlySet<string>): boolean {
  return framesOf(location).some(({ pack }) => packs.has(objectKey('packs', pack)));
}

export function withoutPacks(places: ReadonlyMap<ObjectId, BlobPlace>, packs: ReadonlySet<string>): ReadonlyMap<ObjectId, BlobPlace> {
  return packs.size === 0 ? places : new Map([...places].filter(([, place]) => !needsPack(place, packs)));
}

/** Removes locations in packs that garbage collection is about to delete. */
export function withoutCondemned(places: ReadonlyMap<ObjectId, BlobPlace>, { condemned }: Epoch): ReadonlyMap<ObjectId, BlobPlace> {
  return withoutPacks(places, new Set(condemned.map(({ folder, name }) => objectKey(folder, name))));
}
