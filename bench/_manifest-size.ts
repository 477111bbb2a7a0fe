/**
 * The size of a manifest: a flat tree in columns, the ids of its blobs, and the locator table. The
 * columns are really built and compressed, but in no readable format.
 */
import type { Codec } from '../test/support/measure/codecs.js';
import type { ScannedFile } from '../test/support/measure/scan.js';

/**
 * A location of a part: a frame, a position in the frame and, for a patch, the pages of the blob
 * that it holds.
 */
export interface Part {
  readonly frame: Frame;
  readonly offset: number;
  readonly length: number;
  readonly pageMap?: number;
}

export interface Frame {
  readonly pack: number;
  readonly packOffset: number;
  readonly storedSize: number;
  readonly size: number;
}

export interface ManifestSize {
  readonly total: number;
  /** Bytes of the ids, which do not compress. */
  readonly ids: number;
  readonly tree: number;
  readonly locators: number;
}

const ID_BYTES = 32;
const PACK_NAME_BYTES = 16;

class Column {
  readonly bytes: number[] = [];
  #last = 0;

  put(value: number): void {
    for (; value >= 128; value = Math.floor(value / 128)) this.bytes.push((value % 128) | 128);
    this.bytes.push(value);
  }

  /** Writes the difference from the previous value, with the sign in the lowest bit. */
  delta(value: number): void {
    const difference = value - this.#last;
    this.put(difference < 0 ? -difference * 2 - 1 : difference * 2);
    this.#last = value;
  }
}

const join = (columns: readonly Column[]): Buffer => Buffer.concat(columns.map((column) => Buffer.from(column.bytes)));

function treeColumns(files: readonly ScannedFile[]): Buffer {
  const [shared, names, modes, sizes, times] = [new Column(), [] as Buffer[], new Column(), new Column(), new Column()];
  let before = '';
  for (const file of files) {
    let common = 0;
    while (common < before.length && before[common] === file.path[common]) common++;
    shared.put(common);
    names.push(Buffer.from(`${file.path.slice(common)}\0`));
    modes.put(file.mode);
    sizes.put(file.size);
    times.delta(Number(file.mtimeNs / 1000n));
    before = file.path;
  }
  return Buffer.concat([join([shared]), ...names, join([modes, sizes, times])]);
}

function locatorColumns(blobs: readonly (readonly Part[])[]): Buffer {
  const frames = [...new Set(blobs.flat().map((part) => part.frame))].sort((a, b) => a.pack - b.pack || a.packOffset - b.packOffset);
  const packs = new Set(frames.map((frame) => frame.pack));
  const place = new Map(frames.map((frame, i) => [frame, i]));
  const [pack, at, stored, size] = [new Column(), new Column(), new Column(), new Column()];
  for (const frame of frames) {
    pack.delta(frame.pack);
    at.delta(frame.packOffset);
    stored.put(frame.storedSize);
    size.put(frame.size);
  }
  const [counts, frameOf, offset, pages] = [new Column(), new Column(), new Column(), new Column()];
  let end: Part | undefined;
  for (const part of blobs.flat()) {
    frameOf.delta(place.get(part.frame) as number);
    const expected = end?.frame === part.frame ? end.offset + end.length : 0;
    offset.put(part.offset === expected ? 0 : part.offset + 1);
    if (part.pageMap !== undefined) pages.put(part.pageMap);
    end = part;
  }
  for (const parts of blobs) counts.put(parts.length);
  const names = Buffer.alloc(packs.size * PACK_NAME_BYTES);
  return Buffer.concat([names, join([pack, at, stored, size, counts, frameOf, offset, pages])]);
}

/** Returns the size. `blobs` holds the parts of every chunk of every file, in order. */
export function manifestSize(files: readonly ScannedFile[], blobs: readonly (readonly Part[])[], codec: Codec): ManifestSize {
  const ids = blobs.length * ID_BYTES;
  const packs = new Set(blobs.flat().map((part) => part.frame.pack)).size;
  const tree = codec.storedSize(treeColumns(files));
  const locators = codec.storedSize(locatorColumns(blobs)) + packs * PACK_NAME_BYTES;
  return { total: tree + ids + locators, ids, tree, locators };
}
