/** Where the rows that a pull brings go among those that home has: in the remote's order, with what only home has before what it follows. */
import type { ObjectId } from '../object-id.js';
import type { RequestOptions } from '../provider/provider.js';
import type { Ref, Row } from '../repository/ref.js';
import type { Token } from '../repository/refs.js';
import type { Repository } from '../repository/repository.js';
import type { Seen } from './remote.js';

/** Home's rows with the new ones in the remote's order; rows that only home has keep their place before what they follow. */
export async function inOrder(seen: Seen, added: readonly Row[], here: readonly Row[], options: RequestOptions): Promise<Row[]> {
  const mine = new Map([...here, ...added].map((row) => [row.id, row]));
  const ordered: Row[] = [];
  let left = added.length;
  for await (const { id } of seen.repository.refs.rows(seen.token.ref, options)) {
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

/** The change that makes `rows` home's rows. Where the new ones come before all that is in segments these stay: a pull costs the same at any length of history. */
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

/** The remote's tags, as far as home has what they name, and those that only home has. */
export function tagsAmong(here: Token, there: Token, rows: readonly Row[]): Map<string, ObjectId> {
  const ids = new Set(rows.map(({ id }) => id));
  return new Map([...here.ref.tags, ...[...there.ref.tags].filter(([, id]) => ids.has(id))]);
}
