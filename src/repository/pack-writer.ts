/** Puts frames into packs, one pack after the other, and sends them side by side (SPEC.md 5). Memory is bounded by the packs under way. */
import { MAX_PACK_SIZE, PACK_CONCURRENCY } from '../limits.js';
import type { ObjectId } from '../object-id.js';
import type { Encoded } from '../pack/codec.js';
import type { GetOptions, RequestOptions } from '../provider/provider.js';
import { newName } from './layout.js';
import type { BlobPlace } from './manifest.js';
import { BufferPool, type FrameDraft, PackDraft } from './pack-draft.js';
import type { Repository } from './repository.js';

export interface PackWriterOptions extends RequestOptions {
  /** The birth epoch of new packs, asked when one is begun. */
  epoch: () => number;
  /** Packs being sent at once; PACK_CONCURRENCY unless given. */
  packConcurrency?: number | undefined;
  /** Told the places of blobs whose packs are durable, pack by pack. */
  onDurable?: ((places: ReadonlyMap<ObjectId, BlobPlace>) => Promise<void>) | undefined;
}

export class PackWriter {
  readonly #repository: Repository;
  readonly #options: PackWriterOptions;
  readonly #buffers = new BufferPool(MAX_PACK_SIZE);
  readonly #sending = new Set<Promise<void>>();
  #pack: PackDraft | undefined;
  /** The blobs that the pack being filled completes; empty if nobody is to be told of them. */
  #places = new Map<ObjectId, BlobPlace>();

  /** The keys of the packs that were begun. */
  readonly keys = new Set<string>();
  /** Bytes of the packs that were put. */
  bytes = 0;

  constructor(repository: Repository, options: PackWriterOptions) {
    this.#repository = repository;
    this.#options = options;
  }

  /** Adds a frame, and fills in where it lies. */
  async add({ codec, length, stored }: Encoded, { frame, ids, places }: FrameDraft): Promise<void> {
    if (this.#pack !== undefined && !this.#pack.fits(stored.length)) {
      await this.#send(this.#pack);
      this.#pack = undefined;
    }
    this.#pack ??= this.#begin();
    Object.assign(frame, { pack: this.#pack.name, offset: this.#pack.append(stored), codec, storedLength: stored.length, length });
    if (this.#options.onDurable !== undefined) for (const [i, id] of ids.entries()) this.#places.set(id, places[i] as BlobPlace);
  }

  /** What the repository has, and what is on its way there. */
  async get(key: string, request: GetOptions = {}): Promise<Uint8Array> {
    const { range } = request;
    if (range !== undefined && this.#pack?.key === key) return this.#pack.buffer.slice(range.start, range.end);
    if (this.keys.has(key)) await this.acknowledged();
    return this.#repository.provider.get(key, request);
  }

  /** Sends the last pack; it may still be on the way until `acknowledged`. Nothing is added any more. */
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
      // The failure stays in the set, and is met where the set is waited for.
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
