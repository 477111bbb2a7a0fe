/** Dependent round trips, found from when requests began and ended. */

/**
 * Returns the length of the longest chain of intervals that each start when or after the previous
 * one ended. An interval counts as dependent on all that ended before its start. One that has not
 * ended has none after it.
 */
export function longestChain(intervals: readonly { start: number; end: number }[]): number {
  let length = 0;
  let last = Number.NEGATIVE_INFINITY;
  for (const { start, end } of intervals.toSorted((a, b) => a.end - b.end)) {
    if (start < last) continue;
    last = end;
    length++;
  }
  return length;
}
