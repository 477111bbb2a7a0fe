/** The copy operation of all LZ77 decoders. */

/**
 * Copies `length` bytes within `out` from `offset` before `to`. If source and target overlap, the
 * copied bytes repeat.
 */
export function copyMatch(out: Uint8Array, to: number, offset: number, length: number): void {
  if (offset >= length && length > 32) {
    out.copyWithin(to, to - offset, to - offset + length);
    return;
  }
  for (let i = to; i < to + length; i++) out[i] = out[i - offset] as number;
}
