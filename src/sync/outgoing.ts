/** The commits that a push sends: new ones, and those whose objects the remote has lost. */
import { ignore } from '../base/errors.js';
import type { Commit } from '../format/commit.js';
import { objectKey } from '../format/keys.js';
import type { Manifest } from '../format/manifest.js';
import type { ObjectId } from '../format/object-id.js';
import type { EntryOp, HistoryEntry } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import { needsPack, PackPresence } from '../session/commit/reuse.js';
import type { Replica } from '../session/replica/replica.js';
import type { SessionRef } from '../session/session-ref.js';

export interface Outgoing {
  id?: ObjectId | undefined;
  commit: Commit;
  op: EntryOp;
  /** Whether the local store has the content of the commit. */
  isHere: boolean;
  /** Reads the tree, and the locations of its blobs in the local store. */
  load(): Promise<Pick<Manifest, 'tree' | 'blobs'>>;
}

/** Returns the commits of local entries, which are newest first, in the order of sending. */
export function outgoing(here: SessionRef, unsent: readonly HistoryEntry[], options: RequestOptions): Outgoing[] {
  return unsent.map((entry) => ({ ...entry, isHere: true, load: () => here.manifest(entry, options) })).reverse();
}

/**
 * Returns the commits to send again, oldest first. These are in the remote's ref, not in its
 * segments, need lost objects, and have their content in the local store.
 */
export async function findRelocations(
  local: Replica,
  there: SessionRef,
  lost: ReadonlySet<string>,
  op: RequestOptions,
): Promise<Outgoing[]> {
  const here = await local.read(there.id, op);
  if (!here.exists || lost.size === 0) return [];
  const own = new Map<string, HistoryEntry>();
  for await (const entry of here.entries(op)) own.set(entry.id, entry);
  const packs = new PackPresence(here.repository, op);
  const found: HistoryEntry[] = [];
  for (const entry of there.ref.entries) {
    const mine = own.get(entry.id);
    if (mine === undefined || !(await needs(there, entry, lost, op))) continue;
    const { blobs } = await here.manifest(mine, op);
    if ((await packs.missing(blobs.values())).size === 0) found.push(mine);
  }
  return outgoing(here, found, op);
}

/** Returns whether an entry needs a lost object. */
export async function needs(there: SessionRef, entry: HistoryEntry, lost: ReadonlySet<string>, op: RequestOptions): Promise<boolean> {
  if (lost.has(objectKey('manifests', entry.manifest))) return true;
  const manifest = await there.manifest(entry, op).catch(ignore('INTEGRITY'));
  return manifest === undefined || [...manifest.blobs.values()].some((place) => needsPack(place, lost));
}
