/** The histories of a session in the local store and on the remote, compared and joined. */
import type { ObjectId } from '../format/object-id.js';
import { entryCount, type HistoryEntry, type Ref } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { Refs } from '../repository/refs.js';
import type { SessionRef } from '../session/session-ref.js';

export interface Relation {
  /** `diverged`: the remote also has entries that the unsent ones do not follow. */
  kind: 'same' | 'ahead' | 'behind' | 'diverged';
  /** The entries that only the local store has, newest first. */
  unsent: readonly HistoryEntry[];
  /** The newest entry that both have. */
  base: HistoryEntry | undefined;
}

/**
 * Compares the history of a session here with that on the remote. Reads segments of the remote only
 * if nothing else decides. The local store lacks entries whose content it lacks, so the parents of
 * a commit are compared too.
 */
export async function relate(here: SessionRef, there: SessionRef, options: RequestOptions): Promise<Relation> {
  const { head, ref } = there;
  if (here.head?.id === head?.id) return { kind: 'same', unsent: [], base: head };
  const inline = new Set(ref.entries.map(({ id }) => id));
  let unsent: HistoryEntry[] = [];
  let base: HistoryEntry | undefined;
  for await (const part of here.parts(options)) {
    const at = part.findIndex(({ id }) => inline.has(id));
    unsent.push(...part.slice(0, at === -1 ? part.length : at));
    base = part[at];
    if (base !== undefined) break;
  }
  const follows = head !== undefined && unsent.some(({ commit }) => commit.parents.includes(head.id));
  if (base === undefined && !follows && unsent.length > 0 && ref.segments.length > 0) {
    const at = await firstShared(unsent, there, options);
    base = unsent[at];
    unsent = unsent.slice(0, at);
  }
  if (unsent.length === 0) return { kind: 'behind', unsent, base };
  return { kind: head === undefined || follows || base?.id === head.id ? 'ahead' : 'diverged', unsent, base };
}

/**
 * Returns whether the local store has entries that were not pushed, from the two refs alone.
 * Undefined if it has none, or if only segments would show it.
 */
export function unsentIn(here: Ref, there: Ref): 'ahead' | 'diverged' | undefined {
  const theirs = new Set(there.entries.map(({ id }) => id));
  if (here.entries.slice(0, 1).every(({ id }) => theirs.has(id))) return undefined;
  const known = here.entries.flatMap(({ id, commit }) => [id, ...commit.parents]);
  if (there.entries.slice(0, 1).some(({ id }) => known.includes(id))) return 'ahead';
  return there.segments.length === 0 || known.some((id) => theirs.has(id)) ? 'diverged' : undefined;
}

/** Returns the index of the newest entry that the remote has, or the number of entries. */
async function firstShared(entries: readonly HistoryEntry[], there: SessionRef, options: RequestOptions): Promise<number> {
  for await (const part of there.parts(options)) {
    const known = new Set(part.map(({ id }) => id));
    const at = entries.findIndex(({ id }) => known.has(id));
    if (at !== -1) return at;
  }
  return entries.length;
}

/** Returns all entries in the remote's order. Local entries stay in front of their ancestors. */
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
