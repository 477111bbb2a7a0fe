/** The relation of a session's history in the local store to that on the remote. */
import type { Row } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { SessionRef } from '../session/session-ref.js';

export type Relation =
  | { kind: 'same' }
  /** Home has rows that the remote has not, newest first, and the remote has no other. */
  | { kind: 'ahead'; unsent: Row[] }
  | { kind: 'behind' }
  /** Each has rows that the other has not; `base` is the newest common one, if there is one. */
  | { kind: 'diverged'; unsent: Row[]; base: Row | undefined };

/**
 * Compares the two. Entries of the remote beyond those in the ref are read only if nothing else
 * decides. The local store need not have every entry: it has those whose content it has, and a
 * commit's parents tell what it follows.
 */
export async function relate(here: SessionRef, there: SessionRef, options: RequestOptions): Promise<Relation> {
  if (here.head?.id === there.head?.id) return { kind: 'same' };
  if (!here.exists) return { kind: 'behind' };
  const { rows: unsent, base } = await unsentRows(here, there, options);
  if (there.head === undefined) return { kind: 'ahead', unsent };
  if (unsent.length === 0) return { kind: 'behind' };
  const { id } = there.head;
  const follows = base?.id === id || unsent.some(({ commit }) => commit.parents.includes(id));
  return follows ? { kind: 'ahead', unsent } : { kind: 'diverged', unsent, base };
}

/** Returns the entries of the local store before the first that the remote has. */
async function unsentRows(here: SessionRef, there: SessionRef, options: RequestOptions): Promise<{ rows: Row[]; base: Row | undefined }> {
  const inline = new Set(there.ref.rows.map(({ id }) => id));
  const found = await leading(here, inline, there.head?.id, options);
  if (found.base !== undefined || found.follows || there.ref.segments.length === 0) return found;
  const mine = new Set<string>();
  for await (const part of here.parts(options)) for (const { id } of part) mine.add(id);
  const known = new Set<string>();
  // The newest common entry is the newest on either side: both have what they share in one order.
  for await (const part of there.parts(options)) {
    for (const { id } of part) known.add(id);
    if (part.some(({ id }) => mine.has(id))) break;
  }
  return leading(here, known, undefined, options);
}

async function leading(
  here: SessionRef,
  known: ReadonlySet<string>,
  head: string | undefined,
  options: RequestOptions,
): Promise<{ rows: Row[]; base: Row | undefined; follows: boolean }> {
  const rows: Row[] = [];
  let follows = false;
  for await (const part of here.parts(options)) {
    for (const row of part) {
      if (known.has(row.id)) return { rows, base: row, follows };
      rows.push(row);
      follows ||= head !== undefined && row.commit.parents.includes(head);
    }
  }
  return { rows, base: undefined, follows };
}
