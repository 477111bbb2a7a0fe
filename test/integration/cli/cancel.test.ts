/** Ctrl-C: a running command stops, reports the cancellation, and leaves nothing behind. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { Desk, type Outcome, outcome } from '../../support/cli.js';

/** Number of incompressible files of 1 MiB: so many that a command still runs at the signal. */
const FILES = 96;

function writeLargeProfile(desk: Desk): void {
  for (let i = 0; i < FILES; i++) desk.write({ [`profile/Default/file${i}`]: randomBytes(1024 * 1024) });
}

/** Runs a command, and sends it signals as soon as it reports its first file. */
async function interrupted(desk: Desk, signals: readonly NodeJS.Signals[], ...args: string[]): Promise<Outcome> {
  const child = desk.start(args);
  const ended = outcome(child);
  await once(child.stderr as NonNullable<typeof child.stderr>, 'data');
  for (const signal of signals) child.kill(signal);
  return ended;
}

/** Returns the names of unfinished work below a folder. */
function temporaryFiles(folder: string): string[] {
  const names = existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : [];
  return names.filter((name) => /(?:^|\/)tmp\/|\.browserstate-/.test(name));
}

test.serial('a snapshot', async (t) => {
  const desk = new Desk(t);
  writeLargeProfile(desk);
  const { status, stdout, stderr } = await interrupted(desk, ['SIGINT'], 'snapshot', 'profile', '-s', 'work', '--verbose');
  t.deepEqual([status, stdout], [130, '']);
  t.regex(stderr, /^cancelled$/m);
  t.deepEqual(await desk.json(t, 'sessions'), []);
  t.deepEqual(temporaryFiles(desk.home), []);
  t.deepEqual(readdirSync(desk.dir).sort(), ['home', 'profile']);
  t.is((await desk.json<{ files: number }>(t, 'snapshot', 'profile', '-s', 'work')).files, FILES);
});

async function afterSnapshot(t: ExecutionContext): Promise<Desk> {
  const desk = new Desk(t);
  writeLargeProfile(desk);
  await desk.json(t, 'snapshot', 'profile', '-s', 'work');
  return desk;
}

test.serial('a restore', async (t) => {
  const desk = await afterSnapshot(t);
  const { status, stdout, stderr } = await interrupted(desk, ['SIGTERM'], 'restore', 'there', '-s', 'work', '--verbose');
  t.deepEqual([status, stdout], [130, '']);
  t.regex(stderr, /^cancelled$/m);
  t.deepEqual(readdirSync(desk.dir).sort(), ['home', 'profile']);
  t.deepEqual(temporaryFiles(desk.home), []);
  t.is((await desk.json<{ files: number }>(t, 'restore', 'there', '-s', 'work')).files, FILES);
});

test.serial('a restore over a directory leaves the previous content', async (t) => {
  const desk = await afterSnapshot(t);
  desk.write({ 'mine/work': 'precious' });
  const { status } = await interrupted(desk, ['SIGINT'], 'restore', 'mine', '-s', 'work', '--force', '--verbose');
  t.is(status, 130);
  t.deepEqual(readdirSync(desk.path('mine')), ['work']);
  t.deepEqual(readdirSync(desk.dir).sort(), ['home', 'mine', 'profile']);
});

test.serial('at once by a second signal, and the next command cleans up', async (t) => {
  const desk = await afterSnapshot(t);
  const { status } = await interrupted(desk, ['SIGINT', 'SIGTERM'], 'restore', 'there', '-s', 'work', '--verbose');
  t.is(status, 130);
  await desk.json(t, 'restore', 'there', '-s', 'work');
  t.deepEqual(readdirSync(desk.dir).sort(), ['home', 'profile', 'there']);
});

/** Returns a machine whose large session is not pushed, and the folder of its remote. */
async function beforePush(t: ExecutionContext): Promise<{ desk: Desk; remote: string }> {
  const desk = new Desk(t);
  writeLargeProfile(desk);
  await desk.json(t, 'snapshot', 'profile', '-s', 'work');
  const remote = desk.path('remote');
  desk.env['BROWSERSTATE_REMOTE'] = pathToFileURL(remote).href;
  return { desk, remote };
}

test.serial('a push leaves nothing on the remote, and the next one sends everything', async (t) => {
  const { desk, remote } = await beforePush(t);
  const { status, stdout, stderr } = await interrupted(desk, ['SIGINT'], 'push', '-s', 'work', '--verbose');
  t.deepEqual([status, stdout], [130, '']);
  t.regex(stderr, /^sending /);
  t.regex(stderr, /^cancelled$/m);
  t.deepEqual(await desk.json(t, 'sessions', '--home', 'another'), []);
  t.deepEqual(temporaryFiles(remote), []);
  t.like(await desk.json(t, 'push', '-s', 'work'), { pushed: true, commits: 1 });
  t.like(await desk.json(t, 'verify', '--on', 'remote', '--read-data'), { findings: [], commits: 1 });
});

test.serial('a snapshot during its push leaves the commit safe', async (t) => {
  const desk = new Desk(t);
  writeLargeProfile(desk);
  desk.env['BROWSERSTATE_REMOTE'] = pathToFileURL(desk.path('remote')).href;
  const child = desk.start(['snapshot', 'profile', '-s', 'work', '--verbose']);
  const ended = outcome(child);
  // The signal is sent once: a second signal would end the process before it prints anything.
  const interrupt = (text: Buffer): void => {
    if (!/^sending /m.test(String(text))) return;
    child.stderr?.off('data', interrupt);
    child.kill('SIGINT');
  };
  child.stderr?.on('data', interrupt);
  const { status, stderr } = await ended;
  t.is(status, 130);
  t.regex(stderr, /^cancelled\nhint: .*`browserstate push -s work` sends it later\.$/m);
  t.is((await desk.json<unknown[]>(t, 'log', '-s', 'work', '--offline')).length, 1);
});

test.serial('a restore during its pull leaves nothing in the local store, and makes no directory', async (t) => {
  const { desk } = await beforePush(t);
  await desk.json(t, 'push', '-s', 'work');
  const args = ['--home', desk.path('another')];
  const { status, stdout, stderr } = await interrupted(desk, ['SIGTERM'], 'restore', 'there', '-s', 'work', '--verbose', ...args);
  t.deepEqual([status, stdout], [130, '']);
  t.regex(stderr, /^fetching /);
  t.false(existsSync(desk.path('there')));
  t.deepEqual(await desk.json(t, 'sessions', '--offline', ...args), []);
  t.deepEqual(temporaryFiles(desk.path('another')), []);
  t.is((await desk.json<{ files: number }>(t, 'restore', 'there', '-s', 'work', ...args)).files, FILES);
});
