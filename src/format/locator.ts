/**
 * Locators: the locations of each blob of a tree (SPEC.md 6). No id covers them, so moving bytes
 * never changes an id. In memory a location points to its frames. On the wire a location refers to
 * numbered tables of packs and frames.
 */
import { fromHex, Reader, toHex, Writer } from '../base/bytes.js';
import { check, integrity, invariant } from '../base/errors.js';
import { CHUNK_SIZE, MAX_FRAME_SIZE, MAX_PACK_SIZE, MAX_PATCHES, PAGE_SIZE } from '../base/limits.js';
import type { Codec } from '../codec/platform.js';
import { codecOfTag, codecTag } from './codecs.js';
import { DIGEST_BYTES, NAME_BYTES } from './envelope.js';
import { pageCount } from './patch.js';

/** The name of an immutable object: random, with the GC epoch of its birth. */
export interface ObjectName {
  epoch: number;
  /** 32 hex digits. */
  name: string;
}

/** A frame in a pack. Two locations share a frame if they hold the same object. */
export interface Frame {
  pack: ObjectName;
  /** Position of the frame: bytes from the start of the pack. */
  offset: number;
  codec: Codec;
  storedLength: number;
  /** Number of bytes before compression. */
  length: number;
}

export interface PatchLocation {
  frame: Frame;
  /** Position of the patch: bytes from the start of the uncompressed frame. */
  offset: number;
  /** The patched pages. Bit i is page i. */
  bitmap: number;
}

/** The construction of one blob: a base, then patches in order. */
export interface Location {
  frame: Frame;
  offset: number;
  baseLength: number;
  patches: readonly PatchLocation[];
}

/** An empty list that most blobs share, since a large profile has tens of thousands. */
export const NO_PATCHES: readonly PatchLocation[] = Object.freeze([]);

/** Returns all frames that a location needs. */
export function framesOf(location: Location): Frame[] {
  return [location.frame, ...location.patches.map((patch) => patch.frame)];
}

/** Returns the name of an object as text: its epoch and its random part, as in its provider key. */
export function nameText({ epoch, name }: ObjectName): string {
  return `${epoch}-${name}`;
}

export function writeName(out: Writer, { epoch, name }: ObjectName): void {
  const bytes = fromHex(name);
  invariant(bytes?.length === NAME_BYTES, `${name} is the name of an object`);
  out.uint(epoch).bytes(bytes);
}

export function readName(input: Reader): ObjectName {
  return { epoch: input.uint(Number.MAX_SAFE_INTEGER), name: toHex(input.bytes(NAME_BYTES)) };
}

export function compareNames(a: ObjectName, b: ObjectName): number {
  return a.epoch - b.epoch || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** Orders frames by pack and offset. */
export function compareFrames(a: Frame, b: Frame): number {
  return compareNames(a.pack, b.pack) || a.offset - b.offset;
}

/** Encodes the locations of a tree's distinct blobs, in order. `lengths` are the blobs' lengths. */
export function encodeLocators(locations: readonly Location[], lengths: readonly number[]): Uint8Array {
  const frames = distinctFrames(locations);
  const packs = [...new Map(frames.map((frame) => [nameText(frame.pack), frame.pack])).values()];
  const out = new Writer().uint(packs.length);
  for (const pack of packs) writeName(out, pack);
  encodeFrames(out, frames, new Map(packs.map((pack, i) => [nameText(pack), i])));
  const index = new Map(frames.map((frame, i) => [frameKey(frame), i]));
  const indexOf = (frame: Frame) => index.get(frameKey(frame)) as number;
  let f = 0;
  let o = 0;
  locations.forEach((location, i) => {
    const frame = indexOf(location.frame);
    svar(out, frame - f);
    svar(out, location.offset - (frame === f ? o : 0));
    const sameLength = location.baseLength === lengths[i];
    out.uint(location.patches.length * 2 + (sameLength ? 0 : 1));
    if (!sameLength) out.uint(location.baseLength);
    for (const patch of location.patches) {
      svar(out, indexOf(patch.frame) - frame);
      out
        .uint(patch.offset)
        .byte(patch.bitmap & 255)
        .byte(patch.bitmap >> 8);
    }
    f = frame;
    o = location.offset + location.baseLength;
  });
  return out.finish();
}

/**
 * Decodes and validates a locator table for blobs of the given lengths. Throws INTEGRITY for any
 * other bytes.
 */
export function decodeLocators(bytes: Uint8Array, lengths: readonly number[]): Location[] {
  const input = new Reader(bytes, 'locator table');
  const packs = decodePacks(input, bytes.length);
  const frames = decodeFrames(input, packs, bytes.length);
  const used = new Set<Frame>();
  const frameAt = (index: number): Frame => {
    const frame = frames[index];
    if (frame === undefined) throw integrity(`locator table: expected a frame below ${frames.length}, found ${index}`);
    used.add(frame);
    return frame;
  };
  let previous = 0;
  let expectedOffset = 0;
  const locations = lengths.map((length) => {
    const index = previous + readSvar(input);
    const frame = frameAt(index);
    const offset = readSvar(input) + (index === previous ? expectedOffset : 0);
    const location = decodeLocation(input, frame, offset, length, (delta) => frameAt(index + delta));
    previous = index;
    expectedOffset = offset + location.baseLength;
    return location;
  });
  input.end();
  if (used.size !== frames.length)
    throw integrity(`locator table: expected every frame to be used, found ${frames.length - used.size} that are not`);
  return locations;
}

function decodeLocation(input: Reader, frame: Frame, offset: number, length: number, frameAt: (delta: number) => Frame): Location {
  const shape = input.uint(2 * MAX_PATCHES + 1);
  const baseLength = shape % 2 === 0 ? length : input.uint(CHUNK_SIZE);
  check(shape % 2 === 0 || (baseLength !== length && baseLength > 0), "locator table: expected a base length of its own, found the blob's");
  checkWithin(frame, offset, baseLength);
  const count = shape >> 1;
  const patches =
    count === 0
      ? NO_PATCHES
      : Array.from({ length: count }, () => {
          const patchFrame = frameAt(readSvar(input));
          const patchOffset = input.uint(MAX_FRAME_SIZE);
          const bitmap = input.byte() + input.byte() * 256;
          check(bitmap !== 0, 'locator table: expected a patch of at least one page');
          checkWithin(patchFrame, patchOffset, pageCount(bitmap) * PAGE_SIZE);
          return { frame: patchFrame, offset: patchOffset, bitmap };
        });
  check(patches.length > 0 || baseLength >= length, 'locator table: expected a base as long as its blob if there are no patches');
  return { frame, offset, baseLength, patches };
}

function checkWithin(frame: Frame, offset: number, length: number): void {
  const within = offset >= 0 && offset + length <= frame.length;
  if (!within) throw integrity(`locator table: expected ${length} bytes at ${offset} in a frame of ${frame.length}`);
}

/**
 * Returns the bytes of a pack's envelope before its frames (SPEC.md 4): the fixed fields, and its
 * key with one byte of length.
 */
export function packHeaderLength(pack: ObjectName): number {
  return 5 + NAME_BYTES + 1 + `packs/${nameText(pack)}`.length;
}

function decodePacks(input: Reader, limit: number): ObjectName[] {
  const packs: ObjectName[] = [];
  const count = input.uint(limit);
  for (let i = 0; i < count; i++) {
    const pack = readName(input);
    const last = packs.at(-1);
    check(last === undefined || compareNames(last, pack) < 0, 'locator table: expected rising pack names');
    packs.push(pack);
  }
  return packs;
}

function decodeFrames(input: Reader, packs: readonly ObjectName[], limit: number): Frame[] {
  const frames: Frame[] = [];
  const count = input.uint(limit);
  let packIndex = 0;
  let end = 0;
  let header = packs[0] === undefined ? 0 : packHeaderLength(packs[0]);
  for (let i = 0; i < count; i++) {
    const step = input.uint(packs.length);
    check(step <= (i === 0 ? 0 : 1), 'locator table: expected every pack to have a frame');
    packIndex += step;
    if (step > 0) end = 0;
    const pack = packs[packIndex];
    if (pack === undefined) throw integrity(`locator table: expected a pack below ${packs.length}, found ${packIndex}`);
    if (step > 0) header = packHeaderLength(pack);
    const offset = end + input.uint(MAX_PACK_SIZE);
    if (offset < header)
      throw integrity(`locator table: expected a frame after the ${header} bytes of its pack's header, found one at ${offset}`);
    const codec = codecOfTag(input.byte(), 'locator table');
    const storedLength = input.uint(MAX_PACK_SIZE);
    const length = codec === 'raw' ? storedLength : input.uint(MAX_FRAME_SIZE);
    if (length < 1 || length > MAX_FRAME_SIZE)
      throw integrity(`locator table: expected a frame of 1 to ${MAX_FRAME_SIZE} bytes, found ${length}`);
    check(storedLength >= 1, 'locator table: expected a frame of at least one stored byte');
    end = offset + storedLength;
    if (end > MAX_PACK_SIZE - DIGEST_BYTES)
      throw integrity(
        `locator table: expected a frame before the digest of a pack of ${MAX_PACK_SIZE} bytes, found one that ends at ${end}`,
      );
    frames.push({ pack, offset, codec, storedLength, length });
  }
  check(packs.length === (count === 0 ? 0 : packIndex + 1), 'locator table: expected every pack to have a frame');
  return frames;
}

function encodeFrames(out: Writer, frames: readonly Frame[], packIndex: ReadonlyMap<string, number>): void {
  out.uint(frames.length);
  let previous = 0;
  let end = 0;
  for (const frame of frames) {
    const pack = packIndex.get(nameText(frame.pack)) as number;
    if (pack !== previous) end = 0;
    out.uint(pack - previous).uint(frame.offset - end);
    out.byte(codecTag(frame.codec)).uint(frame.storedLength);
    if (frame.codec !== 'raw') out.uint(frame.length);
    previous = pack;
    end = frame.offset + frame.storedLength;
  }
}

function distinctFrames(locations: readonly Location[]): Frame[] {
  const frames = new Map<string, Frame>();
  for (const location of locations) {
    for (const frame of framesOf(location)) frames.set(frameKey(frame), frame);
  }
  const sorted = [...frames.values()].sort(compareFrames);
  sorted.forEach((frame, i) => {
    const last = sorted[i - 1];
    const apart = last === undefined || compareNames(last.pack, frame.pack) !== 0 || last.offset + last.storedLength <= frame.offset;
    invariant(apart, 'frames do not overlap');
  });
  return sorted;
}

/**
 * Keys of frames, each created once. A separate text for each blob of a frame would use much
 * memory.
 */
const frameKeys = new WeakMap<Frame, string>();

/**
 * Identifies a frame by its pack and offset. Frames of different locator tables are different
 * values, and may be the same frame.
 */
export function frameKey(frame: Frame): string {
  const known = frameKeys.get(frame);
  if (known !== undefined) return known;
  const key = `${frame.pack.epoch}-${frame.pack.name}:${frame.offset}`;
  frameKeys.set(frame, key);
  return key;
}

function svar(out: Writer, value: number): void {
  out.uint(value >= 0 ? 2 * value : -2 * value - 1);
}

function readSvar(input: Reader): number {
  const value = input.uint(Number.MAX_SAFE_INTEGER);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
