/**
 * What a commit may use again instead of storing it: blobs that other packs hold, as long as those
 * are there and no collection condemns them.
 */
import { readAhead } from '../../base/concurrency.js';
import { isError } from '../../base/errors.js';
import { REMOTE_CONCURRENCY } from '../../base/limits.js';
import type { Epoch } from '../../format/cells.js';
import { objectKey } from '../../format/keys.js';
import { framesOf, nameText } from '../../format/locator.js';
import type { BlobPlace } from '../../format/manifest.js';
import type { ObjectId } from '../../format/object-id.js';
import type { RequestOptions } from '../../provider/provider.js';
import type { BlobIndex } from '../../repository/blob-index.js';
import type { Repository } from '../../repository/repository.js';
import type { SessionRef } from '../session-ref.js';

/**
 * Looks once at each pack that a commit would use again: bytes that were lost are stored again
 * rather than named again.
 */
export class PackPresence {
  readonly #repository: Repository;
  readonly #options: RequestOptions;
  readonly #present = new Map<string, Promise<boolean>>();

  constructor(repository: Repository, options: RequestOptions) {
    this.#repository = repository;
    this.#options = options;
  }

  /** Returns the places whose packs are all there. */
  async filter(places: ReadonlyMap<ObjectId, BlobPlace>): Promise<ReadonlyMap<ObjectId, BlobPlace>> {
    return withoutPacks(places, await this.missing(places.values()));
  }

  /**
   * Returns the keys of the packs that the places need and that are gone or too short; those in
   * `own` are not looked for.
   */
  async missing(places: Iterable<BlobPlace>, own: ReadonlySet<string> = new Set()): Promise<Set<string>> {
    const ends = new Map<string, number>();
    for (const { location } of places) {
      for (const { pack, offset, storedLength } of framesOf(location)) {
        const key = objectKey('packs', pack);
        if (!own.has(key)) ends.set(key, Math.max(ends.get(key) ?? 0, offset + storedLength));
      }
    }
    const lost = new Set<string>();
    const look = async ([key, end]: [string, number]) => ({ key, isThere: await this.#has(key, end) });
    for await (const { key, isThere } of readAhead(ends, REMOTE_CONCURRENCY, look)) if (!isThere) lost.add(key);
    return lost;
  }

  #has(key: string, end: number): Promise<boolean> {
    const asked = this.#present.get(`${key} ${end}`) ?? this.#ask(key, end);
    this.#present.set(`${key} ${end}`, asked);
    return asked;
  }

  async #ask(key: string, end: number): Promise<boolean> {
    try {
      await this.#repository.provider.get(key, { signal: this.#options.signal, range: { start: end - 1, end } });
      return true;
    } catch (error) {
      if (isError(error, 'NOT_FOUND', 'INTEGRITY')) return false;
      throw error;
    }
  }
}

/**
 * The pin that lets a commit name what its ref's head does not reach (SPEC.md 11.1 step 3): the GC
 * epoch, read after the ref and written into the ref with the swap.
 */
export class Pin {
  readonly #index: BlobIndex;
  readonly #from: SessionRef;
  readonly #options: RequestOptions;
  #pinned: Epoch | undefined;

  constructor(index: BlobIndex, from: SessionRef, options: RequestOptions) {
    this.#index = index;
    this.#from = from;
    this.#options = options;
  }

  /** The epoch under which packs are born and the ref is swapped. */
  get epoch(): number {
    return Math.max(this.#from.ref.epoch, this.#pinned?.k ?? 0);
  }

  /** Reads the epoch, once. */
  async set(): Promise<Epoch> {
    this.#pinned ??= await this.#from.repository.epoch(this.#options);
    return this.#pinned;
  }

  /** Returns the locations of blobs that the index knows and that no collection has condemned. */
  async lookup(ids: readonly ObjectId[]): Promise<ReadonlyMap<ObjectId, BlobPlace>> {
    const epoch = await this.set();
    return withoutCondemned(await this.#index.lookup(this.#from.repository, epoch.k, ids), epoch);
  }
}

/** Returns the places that need none of those packs. */
export function withoutPacks(places: ReadonlyMap<ObjectId, BlobPlace>, lost: ReadonlySet<string>): ReadonlyMap<ObjectId, BlobPlace> {
  if (lost.size === 0) return places;
  return new Map([...places].filter(([, { location }]) => framesOf(location).every(({ pack }) => !lost.has(objectKey('packs', pack)))));
}

/** Removes locations in packs that garbage collection is about to delete. */
export function withoutCondemned(places: ReadonlyMap<ObjectId, BlobPlace>, { condemned }: Epoch): ReadonlyMap<ObjectId, BlobPlace> {
  const dead = new Set(condemned.filter(({ folder }) => folder === 'packs').map(({ name }) => nameText(name)));
  return new Map([...places].filter(([, { location }]) => framesOf(location).every(({ pack }) => !dead.has(nameText(pack)))));
}
