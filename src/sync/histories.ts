/** The histories of a session in the local store and on the remote, compared and joined. */
import type { ObjectId } from '../format/object-id.js';
import type { HistoryEntry, Ref } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
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

/** Returns all entries in the remote's order. Each entry comes before its parents (R-REF-6). */
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
  return parentsLast([...before, ...ordered, ...here.slice(before.length).filter(({ id }) => !placed.has(id))]);
}

/**
 * Returns the entries in an order in which each comes before its parents (R-REF-6). An order in
 * which they do is unchanged; else an entry moves behind the last of its children.
 */
export function parentsLast(entries: readonly HistoryEntry[]): HistoryEntry[] {
  const children = new Map<ObjectId, number>();
  for (const { commit } of entries) for (const parent of commit.parents) children.set(parent, (children.get(parent) ?? 0) + 1);
  const waiting = new Map<ObjectId, HistoryEntry>();
  const ordered: HistoryEntry[] = [];
  for (const entry of entries) {
    if ((children.get(entry.id) ?? 0) > 0) {
      waiting.set(entry.id, entry);
      continue;
    }
    const ready = [entry];
    for (const next of ready) {
      ordered.push(next);
      for (const parent of next.commit.parents) {
        const left = (children.get(parent) ?? 0) - 1;
        children.set(parent, left);
        const released = left === 0 ? waiting.get(parent) : undefined;
        if (released !== undefined) ready.push(released);
      }
    }
  }
  return ordered;
}

/** Returns the tags of a ref that name one of the entries. */
export function tagsOf({ tags }: Ref, entries: readonly HistoryEntry[]): [name: string, commit: ObjectId][] {
  const ids = new Set(entries.map(({ id }) => id));
  return [...tags].filter(([, id]) => ids.has(id));
}
