/**
 * Takes the blobs of a new tree and stores those that the repository does not have: hash, look up, patch or frame, compress, pack,
 * put (SPEC.md 5, 11.1). Memory is bounded by the batch that waits for a look-up, the frames being compressed and the packs being
 * sent, never by the size of a profile.
 */
import { invariant, isError } from '../errors.js';
import { BULK_BYTES, CODEC_CONCURRENCY, LOOKUP_BATCH_BLOBS, LOOKUP_BATCH_BYTES, MAX_FRAME_SIZE, PAGE_SIZE, READ_SIZE } from '../limits.js';
import { type ObjectId, objectId } from '../object-id.js';
import { type Compression, type Encoded, encode } from '../pack/codec.js';
import { type Location, NO_PATCHES } from '../pack/locator.js';
import { changedPages, extractPages, pageCount } from '../pack/patch.js';
import { looksIncompressible } from '../pack/probe.js';
import { BlobReader } from './blob-reader.js';
import type { BlobPlace } from './manifest.js';
import { BufferPool, type FrameDraft, frameDraft } from './pack-draft.js';
import { PackWriter, type PackWriterOptions } from './pack-writer.js';
import { patchOnto } from './patch-onto.js';
import type { Repository } from './repository.js';

/** The blob that was at the same place before, with its bytes' place: what a patch can start from. */
export interface Predecessor {
  id: ObjectId;
  place: BlobPlace;
}

export interface BlobWriterOptions extends PackWriterOptions {
  compression: Compression;
  /** Places that may be used without a pin: those of the token's head. */
  known: ReadonlyMap<ObjectId, BlobPlace>;
  /** Asks what else is stored already, once per batch; nothing is unless given. */
  lookup?: (ids: readonly ObjectId[]) => Promise<ReadonlyMap<ObjectId, BlobPlace>>;
  /** The bytes of a blob that is known, read in another way than from its place; undefined where they cannot be had. */
  readKnown?: ((id: ObjectId) => Promise<Uint8Array | undefined>) | undefined;
}

/** A patch that makes a blob of what is stored already. */
interface Patch {
  bitmap: number;
  base: Location;
}

/** A frame that is being filled with whole blobs or patches. */
interface FillingFrame extends FrameDraft {
  compression: Compression;
  /** Undefined as long as nothing is in it. */
  buffer: Uint8Array | undefined;
  /** Bytes of the buffer that are filled. */
  length: number;
}

export class BlobWriter {
  readonly #options: BlobWriterOptions;
  readonly #packs: PackWriter;
  readonly #reader: BlobReader;
  /** Blobs that wait for a look-up; their bytes lie in the blocks, of which the last has `#blockUsed` bytes in use. */
  readonly #waiting = new Map<ObjectId, { bytes: Uint8Array; predecessor: Predecessor | undefined }>();
  readonly #blockBuffers = new BufferPool(READ_SIZE);
  readonly #blocks: Uint8Array[] = [];
  #blockUsed = READ_SIZE;
  readonly #frameBuffers = new BufferPool(MAX_FRAME_SIZE);
  // What compresses, what does not, and patches go to frames of their own: like with like compresses best.
  #whole: FillingFrame;
  #incompressible: FillingFrame;
  #patches: FillingFrame;
  readonly #encoding: { encoded: Promise<Encoded>; draft: FrameDraft; buffer: Uint8Array }[] = [];
  /** Bytes handed to the compressor so far. */
  #compressed = 0;

  /** The places of the blobs that were added, but for those that are where `known` says. */
  readonly #places = new Map<ObjectId, BlobPlace>();
  /** The ids of those that were not stored before. Of a blob that was stored anew it is here twice. */
  readonly #stored: ObjectId[] = [];
  /** Whether no blob that was added was there before. */
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

  /** Returns the place of a blob that was added, or is known; after `settle` of all of them. */
  place(id: ObjectId): BlobPlace | undefined {
    return this.#places.get(id) ?? this.#options.known.get(id);
  }

  /** Whether every blob that was added was there before. */
  get isNothingNew(): boolean {
    return this.#stored.length === 0;
  }

  /** The places of the blobs that were not stored before. */
  *stored(): Generator<[ObjectId, BlobPlace]> {
    for (const id of this.#stored) yield [id, this.#places.get(id) as BlobPlace];
  }

  /** The keys of the packs that were begun. */
  get packs(): ReadonlySet<string> {
    return this.#packs.keys;
  }

  /** Bytes of the packs that were put. */
  get storedBytes(): number {
    return this.#packs.bytes;
  }

  /**
   * Where the caller puts the next bytes, at most 256 KiB of them, before it adds them as blobs. What was reserved before and not added is lost.
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
   * Adds a blob, a part of what was reserved last, and returns its id. With a `predecessor` that differs in few pages it is stored as the old
   * parts and a patch.
   */
  add(bytes: Uint8Array, predecessor?: Predecessor): ObjectId {
    const id = objectId('blob', bytes);
    if (!this.use(id, bytes.length)) this.#waiting.set(id, { bytes, predecessor });
    return id;
  }

  /** Adds a blob by its id and length alone; returns false if its bytes are needed, as they are if what is known of it has another length, which is damage. */
  use(id: ObjectId, length: number): boolean {
    if (this.#places.has(id) || this.#waiting.has(id)) return true;
    if (this.#options.known.get(id)?.length !== length) return false;
    this.isAllNew = false;
    return true;
  }

  /** Adds whole blobs in a frame that is compressed already, as it is. */
  async addFrame(frame: Encoded, blobs: readonly { id: ObjectId; offset: number; length: number }[]): Promise<void> {
    this.newBytes += frame.length;
    const draft = frameDraft();
    for (const { id, offset, length } of blobs) addTo(draft, id, length, offset);
    await this.#storeFrame(frame, draft);
  }

  /** Gives every blob that was added its place. More may be added or stored anew after it, into the same pack. */
  async settle(): Promise<void> {
    await this.#storeWaiting();
    this.#whole = await this.#closeFrame(this.#whole);
    this.#incompressible = await this.#closeFrame(this.#incompressible);
    this.#patches = await this.#closeFrame(this.#patches);
    while (this.#encoding.length > 0) await this.#drainOne();
  }

  /** Stores a blob anew though it has a place: whole, or as what is kept of it and a patch of the pages in `bitmap`. */
  async rewrite(id: ObjectId, bytes: Uint8Array, as: 'whole' | { kept: Location; bitmap: number }): Promise<void> {
    if (as === 'whole') return this.#appendWhole(id, bytes);
    const patch = { bitmap: as.bitmap, base: as.kept };
    this.#patches = await this.#append(this.#patches, id, bytes.length, extractPages(bytes, as.bitmap), patch);
  }

  /** The bytes of a blob at a place that may be in a pack of this commit. */
  read(id: ObjectId, place: BlobPlace): Promise<Uint8Array> {
    return this.#reader.read(id, place);
  }

  /** Gives a blob another place, where it is stored already. */
  move(id: ObjectId, place: BlobPlace): void {
    this.#place(id, place);
  }

  /** Settles, and sends the last pack; it may still be on the way until `acknowledged`. Nothing is added any more. */
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
      // One by one: what a cleared Map held stays reachable from its former table until the next full collection.
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

  /** Stores the pages that differ from the predecessor; false where that would not be worth while. */
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

  /** What to compare with; undefined where it is damaged, so that the new content is stored whole and needs the old no more. */
  async #readPrevious({ id, place }: Predecessor): Promise<Uint8Array | undefined> {
    try {
      return await (this.#options.readKnown === undefined ? this.#reader.read(id, place) : this.#options.readKnown(id));
    } catch (error) {
      if (isError(error, 'INTEGRITY')) return undefined;
      throw error;
    }
  }

  /** Adds a blob of `length` bytes, or a patch of it, to a frame, or to a new one if it does not fit; returns the frame that it went to. */
  async #append(draft: FillingFrame, id: ObjectId, length: number, content: Uint8Array, patch?: Patch): Promise<FillingFrame> {
    const target = draft.length + content.length > MAX_FRAME_SIZE ? await this.#closeFrame(draft) : draft;
    addTo(target, id, length, target.length, patch);
    target.buffer ??= this.#frameBuffers.take();
    target.buffer.set(content, target.length);
    target.length += content.length;
    return target;
  }

  /** Hands a frame to the compressor and returns an empty one. */
  async #closeFrame(draft: FillingFrame): Promise<FillingFrame> {
    const { buffer } = draft;
    if (buffer === undefined) return draft;
    while (this.#encoding.length >= CODEC_CONCURRENCY) await this.#drainOne();
    const encoded = encode(buffer.subarray(0, draft.length), draft.compression, this.#compressed > BULK_BYTES);
    if (draft.compression !== 'off') this.#compressed += draft.length;
    // A failure is met where the frame is drained; until then nobody else is listening.
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

/** Adds a blob of `length` bytes: it is at the offset of the frame, or a patch is that makes it. */
function addTo({ frame, ids, places }: FrameDraft, id: ObjectId, length: number, offset: number, patch?: Patch): void {
  const location =
    patch === undefined
      ? { frame, offset, baseLength: length, patches: NO_PATCHES }
      : { ...patch.base, patches: [...patch.base.patches, { frame, offset, bitmap: patch.bitmap }] };
  ids.push(id);
  places.push({ location, length });
}
