/**
 * Snapshots that fail before their swap, each in its own way, and the bytes that they leave in the
 * local store.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { BrowserStateError, localProvider, openStore, type Progress } from '../../../src/index.js';
import { main as cli } from '../cli.js';
import { noise } from '../content.js';
import { around } from '../faults/providers.js';
import { fakeHost } from '../host.js';
import { runWithoutRights, testWith } from '../machine.js';
import { temporary } from '../temporary.js';
import { bytesBelow, outcomeOf } from './outcomes.js';

const MIB = 2 ** 20;
/**
 * Bytes that a failed snapshot may leave: a record, a stat cache, a note (issue 10, "Done when").
 */
const ALLOWED = 65_536;
const child = fileURLToPath(new URL('../programs/draft.js', import.meta.url));
const fullStore = fileURLToPath(new URL('../programs/full-store.js', import.meta.url));

export interface Bench {
  folder: string;
  home: string;
  /** A profile of `PROFILE_MIB` files of 1 MiB, which the store does not have. */
  dir: string;
  round: number;
}

const PROFILE_MIB = 26;

/**
 * Runs one snapshot that should fail. Resolves to its outcome, or to `done` if the snapshot
 * succeeded first.
 */
type Failure = (bench: Bench) => Promise<string>;

const packsIn = (home: string): number => {
  const packs = join(home, 'tester/.store/packs');
  return existsSync(packs) ? readdirSync(packs).length : 0;
};

/**
 * Starts a program that commits, and kills it after it has stored some packs. Resolves to its exit
 * status or signal.
 */
async function killed({ home, round }: Bench, program: readonly string[], signal: NodeJS.Signals): Promise<string> {
  const before = packsIn(home);
  const env = { PATH: process.env['PATH'], HOME: home, BROWSERSTATE_HOME: home };
  const running = spawn(process.execPath, program, { stdio: 'ignore', env });
  const ended = once(running, 'exit');
  while (running.exitCode === null && packsIn(home) <= before + (round % 2)) await turn();
  running.kill(signal);
  const [status, by] = (await ended) as [number | null, string | null];
  return status === 0 ? 'done' : String(by ?? status);
}

/** Runs a command that changes nothing: it restores a version that the directory already has. */
async function nextCommand({ home, folder }: Bench): Promise<void> {
  await (await openStore({ home, userId: 'tester' })).session('main').checkout(join(folder, 'small'), { force: true });
}

const UNREADABLE = 'meets a file that cannot be read';

/** The ways to fail, each with its outcome. */
const failures: Record<string, readonly [outcome: string, fail: Failure]> = {
  'is cancelled': [
    'CANCELLED',
    async ({ home, dir, round }) => {
      const controller = new AbortController();
      const percent = [100, 70, 40, 1][round % 4] as number;
      const onProgress = ({ bytes, totalBytes }: Progress): void => {
        if (100 * bytes >= percent * totalBytes) controller.abort();
      };
      const store = await openStore({ home, userId: 'tester' });
      return outcomeOf(store.session('big').commit(dir, { signal: controller.signal, onProgress }));
    },
  ],
  'gets SIGINT': ['130', (bench) => killed(bench, [cli, 'snapshot', bench.dir, '-s', 'big', '--user', 'tester'], 'SIGINT')],
  'is killed, once the next command has run': [
    'SIGKILL',
    async (bench) => {
      const outcome = await killed(bench, [child, bench.home, bench.dir, 'big'], 'SIGKILL');
      await nextCommand(bench);
      return outcome;
    },
  ],
  [UNREADABLE]: [
    'UNREADABLE',
    async ({ home, dir }) => {
      const unreadable = join(dir, 'unreadable');
      writeFileSync(unreadable, 'secret', { mode: 0 });
      const outcome = await runWithoutRights(child, home, dir, 'big');
      rmSync(unreadable);
      return outcome.trim();
    },
  ],
  'finds a profile without its cookies': [
    'SHRUNK',
    async ({ home, dir }) => {
      const store = await openStore({ home, userId: 'tester' });
      writeFileSync(join(dir, 'Local State'), '{}');
      return outcomeOf(store.session('main').commit(dir));
    },
  ],
  'fails to store an object': [
    'UNREACHABLE',
    async ({ home, folder, dir, round }) => {
      const host = { ...fakeHost(`round ${round}`), defaultHome: () => join(folder, 'rest') };
      let puts = 0;
      const provider = around(localProvider(join(home, 'given'), host), async (method, key, request) => {
        const error = method === 'put' && ++puts === 1 + (round % 3) ? new BrowserStateError('UNREACHABLE', `${key} failed`) : undefined;
        if (error !== undefined && round % 2 === 0) throw error;
        const result = await request();
        if (error !== undefined) throw error;
        return result;
      });
      const store = await openStore({ home: provider, userId: 'tester', host });
      return outcomeOf(store.session('big').commit(dir));
    },
  ],
};

/**
 * Repeats a failure `rounds` times, and asserts that each leaves the bytes of the store unchanged.
 * A snapshot that succeeds before its failure does not count.
 */
async function runRounds(t: ExecutionContext, name: string, rounds: number): Promise<void> {
  const [expected, fail] = failures[name] as (typeof failures)[string];
  const folder = temporary(t);
  const bench: Bench = { folder, home: join(folder, 'home'), dir: join(folder, 'profile'), round: 0 };
  const small = join(folder, 'small');
  mkdirSync(join(small, 'Default'), { recursive: true });
  writeFileSync(join(small, 'Local State'), '{}');
  writeFileSync(join(small, 'Default/Cookies'), 'cookies');
  const store = await openStore({ home: bench.home, userId: 'tester' });
  await store.session('main').commit(small);
  mkdirSync(bench.dir);
  let written = 0;
  while (bench.round < rounds) {
    writeContent(bench.dir, written++);
    const before = bytesBelow(bench.home);
    const outcome = await fail(bench);
    if (outcome === 'done') continue;
    t.is(outcome, expected);
    const grown = bytesBelow(bench.home) - before;
    t.true(Math.abs(grown) <= ALLOWED, `round ${bench.round}: ${grown} bytes more`);
    bench.round++;
  }
  t.deepEqual((await store.verify({ readData: true })).findings, []);
}

function writeContent(dir: string, seed: number): void {
  for (let i = 0; i < PROFILE_MIB; i++) writeFileSync(join(dir, `file-${i}`), noise(MIB, `${seed} ${i}`));
}

/** Declares a test for each failure, with about `rounds` rounds in total. */
export function testFailures(rounds: number): void {
  const each = Math.ceil(rounds / (Object.keys(failures).length + 1));
  const title = (name: string): string =>
    `R-WRITE-7, C13: a snapshot that ${name} leaves the bytes of the store as they were, ${each} of ${each}`;
  for (const name of Object.keys(failures)) {
    const needs = name === UNREADABLE ? (['a program without the rights of root'] as const) : [];
    testWith([...needs], test.serial)(title(name), (t) => runRounds(t, name, each));
  }
  testWith(['mounts of its own'], test.serial)(title('finds the disk full'), async (t) => {
    const { stdout } = await promisify(execFile)('unshare', ['-rm', process.execPath, fullStore, temporary(t), String(each)]);
    const found = JSON.parse(stdout) as { outcome: string; grown: number }[];
    t.is(found.length, each);
    for (const { outcome, grown } of found) {
      t.is(outcome, 'NO_SPACE');
      t.true(Math.abs(grown) <= ALLOWED, `${grown} bytes more`);
    }
  });
}
