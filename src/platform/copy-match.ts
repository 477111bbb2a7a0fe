/** What the decoders of all LZ77 formats do. */

/** Copies `length` bytes within `out` from `offset` before `to`; where source and target overlap, what was just copied is copied again. */
export function copyMatch(out: Uint8Array, to: number, offset: number, length: number): void {
  if (offset >= length && length > 32) {
    out.copyWithin(to, to - offset, to - offset + length);
    return;
  }
  for (let i = to; i < to + length; i++) out[i] = out[i - offset] as number;
}
