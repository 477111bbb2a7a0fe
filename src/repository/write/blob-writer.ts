/**
 * A writer of the blobs of a new tree. It stores the blobs that the repository does not have: hash,
 * look up, patch or frame, compress, pack, put (SPEC.md 5, 11.1). Memory is bounded by the batch
 * for the next look-up, the frames in compression and the packs in transfer. It does not depend on
 * the size of a profile.
 */
import { invariant, isError } from '../../base/errors.js';
import {
  BULK_BYTES,
  CODEC_CONCURRENCY,
  LOOKUP_BATCH_BLOBS,
  LOOKUP_BATCH_BYTES,
  MAX_FRAME_SIZE,
  PAGE_SIZE,
  READ_SIZE,
} from '../../base/limits.js';
import { looksIncompressible } from '../../codec/compressible.js';
import { type Compression, type Encoded, encode } from '../../format/codecs.js';
import { type Location, NO_PATCHES } from '../../format/locator.js';
import type { BlobPlace } from '../../format/manifest.js';
import { type ObjectId, objectId } from '../../format/object-id.js';
import { changedPages, extractPages, pageCount } from '../../format/patch.js';
import { BlobReader } from '../read/blob-reader.js';
import type { Repository } from '../repository.js';
import { BufferPool, type FrameDraft, frameDraft } from './pack-draft.js';
import { PackWriter, type PackWriterOptions } from './pack-writer.js';
import { patchOnto } from './patch-base.js';

/** The previous blob at the same position, with its location: a base for a patch. */
export interface Predecessor {
  id: ObjectId;
  place: BlobPlace;
}

export interface BlobWriterOptions extends PackWriterOptions {
  compression: Compression;
  /** Locations that may be used without a pin: the locations of the token's head. */
  known: ReadonlyMap<ObjectId, BlobPlace>;
  /**
   * Looks up which other blobs are already stored, once per batch. Without a look-up, no other blob
   * counts as stored.
   */
  lookup?: (ids: readonly ObjectId[]) => Promise<ReadonlyMap<ObjectId, BlobPlace>>;
  /**
   * Reads a known blob in another way than from its location. Resolves to undefined if it cannot.
   */
  readKnown?: ((id: ObjectId) => Promise<Uint8Array | undefined>) | undefined;
}

/** A patch that makes a blob of stored data. */
interface Patch {
  bitmap: number;
  base: Location;
}

/** A frame that is being filled with whole blobs or patches. */
interface FillingFrame extends FrameDraft {
  compression: Compression;
  /** The buffer. Undefined if the frame is empty. */
  buffer: Uint8Array | undefined;
  /** Bytes of the buffer in use. */
  length: number;
}

export class BlobWriter {
  readonly #options: BlobWriterOptions;
  readonly #packs: PackWriter;
  readonly #reader: BlobReader;
  /**
   * Blobs that wait for a look-up. Their bytes are in the blocks; the last block has `#blockUsed`
   * bytes in use.
   */
  readonly #waiting = new Map<ObjectId, { bytes: Uint8Array; predecessor: Predecessor | undefined }>();
  readonly #blockBuffers = new BufferPool(READ_SIZE);
  readonly #blocks: Uint8Array[] = [];
  #blockUsed = READ_SIZE;
  readonly #frameBuffers = new BufferPool(MAX_FRAME_SIZE);
  // Compressible data, incompressible data and patches go to separate frames: similar data
  // compresses best.
  #whole: FillingFrame;
  #incompressible: FillingFrame;
  #patches: FillingFrame;
  readonly #encoding: { encoded: Promise<Encoded>; draft: FrameDraft; buffer: Uint8Array }[] = [];
  /** Bytes passed to the compressor so far. */
  #compressed = 0;

  /** The locations of the added blobs, except those with their location in `known`. */
  readonly #places = new Map<ObjectId, BlobPlace>();
  /**
   * The ids of the added blobs that were not stored before. The id of a rewritten blob is in the
   * list twice.
   */
  readonly #stored: ObjectId[] = [];
  /** True if no added blob was stored before. */
  isAllNew = true;
  /** Uncompressed bytes that were not stored before: whole blobs and changed pages. */
  newBytes = 0;

  constructor(repository: Repository, options: BlobWriterOptions) {
    this.#options = options;
    this.#packs = new PackWriter(repository, options);
    this.#whole = this.#newDraft(options.compression);
    this.#incompressible = this.#newDraft('off');
    this.#patches = this.#newDraft(options.compression);
    this.#reader = new BlobReader({ provider: this.#packs }, options);
  }

  /** Returns the location of an added or known blob. After `settle`, all locations are valid. */
  place(id: ObjectId): BlobPlace | undefined {
    return this.#places.get(id) ?? this.#options.known.get(id);
  }

  /** True if every added blob was stored before. */
  get isNothingNew(): boolean {
    return this.#stored.length === 0;
  }

  /** Yields the locations of the blobs that were not stored before. */
  *stored(): Generator<[ObjectId, BlobPlace]> {
    for (const id of this.#stored) yield [id, this.#places.get(id) as BlobPlace];
  }

  /** The keys of the started packs. */
  get packs(): ReadonlySet<string> {
    return this.#packs.keys;
  }

  /** Bytes of the packs that were put. */
  get storedBytes(): number {
    return this.#packs.bytes;
  }

  /**
   * Reserves room for the next bytes, at most 256 KiB. The caller fills the room and then adds
   * blobs from it. Bytes that were reserved before and not added are lost.
   */
  async reserve(length: number): Promise<Uint8Array> {
    if (this.#waiting.size >= LOOKUP_BATCH_BLOBS) await this.#storeWaiting();
    if (this.#blockUsed + length > READ_SIZE) {
      if (this.#blocks.length * READ_SIZE >= LOOKUP_BATCH_BYTES) await this.#storeWaiting();
      this.#blocks.push(this.#blockBuffers.take());
      this.#blockUsed = 0;
    }
    this.#blockUsed += length;
    return (this.#blocks.at(-1) as Uint8Array).subarray(this.#blockUsed - length, this.#blockUsed);
  }

  /**
   * Adds a blob, a part of the last reservation, and returns its id. A blob that differs from its
   * `predecessor` in few pages is stored as the old parts and a patch.
   */
  add(bytes: Uint8Array, predecessor?: Predecessor): ObjectId {
    const id = objectId('blob', bytes);
    if (!this.use(id, bytes.length)) this.#waiting.set(id, { bytes, predecessor });
    return id;
  }

  /**
   * Adds a blob by its id and length alone. Returns false if its bytes are needed. The bytes are
   * also needed if the known blob has another length, which is damage.
   */
  use(id: ObjectId, length: number): boolean {
    if (this.#places.has(id) || this.#waiting.has(id)) return true;
    if (this.#options.known.get(id)?.length !== length) return false;
    this.isAllNew = false;
    return true;
  }

  /** Adds whole blobs in a compressed frame, which is stored unchanged. */
  async addFrame(frame: Encoded, blobs: readonly { id: ObjectId; offset: number; length: number }[]): Promise<void> {
    this.newBytes += frame.length;
    const draft = frameDraft();
    for (const { id, offset, length } of blobs) addTo(draft, id, length, offset);
    await this.#storeFrame(frame, draft);
  }

  /**
   * Assigns a location to every added blob. More blobs may be added or rewritten afterwards, into
   * the same pack.
   */
  async settle(): Promise<void> {
    await this.#storeWaiting();
    this.#whole = await this.#closeFrame(this.#whole);
    this.#incompressible = await this.#closeFrame(this.#incompressible);
    this.#patches = await this.#closeFrame(this.#patches);
    while (this.#encoding.length > 0) await this.#drainOne();
  }

  /**
   * Stores a blob again although it has a location: whole, or as the `kept` location and a patch of
   * the pages in `bitmap`.
   */
  async rewrite(id: ObjectId, bytes: Uint8Array, as: 'whole' | { kept: Location; bitmap: number }): Promise<void> {
    if (as === 'whole') return this.#appendWhole(id, bytes);
    const patch = { bitmap: as.bitmap, base: as.kept };
    this.#patches = await this.#append(this.#patches, id, bytes.length, extractPages(bytes, as.bitmap), patch);
  }

  /** Returns the bytes of a blob at a location, which may be in a pack of this commit. */
  read(id: ObjectId, place: BlobPlace): Promise<Uint8Array> {
    return this.#reader.read(id, place);
  }

  /** Changes the location of a blob to another location at which the blob is already stored. */
  move(id: ObjectId, place: BlobPlace): void {
    this.#place(id, place);
  }

  /**
   * Settles, and sends the last pack, which is durable after `acknowledged`. Nothing may be added
   * afterwards.
   */
  async finish(): Promise<void> {
    await this.settle();
    await this.#packs.finish();
  }

  /** Resolves when every pack is durable. */
  acknowledged(): Promise<void> {
    return this.#packs.acknowledged();
  }

  async #storeWaiting(): Promise<void> {
    const found = this.#waiting.size === 0 ? undefined : await this.#options.lookup?.([...this.#waiting.keys()]);
    for (const [id, { bytes, predecessor }] of this.#waiting) {
      const place = found?.get(id);
      if (place?.length === bytes.length) {
        this.isAllNew = false;
        this.#places.set(id, place);
      } else if (predecessor === undefined || !(await this.#storePatch(id, bytes, predecessor))) await this.#storeWhole(id, bytes);
      // Entries are deleted one by one: the entries of a cleared Map stay reachable from its former
      // table until the next full collection.
      this.#waiting.delete(id);
    }
    for (const block of this.#blocks.splice(0)) this.#blockBuffers.give(block);
    this.#blockUsed = READ_SIZE;
  }

  async #storeWhole(id: ObjectId, bytes: Uint8Array): Promise<void> {
    this.newBytes += bytes.length;
    await this.#appendWhole(id, bytes);
  }

  async #appendWhole(id: ObjectId, bytes: Uint8Array): Promise<void> {
    if (looksIncompressible(bytes)) this.#incompressible = await this.#append(this.#incompressible, id, bytes.length, bytes);
    else this.#whole = await this.#append(this.#whole, id, bytes.length, bytes);
  }

  /** Stores the pages that differ from the predecessor. Returns false if a patch would not pay. */
  async #storePatch(id: ObjectId, bytes: Uint8Array, predecessor: Predecessor): Promise<boolean> {
    const previous = await this.#readPrevious(predecessor);
    if (previous === undefined) return false;
    const { location } = predecessor.place;
    const changed = changedPages(previous, bytes);
    if (changed === 0) {
      this.#place(id, { location, length: bytes.length });
      return true;
    }
    const { base, bitmap } = patchOnto(predecessor.place, changed, bytes.length);
    if (pageCount(bitmap) * 4 > Math.ceil(bytes.length / PAGE_SIZE) * 3) return false;
    const content = extractPages(bytes, bitmap);
    this.newBytes += content.length;
    this.#patches = await this.#append(this.#patches, id, bytes.length, content, { bitmap, base });
    return true;
  }

  /**
   * Returns the bytes to compare with. Returns undefined if the bytes are damaged, so that the new
   * content is stored whole and does not depend on them.
   */
  async #readPrevious({ id, place }: Predecessor): Promise<Uint8Array | undefined> {
    try {
      return await (this.#options.readKnown === undefined ? this.#reader.read(id, place) : this.#options.readKnown(id));
    } catch (error) {
      if (isError(error, 'INTEGRITY')) return undefined;
      throw error;
    }
  }

  /**
   * Adds a blob of `length` bytes, or a patch of the blob, to a frame. Starts a new frame if the
   * content does not fit. Returns the frame that contains the content.
   */
  async #append(draft: FillingFrame, id: ObjectId, length: number, content: Uint8Array, patch?: Patch): Promise<FillingFrame> {
    const target = draft.length + content.length > MAX_FRAME_SIZE ? await this.#closeFrame(draft) : draft;
    addTo(target, id, length, target.length, patch);
    target.buffer ??= this.#frameBuffers.take();
    target.buffer.set(content, target.length);
    target.length += content.length;
    return target;
  }

  /** Passes a frame to the compressor and returns an empty one. */
  async #closeFrame(draft: FillingFrame): Promise<FillingFrame> {
    const { buffer } = draft;
    if (buffer === undefined) return draft;
    while (this.#encoding.length >= CODEC_CONCURRENCY) await this.#drainOne();
    const encoded = encode(buffer.subarray(0, draft.length), draft.compression, this.#compressed > BULK_BYTES);
    if (draft.compression !== 'off') this.#compressed += draft.length;
    // A failure surfaces when the frame is drained. Until then nothing else awaits it.
    encoded.catch(() => undefined);
    this.#encoding.push({ encoded, draft, buffer });
    return this.#newDraft(draft.compression);
  }

  async #drainOne(): Promise<void> {
    const next = this.#encoding.shift();
    invariant(next !== undefined, 'a frame is being compressed');
    await this.#storeFrame(await next.encoded, next.draft);
    this.#frameBuffers.give(next.buffer);
  }

  async #storeFrame(encoded: Encoded, draft: FrameDraft): Promise<void> {
    await this.#packs.add(encoded, draft);
    for (let i = 0; i < draft.ids.length; i++) this.#place(draft.ids[i] as ObjectId, draft.places[i] as BlobPlace);
  }

  #newDraft(compression: Compression): FillingFrame {
    return { ...frameDraft(), compression, buffer: undefined, length: 0 };
  }

  #place(id: ObjectId, place: BlobPlace): void {
    this.#places.set(id, place);
    this.#stored.push(id);
  }
}

/**
 * Adds a blob of `length` bytes. The blob, or the patch that makes it, is at the offset of the
 * frame.
 */
function addTo({ frame, ids, places }: FrameDraft, id: ObjectId, length: number, offset: number, patch?: Patch): void {
  const location =
    patch === undefined
      ? { frame, offset, baseLength: length, patches: NO_PATCHES }
      : { ...patch.base, patches: [...patch.base.patches, { frame, offset, bitmap: patch.bitmap }] };
  ids.push(id);
  places.push({ location, length });
}
