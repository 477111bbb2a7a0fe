/**
 * The base of a changed blob's patch. A blob has few patches, and it may change in every commit. To
 * replace all by one would store most of the chunk again every eighth time.
 */
import { MAX_PATCHES } from '../../base/limits.js';
import type { Location } from '../../format/locator.js';
import type { BlobPlace } from '../../format/manifest.js';
import { pageCount } from '../../format/patch.js';
import { bitmapOf, partsOf } from '../read/fetch-plan.js';

/**
 * Returns the location that a new patch is based on, and its pages, for a blob of `length` bytes
 * that differs in the `changed` ones. If the location has MAX_PATCHES patches, the new patch
 * replaces half of them: those that show the fewest pages.
 */
export function patchOnto(place: BlobPlace, changed: number, length: number): { base: Location; bitmap: number } {
  const { location } = place;
  if (location.patches.length < MAX_PATCHES) return { base: location, bitmap: changed };
  const [, ...patches] = partsOf(place);
  const byPages = patches.map(({ seen }, i) => ({ seen: seen & ~changed, i })).sort((a, b) => pageCount(a.seen) - pageCount(b.seen));
  const gone = byPages.slice(0, MAX_PATCHES / 2);
  const bitmap = gone.reduce((bits, { seen }) => bits | (seen & bitmapOf(length)), changed);
  return { base: { ...location, patches: location.patches.filter((_, at) => !gone.some(({ i }) => i === at)) }, bitmap };
}
