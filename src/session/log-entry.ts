/** Entries of a history for callers, such as `log`. */
import { isCheckpoint } from '../format/checkpoint-label.js';
import type { ObjectId } from '../format/object-id.js';
import type { EntryOp, HistoryEntry } from '../format/ref.js';

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
  op: EntryOp;
  tags: string[];
  /** True if the remote is known to have the commit. Only in `log`, if there is a remote. */
  pushed?: boolean;
  /** True if HEAD names the commit. Only in `log`. */
  head?: boolean;
  /** True for a checkpoint that a later commit replaces; listed with `checkpoints: true`. */
  squashed?: true;
}

export interface LogSelection {
  /** Entries to list at most; all unless given. */
  limit?: number | undefined;
  /** Lists all checkpoints, also those with a newer ordinary commit. */
  checkpoints?: boolean | undefined;
}

export function logEntry({ id, op, commit }: HistoryEntry, tagged: ReadonlyMap<string, ObjectId>): LogEntry {
  const tags = [...tagged].filter(([, named]) => named === id).map(([name]) => name);
  const { tree, parents, message, author, labels, files, bytes } = commit;
  return { commit: id, tree, parents, time: new Date(commit.time), message, author, labels, files, bytes, op, tags };
}

/** Yields the entries without checkpoints that have a newer ordinary commit and no tag. */
export async function* select(
  entries: AsyncIterable<LogEntry>,
  { limit = Number.POSITIVE_INFINITY, checkpoints = false }: LogSelection,
): AsyncGenerator<LogEntry> {
  let left = limit;
  let hasNewer = false;
  if (left <= 0) return;
  for await (const entry of entries) {
    // If the replicas have diverged, unpushed local commits are not newer than the remote's head.
    if (entry.head) hasNewer = false;
    const isSquashed = hasNewer && isCheckpoint(entry) && entry.tags.length === 0;
    hasNewer ||= !isCheckpoint(entry);
    if (isSquashed && !checkpoints) continue;
    yield isSquashed ? { ...entry, squashed: true } : entry;
    if (--left <= 0) return;
  }
}
