/** The objects that refs reach. Every other object is garbage (SPEC.md 11.2). */
import { places, readAhead } from '../../base/concurrency.js';
import { type BrowserStateError, isError } from '../../base/errors.js';
import { MANIFESTS_AHEAD } from '../../base/limits.js';
import type { RequestOptions } from '../../base/request.js';
import { objectKey } from '../../format/keys.js';
import { framesOf } from '../../format/locator.js';
import type { HistoryEntry, Ref } from '../../format/ref.js';
import type { Repository } from '../repository.js';

/** Returns whether an error reports missing or unreadable data. */
export function isDamage(error: unknown): error is BrowserStateError {
  return isError(error, 'NOT_FOUND', 'INTEGRITY', 'NEWER_VERSION', 'UNSUPPORTED');
}

export class Marker {
  readonly #repository: Repository;
  readonly #options: RequestOptions;
  /** The packs of each manifest. A manifest never changes, and many refs may name it. */
  readonly #packs = new Map<string, Promise<readonly string[]>>();
  readonly #reading = places(MANIFESTS_AHEAD);

  constructor(repository: Repository, options: RequestOptions) {
    this.#repository = repository;
    this.#options = options;
  }

  /**
   * Adds the keys of all objects that a ref reaches to `reached`. Throws NOT_FOUND, INTEGRITY,
   * NEWER_VERSION or UNSUPPORTED for a segment or a manifest that is missing or unreadable.
   */
  async mark(ref: Ref, reached: Set<string>): Promise<void> {
    for (const { name } of ref.segments) reached.add(objectKey('segments', name));
    for await (const part of this.#repository.refs.parts(ref, this.#options)) {
      for (const { manifest } of part) reached.add(objectKey('manifests', manifest));
      const packs = (entry: HistoryEntry) => this.#packsOf(ref, entry);
      for await (const keys of readAhead(part, MANIFESTS_AHEAD, packs)) for (const key of keys) reached.add(key);
    }
  }

  #packsOf(ref: Ref, entry: HistoryEntry): Promise<readonly string[]> {
    const key = objectKey('manifests', entry.manifest);
    const known = this.#packs.get(key);
    if (known !== undefined) return known;
    const reading = this.#reading(() => this.#read(ref, entry), this.#options.signal);
    this.#packs.set(key, reading);
    reading.catch(() => this.#packs.delete(key));
    return reading;
  }

  async #read(ref: Ref, entry: HistoryEntry): Promise<readonly string[]> {
    const isInline = ref.head.length > 0 && entry === ref.entries[0];
    const { blobs } = isInline
      ? await this.#repository.openManifest(entry, ref.head)
      : await this.#repository.readManifest(entry, this.#options);
    const keys = new Set<string>();
    for (const { location } of blobs.values()) for (const { pack } of framesOf(location)) keys.add(objectKey('packs', pack));
    return [...keys];
  }
}
