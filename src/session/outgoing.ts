/** Commits that are sent to the remote. */
import type { Commit } from '../format/commit.js';
import type { Manifest } from '../format/manifest.js';
import type { ObjectId } from '../format/object-id.js';
import type { EntryOp, HistoryEntry } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { SessionRef } from './session-ref.js';

export interface Outgoing {
  id?: ObjectId | undefined;
  commit: Commit;
  op: EntryOp;
  /** Whether the local store has its content. */
  isHere: boolean;
  /** Reads the tree, and the locations of its blobs in the local store. */
  load(): Promise<Pick<Manifest, 'tree' | 'blobs'>>;
}

/** Returns entries of the local store, newest first, in the order of sending, oldest first. */
export function outgoing(here: SessionRef, unsent: readonly HistoryEntry[], options: RequestOptions): Outgoing[] {
  return unsent.map((entry) => ({ ...entry, isHere: true, load: () => here.manifest(entry, options) })).reverse();
}
