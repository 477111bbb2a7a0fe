/**
 * Shared code of push, pull and sync, which selects one session or all and reports the transfers.
 */
import type { Outcome, PullResult, PushResult, Session, Store } from '../../src/index.js';
import type { Context } from '../context.js';
import { CliError } from '../failure.js';
import { type Line, styled } from './lines.js';
import type { Report } from './report.js';
import { count, shortId, size } from './text.js';

interface Choice {
  session?: string | undefined;
  all?: boolean | undefined;
}

interface Action<Result, Json> {
  one(session: Session): Promise<Result>;
  all(store: Store): AsyncIterable<Outcome<Result>>;
  toJson(result: Result): Json;
  describe(result: Result): Line;
}

/**
 * Transfers one session or all of them, and reports the results. The exit status is that of the
 * first failure. Throws USAGE if both or neither are named, or if there is no remote.
 */
export async function forSessions<Result, Json>(
  context: Context,
  { session: id, all }: Choice,
  action: Action<Result, Json>,
): Promise<void> {
  if ((id === undefined) === !all) {
    const hint = 'Name a session with -s, or select all with --all.';
    throw new CliError('USAGE', `expected --session or --all, found ${all ? 'both' : 'neither'}`, hint);
  }
  context.requireRemote();
  if (id === undefined) return reportAll(context, action);
  const result = await action.one(await context.session(id));
  const json = action.toJson(result);
  context.report.result(json, () => [action.describe(result)]);
}

async function reportAll<Result, Json>(context: Context, { all, toJson, describe }: Action<Result, Json>): Promise<void> {
  const { report } = context;
  const outcomes: object[] = [];
  const lines: Line[] = [];
  for await (const outcome of all(await context.store())) {
    const { session } = outcome;
    if ('result' in outcome) {
      outcomes.push(toJson(outcome.result) as object);
      lines.push(describe(outcome.result));
    } else if ('skipped' in outcome) {
      outcomes.push({ session, skipped: 'deleted on the remote' });
      const advice = outcome.pushed ? `; \`browserstate delete -s ${session}\` deletes the copy` : ', with commits that were not pushed';
      report.warn(`${session} was deleted on the remote; its local copy is kept${advice}`);
    } else {
      const failure = context.failed(outcome.error);
      if (failure.code === 'CANCELLED') throw outcome.error;
      outcomes.push({ session, error: failure });
      if (report.options.json) continue;
      const isNamed = failure.message.startsWith(`session ${session}`);
      report.error(isNamed ? failure : { ...failure, message: `session ${session}: ${failure.message}` }, outcome.error);
    }
  }
  report.result(outcomes, () => lines);
  if (outcomes.length === 0) report.note(`There are no sessions of user ${context.userId} in ${context.home} or ${context.remote} yet.`);
}

/** Warns that a push created the store, since a mistyped URL does so too. */
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
