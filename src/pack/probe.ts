/**
 * Tells bytes that will not compress from those that may, for a small part of what compressing them would cost. Most of a
 * profile's cache is images, and compressing those only to store them raw took longer than everything else in a snapshot.
 */

/** A window of this many bytes that are as good as random holds 162 different values, give or take 5. */
const WINDOW = 256;
const FEWEST = 140;
const MOST = 184;
/** Windows looked at, spread evenly: as many as find a page of text in a blob of images. */
const WINDOWS = 16;

/** True where every window looks random: compressed or encrypted content. False for everything else, and for short inputs. */
export function looksIncompressible(bytes: Uint8Array): boolean {
  const windows = Math.min(WINDOWS, Math.floor(bytes.length / WINDOW));
  if (windows < 2) return false;
  const stride = bytes.length / windows;
  for (let i = 0; i < windows; i++) {
    const start = Math.floor(i * stride + (stride - WINDOW) / 2);
    const different = countDifferent(bytes, start, start + WINDOW);
    if (different < FEWEST || different > MOST) return false;
  }
  return true;
}

function countDifferent(bytes: Uint8Array, start: number, end: number): number {
  const seen = new Uint8Array(256);
  let count = 0;
  for (let i = start; i < end; i++) {
    const value = bytes[i] as number;
    if (seen[value] === 0) count++;
    seen[value] = 1;
  }
  return count;
}
