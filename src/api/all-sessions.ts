/** Pushes, pulls and syncs of all sessions, one after the other. */
import { isError } from '../base/errors.js';
import type { SessionsOptions } from './options.js';

export type Outcome<Result> =
  | { session: string; result: Result }
  /** The session was deleted on the remote; `pushed`: all its commits had been there. */
  | { session: string; skipped: 'deleted'; pushed: boolean }
  | { session: string; error: unknown };

/** Whether commits leave this machine, come to it, or both. */
export type Moves = 'out' | 'in' | 'both';

/**
 * Acts on each concerned session and yields the outcomes. A failure of one session does not stop
 * the others. Throws CANCELLED, and the error of a remote that cannot be listed.
 */
export async function* forAll<Result>(
  moves: Moves,
  list: (options: SessionsOptions) => AsyncIterable<{ session: string; pushed?: boolean }>,
  act: (session: string) => Promise<Result>,
): AsyncGenerator<Outcome<Result>> {
  const problems: { session: string; error: unknown }[] = [];
  const onProblem = (session: string, error: unknown): void => void problems.push({ session, error });
  // The local store is listed first: a session that is committed meanwhile was not deleted.
  const here = await collect(list({ offline: true, onProblem: () => undefined }));
  const all = await collect(list({ onProblem })).catch((error: unknown) => {
    // The first push creates the remote store.
    if (moves === 'in' || !isError(error, 'NOT_FOUND')) throw error;
    return here;
  });
  yield* problems;
  const damaged = new Set(problems.map(({ session }) => session));
  const known = new Set(all.map(({ session }) => session).filter((name) => !damaged.has(name)));
  const whole = here.filter(({ session }) => !damaged.has(session));
  const names = moves === 'out' ? whole.map(({ session }) => session).filter((name) => known.has(name)) : [...known];
  for (const { session, pushed = false } of whole.filter(({ session }) => !known.has(session))) {
    // Commits that were not pushed are sent, or cause a conflict.
    if (!pushed && moves !== 'in') names.push(session);
    else yield { session, skipped: 'deleted', pushed };
  }
  for (const session of names) {
    yield await act(session).then(
      (result) => ({ session, result }),
      (error: unknown) => {
        if (isError(error, 'CANCELLED')) throw error;
        return { session, error };
      },
    );
  }
}

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
