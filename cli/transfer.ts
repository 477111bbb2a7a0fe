/** What push, pull and sync share: one session or all, and how what was moved is told. */
import type { PullResult, PushResult, Session, SessionInfo, SessionsOptions } from '../src/index.js';
import type { Context } from './context.js';
import { CliError, describeFailure, type Failure } from './failure.js';
import { type Line, styled } from './lines.js';
import type { Report } from './report.js';
import { count, shortId, size } from './text.js';

interface Choice {
  session?: string | undefined;
  all?: boolean | undefined;
}

interface Action<Result> {
  /** Whether commits leave this machine, come to it, or both: what is sent is of sessions that are here. */
  moves: 'out' | 'in' | 'both';
  act: (session: Session) => Promise<Result>;
  describe: (result: Result) => Line;
}

/** What came of one of all sessions. */
type Outcome<Result> = Result | { session: string; skipped: string } | { session: string; error: Failure };

/**
 * Does it to the session, or to all one after the other: one that fails does not keep the others from it, and the exit status is that of the
 * first failure. Throws USAGE where neither or both are named, and where there is no remote.
 */
export async function forSessions<Result extends object>(
  context: Context,
  { session: id, all }: Choice,
  action: Action<Result>,
): Promise<void> {
  if ((id === undefined) === !all) {
    const hint = 'Name a session with -s, or take them all with --all.';
    throw new CliError('USAGE', `expected --session or --all, found ${all ? 'both' : 'neither'}`, hint);
  }
  context.requireRemote();
  if (id !== undefined) {
    const result = await action.act(await context.session(id));
    context.report.result(result, () => [action.describe(result)]);
    return;
  }
  const { report } = context;
  const outcomes: Outcome<Result>[] = [];
  const lines: Line[] = [];
  const fail = (session: string, error: unknown): void => {
    const failure = context.failed(error);
    if (failure.code === 'CANCELLED') throw error;
    outcomes.push({ session, error: failure });
    if (report.options.json) return;
    const isNamed = failure.message.startsWith(`session ${session}`);
    report.error(isNamed ? failure : { ...failure, message: `session ${session}: ${failure.message}` }, error);
  };
  const { here, both, deleted, problems } = await allSessions(context, action.moves);
  for (const { session, problem } of problems) fail(session, problem);
  const names = action.moves === 'out' ? [...here] : [...both];
  for (const { session, pushed } of deleted) {
    // What was never pushed, or not yet, is sent, or met as a conflict.
    if (!pushed && action.moves !== 'in') {
      names.push(session);
      continue;
    }
    outcomes.push({ session, skipped: 'deleted on the remote' });
    const advice = pushed ? `; \`browserstate delete -s ${session}\` deletes it here too` : ', with commits that were not pushed';
    report.warn(`${session} was deleted on the remote, and is left alone here${advice}`);
  }
  for (const session of names) {
    try {
      const result = await action.act(await context.session(session));
      outcomes.push(result);
      lines.push(action.describe(result));
    } catch (error) {
      fail(session, error);
    }
  }
  report.result(outcomes, () => lines);
  if (both.size === 0 && problems.length === 0)
    report.note(`There are no sessions of user ${context.userId} in ${context.home} or ${context.remote} yet.`);
}

/**
 * The sessions of this machine, those of it and the remote together, those that are here and were deleted there, and what was found of those whose ref is
 * damaged, which are in no other list.
 */
async function allSessions(context: Context, moves: 'out' | 'in' | 'both') {
  const { signal } = context;
  const store = await context.store();
  const problems: { session: string; problem: unknown }[] = [];
  const list = async (options: SessionsOptions): Promise<SessionInfo[]> => {
    const found: SessionInfo[] = [];
    for await (const info of store.sessions({ signal, ...options })) found.push(info);
    return found;
  };
  // This machine first: what is committed meanwhile was not deleted anywhere.
  const local = await list({ offline: true, onProblem: () => undefined });
  const all = await list({ onProblem: (session, problem) => problems.push({ session, problem }) }).catch((error: unknown) => {
    // The first push makes the store.
    if (moves === 'in' || describeFailure(error, false).code !== 'NOT_FOUND') throw error;
    return local;
  });
  const damaged = new Set(problems.map(({ session }) => session));
  const both = new Set(all.map(({ session }) => session).filter((name) => !damaged.has(name)));
  const whole = local.filter(({ session }) => !damaged.has(session));
  const here = whole.map(({ session }) => session).filter((name) => both.has(name));
  return { here, both, deleted: whole.filter(({ session }) => !both.has(session)), problems };
}

/** Says that a push created the store, which a mistyped address does too. */
export function noteCreation(report: Report, created: string | undefined): void {
  if (created !== undefined) report.warn(`there was no store at ${created}; the push created it`);
}

export function describePush({ session, commit, pushed, commits, objects, bytes, forkedTo }: PushResult): Line {
  const head = styled('yellow', shortId(commit));
  const follows = `; ${session} follows the remote again`;
  if (!pushed && forkedTo !== undefined)
    return [`${session} is on the remote as `, styled('bold', forkedTo), ' already, since the remote has moved: it is at ', head, follows];
  if (!pushed) return [`nothing to push of ${session}: the remote is at `, head];
  const moved = `${count(commits, 'commit')}, ${count(objects, 'object')}, ${size(bytes)}`;
  if (forkedTo === undefined) return [`pushed ${session}: ${moved}; the remote is at `, head];
  return [`pushed ${session} as `, styled('bold', forkedTo), `, since the remote has moved: ${moved}; it is at `, head, follows];
}

export function describePull({ session, commit, pulled, commits, fetchedBytes }: Omit<PullResult, 'objects'>): Line {
  const head = styled('yellow', shortId(commit));
  if (!pulled) return [`nothing to pull of ${session}: this machine has `, head];
  return [`pulled ${session}: ${count(commits, 'commit')}, ${size(fetchedBytes)}; this machine has `, head];
}
