/** What a running command has at hand. The library is loaded when a command first asks for the store. */
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Session, Store } from '../src/index.js';
import { CliError } from './failure.js';
import type { GlobalArguments } from './options.js';
import type { Report } from './report.js';

interface Surroundings {
  env: NodeJS.ProcessEnv;
  report: Report;
  signal: AbortSignal;
  printCompletionScript: () => void;
}

export class Context {
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly home: string;
  readonly userId: string;
  /** Prints the script that completes commands in a shell. */
  readonly printCompletionScript: () => void;
  /** The exit status of a command that ends without an error. */
  status = 0;
  #store: Store | undefined;
  readonly #remote: string | undefined;

  /** Throws USAGE for an empty home. */
  constructor(args: GlobalArguments, { env, report, signal, printCompletionScript }: Surroundings) {
    if (args.home === '') throw new CliError('USAGE', 'expected a directory after --home, found an empty text');
    this.report = report;
    this.signal = signal;
    this.home = resolve(args.home ?? (env['BROWSERSTATE_HOME'] || join(homedir(), '.browserstate')));
    this.userId = args.user ?? (env['BROWSERSTATE_USER'] || 'default');
    this.printCompletionScript = printCompletionScript;
    this.#remote = remoteNamed(args, env);
  }

  /** The store, opened when it is first asked for. Throws UNSUPPORTED where the arguments or the environment name a remote. */
  async store(): Promise<Store> {
    if (this.#remote !== undefined) throw noRemotes(this.#remote);
    if (this.#store === undefined) {
      const { openRepository } = await import('../src/index.js');
      const { home, userId, signal, report } = this;
      this.#store = await openRepository({ home, userId, signal, onProgress: report.onProgress });
    }
    return this.#store;
  }

  async session(id: string): Promise<Session> {
    return (await this.store()).session(id);
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }
}

/** Where a remote was named, if one was. */
function remoteNamed({ remote, on }: GlobalArguments, env: NodeJS.ProcessEnv): string | undefined {
  if (remote !== undefined) return '--remote';
  if (on === 'remote') return '--on remote';
  return env['BROWSERSTATE_REMOTE'] ? 'BROWSERSTATE_REMOTE' : undefined;
}

function noRemotes(named: string): CliError {
  const hint = `Remotes come with a later version. Leave ${named} away to work with the repository on this machine.`;
  return new CliError('UNSUPPORTED', `${named}: this version knows no remotes`, hint);
}
