/** Programs of one local store that work with one directory, and are held halfway. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { apart, testWith } from '../machine.js';
import { temporary } from '../temporary.js';

const program = fileURLToPath(new URL('../programs/operation.js', import.meta.url));
const hook = new URL('../programs/hold-hook.js', import.meta.url).href;
/**
 * The environments of a program, each with its test declaration and the words before the command.
 */
export const places = {
  'this PID namespace': { declare: testWith([]), before: [] },
  'another PID namespace': { declare: testWith(['PID namespaces']), before: apart },
} as const;

/**
 * The operation: `restore REV`, `force REV`, `snapshot`, `checkpoint`, `mount MARK`, `recover` or
 * `status`.
 */
export type Operation = string;

export interface Outcome {
  /** The code of the error. Undefined if there was no error. */
  code?: string;
  details?: Record<string, unknown>;
  commit?: string;
  changed?: boolean;
}

export interface Running {
  child: ChildProcess;
  /** The outcome of the program. Undefined if the program was killed. */
  outcome: Promise<Outcome | undefined>;
}

/** Starts a process that runs one operation on a directory. `before` precedes its command line. */
export function start(
  home: string,
  dir: string,
  operation: Operation,
  before: readonly string[] = [],
  env: Record<string, string> = {},
): Running {
  const node = [process.execPath, ...(env['HOLD'] === undefined ? [] : ['--import', hook])];
  const [command = '', ...args] = [...before, ...node, program, home, dir, ...operation.split(' ')];
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
  const outcome = once(child, 'close').then(() => (text === '' ? undefined : (JSON.parse(text) as Outcome)));
  return { child, outcome };
}

export interface Held extends Running {
  /** Lets the program continue. Resolves to its outcome. */
  go(): Promise<Outcome | undefined>;
  /** Kills the program. */
  kill(): Promise<void>;
}

/** Starts an operation. Resolves when the operation is held. */
export async function startHeld(
  t: ExecutionContext,
  where: { home: string; dir: string; operation: Operation; hold?: 'record' | 'placed' | 'changing' | 'stage'; before?: readonly string[] },
): Promise<Held> {
  const { home, dir, operation, hold = 'record', before = [] } = where;
  const folder = temporary(t);
  const [held, go] = [join(folder, 'held'), join(folder, 'go')];
  const running = start(home, dir, operation, before, { HOLD: hold, HELD: held, GO: go, DIR: dir });
  t.teardown(() => running.child.kill('SIGKILL'));
  while (!existsSync(held)) {
    if (running.child.exitCode !== null) throw new Error(`${operation} ended before it was held: ${JSON.stringify(await running.outcome)}`);
    await setTimeout(5);
  }
  return {
    ...running,
    go: () => {
      writeFileSync(go, '');
      return running.outcome;
    },
    kill: async () => {
      running.child.kill('SIGKILL');
      await running.outcome;
    },
  };
}
