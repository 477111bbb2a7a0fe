/** `migrate`: takes in sessions that the package kept before it had a store. */
import type { LegacySession, MigrateResult } from '../../src/index.js';
import { defineCommand } from '../command.js';
import type { Context } from '../context.js';
import { CliError, describeFailure, exitStatus, type Failure } from '../failure.js';
import { type Line, styled } from '../lines.js';
import { rules, sessionOrAll } from '../options.js';
import { count, shortId, size } from '../text.js';

interface Moved {
  session: string;
  files: number;
  bytes: number;
  /** Null where it would be made. */
  commit: string | null;
  from: string;
  migrated: boolean;
  excluded?: MigrateResult['excluded'];
}

type Outcome = Moved | { session: string; skipped: string } | { session: string; error: Failure };

export const migrate = defineCommand({
  usage: 'migrate',
  summary: 'Take in the sessions that a version of browserstate before 1.0 left, here and on the remote.',
  details:
    'The older version kept a file, or an object of the bucket, for each file of a profile. All of them are read, counted and committed; they stay where they are. A repetition does only what is left to do.',
  positionals: {},
  options: {
    session: sessionOrAll.session,
    all: { type: 'boolean', describe: 'Every session; the same as to name none' },
    'dry-run': { type: 'boolean', describe: 'Say what would be done, and do nothing' },
    'keep-caches': rules['keep-caches'],
  },
  examples: [
    ['migrate --dry-run', 'What there is'],
    ['migrate', 'Every session of this user'],
    ['migrate -s work --remote s3://bucket/prefix --json', 'One, from a bucket and into it; a JSON array'],
  ],
  async run(context, { session, all, dryRun, keepCaches }) {
    if (session !== undefined && all) {
      throw new CliError('USAGE', 'expected --session or --all, found both', 'Name a session with -s, or take them all.');
    }
    const outcomes: Outcome[] = [];
    const lines: Line[] = [];
    const store = await context.store();
    const { signal } = context;
    if (session !== undefined && !dryRun) {
      const moved = await store.migrate(session, { keepCaches, signal });
      outcomes.push(moved);
      lines.push(describe(moved));
    } else {
      for await (const found of store.legacySessions({ signal })) {
        if (session !== undefined && found.session !== session) continue;
        const outcome = await take(context, found, { dryRun, keepCaches });
        outcomes.push(outcome);
        if ('from' in outcome) lines.push(describe(outcome, found.state));
      }
      if (session !== undefined && outcomes.length === 0) {
        throw new CliError('NOT_FOUND', `expected a session ${session} of an older version of browserstate, found none`);
      }
    }
    context.report.result(outcomes, () => lines);
    if (outcomes.length === 0) {
      const places = [context.home, context.remote].filter(Boolean).join(' or ');
      context.report.note(`There are no sessions of an older version of user ${context.userId} in ${places}.`);
    }
  },
});

/** Migrates one of all, or says what would be done; one that fails does not keep the others from it. */
async function take(
  context: Context,
  { session, from, files, bytes, state, problem }: LegacySession,
  { dryRun, keepCaches }: { dryRun: boolean | undefined; keepCaches: boolean | undefined },
): Promise<Outcome> {
  const { report, signal } = context;
  if (state === 'deleted') {
    report.warn(`${session} was deleted here, and is left alone; \`browserstate migrate -s ${session}\` takes it in again`);
    return { session, skipped: 'deleted' };
  }
  try {
    if (problem !== undefined) throw problem;
    if (dryRun) return { session, files, bytes, commit: null, from, migrated: false };
    return await (await context.store()).migrate(session, { keepCaches, signal });
  } catch (error) {
    const failure = describeFailure(error, signal.aborted);
    if (failure.code === 'CANCELLED') throw error;
    context.status ||= exitStatus[failure.code];
    if (!report.options.json) report.error(failure, error);
    return { session, error: failure };
  }
}

function describe({ session, files, bytes, commit, from, migrated, excluded }: Moved, state?: LegacySession['state']): Line {
  const content = `${count(files, 'file')}, ${size(bytes)}`;
  if (commit === null) return [`would ${state === 'here' ? 'compare' : 'migrate'} ${session}: ${content} from ${from}`];
  const id = styled('yellow', shortId(commit));
  if (!migrated) return [`nothing to migrate of ${session}: ${content} are in `, id];
  const without = excluded !== undefined && excluded.files > 0 ? `, less ${count(excluded.files, 'file')} that snapshots leave out` : '';
  return [`migrated ${session}: ${content} from ${from}${without}; it is at `, id];
}
