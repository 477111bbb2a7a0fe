/**
 * The command line as a separate process, with a local store and a directory that exist until the
 * test ends.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { temporary } from './temporary.js';

export const main = fileURLToPath(new URL('../../lib/cli.js', import.meta.url));

export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface ErrorLine {
  code: string;
  message: string;
  hint: string | null;
  details: Record<string, unknown>;
}

export class Desk {
  /** The working directory of commands. Their paths are relative to this directory. */
  readonly dir: string;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;

  constructor(t: ExecutionContext) {
    this.dir = temporary(t);
    this.home = join(this.dir, 'home');
    const { PATH } = process.env;
    this.env = { PATH, HOME: this.dir, BROWSERSTATE_HOME: this.home };
  }

  /** Returns the absolute path of a path in the directory. */
  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }

  /** Writes files by path. */
  write(files: Readonly<Record<string, string | Uint8Array>>): void {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(this.path(path)), { recursive: true });
      writeFileSync(this.path(path), content);
    }
  }

  /** Starts a command. */
  start(args: readonly string[], options: SpawnOptions = {}): ChildProcess {
    return spawn(process.execPath, [main, ...args], { cwd: this.dir, env: this.env, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  }

  /** Runs a command. Resolves to its result. */
  async run(...args: string[]): Promise<Outcome> {
    return outcome(this.start(args));
  }

  /**
   * Runs a command. Resolves to its JSON result. Fails unless the command succeeds and prints
   * nothing else.
   */
  async json<T>(t: ExecutionContext, ...args: string[]): Promise<T> {
    const { status, stdout, stderr } = await this.run(...withJson(args));
    t.deepEqual({ status, stderr }, { status: 0, stderr: '' }, args.join(' '));
    t.is(stdout.split('\n').length, 2, 'one line');
    return JSON.parse(stdout) as T;
  }

  /**
   * Runs a command that fails with this status and prints no result. Resolves to its error, after
   * checking both forms of the error.
   */
  async failure(t: ExecutionContext, status: number, ...args: string[]): Promise<ErrorLine> {
    const forHuman = await this.run(...args);
    const forProgram = await this.run(...withJson(args));
    t.deepEqual([forHuman.status, forHuman.stdout], [status, ''], `${args.join(' ')}: ${forHuman.stderr}`);
    t.deepEqual([forProgram.status, forProgram.stdout], [status, '']);
    t.is(forProgram.stderr.split('\n').length, 2, 'one line');
    const { error } = JSON.parse(forProgram.stderr) as { error: ErrorLine };
    t.is(forHuman.stderr, `error: ${error.message}\n${error.hint === null ? '' : `hint: ${error.hint}\n`}`);
    return error;
  }
}

/** Returns the words with `--json`, which comes before `--`. */
function withJson(args: readonly string[]): string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  return [...args.slice(0, end), '--json', ...args.slice(end)];
}

/** Resolves to the result of a started command. */
export async function outcome(child: ChildProcess): Promise<Outcome> {
  const closed = once(child, 'close');
  const [stdout, stderr] = await Promise.all([child.stdout ? text(child.stdout) : '', child.stderr ? text(child.stderr) : '']);
  await closed;
  return { status: child.exitCode, stdout, stderr };
}

/**
 * Returns a small profile below `name` that looks like Chromium's, with a cache that is excluded.
 */
export function writeProfile(desk: Desk, name = 'profile'): void {
  desk.write({
    [`${name}/Local State`]: '{}',
    [`${name}/Default/Cookies`]: 'cookies',
    [`${name}/Default/Preferences`]: '{"a":1}',
    [`${name}/Default/Cache/data_0`]: 'cached',
  });
}
