/** The entries that a pull adds to the local history, and the tags that name them. */
import type { ObjectId } from '../format/object-id.js';
import { entryCount, type HistoryEntry, type Ref } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { Refs } from '../repository/refs.js';
import type { SessionRef } from '../session/session-ref.js';

/**
 * Returns the local entries with the new ones, in the remote's order. Entries that only the local
 * store has stay before the entry that they follow.
 */
export async function inOrder(
  there: SessionRef,
  added: readonly HistoryEntry[],
  here: readonly HistoryEntry[],
  options: RequestOptions,
): Promise<HistoryEntry[]> {
  const mine = new Map([...here, ...added].map((entry) => [entry.id, entry]));
  const ordered: HistoryEntry[] = [];
  let left = added.length;
  for await (const { id } of there.entries(options)) {
    const entry = mine.get(id);
    if (entry === undefined) continue;
    ordered.push(entry);
    if (added.includes(entry) && --left === 0) break;
  }
  const placed = new Set(ordered.map(({ id }) => id));
  const shared = here.findIndex(({ id }) => placed.has(id));
  const before = here.slice(0, Math.max(0, shared));
  return [...before, ...ordered, ...here.slice(before.length).filter(({ id }) => !placed.has(id))];
}

/**
 * Returns the change that makes `entries` the local ones. Segments stay if all new entries come
 * before them, so that a pull costs the same at any length of history.
 */
export function arrange(
  refs: Refs,
  ref: Ref,
  here: readonly HistoryEntry[],
  entries: readonly HistoryEntry[],
  options: RequestOptions,
): Promise<Pick<Ref, 'entries' | 'segments'>> {
  const older = here.slice(ref.entries.length);
  const front = entries.slice(0, entries.length - older.length);
  const isSame = older.length === entryCount(ref) - ref.entries.length && older.every((entry, i) => entry === entries[front.length + i]);
  return isSame ? refs.replaceEntries(ref, front, options) : refs.adopt(ref, entries, options);
}

/** Returns the tags of a ref that name one of the entries. */
export function tagsOf({ tags }: Ref, entries: readonly HistoryEntry[]): [name: string, commit: ObjectId][] {
  const ids = new Set(entries.map(({ id }) => id));
  return [...tags].filter(([, id]) => ids.has(id));
}
