/** `migrate`: imports the sessions of v0. */
import type { LegacySession, MigrateResult } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { rules, sessionOrAll } from '../args/options.js';
import type { Context } from '../context.js';
import { CliError, describeFailure, exitStatus, type Failure } from '../failure.js';
import { type Line, styled } from '../output/lines.js';
import { count, shortId, size } from '../output/text.js';

interface Moved {
  session: string;
  files: number;
  bytes: number;
  /** The commit, or null in a dry run. */
  commit: string | null;
  from: string;
  migrated: boolean;
  excluded?: MigrateResult['excluded'];
}

type Outcome = Moved | { session: string; skipped: string } | { session: string; error: Failure };

export const migrate = defineCommand({
  usage: 'migrate',
  summary: 'Import the sessions of browserstate v0 (before 1.0), locally and from the remote.',
  details:
    'Each session is read completely, checked and committed. The files of v0 are not changed. Sessions that are already migrated are skipped.',
  positionals: {},
  options: {
    session: sessionOrAll.session,
    all: { type: 'boolean', describe: 'All sessions (the default)' },
    'dry-run': { type: 'boolean', describe: 'Report what would be done, and change nothing' },
    'keep-caches': rules['keep-caches'],
  },
  examples: [
    ['migrate --dry-run', 'List the sessions of v0'],
    ['migrate', 'Migrate every session of this user'],
    ['migrate -s work --remote s3://bucket/prefix --json', 'Migrate one session within a bucket; print JSON'],
  ],
  async run(context, { session, all, dryRun, keepCaches }) {
    if (session !== undefined && all) {
      throw new CliError('USAGE', 'expected --session or --all, found both', 'Name a session with -s, or select all with --all.');
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
        throw new CliError(
          'NOT_FOUND',
          `session ${JSON.stringify(session)} of browserstate v0 not found`,
          'Run `browserstate migrate --dry-run` to list the sessions of v0.',
        );
      }
    }
    context.report.result(outcomes, () => lines);
    if (outcomes.length === 0) {
      const places = [context.home, context.remote].filter(Boolean).join(' or ');
      context.report.note(`User ${context.userId} has no sessions of browserstate v0 in ${places}.`);
    }
  },
});

/**
 * Migrates one of several sessions. A dry run only reports the result. Reports a failure and
 * continues.
 */
async function take(
  context: Context,
  { session, from, files, bytes, state, problem }: LegacySession,
  { dryRun, keepCaches }: { dryRun: boolean | undefined; keepCaches: boolean | undefined },
): Promise<Outcome> {
  const { report, signal } = context;
  if (state === 'deleted') {
    report.warn(`${session} was deleted here, and is left alone; \`browserstate migrate -s ${session}\` imports it again`);
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
