/** The relation of a session's history in the local store to that on the remote. */
import type { HistoryEntry } from '../format/ref.js';
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

/** Returns the index of the newest entry that the remote has, or the number of entries. */
async function firstShared(entries: readonly HistoryEntry[], there: SessionRef, options: RequestOptions): Promise<number> {
  for await (const part of there.parts(options)) {
    const known = new Set(part.map(({ id }) => id));
    const at = entries.findIndex(({ id }) => known.has(id));
    if (at !== -1) return at;
  }
  return entries.length;
}
