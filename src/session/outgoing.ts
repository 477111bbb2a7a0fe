/** Commits on their way to the remote. */
import type { Commit } from '../format/commit.js';
import type { Manifest } from '../format/manifest.js';
import type { ObjectId } from '../format/object-id.js';
import type { Row, RowOp } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { SessionRef } from './session-ref.js';

/**
 * A commit to be sent, with a way to its tree and to the locations of its blobs in the local store.
 */
export interface Outgoing {
  id?: ObjectId | undefined;
  commit: Commit;
  op: RowOp;
  /** Whether the local store has its content. */
  isHere: boolean;
  load(): Promise<Pick<Manifest, 'tree' | 'blobs'>>;
}

/** Returns entries of the local store, newest first, as they are sent, oldest first. */
export function outgoing(here: SessionRef, unsent: readonly Row[], options: RequestOptions): Outgoing[] {
  return [...unsent].reverse().map((row) => ({ ...row, isHere: true, load: () => here.manifest(row, options) }));
}
