/** `run`: a command that works in a mounted session. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { BrowserState, Unmounted } from '../../src/index.js';
import { defineCommand } from '../command.js';
import type { Context } from '../context.js';
import { CliError, describeFailure } from '../failure.js';
import { offline, onConflict, rules, session } from '../options.js';
import { count, shortId, size } from '../text.js';

/** What shells say of a command that they do not find, and of one that they may not run. */
const NOT_FOUND = 127;
const NOT_RUN = 126;

export const run = defineCommand({
  usage: 'run <command..>',
  summary: 'Mount a session, run a command in it, and commit and push what it left.',
  details:
    'Write the command after `--`. `{}` in its words is the directory, which BROWSERSTATE_DIR names as well. The exit status is that of the command. It is told of Ctrl-C; what it left is committed when it has ended.',
  positionals: { command: { type: 'string', array: true, demandOption: true, describe: 'The command and its arguments' } },
  options: {
    ...session,
    mode: {
      choices: ['shared', 'exclusive', 'fork'],
      default: 'shared',
      requiresArg: true,
      describe: 'exclusive: with a lease, so that others fail fast; fork: as a session of its own',
    },
    message: { type: 'string', alias: 'm', requiresArg: true, describe: 'What to remember the version by' },
    'keep-session-cookies': { type: 'boolean', describe: 'Keep cookies that a browser drops when it ends' },
    hygiene: { choices: ['on', 'off'], default: 'on', requiresArg: true, describe: 'off: leave the profile exactly as it was committed' },
    ...rules,
    'allow-shrink': { type: 'boolean', describe: 'Commit even if the cookies or nearly all files are gone' },
    ...offline,
    ...onConflict,
  },
  examples: [
    ['run -s work -- chromium --user-data-dir={} --password-store=basic', 'A browser on a session'],
    ['run -s work --mode fork -- node bot.js', 'A program that reads BROWSERSTATE_DIR, on a copy'],
    ['run -s work --mode exclusive --on-conflict ours -- ./bot {}', 'One worker at a time'],
  ],
  async run(context, args) {
    const { mode, keepSessionCookies, hygiene, exclude, keepCaches, offline, onConflict, message, allowShrink } = args;
    const state = await context.browserState();
    try {
      const dir = await state.mount(args.session, {
        mode,
        offline,
        onConflict,
        exclude,
        keepCaches,
        hygiene: hygiene === 'off' ? false : { keepSessionCookies },
        handleSignals: false,
        signal: context.signal,
      });
      context.report.clearProgress();
      context.status = await runIn(context, dir, args.command);
      await finish(context, state, { message, allowShrink, signal: context.signal });
    } finally {
      // What could not be committed stays where it is, and is told of.
      if (state.getCurrentSession() === undefined) await state.cleanup();
    }
  },
});

/** Runs the command; resolves to its exit status. */
function runIn(context: Context, dir: string, words: readonly string[]): Promise<number> {
  const [program = '', ...args] = words.map((word) => word.replaceAll('{}', dir));
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: 'inherit', env: { ...context.env, BROWSERSTATE_DIR: dir } });
    const release = context.takeOver((name) => pass(child, name));
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (child.pid !== undefined) return;
      release();
      const isAbsent = error.code === 'ENOENT';
      context.report.warn(`${program}: ${isAbsent ? 'there is no such command' : error.message}`);
      resolve(isAbsent ? NOT_FOUND : NOT_RUN);
    });
    child.on('exit', (status, signal) => {
      release();
      resolve(status ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/** A terminal tells the command itself of Ctrl-C. */
function pass(child: ChildProcess, name: 'SIGINT' | 'SIGTERM'): void {
  if (name === 'SIGINT' && process.stdin.isTTY) return;
  child.kill(name);
}

/** Commits and pushes. Where that fails after a command that failed, the exit status is the command's. */
async function finish(context: Context, state: BrowserState, options: Parameters<BrowserState['unmount']>[0]): Promise<void> {
  const { report } = context;
  const dir = state.getCurrentSessionPath() ?? '';
  try {
    tell(context, await state.unmount(options));
  } catch (error) {
    const told = state.getCurrentSession() === undefined ? error : stillThere(error, dir);
    if (context.status === 0) throw told;
    report.error(describeFailure(told, context.signal.aborted), told);
  }
}

function stillThere(error: unknown, dir: string): unknown {
  const { code, message, hint } = describeFailure(error, false);
  const hints = [
    hint,
    `What the command left is in ${dir}; \`browserstate recover\` lists it, and the next mount of the session recovers it.`,
  ];
  return new CliError(code, message, hints.filter(Boolean).join(' '), error);
}

function tell(context: Context, { session, commit, changed, stats, pushed }: Unmounted): void {
  const { report, status } = context;
  if (report.options.json) report.result({ session, commit: commit ?? null, changed, pushed, status }, () => []);
  else if (commit === undefined) report.note(`nothing was left in ${session}, and nothing committed`);
  else if (!changed) report.note(`nothing changed since ${shortId(commit)} of ${session}`);
  else {
    const content = stats ? `: ${count(stats.files, 'file')}, ${size(stats.bytes)}` : '';
    report.note(`committed ${shortId(commit)} to ${session}${pushed ? ', and pushed it' : ''}${content}`);
  }
}
