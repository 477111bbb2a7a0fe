/** Names of existing sessions, to suggest one for a name that does not exist. */
import { BrowserStateError, isError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { isId, REF_PREFIX } from '../format/keys.js';
import type { Provider, RequestOptions } from '../provider/provider.js';

/** The part of a replica that a search for names uses. */
interface Searched {
  provider: Provider;
  read(id: string, options: RequestOptions): Promise<{ exists: boolean }>;
}

/** Suggestions to check: a listed name may be that of a deleted session. */
const MAX_GUESSES = 3;

/** Names to consider: one page of a bucket's listing. */
const MAX_NAMES = 1000;

/** Returns session names that begin with `start`; none if the listing fails. */
export async function sessionNames({ provider }: Pick<Searched, 'provider'>, { signal }: RequestOptions, start = ''): Promise<string[]> {
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

/** Returns the error for a session that no replica has. Suggests a similar one that exists. */
export async function absentSession(
  replicas: readonly (Searched | undefined)[],
  session: string,
  options: RequestOptions,
): Promise<BrowserStateError> {
  const names = await Promise.all(replicas.map((replica) => (replica ? sessionNames(replica, options) : [])));
  return noSession(session, await nearestSession(replicas, session, names.flat(), options));
}

/** Returns the listed name of an existing session that is most like `session`. */
export async function nearestSession(
  replicas: readonly (Searched | undefined)[],
  session: string,
  listed: readonly string[],
  options: RequestOptions,
): Promise<string | undefined> {
  const searched = replicas.filter((replica) => replica !== undefined);
  let names = listed;
  for (let guess = 0; guess < MAX_GUESSES; guess++) {
    const meant = nearest(session, names);
    if (meant === undefined) break;
    const found = await Promise.all(searched.map((replica) => replica.read(meant, options).catch(() => undefined)));
    if (found.some((each) => each?.exists)) return meant;
    names = names.filter((name) => name !== meant);
  }
  return undefined;
}

/** Returns the error for a session that does not exist; `meant` is a suggestion. */
export function noSession(session: string, meant?: string): BrowserStateError {
  const advice =
    'List sessions with `browserstate sessions`, or create one with `browserstate open SESSION` or `browserstate snapshot DIR -s SESSION`.';
  return new BrowserStateError('NOT_FOUND', `session ${JSON.stringify(session)} not found`, {
    hint: meant === undefined ? advice : `Did you mean ${meant}? ${advice}`,
    details: { session, ...(meant !== undefined && { nearest: meant }) },
  });
}
