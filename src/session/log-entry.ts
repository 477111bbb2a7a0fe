/** Entries of the history, as `log` lists them. */
import { isCheckpoint } from '../format/checkpoint-label.js';
import type { ObjectId } from '../format/object-id.js';
import type { Row, RowOp } from '../format/ref.js';

/** A commit as `log` lists it. */
export interface LogEntry {
  commit: ObjectId;
  tree: ObjectId;
  parents: ObjectId[];
  time: Date;
  message: string;
  author: string;
  labels: Record<string, string>;
  files: number;
  bytes: number;
  op: RowOp;
  tags: string[];
  /**
   * True if the remote has the commit, as far as is known; absent unless `log` lists it and there
   * is a remote.
   */
  pushed?: boolean;
  /** True if HEAD names the commit; absent unless `log` lists it. */
  head?: boolean;
  /** True for a checkpoint that a later commit replaces; listed with `checkpoints: true`. */
  squashed?: true;
}

export interface LogSelection {
  /** Entries to list at most; all unless given. */
  limit?: number | undefined;
  /** Lists all checkpoints, also those that a later commit stands for. */
  checkpoints?: boolean | undefined;
}

/** Returns the entry of a row. */
export function logEntry({ id, op, commit }: Row, tagged: ReadonlyMap<string, ObjectId>): LogEntry {
  const tags = [...tagged].filter(([, named]) => named === id).map(([name]) => name);
  const { tree, parents, message, author, labels, files, bytes } = commit;
  return { commit: id, tree, parents, time: new Date(commit.time), message, author, labels, files, bytes, op, tags };
}

/**
 * Yields the entries, newest first, without checkpoints that have a newer ordinary commit and no
 * tag.
 */
export async function* select(
  entries: AsyncIterable<LogEntry>,
  { limit = Number.POSITIVE_INFINITY, checkpoints = false }: LogSelection,
): AsyncGenerator<LogEntry> {
  let left = limit;
  let hasNewer = false;
  if (left <= 0) return;
  for await (const entry of entries) {
    // If the two sides have diverged, a local commit that was not pushed is not newer than the
    // remote's head.
    if (entry.head) hasNewer = false;
    const isSquashed = hasNewer && isCheckpoint(entry) && entry.tags.length === 0;
    hasNewer ||= !isCheckpoint(entry);
    if (isSquashed && !checkpoints) continue;
    yield isSquashed ? { ...entry, squashed: true } : entry;
    if (--left <= 0) return;
  }
}
