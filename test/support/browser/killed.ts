/**
 * Rounds of a worker that is killed, or whose browser is killed, at a random moment. Each next
 * round reports the content of the session.
 */
import { spawn } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { openStore } from '../../../src/index.js';
import { dice } from '../dice.js';
import { livingPaths } from '../living.js';
import { temporary } from '../temporary.js';
import { startSite } from './login.js';

interface Said {
  round?: [cookie: number, localStorage: number];
  dir?: string;
  working?: true;
  committed?: number;
  warning?: string;
}

export interface Worker {
  said: Said[];
  /** Resolves when the process ends, to its status or to the signal that ended it. */
  ended: Promise<number | string>;
  kill(signal: NodeJS.Signals): boolean;
}

/** Starts a worker. `onSaid` receives each of its messages. */
export function startWorker(
  home: string,
  port: number,
  count: number,
  driver: string,
  wait = false,
  onSaid: (said: Said) => void = () => undefined,
): Worker {
  const program = fileURLToPath(new URL('../programs/browser-worker.js', import.meta.url));
  const child = spawn(process.execPath, [program, home, String(port), String(count), driver, ...(wait ? ['wait'] : [])], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: Said[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    said.push(JSON.parse(line) as Said);
    onSaid(said.at(-1) as Said);
  });
  let errors = '';
  child.stderr.on('data', (bytes) => {
    errors += bytes;
  });
  const ended = new Promise<number | string>((resolve) =>
    child.once('close', (status, signal) => resolve(signal ?? (status === 0 ? 0 : errors))),
  );
  return { said, ended, kill: (signal) => child.kill(signal) };
}

export type Outcomes = Record<'worker' | 'browser' | 'tooLate' | 'recovered', number>;

/**
 * Kills a Chromium that has a directory of this local store open. Returns false if there is none.
 */
function killBrowser(home: string): boolean {
  for (const path of livingPaths(home)) {
    if (basename(path) !== 'SingletonLock') continue;
    try {
      return process.kill(Number(/\d+$/.exec(readlinkSync(join(home, path)))?.[0]), 'SIGKILL');
    } catch {
      // The browser is gone, or a killed worker has left it.
    }
  }
  return false;
}

/**
 * Runs `kill` after that many milliseconds. Returns false if `worker` ends before, or if nothing
 * was killed.
 */
async function killAfter(moment: number, worker: Worker, kill: () => boolean): Promise<boolean> {
  const over = new AbortController();
  void worker.ended.then(() => over.abort());
  const isDue = await sleep(moment, true, { signal: over.signal }).catch(() => false);
  return isDue && kill();
}

/**
 * Runs rounds until `kills` of them were killed at a random moment of their length, the worker and
 * the browser in turn. Each round must start. Each round must see at least the last commit of a
 * browser that was closed, and at most the newest written number. Both apply to the cookie and to
 * localStorage. Resolves to the number of each outcome.
 */
export async function killRounds(t: ExecutionContext, kills: number, seed: number): Promise<Outcomes> {
  const home = join(temporary(t), 'home');
  const site = await startSite();
  const below = dice(seed);
  const outcomes: Outcomes = { worker: 0, browser: 0, tooLate: 0, recovered: 0 };
  let committed = 0;
  // The length of the last undisturbed round. The first round is undisturbed.
  let length: number | undefined;
  try {
    for (let round = 1, isLast = false; !isLast; round++) {
      const left = kills - outcomes.worker - outcomes.browser;
      isLast = left === 0;
      const target = left % 2 === 0 ? 'browser' : 'worker';
      const driver = below(2) === 0 ? 'playwright' : 'puppeteer';
      const began = performance.now();
      const worker = startWorker(home, site.port, round, driver);
      const moment = length === undefined || isLast ? undefined : below(Math.ceil(length));
      const kill = (): boolean => (target === 'worker' ? worker.kill('SIGKILL') : killBrowser(home));
      const isKilled = moment !== undefined && (await killAfter(moment, worker, kill));
      const end = await worker.ended;
      const { said } = worker;
      const label = `round ${round}: ${target} of ${driver} after ${moment} ms, ended with ${end}; ${JSON.stringify(said)}`;
      outcomes.recovered += said.filter(({ warning }) => warning?.includes('was recovered')).length;
      const seen = said.find((one) => one.round !== undefined)?.round;
      for (const value of seen ?? []) t.true(value >= committed && value < round, label);
      if (isKilled) outcomes[target]++;
      else {
        if (moment !== undefined) outcomes.tooLate++;
        t.is(end, 0, label);
        t.truthy(seen, label);
        length = performance.now() - began;
      }
      // A worker cannot commit data that its browser had not written when it was killed.
      if (!isKilled || target === 'worker') committed = said.find((one) => one.committed !== undefined)?.committed ?? committed;
    }
    const store = await openStore({ home });
    t.deepEqual((await store.verify({ readData: true })).findings, []);
    await store.close();
    return outcomes;
  } finally {
    await site.close();
  }
}
