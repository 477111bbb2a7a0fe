/**
 * Frames that were decoded for verification and are about to be read. A checkout writes the data of
 * a pull without reading and decoding it again. A pack's name is never reused, so a frame's
 * position identifies its bytes. Frames that do not fit are read from their pack.
 */
import { KEPT_FRAME_BYTES } from '../../base/limits.js';
import { type Frame, frameKey, framesOf, type Location } from '../../format/locator.js';
import type { ObjectId } from '../../format/object-id.js';

export class KeptFrames {
  readonly #frames = new Map<string, Promise<Uint8Array>>();
  /** Locations of blobs that were verified from kept frames. */
  readonly #verified = new Map<ObjectId, Location>();
  #room = KEPT_FRAME_BYTES;

  /**
   * Keeps the result of `decode`, even a failure. Resolves when the result has settled. Returns
   * undefined, without calling `decode`, if there is no room.
   */
  keep(frame: Frame, decode: () => Promise<Uint8Array>): Promise<void> | undefined {
    if (frame.length > this.#room) return undefined;
    this.#room -= frame.length;
    const bytes = decode();
    this.#frames.set(frameKey(frame), bytes);
    return bytes.then(
      () => undefined,
      () => undefined,
    );
  }

  get(frame: Frame): Promise<Uint8Array> | undefined {
    return this.#frames.get(frameKey(frame));
  }

  /**
   * Returns true if the blob was verified at this location, from these very bytes. Such a blob need
   * not be hashed again.
   */
  isVerified(id: ObjectId, location: Location): boolean {
    return this.#verified.get(id) === location;
  }

  noteVerified(id: ObjectId, location: Location): void {
    if (framesOf(location).every((frame) => this.#frames.has(frameKey(frame)))) this.#verified.set(id, location);
  }

  clear(): void {
    this.#frames.clear();
    this.#verified.clear();
    this.#room = KEPT_FRAME_BYTES;
  }
}
