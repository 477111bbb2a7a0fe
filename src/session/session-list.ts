/** Lists of the sessions of one repository. Runs without Node. */
import { readAhead } from '../base/concurrency.js';
import { BrowserStateError, isError } from '../base/errors.js';
import { REMOTE_CONCURRENCY } from '../base/limits.js';
import type { RequestOptions } from '../base/request.js';
import type { ObjectId } from '../format/object-id.js';
import { entryCount, type Ref } from '../format/ref.js';
import type { Token } from '../repository/refs.js';
import type { Repository } from '../repository/repository.js';

/** A session and its newest commit. */
export interface SessionSummary {
  session: string;
  commit: ObjectId;
  time: Date;
  message: string;
  files: number;
  bytes: number;
  /** The number of commits that are kept. */
  commits: number;
}

/** A session with its ref, or the error of a damaged one. A deleted session has neither. */
export interface ListedRef {
  session: string;
  token?: Token | undefined;
  problem?: BrowserStateError;
}

/** Returns the summary of a session; undefined if it has no commit. */
export function summaryOf(session: string, ref: Ref): SessionSummary | undefined {
  const [head] = ref.entries;
  if (head === undefined) return undefined;
  const { time, message, files, bytes } = head.commit;
  return { session, commit: head.id, time: new Date(time), message, files, bytes, commits: entryCount(ref) };
}

/**
 * Yields the refs of all sessions, in the order of their names. `check` may throw INTEGRITY for a
 * ref. Errors of one ref begin with `session NAME` and `location`; any other error is thrown.
 */
export async function* listRefs(
  { refs }: Repository,
  location: string,
  options: RequestOptions,
  check: (token: Token) => Promise<void> | undefined = () => undefined,
): AsyncGenerator<ListedRef> {
  const names: string[] = [];
  for await (const name of refs.list(options)) names.push(name);
  const read = async (session: string): Promise<ListedRef> => {
    try {
      const token = await refs.read(session, options);
      if (token !== undefined) await check(token);
      return { session, token };
    } catch (error) {
      if (!isError(error, 'INTEGRITY', 'NEWER_VERSION', 'UNSUPPORTED')) throw error;
      const { code, hint } = error;
      const details = { session, ...error.details };
      const message = `session ${session}${location}: ${error.message}`;
      return { session, problem: new BrowserStateError(code, message, { hint, details, cause: error }) };
    }
  };
  yield* readAhead(names.sort(), REMOTE_CONCURRENCY, read);
}

/** Returns entries in the order of their names. */
export function byName<T>(entries: ReadonlyMap<string, T>): [name: string, value: T][] {
  return [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
}
