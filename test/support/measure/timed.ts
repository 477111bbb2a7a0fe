/**
 * Runs of a program with its resource use, including children, measured by GNU time. Linux only.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export interface Timed {
  readonly wallMs: number;
  /**
   * User and system time of the process and every child that it waited for. GNU time counts in
   * steps of 10 ms.
   */
  readonly cpuMs: number;
  /** The peak of the largest of these processes. */
  readonly maxRssKiB: number;
  readonly status: number;
  readonly stdout: string;
}

export interface RunOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

const GNU_TIME = '/usr/bin/time';

const timedArguments = (report: string, command: string, args: readonly string[]): string[] => [
  ...['-q', '-o', report, '-f', '%U %S %M'],
  ...[command, ...args],
];

const optionsOf = ({ env = {}, cwd }: RunOptions): { env: NodeJS.ProcessEnv; cwd?: string } => ({
  env: { ...process.env, ...env },
  ...(cwd === undefined ? {} : { cwd }),
});

function timed(report: string, wallMs: number, run: { status: number | null; stdout: string; stderr: string }, what: string): Timed {
  if (run.status !== 0) throw new Error(`${what} ended with ${run.status}: ${run.stderr.slice(-2000)}`);
  const [user, system, rss] = readFileSync(report, 'utf8').trim().split(' ').map(Number) as [number, number, number];
  return { wallMs, cpuMs: (user + system) * 1000, maxRssKiB: rss, status: run.status, stdout: run.stdout };
}

/** Runs the program. Throws with its stderr if it fails. */
export function runTimed(command: string, args: readonly string[], options: RunOptions = {}): Timed {
  const folder = mkdtempSync(join(tmpdir(), 'browserstate-time-'));
  try {
    const report = join(folder, 'report');
    const start = process.hrtime.bigint();
    const settings = { ...optionsOf(options), encoding: 'utf8', maxBuffer: 2 ** 28 } as const;
    const run = spawnSync(GNU_TIME, timedArguments(report, command, args), settings);
    const wallMs = Number(process.hrtime.bigint() - start) / 1e6;
    if (run.error) throw new Error(`${GNU_TIME}: ${run.error.message}`);
    return timed(report, wallMs, run, `${command} ${args.join(' ')}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Runs the program like `runTimed`, while this process keeps serving the program's requests. */
export async function runTimedBeside(command: string, args: readonly string[], options: RunOptions = {}): Promise<Timed> {
  const folder = mkdtempSync(join(tmpdir(), 'browserstate-time-'));
  try {
    const report = join(folder, 'report');
    const start = process.hrtime.bigint();
    const child = spawn(GNU_TIME, timedArguments(report, command, args), { ...optionsOf(options), stdio: ['ignore', 'pipe', 'pipe'] });
    const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    const wallMs = Number(process.hrtime.bigint() - start) / 1e6;
    return timed(report, wallMs, { status: status as number | null, stdout, stderr }, `${command} ${args.join(' ')}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Returns whether the program is in PATH. */
export const installed = (command: string): boolean => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
