/** `run`: runs a command in a mounted session. */
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { BrowserState, ErrorCode, Unmounted } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { offline, onConflict, onConflictDetails, parseLabels, rules, session } from '../args/options.js';
import type { Context } from '../context.js';
import { CliError, describeFailure, exitStatus } from '../failure.js';
import type { StopSignal } from '../interrupt.js';
import { count, shortId, size } from '../output/text.js';

/** The exit statuses of shells for a command that is not found or cannot be run. */
const NOT_FOUND = 127;
const NOT_RUN = 126;

/**
 * Detects a browser by its name or its profile option; drivers such as chromedriver do not match.
 */
const BROWSER = /\b(?:chrome|chromium|firefox|msedge|edge|brave|vivaldi|opera|librewolf)\b/i;
const isBrowser = ([program = '', ...args]: readonly string[]): boolean =>
  BROWSER.test(basename(program)) || args.some((each) => each.startsWith('--user-data-dir'));

/** Options with which a browser prints something and exits without using a profile. */
const INQUIRIES: ReadonlySet<string> = new Set(['--version', '--product-version', '--full-version', '--help', '-v', '-V', '-h']);
const isInquiry = ([program = '', ...args]: readonly string[]): boolean =>
  BROWSER.test(basename(program)) && args.some((word) => INQUIRIES.has(word));

const UNUSED = 'the command may not have used the directory: pass its path as {}, or read BROWSERSTATE_DIR';

/** Attempts, and milliseconds between them, to wait for a browser that outlives its command. */
const CLOSE_ATTEMPTS = 100;
const CLOSE_WAIT_MS = 100;

export const run = defineCommand({
  usage: 'run <command..>',
  summary: 'Mount a session, run a command in it, then commit and push the changes.',
  details: `Write the command after \`--\`. \`{}\` in its arguments is replaced by the directory, which is also in BROWSERSTATE_DIR. The exit status is that of the command. Ctrl-C is forwarded to the command, but not to its children; changes are committed after it exits. A second Ctrl-C ends them all, a third one kills them. The command reads from your terminal but does not control it: /dev/tty, Ctrl-Z and changes of the window size do not reach it. \`run -s work -- script -qec CMD /dev/null\` gives CMD its own terminal. If the remote has other commits, ${onConflictDetails}`,
  positionals: { command: { type: 'string', array: true, demandOption: true, describe: 'The command and its arguments' } },
  options: {
    ...session,
    existing: { type: 'boolean', describe: 'Fail if the session does not exist' },
    mode: {
      choices: ['shared', 'exclusive', 'fork'],
      default: 'shared',
      requiresArg: true,
      describe: 'exclusive: hold a lease; fork: use a new session',
    },
    message: { type: 'string', alias: 'm', requiresArg: true, describe: 'Commit message' },
    label: { type: 'array', string: true, requiresArg: true, describe: 'Label of the form KEY=VALUE (repeatable)' },
    'keep-session-cookies': { type: 'boolean', describe: 'Keep session cookies after the browser exits' },
    prepare: { choices: ['on', 'off'], default: 'on', requiresArg: true, describe: 'off: mount the profile exactly as committed' },
    ...rules,
    'allow-shrink': { type: 'boolean', describe: 'Commit even if cookies or most files are gone' },
    ...offline,
    ...onConflict,
  },
  examples: [
    ['run -s work -- chromium --user-data-dir={} --password-store=basic', 'Run a browser on a session'],
    ['run -s work --mode fork -- node bot.js', 'Run a program that reads BROWSERSTATE_DIR, on a fork'],
    ['run -s work --mode exclusive --on-conflict ours -- ./bot {}', 'Allow one worker at a time'],
  ],
  async run(context, args) {
    const { mode, existing, keepSessionCookies, prepare, exclude, keepCaches, offline, onConflict, message, allowShrink } = args;
    if (args.command[0] === '')
      throw new CliError('USAGE', 'expected a command after `--`, found an empty text', 'Name a program after `--`.');
    const labels = parseLabels(args.label);
    const state = await context.browserState();
    try {
      const dir = await state.mount(args.session, {
        mode,
        create: !existing,
        message,
        labels,
        offline,
        onConflict,
        exclude,
        keepCaches,
        prepare: prepare === 'off' ? false : { keepSessionCookies },
        handleSignals: false,
        browser: isBrowser(args.command) && !isInquiry(args.command),
        signal: context.signal,
      });
      context.report.clearProgress();
      const ended = await runIn(context, state, dir, args.command);
      context.status = ended.status;
      if (ended.failure === undefined) await finish(context, state, args.command, { allowShrink, signal: context.signal });
      else {
        context.report.error(ended.failure, ended.failure);
        await state.unmount({ discard: true });
      }
    } finally {
      // Directories that could not be committed are kept and reported.
      if (state.getCurrentSession() === undefined) await state.cleanup();
    }
  },
});

interface Ended {
  status: number;
  /** Why the command did not run. */
  failure?: CliError;
}

/**
 * Runs the command in a new process session, detached from the controlling terminal, so that Ctrl-C
 * reaches this process only. A browser loses unwritten data if all its processes receive Ctrl-C.
 * The command can still read from the terminal.
 */
async function runIn(context: Context, state: BrowserState, dir: string, words: readonly string[]): Promise<Ended> {
  // Other commands do not load it.
  const { spawn } = await import('node:child_process');
  const [program = '', ...args] = words.map((word) => word.replaceAll('{}', dir));
  let told = 0;
  return new Promise((resolve) => {
    const failed = (error: unknown) => resolve(notRun(program, error));
    if (context.signal.aborted) {
      const failure = new CliError('CANCELLED', 'the operation was cancelled before the command was started');
      return resolve({ status: exitStatus.CANCELLED, failure });
    }
    // The handler is installed before the start, so that a command can be stopped as soon as it
    // runs.
    let child: ChildProcess | undefined;
    const release = context.takeOver((name) => {
      if (child === undefined) return;
      told++;
      stop(child, name, told, state);
      if (told === 1 && name === 'SIGINT') context.report.note('waiting for the command to end; press Ctrl-C again to force it');
    });
    try {
      child = spawn(program, args, { stdio: 'inherit', detached: true, env: { ...context.env, BROWSERSTATE_DIR: dir } });
    } catch (error) {
      release();
      return failed(error);
    }
    const noted =
      child.pid === undefined
        ? undefined
        : state.usedBy(child.pid).catch((error: unknown) => context.report.warn(describeFailure(error, false).message));
    child.on('error', (error) => {
      if (child?.pid !== undefined) return;
      release();
      failed(error);
    });
    child.on('exit', (status, signal) => {
      release();
      const ended = { status: status ?? 128 + (signal === null ? 0 : constants.signals[signal]) };
      void noted?.then(() => resolve(ended));
    });
  });
}

/**
 * Forwards the first signal to the command alone. Later signals end its process group: SIGTERM,
 * then SIGKILL.
 */
function stop(child: ChildProcess, name: StopSignal, told: number, state: BrowserState): void {
  if (child.pid === undefined) return;
  if (told > 1) return void process.kill(-child.pid, told === 2 ? 'SIGTERM' : 'SIGKILL');
  if (stopBrowser(state) !== child.pid) child.kill(name);
}

/**
 * Stops the browser that uses the directory, and returns its process. Chromium loses the cookies of
 * the last seconds on SIGTERM, and writes them on SIGINT.
 */
function stopBrowser(state: BrowserState): number | undefined {
  try {
    const pid = state.getLiveBrowser()?.pid;
    if (pid !== undefined) process.kill(pid, 'SIGINT');
    return pid;
  } catch {
    // It has exited, or its locks are unreadable: only the command gets the signal.
    return undefined;
  }
}

function notRun(program: string, error: unknown): Pick<Ended, 'status'> & { failure: CliError } {
  const name = JSON.stringify(program.length > 100 ? `${program.slice(0, 100)}…` : program);
  const { code = '', message = '' } = error as NodeJS.ErrnoException;
  const make = (kind: ErrorCode, what: string, hint: string) =>
    new CliError(kind, `command ${name} ${what}`, hint, undefined, { command: program });
  if (code === 'ENOENT') return { status: NOT_FOUND, failure: make('NOT_FOUND', 'not found', 'Check its name and PATH.') };
  if (code === 'EACCES' || code === 'EPERM')
    return { status: NOT_RUN, failure: make('FORBIDDEN', 'cannot be run', 'Name a file that this user may execute.') };
  if (code === 'EAGAIN' || code === 'EMFILE' || code === 'ENFILE' || code === 'ENOMEM')
    return {
      status: NOT_RUN,
      failure: make('UNREACHABLE', `cannot be run: ${code}`, 'Free memory or processes, then repeat the command.'),
    };
  return { status: NOT_RUN, failure: make('USAGE', `cannot be run: ${code || message}`, 'Check its name and arguments.') };
}

/** Commits and pushes. If both the command and this fail, the exit status is the command's. */
async function finish(
  context: Context,
  state: BrowserState,
  words: readonly string[],
  options: Parameters<BrowserState['unmount']>[0],
): Promise<void> {
  const { report } = context;
  const dir = state.getCurrentSessionPath() ?? '';
  try {
    const done = await unmountWhenClosed(context, state, options);
    tell(context, done);
    // For a browser, the library reports it.
    if (!done.changed && !isBrowser(words) && !words.some((word) => word.includes('{}'))) report.warn(UNUSED);
  } catch (error) {
    const told = state.getCurrentSession() === undefined ? error : stillThere(error, dir);
    if (context.status === 0) throw told;
    report.error(describeFailure(told, context.signal.aborted), told);
  }
}

/** Unmounts, waiting for processes that outlive the command, such as a browser. */
async function unmountWhenClosed(context: Context, state: BrowserState, options: Parameters<BrowserState['unmount']>[0]) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await state.unmount(options);
    } catch (error) {
      const { code, message } = describeFailure(error, false);
      if (code !== 'BUSY' || attempt === CLOSE_ATTEMPTS || state.getCurrentSession() === undefined) throw error;
      if (attempt === 1) context.report.note(`${message}; waiting for it to end`);
      await setTimeout(CLOSE_WAIT_MS);
    }
  }
}

function stillThere(error: unknown, dir: string): unknown {
  const { code, message, hint } = describeFailure(error, false);
  const recover = 'browserstate recover';
  const id = basename(dir);
  const hints =
    code === 'SHRUNK'
      ? [
          `The changes are kept in ${dir}: \`${recover} --commit ${id} --allow-shrink\` commits them`,
          `as they are, \`${recover} --discard ${id}\` discards them.`,
        ]
      : [hint, `The changes are kept in ${dir}; \`${recover}\` lists them, and the next mount of the session recovers them.`];
  return new CliError(code, message, hints.filter(Boolean).join(' '), error);
}

function tell(context: Context, { session, commit, changed, stats, pushed }: Unmounted): void {
  const { report, status } = context;
  if (report.options.json) report.result({ session, commit: commit ?? null, changed, pushed, status }, () => []);
  else if (commit === undefined) report.note(`the directory of ${session} is empty; nothing was committed`);
  else if (!changed) report.note(`nothing changed since ${shortId(commit)} of ${session}`);
  else {
    const content = stats ? `: ${count(stats.files, 'file')}, ${size(stats.bytes)}` : '';
    report.note(`committed ${shortId(commit)} to ${session}${pushed ? ', and pushed it' : ''}${content}`);
  }
}
