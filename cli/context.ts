/** The context of a running command. The library is loaded when a command first opens the store. */
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import type { BrowserState, Session, Store } from '../src/index.js';
import { CliError, describeFailure, exitStatus, type Failure } from './failure.js';
import type { Interrupts } from './interrupt.js';
import type { Report } from './output/report.js';

/** The arguments that every command has in addition to its own. */
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
}

export class Context {
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly home: string;
  readonly userId: string;
  /** Redirects stop signals to a handler, so that they do not cancel this command. */
  readonly takeOver: Interrupts['takeOver'];
  /** The environment of this process. */
  readonly env: NodeJS.ProcessEnv;
  /** The exit status of a command that ends without an error. */
  status = 0;
  #store: Store | undefined;
  /** The URL of the remote. Undefined if none is configured. */
  readonly remote: string | undefined;

  /** Throws USAGE if `--home` or `--remote` is empty. */
  constructor(args: GlobalArguments, { env, report, signal, takeOver }: Surroundings) {
    if (args.home === '')
      throw new CliError('USAGE', 'expected a directory after --home, found an empty text', 'Name one with --home DIR.');
    if (args.remote === '')
      throw new CliError('USAGE', 'expected an address after --remote, found an empty text', 'Name one with --remote URL.');
    this.report = report;
    this.signal = signal;
    const home = args.home ?? (env['BROWSERSTATE_HOME'] || defaultHome());
    if (/^[a-z][a-z0-9+.-]+:\//i.test(home)) {
      throw new CliError(
        'USAGE',
        `expected a directory of this machine as home, found the address ${home}`,
        'Name a remote with --remote URL.',
      );
    }
    this.home = resolve(home);
    this.userId = args.user ?? (env['BROWSERSTATE_USER'] || 'default');
    this.takeOver = takeOver;
    this.env = env;
    this.remote = args.remote ?? (env['BROWSERSTATE_REMOTE'] || undefined);
  }

  /** Returns the store, which is opened on first use. Throws USAGE for an invalid URL. */
  async store(): Promise<Store> {
    if (this.#store === undefined) {
      const { openStore } = await import('../src/api/open.js');
      const { home, remote, userId, signal, report } = this;
      this.#store = await openStore({
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

  /** Returns a `BrowserState` with the same local store and remote. */
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

  /** Returns the URL of the remote. Throws USAGE if none is configured. */
  requireRemote(): string {
    if (this.remote !== undefined) return this.remote;
    throw new CliError(
      'USAGE',
      'expected a remote, found none',
      'Name one with --remote URL or the environment variable BROWSERSTATE_REMOTE.',
    );
  }

  /**
   * Records a failure that does not stop the command. The exit status is that of the first failure.
   */
  failed(error: unknown): Failure {
    const failure = describeFailure(error, this.signal.aborted);
    this.status ||= exitStatus[failure.code];
    return failure;
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }
}

/** Returns the default folder of the local store. Throws USAGE if HOME is not an absolute path. */
function defaultHome(): string {
  if (isAbsolute(homedir())) return join(homedir(), '.browserstate');
  const hint = 'Set HOME to your home directory, or name the store with --home DIR.';
  throw new CliError('USAGE', `expected an absolute path in HOME, found ${JSON.stringify(homedir())}`, hint);
}
