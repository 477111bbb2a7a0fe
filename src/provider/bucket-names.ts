/**
 * How objects and cells share the flat names of a bucket (SPEC.md R-S3-1): an object has its key as its name, a cell has its key and `~`,
 * which no key can hold. So one list tells them apart, and every beginning of a key is the beginning of its name.
 */
import { isKey } from './key.js';
import type { Listed } from './provider.js';

const CELL_MARK = '~';

export function cellName(key: string): string {
  return key + CELL_MARK;
}

/** What a name in the bucket is to a list; undefined for one that no key has, which is somebody else's. */
export function entryOf(name: string, size: number): Listed | undefined {
  const isCell = name.endsWith(CELL_MARK);
  const key = isCell ? name.slice(0, -CELL_MARK.length) : name;
  return isKey(key) ? { key, size: isCell ? undefined : size } : undefined;
}
