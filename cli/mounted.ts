/**
 * A command in a mounted session. It is started, stop signals reach it in order, and its changes
 * are committed and pushed.
 */
import type { ChildProcess, StdioOptions } from 'node:child_process';
import type { Socket } from 'node:net';
import { constants } from 'node:os';
import { basename } from 'node:path';
import type { Readable } from 'node:stream';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { BrowserState, ErrorCode, Unmounted, UnmountOptions } from '../src/index.js';
import type { Context } from './context.js';
import { CliError, describeFailure, exitStatus } from './failure.js';
import type { StopSignal } from './interrupt.js';
import { count, shortId, size } from './output/text.js';

/** The exit statuses of shells for a command that is not found or cannot be run. */
const NOT_FOUND = 127;
const NOT_RUN = 126;

/** Attempts, and milliseconds between them, to wait for processes that outlive a command. */
const CLOSE_ATTEMPTS = 100;
const CLOSE_WAIT_MS = 100;
/** The attempt that reports the wait: most processes end within a second. */
const REPORTED_ATTEMPT = 11;
/** Characters that are kept of a browser's stderr. */
const KEPT_CHARACTERS = 4096;

export interface MountedCommand {
  dir: string;
  /** The program and its arguments. */
  words: readonly string[];
  /** The kind of program. A browser shares no terminal: the end of its stderr is kept. */
  kind: 'command' | 'browser';
  /** Environment variables for it, unless they are set already. */
  env?: Readonly<Record<string, string>>;
}

export interface Ended {
  status: number;
  /** The reason why the command did not run. */
  failure?: CliError;
  /** True if a signal to this process ended the command. */
  isStopped?: boolean;
  /** The end of a browser's stderr. */
  errors?: string;
}

/** A command that has ended, and the outcome of the unmount that followed. */
export interface Finished {
  ended: Ended;
  done?: Unmounted;
  /** The reason why the unmount failed. */
  lost?: unknown;
}

/**
 * Mounts with `mount`, runs the command that it returns, then commits and pushes. Discards the
 * mount if the command cannot be run.
 */
export async function runMounted(
  context: Context,
  mount: (state: BrowserState) => Promise<MountedCommand>,
  options: UnmountOptions,
): Promise<Finished> {
  const state = await context.browserState();
  try {
    const command = await mount(state);
    context.report.clearProgress();
    const ended = await runIn(context, state, command);
    if (ended.failure !== undefined) {
      await state.unmount({ discard: true });
      return { ended };
    }
    try {
      return { ended, done: await unmountWhenClosed(context, state, command.kind, options) };
    } catch (error) {
      return { ended, lost: state.getCurrentSession() === undefined ? error : stillThere(error, command.dir) };
    }
  } finally {
    // Directories that could not be committed are kept and reported.
    if (state.getCurrentSession() === undefined) await state.cleanup();
  }
}

/**
 * Runs the command in a new process session, detached from the controlling terminal, so that Ctrl-C
 * reaches this process only. A browser loses unwritten data if all its processes receive Ctrl-C.
 * The command can still read from the terminal.
 */
async function runIn(context: Context, state: BrowserState, { dir, words, kind, env }: MountedCommand): Promise<Ended> {
  // Only commands that start a process load the module.
  const { spawn } = await import('node:child_process');
  const [program = '', ...args] = words;
  let stops = 0;
  let errors = '';
  return new Promise((resolve) => {
    const failed = (error: unknown) => resolve(notRun(program, error));
    if (context.signal.aborted) {
      const failure = new CliError('CANCELLED', `the operation was cancelled before the ${kind} was started`);
      return resolve({ status: exitStatus.CANCELLED, failure });
    }
    // The handler is installed before the start, so that a command can be stopped as soon as it
    // runs.
    let child: ChildProcess | undefined;
    const release = context.takeOver((name) => {
      if (child === undefined) return;
      stops++;
      stop(child, name, stops, state);
      if (stops === 1 && name === 'SIGINT') context.report.note(`waiting for the ${kind} to end; press Ctrl-C again to force it`);
    });
    try {
      const stdio: StdioOptions = kind === 'command' ? 'inherit' : ['ignore', 'ignore', 'pipe'];
      child = spawn(program, args, { stdio, detached: true, env: { ...env, ...context.env, BROWSERSTATE_DIR: dir } });
    } catch (error) {
      release();
      return failed(error);
    }
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-KEPT_CHARACTERS);
    });
    const noted =
      child.pid === undefined
        ? undefined
        : state.usedBy(child.pid).catch((error: unknown) => context.report.warn(describeFailure(error, false).message));
    child.on('error', (error) => {
      if (child?.pid !== undefined) return;
      release();
      failed(error);
    });
    child.on('exit', async (status, signal) => {
      release();
      const ended = { status: status ?? 128 + (signal === null ? 0 : constants.signals[signal]), isStopped: stops > 0 };
      await noted;
      await unreadOf(child?.stderr);
      resolve({ ...ended, errors });
    });
  });
}

/**
 * Resolves when all that an exited process wrote to the pipe is read. Another process may still
 * hold the pipe open, so the end of the pipe is not awaited.
 */
async function unreadOf(pipe: Readable | null | undefined): Promise<void> {
  (pipe as Socket | null | undefined)?.unref();
  // All the output is in the pipe, and one turn of the event loop reads as much as a pipe holds.
  for (let turn = 0; turn < 2; turn++) await setImmediate();
}

/**
 * Forwards the first signal to the command alone. Later signals end its process group: SIGTERM,
 * then SIGKILL.
 */
function stop(child: ChildProcess, name: StopSignal, stops: number, state: BrowserState): void {
  if (child.pid === undefined) return;
  if (stops > 1) return void process.kill(-child.pid, stops === 2 ? 'SIGTERM' : 'SIGKILL');
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
    // The browser has exited, or its locks are unreadable. Only the command gets the signal.
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

/**
 * Unmounts, waiting for processes that outlive the command. A process that outlives a browser may
 * be the browser itself, if a wrapper started it. So the wait for such a process has no limit.
 */
async function unmountWhenClosed(context: Context, state: BrowserState, kind: MountedCommand['kind'], options: UnmountOptions) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await state.unmount(options);
    } catch (error) {
      const { code } = describeFailure(error, false);
      if (code !== 'BUSY' || (kind === 'command' && attempt === CLOSE_ATTEMPTS) || state.getCurrentSession() === undefined) throw error;
      if (attempt === REPORTED_ATTEMPT) context.report.note(`waiting for the ${kind} to finish`);
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

/** Reports the commit. `more` are further members of the JSON. */
export function reportUnmount(context: Context, { session, commit, changed, stats, pushed }: Unmounted, more: object = {}): void {
  const { report } = context;
  if (report.options.json) report.result({ session, commit: commit ?? null, changed, pushed, ...more }, () => []);
  else if (commit === undefined) report.note(`the directory of ${session} is empty; nothing was committed`);
  else if (!changed) report.note(`nothing changed since ${shortId(commit)} of ${session}`);
  else {
    const content = stats ? `: ${count(stats.files, 'file')}, ${size(stats.bytes)}` : '';
    report.note(`committed ${shortId(commit)} to ${session}${pushed ? ', and pushed it' : ''}${content}`);
  }
}
