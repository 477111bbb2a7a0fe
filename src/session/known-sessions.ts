/** The sessions that there are, for a name that has none: it may be mistyped. */
import { isError } from '../errors.js';
import { nearest } from '../nearest.js';
import type { RequestOptions } from '../provider/provider.js';
import { isId, REF_PREFIX } from '../repository/layout.js';
import type { Replica } from './replica.js';

/** Names that are looked at: those of one page of a bucket's listing. */
const MAX_NAMES = 1000;

/** Returns the names of sessions in one place that begin with `start`; none if the place does not tell. */
export async function sessionNames({ provider }: Replica, { signal }: RequestOptions, start = ''): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { key } of provider.list(REF_PREFIX + start, { signal })) {
      const name = key.slice(REF_PREFIX.length);
      if (isId(name)) names.push(name);
      if (names.length === MAX_NAMES) break;
    }
  } catch (error) {
    if (!isError(error) || isError(error, 'CANCELLED', 'INTERNAL')) throw error;
  }
  return names;
}

/** Returns the name that was probably meant by one that has no session. */
export function meantBy(session: string, names: readonly string[]): string | undefined {
  return nearest(
    session,
    names.filter((name) => name !== session),
  );
}
