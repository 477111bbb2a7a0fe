/** Runs a program as a whole process and says what it took, children included, by GNU time. Linux only. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Timed {
  readonly wallMs: number;
  /** User and system time of the process and every child that it waited for; GNU time counts it in steps of 10 ms. */
  readonly cpuMs: number;
  /** Of the largest process among them. */
  readonly maxRssKiB: number;
  readonly status: number;
  readonly stdout: string;
}

export interface RunOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
}

const GNU_TIME = '/usr/bin/time';

/** Throws with what the program wrote to stderr when it fails. */
export function runTimed(command: string, args: readonly string[], { env = {}, cwd }: RunOptions = {}): Timed {
  const folder = mkdtempSync(join(tmpdir(), 'browserstate-time-'));
  try {
    const report = join(folder, 'report');
    const start = process.hrtime.bigint();
    const run = spawnSync(GNU_TIME, ['-q', '-o', report, '-f', '%U %S %M', command, ...args], {
      env: { ...process.env, ...env },
      ...(cwd === undefined ? {} : { cwd }),
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
    });
    const wallMs = Number(process.hrtime.bigint() - start) / 1e6;
    if (run.error) throw new Error(`${GNU_TIME}: ${run.error.message}`);
    if (run.status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${run.status}: ${run.stderr.slice(-2000)}`);
    const [user, system, rss] = readFileSync(report, 'utf8').trim().split(' ').map(Number) as [number, number, number];
    return { wallMs, cpuMs: (user + system) * 1000, maxRssKiB: rss, status: run.status, stdout: run.stdout };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Whether PATH has the program. */
export const installed = (command: string): boolean => spawnSync('sh', ['-c', `command -v ${command}`]).status === 0;
