/** Names that a garbage collection is about to delete, which no writer uses (SPEC.md R-GC-1). */
import { readAhead } from '../base/concurrency.js';
import { MANIFESTS_AHEAD } from '../base/limits.js';
import type { Operation } from '../base/operation.js';
import { objectKey } from '../format/keys.js';
import type { HistoryEntry } from '../format/ref.js';
import type { StoredEpoch } from '../repository/repository.js';
import { needsPack } from './commit/reuse.js';
import type { SessionRef } from './session-ref.js';

/**
 * Returns whether another ref may name these entries of a session, which was read after the epoch.
 * If the epoch condemns an object of theirs, it is swapped for one that condemns nothing. The
 * collection then deletes nothing, and the caller starts over.
 */
export async function mayName(source: SessionRef, entries: readonly HistoryEntry[], epoch: StoredEpoch, op: Operation): Promise<boolean> {
  if (epoch.condemned.length === 0 || !(await needCondemned(source, entries, epoch, op))) return true;
  await source.repository.nextEpoch(epoch, [], op);
  return false;
}

async function needCondemned(
  source: SessionRef,
  entries: readonly HistoryEntry[],
  { condemned }: StoredEpoch,
  op: Operation,
): Promise<boolean> {
  const keys = new Set(condemned.map(({ folder, name }) => objectKey(folder, name)));
  if (source.ref.segments.some(({ name }) => keys.has(objectKey('segments', name)))) return true;
  if (entries.some(({ manifest }) => keys.has(objectKey('manifests', manifest)))) return true;
  const look = async (entry: HistoryEntry) =>
    [...(await source.manifest(entry, op)).blobs.values()].some((place) => needsPack(place, keys));
  for await (const isNeeded of readAhead(entries, MANIFESTS_AHEAD, look)) if (isNeeded) return true;
  return false;
}
