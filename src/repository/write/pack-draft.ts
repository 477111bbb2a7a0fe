/** Packs that a writer fills in memory, in pooled buffers. */
import { sha256 } from '#platform';
import { MAX_PACK_SIZE } from '../../base/limits.js';
import { DIGEST_BYTES, envelopeHeader } from '../../format/envelope.js';
import { objectKey } from '../../format/keys.js';
import type { Frame, ObjectName } from '../../format/locator.js';
import type { BlobPlace } from '../../format/manifest.js';
import type { ObjectId } from '../../format/object-id.js';
import type { Repository } from '../repository.js';

/** Initial bytes of a pack's buffer: enough for most commits. */
const FIRST_BYTES = 256 * 1024;

/** A pool of buffers of one size. New memory costs more than the copying. */
export class BufferPool {
  readonly #free: Uint8Array[] = [];

  constructor(readonly size: number) {}

  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(this.size);
  }

  give(buffer: Uint8Array): void {
    this.#free.push(buffer);
  }
}

/**
 * The blobs that a frame completes, with their locations. The locations are made before the frame's
 * position is known; the position is filled in later. A large directory has 100,000 locations, and
 * needs no second form of each.
 */
export interface FrameDraft {
  readonly frame: Frame;
  readonly ids: ObjectId[];
  readonly places: BlobPlace[];
}

export function frameDraft(): FrameDraft {
  return { frame: { pack: { epoch: 0, name: '' }, offset: 0, codec: 'raw', storedLength: 0, length: 0 }, ids: [], places: [] };
}

/** A pack that is being filled, in a buffer that grows, because most commits are small. */
export class PackDraft {
  readonly key: string;
  buffer: Uint8Array = new Uint8Array(FIRST_BYTES);
  #length = 0;

  constructor(
    repository: Repository,
    readonly name: ObjectName,
    /** A pool of buffers of MAX_PACK_SIZE. */
    private readonly pool: BufferPool,
  ) {
    this.key = objectKey('packs', name);
    this.append(envelopeHeader({ kind: 'pack', repository: repository.id, key: this.key }));
  }

  fits(bytes: number): boolean {
    return this.#length + bytes + DIGEST_BYTES <= MAX_PACK_SIZE;
  }

  /** Appends the bytes and returns their offset. */
  append(bytes: Uint8Array): number {
    if (this.#length + bytes.length > this.buffer.length) {
      const larger = this.pool.take();
      larger.set(this.buffer.subarray(0, this.#length));
      this.buffer = larger;
    }
    this.buffer.set(bytes, this.#length);
    this.#length += bytes.length;
    return this.#length - bytes.length;
  }

  /** Returns the pack with its digest. Nothing may be appended afterwards. */
  seal(): Uint8Array {
    this.append(sha256(this.buffer.subarray(0, this.#length)));
    return this.buffer.subarray(0, this.#length);
  }

  /** Returns the buffer to the pool. Its content is invalid then. */
  release(): void {
    if (this.buffer.length === this.pool.size) this.pool.give(this.buffer);
  }
}
