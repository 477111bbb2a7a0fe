/**
 * A writer of frames into packs. Packs are filled one after the other and sent concurrently
 * (SPEC.md 5). Memory is bounded by the pending packs.
 */
import { MAX_PACK_SIZE, PACK_CONCURRENCY } from '../../base/limits.js';
import type { Encoded } from '../../format/codecs.js';
import { newName } from '../../format/keys.js';
import type { BlobPlace } from '../../format/manifest.js';
import type { ObjectId } from '../../format/object-id.js';
import type { GetOptions, RequestOptions } from '../../provider/provider.js';
import type { Repository } from '../repository.js';
import { BufferPool, type FrameDraft, PackDraft } from './pack-draft.js';

export interface PackWriterOptions extends RequestOptions {
  /** Returns the birth epoch of a new pack. Called when a pack is started. */
  epoch: () => number;
  /** Packs sent at once. The default is PACK_CONCURRENCY. */
  packConcurrency?: number | undefined;
  /** Called with the locations of blobs whose packs are durable, pack by pack. */
  onDurable?: ((places: ReadonlyMap<ObjectId, BlobPlace>) => Promise<void>) | undefined;
}

export class PackWriter {
  readonly #repository: Repository;
  readonly #options: PackWriterOptions;
  readonly #buffers = new BufferPool(MAX_PACK_SIZE);
  readonly #sending = new Set<Promise<void>>();
  #pack: PackDraft | undefined;
  /** The blobs that the current pack completes. Empty without `onDurable`. */
  #places = new Map<ObjectId, BlobPlace>();

  /** The keys of the started packs. */
  readonly keys = new Set<string>();
  /** Bytes of the packs that were put. */
  bytes = 0;

  constructor(repository: Repository, options: PackWriterOptions) {
    this.#repository = repository;
    this.#options = options;
  }

  /** Adds a frame, and sets its position. */
  async add({ codec, length, stored }: Encoded, { frame, ids, places }: FrameDraft): Promise<void> {
    if (this.#pack !== undefined && !this.#pack.fits(stored.length)) {
      await this.#send(this.#pack);
      this.#pack = undefined;
    }
    this.#pack ??= this.#begin();
    Object.assign(frame, { pack: this.#pack.name, offset: this.#pack.append(stored), codec, storedLength: stored.length, length });
    if (this.#options.onDurable !== undefined) for (const [i, id] of ids.entries()) this.#places.set(id, places[i] as BlobPlace);
  }

  /** Reads from the repository, and from packs that are not stored there yet. */
  async get(key: string, request: GetOptions = {}): Promise<Uint8Array> {
    const { range } = request;
    if (range !== undefined && this.#pack?.key === key) return this.#pack.buffer.slice(range.start, range.end);
    if (this.keys.has(key)) await this.acknowledged();
    return this.#repository.provider.get(key, request);
  }

  /**
   * Sends the last pack, which is durable after `acknowledged`. Nothing may be added afterwards.
   */
  async finish(): Promise<void> {
    if (this.#pack !== undefined) await this.#send(this.#pack);
  }

  /** Resolves when every pack is durable. */
  async acknowledged(): Promise<void> {
    await Promise.all(this.#sending);
  }

  #begin(): PackDraft {
    const name = newName(this.#repository.host, this.#options.epoch());
    const pack = new PackDraft(this.#repository, name, this.#buffers);
    this.keys.add(pack.key);
    return pack;
  }

  async #send(pack: PackDraft): Promise<void> {
    while (this.#sending.size >= (this.#options.packConcurrency ?? PACK_CONCURRENCY)) await Promise.race(this.#sending);
    const put = this.#put(pack, this.#places);
    this.#places = new Map();
    this.#sending.add(put);
    put.then(
      () => {
        this.#sending.delete(put);
        pack.release();
      },
      // The failure stays in the set, and surfaces when the set is awaited.
      () => undefined,
    );
  }

  async #put(pack: PackDraft, places: ReadonlyMap<ObjectId, BlobPlace>): Promise<void> {
    const bytes = pack.seal();
    this.bytes += bytes.length;
    await this.#repository.provider.put(pack.key, bytes, this.#options);
    await this.#options.onDurable?.(places);
  }
}
