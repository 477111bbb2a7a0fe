/**
 * Patches: the changed pages of one blob (SPEC.md R-PATCH, R-LOC-1). A browser's databases change
 * in a few pages at a time.
 */
import { CHUNK_SIZE, PAGE_SIZE, PAGES_PER_CHUNK } from '../base/limits.js';

/**
 * Returns the pages in which `next` differs from `previous`, as a bitmap. A page that is a prefix
 * of the old page does not differ.
 */
export function changedPages(previous: Uint8Array, next: Uint8Array): number {
  let bitmap = 0;
  for (let page = 0; page * PAGE_SIZE < next.length; page++) {
    const start = page * PAGE_SIZE;
    const end = Math.min(start + PAGE_SIZE, next.length);
    if (end > previous.length || !equalRange(previous, next, start, end)) bitmap |= 1 << page;
  }
  return bitmap;
}

/** Returns the number of pages in a bitmap. */
export function pageCount(bitmap: number): number {
  let count = 0;
  for (let rest = bitmap; rest !== 0; rest &= rest - 1) count++;
  return count;
}

/**
 * Returns the bytes of a patch: the pages of the bitmap in rising order, with zeros after the last
 * page.
 */
export function extractPages(blob: Uint8Array, bitmap: number): Uint8Array {
  const pages = new Uint8Array(pageCount(bitmap) * PAGE_SIZE);
  let at = 0;
  for (let page = 0; page < PAGES_PER_CHUNK; page++) {
    if ((bitmap & (1 << page)) === 0) continue;
    pages.set(blob.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE), at);
    at += PAGE_SIZE;
  }
  return pages;
}

/** Returns the base padded to a whole chunk, patched in order, and cut to `length`. */
export function applyPatches(base: Uint8Array, patches: readonly { bitmap: number; pages: Uint8Array }[], length: number): Uint8Array {
  const chunk = new Uint8Array(CHUNK_SIZE);
  chunk.set(base);
  for (const { bitmap, pages } of patches) {
    let at = 0;
    for (let page = 0; page < PAGES_PER_CHUNK; page++) {
      if ((bitmap & (1 << page)) === 0) continue;
      chunk.set(pages.subarray(at, at + PAGE_SIZE), page * PAGE_SIZE);
      at += PAGE_SIZE;
    }
  }
  return chunk.subarray(0, length);
}

function equalRange(a: Uint8Array, b: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (a[i] !== b[i]) return false;
  return true;
}
