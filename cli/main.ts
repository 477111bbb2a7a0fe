#!/usr/bin/env node
/** The command line: it parses, runs the chosen command, and reports its output and exit status. */
import { readFileSync } from 'node:fs';
import { COMPLETE } from './args/options.js';
import { type CommandGroups, helpWidth, introduction } from './args/overview.js';
import type { Choice } from './args/parser.js';
import { completion } from './commands/completion.js';
import { deleteSession } from './commands/delete.js';
import { diff } from './commands/diff.js';
import { fork } from './commands/fork.js';
import { gc } from './commands/gc.js';
import { init } from './commands/init.js';
import { log } from './commands/log.js';
import { migrate } from './commands/migrate.js';
import { open } from './commands/open.js';
import { pull } from './commands/pull.js';
import { push } from './commands/push.js';
import { recover } from './commands/recover.js';
import { restore } from './commands/restore.js';
import { rollback } from './commands/rollback.js';
import { run as runCommand } from './commands/run.js';
import { sessions } from './commands/sessions.js';
import { snapshot } from './commands/snapshot.js';
import { stats } from './commands/stats.js';
import { status } from './commands/status.js';
import { sync } from './commands/sync.js';
import { tag } from './commands/tag.js';
import { verify } from './commands/verify.js';
import { completeNames, wordsOf } from './complete.js';
import { Context } from './context.js';
import { describeFailure, exitStatus, mentionOffline, outputFailure } from './failure.js';
import { cancelOnSignals } from './interrupt.js';
import { Report } from './output/report.js';

const groups: CommandGroups = {
  'Save and open a login:': [open, snapshot, restore, runCommand],
  'See what is saved:': [sessions, log, diff, status, stats],
  'Change a history:': [rollback, tag, fork, deleteSession],
  'Share with other machines:': [push, pull, sync],
  'Set up and maintain:': [init, completion, recover, verify, gc, migrate],
};

// The AWS SDK prints a warning about old Node.js versions when it is loaded.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

const { signal, takeOver } = cancelOnSignals();
const typed = process.argv.slice(2);
// Options are not parsed yet. Errors until then are reported in the form that the typed words
// suggest.
let report = new Report({ json: typed.includes('--json'), quiet: false, verbose: false, color: !typed.includes('--no-color') });

async function main(): Promise<number> {
  if (typed[0] === COMPLETE && typed.length === 1) typed.push(...wordsOf(process.env['COMP_LINE'] ?? ''));
  const names =
    typed[0] === COMPLETE
      ? await completeNames(typed.slice(1), Object.values(groups).flat(), { env: process.env, signal, takeOver })
      : undefined;
  if (names !== undefined) {
    process.stdout.write(names.map((name) => `${name}\n`).join(''));
    return 0;
  }
  // The parser is loaded inside `main`, so that its failures are reported: yargs fails if the
  // current directory is gone.
  const { parse } = await import('./args/parser.js');
  if (typed.length === 0) {
    process.stderr.write(introduction(helpWidth()));
    return exitStatus.USAGE;
  }
  const choice = parse(typed, groups, version());
  if (choice === undefined) return 0;
  const { json = false, quiet = false, verbose = false, noColor = false } = choice.args;
  report = new Report({ json, quiet, verbose, color: !noColor });
  return run(choice);
}

/**
 * Returns the version of this package. The relative path is the same for the compiled file and the
 * bundle.
 */
function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string };
  return version;
}

async function run({ command, args }: Choice): Promise<number> {
  const context = new Context(args, { env: process.env, report, signal, takeOver });
  try {
    await command.run(context, args);
    return context.status;
  } catch (error) {
    throw 'offline' in command.options && !args['offline'] ? mentionOffline(error) : error;
  } finally {
    await context.close();
  }
}

/** Reports the error and sets the exit status. */
function fail(error: unknown): void {
  const failure = describeFailure(error, signal.aborted);
  report.error(failure, error);
  process.exitCode = exitStatus[failure.code];
}

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // A reader that closes the pipe, such as `head`, is no error. The command runs to its end, since
  // a snapshot is not undone.
  if (error.code !== 'EPIPE') fail(outputFailure(error));
});
process.stderr.on('error', () => {
  // stderr is closed; nothing can be reported.
});
try {
  const status = await main();
  process.exitCode ||= status;
} catch (error) {
  fail(error);
}
