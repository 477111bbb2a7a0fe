/** Dependent round trips, found from when requests began and ended. */

/**
 * The length of the longest chain of intervals of which each starts when or after the one before
 * ended. What began later than another's end is taken to depend on it, and one that has not ended
 * has none after it.
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
