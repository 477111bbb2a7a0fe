/**
 * Real processes: killed between mount and unmount, on one session at the same time, and stopped by
 * signals.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { openStore, type Store } from '../../../src/index.js';
import { entries } from '../../support/processes.js';
import { temporary } from '../../support/temporary.js';

const program = fileURLToPath(new URL('../../support/programs/mount.js', import.meta.url));

interface Running {
  child: ChildProcess;
  /** The mounted directory, after the process has printed it. */
  dir: string;
  output: () => string;
  ended: Promise<{ code: number | null; signal: string | null; stderr: string }>;
}

async function run(home: string, mark: string, action: string): Promise<Running> {
  const child = spawn(process.execPath, [program, home, mark, action], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = once(child, 'close').then(([code, signal]) => ({ code: code as number | null, signal: signal as string | null, stderr }));
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  while (!/^\/.*\n/m.test(stdout) && child.exitCode === null) await Promise.race([once(child.stdout, 'data'), ended]);
  return { child, dir: /^\/.*$/m.exec(stdout)?.[0] ?? '', output: () => stdout, ended };
}

async function open(t: ExecutionContext): Promise<{ home: string; store: Store }> {
  const home = join(temporary(t), 'home');
  const store = await openStore({ home, userId: 'tester' });
  t.teardown(() => store.close());
  return { home, store };
}

async function cookies(store: Store): Promise<string> {
  const mount = await store.mount('s');
  const text = readFileSync(join(mount.dir, 'Default/Cookies'), 'utf8');
  await mount.unmount();
  return text;
}

test.serial('a process that is killed between mount and unmount is recovered by the next mount', async (t) => {
  const { home, store } = await open(t);
  const { child, dir, ended } = await run(home, 'of the killed', 'wait');
  t.deepEqual(await store.abandonedMounts(), []);
  child.kill('SIGKILL');
  t.is((await ended).signal, 'SIGKILL');
  t.true(existsSync(dir));
  t.like((await store.abandonedMounts())[0], { session: 's', dir, base: undefined });
  t.is(await cookies(store), 'of the killed');
  t.false(existsSync(dir));
  t.deepEqual(
    (await entries(store.session('s'))).map(({ op }) => op),
    ['recovered'],
  );
});

test.serial('two processes have one session mounted at once, in two directories, and one leaves the other alone', async (t) => {
  const { home, store } = await open(t);
  const [one, two] = await Promise.all([run(home, 'one', 'wait'), run(home, 'two', 'wait')]);
  t.not(one.dir, two.dir);
  one.child.kill('SIGTERM');
  await one.ended;
  t.false(existsSync(one.dir));
  t.true(existsSync(two.dir));
  t.is(await cookies(store), 'one');
  t.true(existsSync(two.dir));
  two.child.kill('SIGTERM');
  await two.ended;
  t.regex(two.output(), /warning: .*session s\.conflict-/);
  t.is(await cookies(store), 'one');
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test.serial(`${signal} unmounts, and then ends the process as usual`, async (t) => {
    const { home, store } = await open(t);
    const { child, dir, ended, output } = await run(home, signal, 'wait');
    child.kill(signal);
    t.like(await ended, { code: null, signal, stderr: '' });
    t.false(existsSync(dir));
    t.is(output(), `warning: new session s\n${dir}\n`);
    t.is(await cookies(store), signal);
    t.deepEqual(
      (await entries(store.session('s'))).map(({ op }) => op),
      ['commit'],
    );
  });
}

test.serial('a handler of the program runs as well, and decides whether the process ends', async (t) => {
  const { home, store } = await open(t);
  const { child, ended, output } = await run(home, 'heard', 'other');
  child.kill('SIGTERM');
  t.like(await ended, { code: 0, signal: null });
  t.regex(output(), /^heard$/m);
  t.is(await cookies(store), 'heard');
});

test.serial('signals are ignored on request', async (t) => {
  const { home, store } = await open(t);
  const { child, dir, ended } = await run(home, 'left alone', 'leave');
  child.kill('SIGTERM');
  t.is((await ended).signal, 'SIGTERM');
  t.true(existsSync(dir));
  t.is(await cookies(store), 'left alone');
});

test.serial('nothing listens to signals after unmount', async (t) => {
  const { home, store } = await open(t);
  const { ended } = await run(home, 'done', 'unmount');
  t.like(await ended, { code: 0, signal: null, stderr: '' });
  t.is(await cookies(store), 'done');
});

test.serial('an uncaught error ends the process as usual, and its mount is recovered', async (t) => {
  const { home, store } = await open(t);
  const { dir, ended } = await run(home, 'thrown', 'throw');
  const { code, stderr } = await ended;
  t.is(code, 1);
  t.regex(stderr, /Error: of the program/);
  t.true(existsSync(dir));
  t.is(await cookies(store), 'thrown');
});
