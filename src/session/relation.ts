/** How a session's history here stands to that on the remote. */
import type { RequestOptions } from '../provider/provider.js';
import type { Ref, Row } from '../repository/ref.js';
import type { Refs } from '../repository/refs.js';

export interface History {
  refs: Refs;
  ref: Ref;
}

export type Relation =
  | { kind: 'same' }
  /** Home has rows that the remote has not, newest first, and the remote has no other. */
  | { kind: 'ahead'; unsent: Row[] }
  | { kind: 'behind' }
  /** Each has rows that the other has not; `base` is the newest common one, if there is one. */
  | { kind: 'diverged'; unsent: Row[]; base: Row | undefined };

/**
 * Compares the two; a session that is absent has no rows. Rows of the remote beyond those in the ref are read only where nothing else decides. A home
 * need not have every row: it has those whose content it has, and a row's parents tell what it follows.
 */
export async function relate(home: History | undefined, remote: History | undefined, options: RequestOptions): Promise<Relation> {
  const here = home?.ref.rows[0];
  const there = remote?.ref.rows[0];
  if (here?.id === there?.id) return { kind: 'same' };
  if (home === undefined || here === undefined) return { kind: 'behind' };
  const unsent = await unsentRows(home, remote, options);
  if (remote === undefined || there === undefined) return { kind: 'ahead', unsent: unsent.rows };
  if (unsent.rows.length === 0) return { kind: 'behind' };
  const follows = unsent.base?.id === there.id || unsent.rows.some(({ commit }) => commit.parents.includes(there.id));
  return follows ? { kind: 'ahead', unsent: unsent.rows } : { kind: 'diverged', unsent: unsent.rows, base: unsent.base };
}

/** The rows of home before the first that the remote has. */
async function unsentRows(
  home: History,
  remote: History | undefined,
  options: RequestOptions,
): Promise<{ rows: Row[]; base: Row | undefined }> {
  const inline = new Set(remote?.ref.rows.map(({ id }) => id));
  const found = await leading(home, inline, remote?.ref.rows[0]?.id, options);
  if (found.base !== undefined || found.follows || remote === undefined || remote.ref.segments.length === 0) return found;
  const here = new Set<string>();
  for await (const part of home.refs.parts(home.ref, options)) for (const { id } of part) here.add(id);
  const known = new Set<string>();
  // The newest common row is the newest on either side: both have what they share in one order.
  for await (const part of remote.refs.parts(remote.ref, options)) {
    for (const { id } of part) known.add(id);
    if (part.some(({ id }) => here.has(id))) break;
  }
  return leading(home, known, undefined, options);
}

async function leading(
  { refs, ref }: History,
  known: ReadonlySet<string>,
  head: string | undefined,
  options: RequestOptions,
): Promise<{ rows: Row[]; base: Row | undefined; follows: boolean }> {
  const rows: Row[] = [];
  let follows = false;
  for await (const part of refs.parts(ref, options)) {
    for (const row of part) {
      if (known.has(row.id)) return { rows, base: row, follows };
      rows.push(row);
      follows ||= head !== undefined && row.commit.parents.includes(head);
    }
  }
  return { rows, base: undefined, follows };
}
