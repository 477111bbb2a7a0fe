/**
 * Frames that were decoded to be verified and are about to be read: what a pull brought a checkout writes, without reading and decoding it once more. A
 * pack's name is never used twice, so that a frame's place tells its bytes. What there is no room for is read from its pack.
 */
import { KEPT_FRAME_BYTES } from '../limits.js';
import type { ObjectId } from '../object-id.js';
import { type Frame, frameKey, framesOf, type Location } from '../pack/locator.js';

export class KeptFrames {
  readonly #frames = new Map<string, Promise<Uint8Array>>();
  /** Where blobs were that were verified from frames that are kept. */
  readonly #verified = new Map<ObjectId, Location>();
  #room = KEPT_FRAME_BYTES;

  /** Keeps what `decode` resolves to, be it a failure; resolves when that is over. Undefined, and `decode` is not called, where there is no room. */
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

  /** Whether the blob was verified at this place, from these very bytes: it need not be hashed again. */
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
