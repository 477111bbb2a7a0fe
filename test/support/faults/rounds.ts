/** Dependent round trips, computed from the start and end of requests. */

/**
 * Returns the length of the longest chain of intervals that each start when or after the previous
 * interval ended. An interval counts as dependent on all intervals that ended before its start. An
 * interval that has not ended has none after it.
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
