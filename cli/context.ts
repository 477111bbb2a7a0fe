/** What a running command has at hand. The library is loaded when a command first asks for the store. */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { BrowserState, Session, Store } from '../src/index.js';
import { CliError, describeFailure, exitStatus, type Failure } from './failure.js';
import type { Interrupts } from './interrupt.js';
import type { Report } from './report.js';

/** The arguments that every command has besides its own. */
export interface GlobalArguments {
  home?: string | undefined;
  user?: string | undefined;
  json?: boolean | undefined;
  quiet?: boolean | undefined;
  verbose?: boolean | undefined;
  noColor?: boolean | undefined;
  remote?: string | undefined;
}

interface Surroundings {
  env: NodeJS.ProcessEnv;
  report: Report;
  signal: AbortSignal;
  takeOver: Interrupts['takeOver'];
  printCompletionScript: () => void;
}

export class Context {
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly home: string;
  readonly userId: string;
  /** Prints the script that completes commands in a shell. */
  readonly printCompletionScript: () => void;
  /** Has another be told to stop instead of this command. */
  readonly takeOver: Interrupts['takeOver'];
  /** The environment of this process. */
  readonly env: NodeJS.ProcessEnv;
  /** The exit status of a command that ends without an error. */
  status = 0;
  #store: Store | undefined;
  /** The address of the remote; undefined where none was named. */
  readonly remote: string | undefined;

  /** Throws USAGE for an empty home or remote. */
  constructor(args: GlobalArguments, { env, report, signal, takeOver, printCompletionScript }: Surroundings) {
    if (args.home === '') throw new CliError('USAGE', 'expected a directory after --home, found an empty text');
    if (args.remote === '') throw new CliError('USAGE', 'expected an address after --remote, found an empty text');
    this.report = report;
    this.signal = signal;
    const home = args.home ?? (env['BROWSERSTATE_HOME'] || defaultHome());
    if (/^[a-z][a-z0-9+.-]+:\//i.test(home)) {
      throw new CliError(
        'USAGE',
        `expected a directory of this machine as home, found the address ${home}`,
        'What is shared is the remote: --remote URL.',
      );
    }
    this.home = resolve(home);
    this.userId = args.user ?? (env['BROWSERSTATE_USER'] || 'default');
    this.printCompletionScript = printCompletionScript;
    this.takeOver = takeOver;
    this.env = env;
    this.remote = args.remote ?? (env['BROWSERSTATE_REMOTE'] || undefined);
  }

  /** The store, opened when it is first asked for. Throws USAGE for an address that is none. */
  async store(): Promise<Store> {
    if (this.#store === undefined) {
      const { openRepository } = await import('../src/index.js');
      const { home, remote, userId, signal, report } = this;
      this.#store = await openRepository({
        home,
        remote,
        userId,
        signal,
        onProgress: report.onProgress,
        onRetry: report.onRetry,
        onWarning: (text) => report.warn(text),
      });
    }
    return this.#store;
  }

  async session(id: string): Promise<Session> {
    return (await this.store()).session(id);
  }

  /** The front door to the same places. */
  async browserState(): Promise<BrowserState> {
    const { BrowserState } = await import('../src/index.js');
    const { home, remote, userId, report } = this;
    return new BrowserState({
      home,
      remote,
      userId,
      onProgress: report.onProgress,
      onRetry: report.onRetry,
      onWarning: (text) => report.warn(text),
    });
  }

  /** The address of the remote. Throws USAGE where none was named. */
  requireRemote(): string {
    if (this.remote !== undefined) return this.remote;
    throw new CliError(
      'USAGE',
      'expected a remote, found none',
      'Name one with --remote URL or the environment variable BROWSERSTATE_REMOTE.',
    );
  }

  /** Takes in a failure that does not stop the command: the exit status is that of the first. */
  failed(error: unknown): Failure {
    const failure = describeFailure(error, this.signal.aborted);
    this.status ||= exitStatus[failure.code];
    return failure;
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }
}

/** Returns the folder of the user. Throws USAGE if HOME is set to something else than an absolute path. */
function defaultHome(): string {
  if (isAbsolute(homedir())) return join(homedir(), '.browserstate');
  const hint = 'Set HOME to your home directory, or name the store with --home DIR.';
  throw new CliError('USAGE', `expected an absolute path in HOME, found ${JSON.stringify(homedir())}`, hint);
}
