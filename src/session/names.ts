/** The sessions that there are, for a name that has none: it may be mistyped. */
import { BrowserStateError, isError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { isId, REF_PREFIX } from '../format/keys.js';
import type { Provider, RequestOptions } from '../provider/provider.js';

/** A replica that may have the session. */
interface Place {
  provider: Provider;
  read(id: string, options: RequestOptions): Promise<{ exists: boolean }>;
}

/** Wrong guesses that are tried: a name may be of a session that was deleted. */
const MAX_GUESSES = 3;

/** Names that are looked at: those of one page of a bucket's listing. */
const MAX_NAMES = 1000;

/** Returns the names of sessions in one place that begin with `start`; none if the place does not tell. */
export async function sessionNames({ provider }: Pick<Place, 'provider'>, { signal }: RequestOptions, start = ''): Promise<string[]> {
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

/** Returns the error for a session that none of the places has, with the name that was probably meant. */
export async function absentSession(
  places: readonly (Place | undefined)[],
  session: string,
  options: RequestOptions,
): Promise<BrowserStateError> {
  const there = places.filter((place) => place !== undefined);
  let names = (await Promise.all(there.map((place) => sessionNames(place, options)))).flat();
  for (let guess = 0; guess < MAX_GUESSES; guess++) {
    const meant = meantBy(session, names);
    if (meant === undefined) break;
    const found = await Promise.all(there.map((place) => place.read(meant, options).catch(() => undefined)));
    if (found.some((each) => each?.exists)) return noSession(session, meant);
    names = names.filter((name) => name !== meant);
  }
  return noSession(session);
}

/** The error for a session that does not exist; `meant` is a name that may have been meant. */
export function noSession(session: string, meant?: string): BrowserStateError {
  const advice = '`browserstate sessions` lists what there is; `browserstate snapshot DIR -s SESSION` makes one.';
  return new BrowserStateError('NOT_FOUND', `expected a session ${session}, found none`, {
    hint: meant === undefined ? advice : `Did you mean ${meant}? ${advice}`,
    details: { session, ...(meant !== undefined && { nearest: meant }) },
  });
}
