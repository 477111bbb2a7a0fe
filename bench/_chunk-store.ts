/**
 * A simulated store for one chunking policy, with exact byte counts. Each new chunk goes into
 * frames, which are really compressed. A known chunk costs nothing. With patches, a changed chunk
 * is its base and the pages that changed since. Encryption, requests and compaction are omitted.
 */
import { CHUNK_SIZE, MAX_FRAME_SIZE, MAX_INLINE_ENTRIES, MAX_PATCHES, PAGE_SIZE } from '../src/base/limits.js';
import type { Codec } from '../test/support/measure/codecs.js';
import { digest, type Generation, type ScannedFile } from '../test/support/measure/scan.js';
import { type Frame, manifestSize, type Part } from './_manifest-size.js';

export interface Policy {
  readonly name: string;
  readonly chunkSize: number;
  readonly codec: Codec;
  readonly frameSize?: number;
  /** Absent: a changed chunk is stored whole. */
  readonly patches?: { readonly most?: number /** Part of its pages above which a chunk is stored whole. */; readonly whole?: number };
}

/** Bytes sent by one commit. */
export interface Sent {
  readonly data: number;
  readonly manifest: number;
  readonly ref: number;
  readonly ids: number;
}

/** A row of the table, which accepts the generations one after another. */
export interface Store {
  readonly name: string;
  commit(generation: Generation): Promise<Sent>;
  /**
   * Returns the stored bytes that a cold mount of the last commit reads, and the number of packs.
   */
  coldRead(): Promise<{ bytes: number; packs: number }>;
}

const ROW_BYTES = 110;

interface Chunk {
  readonly bytes: Buffer;
  readonly pages: readonly string[];
}

interface Blob {
  readonly pages: readonly string[];
  /** Pages of the first part. The other parts patch these pages. */
  readonly basePages: readonly string[];
  readonly parts: readonly Part[];
}

/**
 * A collector of the new data of one commit. Closes a frame when the next piece would make it too
 * long.
 */
class Packer {
  readonly #policy: Policy;
  readonly #pack: number;
  #pieces: Buffer[] = [];
  #frame: { -readonly [K in keyof Frame]: Frame[K] };
  packed = 0;

  constructor(policy: Policy, pack: number) {
    this.#policy = policy;
    this.#pack = pack;
    this.#frame = this.#open();
  }

  /**
   * Returns the part for `piece`. Its frame is known once the frame is closed; `flush` closes the
   * last frame.
   */
  add(piece: Buffer, pageMap?: number): Part {
    if (this.#frame.size > 0 && this.#frame.size + piece.length > (this.#policy.frameSize ?? MAX_FRAME_SIZE)) this.flush();
    const part = { frame: this.#frame, offset: this.#frame.size, length: piece.length, ...(pageMap === undefined ? {} : { pageMap }) };
    this.#pieces.push(piece);
    this.#frame.size += piece.length;
    return part;
  }

  flush(): void {
    this.#frame.storedSize = this.#policy.codec.storedSize(Buffer.concat(this.#pieces));
    this.packed += this.#frame.storedSize;
    this.#pieces = [];
    this.#frame = this.#open();
  }

  #open() {
    return { pack: this.#pack, packOffset: this.packed, storedSize: 0, size: 0 };
  }
}

export class SimulatedStore implements Store {
  readonly name: string;
  readonly #policy: Policy;
  readonly #blobs = new Map<string, Blob>();
  #head = new Map<string, Blob[]>();
  #commits = 0;

  constructor(policy: Policy) {
    this.name = policy.name;
    this.#policy = policy;
  }

  async commit({ files }: Generation): Promise<Sent> {
    const packer = new Packer(this.#policy, this.#commits++);
    const head = new Map<string, Blob[]>();
    for (const file of files) {
      const before = this.#head.get(file.path) ?? [];
      head.set(
        file.path,
        this.#chunks(file).map((chunk, i) => this.#blob(chunk, before[i], packer)),
      );
    }
    packer.flush();
    this.#head = head;
    const blobs = files.flatMap((file) => (head.get(file.path) as Blob[]).map((blob) => blob.parts));
    const { total, ids } = manifestSize(files, blobs, this.#policy.codec);
    return { data: packer.packed, manifest: total, ref: ROW_BYTES * Math.min(this.#commits, MAX_INLINE_ENTRIES), ids };
  }

  async coldRead(): Promise<{ bytes: number; packs: number }> {
    const parts = [...this.#head.values()].flatMap((blobs) => blobs.flatMap((blob) => blob.parts));
    const frames = [...new Set(parts.map((part) => part.frame))];
    return {
      bytes: frames.reduce((sum, frame) => sum + frame.storedSize, 0),
      packs: new Set(frames.map((frame) => frame.pack)).size,
    };
  }

  #chunks({ bytes, pages }: ScannedFile): Chunk[] {
    const step = this.#policy.chunkSize;
    const count = bytes.length === 0 ? 0 : Math.ceil(bytes.length / Math.min(step, bytes.length));
    return Array.from({ length: count }, (_, i) => ({
      bytes: bytes.subarray(i * step, (i + 1) * step),
      pages: pages.slice((i * step) / PAGE_SIZE || 0, ((i + 1) * step) / PAGE_SIZE),
    }));
  }

  #blob(chunk: Chunk, before: Blob | undefined, packer: Packer): Blob {
    const id = digest(chunk.bytes);
    const known = this.#blobs.get(id);
    if (known) return known;
    const blob = this.#patched(chunk, before, packer) ?? this.#whole(chunk, packer);
    this.#blobs.set(id, blob);
    return blob;
  }

  #whole({ bytes, pages }: Chunk, packer: Packer): Blob {
    return { pages, basePages: pages, parts: [packer.add(bytes)] };
  }

  /**
   * Returns the chunk as patches of its predecessor, or undefined if the chunk is better stored
   * whole.
   */
  #patched({ bytes, pages }: Chunk, before: Blob | undefined, packer: Packer): Blob | undefined {
    const { patches } = this.#policy;
    if (!patches || !before) return undefined;
    const { basePages } = before;
    const full = before.parts.length > (patches.most ?? MAX_PATCHES);
    const [from, parts] = full ? [basePages, before.parts.slice(0, 1)] : [before.pages, before.parts];
    const changed = pages.flatMap((page, i) => (from[i] === page ? [] : [i]));
    if (changed.length > pages.length * (patches.whole ?? 3 / 4)) return undefined;
    if (changed.length === 0) return { pages, basePages, parts };
    const patch = Buffer.concat(changed.map((i) => bytes.subarray(i * PAGE_SIZE, (i + 1) * PAGE_SIZE)));
    const pageMap = changed.reduce((map, i) => map | (1 << i), 0);
    return { pages, basePages, parts: [...parts, packer.add(patch, pageMap)] };
  }
}

/** The policies of the design's table, with one codec. */
export const policies = (codec: Codec): Policy[] => [
  { name: 'whole files', chunkSize: Number.POSITIVE_INFINITY, codec },
  { name: 'fixed 64 KiB', chunkSize: CHUNK_SIZE, codec },
  { name: 'fixed 16 KiB', chunkSize: 16 * 1024, codec },
  { name: 'fixed 4 KiB', chunkSize: PAGE_SIZE, codec },
  { name: '64 KiB + pages', chunkSize: CHUNK_SIZE, codec, patches: {} },
];
