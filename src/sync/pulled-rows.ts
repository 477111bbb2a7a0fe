/** The order of the entries that a pull adds to the local ones: the remote's, with what only the local store has before what it follows. */
import type { ObjectId } from '../format/object-id.js';
import type { Ref, Row } from '../format/ref.js';
import type { RequestOptions } from '../provider/provider.js';
import type { Repository } from '../repository/repository.js';
import type { SessionRef } from '../session/session-ref.js';

/** Returns the local entries with the new ones in the remote's order; those that only the local store has stay before what they follow. */
export async function inOrder(there: SessionRef, added: readonly Row[], here: readonly Row[], options: RequestOptions): Promise<Row[]> {
  const mine = new Map([...here, ...added].map((row) => [row.id, row]));
  const ordered: Row[] = [];
  let left = added.length;
  for await (const { id } of there.entries(options)) {
    const row = mine.get(id);
    if (row === undefined) continue;
    ordered.push(row);
    if (added.includes(row)) left--;
    if (left === 0) break;
  }
  const placed = new Set(ordered.map(({ id }) => id));
  const shared = Math.max(
    0,
    here.findIndex(({ id }) => placed.has(id)),
  );
  return [...here.slice(0, shared), ...ordered, ...here.slice(shared).filter(({ id }) => !placed.has(id))];
}

/** Returns the change that makes `rows` the local entries. If the new ones come before all that is in segments, these stay: a pull costs the same at any length of history. */
export function arrange(
  { refs }: Repository,
  ref: Ref,
  here: readonly Row[],
  rows: readonly Row[],
  options: RequestOptions,
): Promise<Pick<Ref, 'rows' | 'segments'>> {
  const older = ref.segments.reduce((sum, segment) => sum + segment.rows, 0);
  const front = rows.slice(0, rows.length - older);
  const stay = here.length === ref.rows.length + older && here.slice(ref.rows.length).every((row, i) => row === rows[front.length + i]);
  return stay ? refs.replaceRows(ref, front, options) : refs.adopt(ref, rows, options);
}

/** Returns the remote's tags, as far as the local store has what they name, and those that only the local store has. */
export function tagsAmong(here: Ref, there: Ref, rows: readonly Row[]): Map<string, ObjectId> {
  const ids = new Set(rows.map(({ id }) => id));
  return new Map([...here.tags, ...[...there.tags].filter(([, id]) => ids.has(id))]);
}
