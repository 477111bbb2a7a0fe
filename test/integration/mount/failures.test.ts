/**
 * Faults of v0, and common requests of its users, each by name with a test of its solution. If
 * storage matters, the storage is S3, by the options of v0.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { BrowserState, type BrowserStateOptions, type MountOptions, openStore } from '../../../src/index.js';
import { noise } from '../../support/content.js';
import { rejects } from '../../support/errors.js';
import { nothingLeft, profile, TestMachine, write } from '../../support/processes.js';
import { type S3Server, type S3ServerOptions, startS3Server } from '../../support/servers/s3-server.js';

interface Bucket {
  server: S3Server;
  /** Returns a process of another machine unless one is given. */
  open(machine?: TestMachine): BrowserState;
}

let opened = 0;

async function bucket(t: ExecutionContext, options: S3ServerOptions = {}): Promise<Bucket> {
  const server = await startS3Server(options);
  t.teardown(() => server.close());
  const open = (machine = new TestMachine(t)): BrowserState => {
    const state = stateOf(server, { home: machine.home, host: machine.host(`failures ${opened++}`) });
    t.teardown(() => state.cleanup().catch(() => undefined));
    return state;
  };
  return { server, open };
}

function stateOf({ options }: S3Server, more: BrowserStateOptions): BrowserState {
  const { bucket: bucketName, endpoint, pathStyle } = options;
  const { accessKeyId, secretAccessKey } = options.credentials as { accessKeyId: string; secretAccessKey: string };
  return new BrowserState({
    userId: 'tester',
    storageType: 's3',
    s3Options: { bucketName, region: 'us-east-1', accessKeyID: accessKeyId, secretAccessKey, prefix: 'team', endpoint, pathStyle },
    syncOptions: { maxRetries: 0 },
    ...more,
  });
}

/** Runs one round: mounts, passes the directory to `browse`, and unmounts. */
async function round<T>(state: BrowserState, session: string, browse: (dir: string) => T | Promise<T>, options?: MountOptions): Promise<T> {
  const result = await browse(await state.mount(session, options));
  await state.unmount();
  return result;
}

const namesIn = (dir: string): string[] => readdirSync(dir);
const cookies = (dir: string): string => readFileSync(join(dir, 'Default/Cookies'), 'utf8');

test('mounting s1 does not give the files of s10', async (t) => {
  const { open } = await bucket(t);
  await round(open(), 's10', (dir) => write(dir, profile('of ten')));
  const state = open();
  t.deepEqual(await round(state, 's1', namesIn), []);
  await round(state, 's1', (dir) => write(dir, profile('of one')));
  t.is(await round(open(), 's10', cookies), 'cookies of ten');
  t.is(await round(open(), 's1', cookies), 'cookies of one');
});

test('deleting s1 does not delete s10', async (t) => {
  const { open } = await bucket(t);
  const state = open();
  for (const session of ['s1', 's10']) await round(state, session, (dir) => write(dir, profile(session)));
  await state.deleteSession('s1');
  t.deepEqual(await open().listSessions(), ['s10']);
  t.is(await round(open(), 's10', cookies), 'cookies s10');
});

test('more than 1,000 files are mounted whole, in a handful of requests', async (t) => {
  const { open, server } = await bucket(t);
  const files = Object.fromEntries(Array.from({ length: 1100 }, (_, i) => [`Default/File System/${i}`, `file ${i}`]));
  await round(open(), 's', (dir) => write(dir, { ...profile('many'), ...files }));
  const before = server.requests.length;
  const state = open();
  const dir = await state.mount('s');
  t.true(server.requests.length - before < 10, `${server.requests.length - before} requests`);
  t.is(readdirSync(join(dir, 'Default/File System')).length, 1100);
  t.is(readFileSync(join(dir, 'Default/File System/1099'), 'utf8'), 'file 1099');
});

test('transfers are not serial: a mount has several requests under way at once', async (t) => {
  let underWay = 0;
  let isMounting = false;
  let meet = (): void => {};
  const met = new Promise<void>((resolve) => {
    meet = resolve;
  });
  const { open } = await bucket(t, {
    fault: async ({ method, name }) => {
      if (!isMounting || method !== 'GET' || !name.includes('/packs/')) return undefined;
      if (++underWay === 2) meet();
      // The first request waits for a second request, which would never be sent after the first.
      await met;
      return undefined;
    },
  });
  await round(open(), 's', (dir) => {
    mkdirSync(join(dir, 'Default'));
    writeFileSync(join(dir, 'Local State'), '{}');
    writeFileSync(join(dir, 'Default/Large'), noise(20 * 1024 * 1024, 'large'));
  });
  isMounting = true;
  t.is(await round(open(), 's', (dir) => lstatSync(join(dir, 'Default/Large')).size), 20 * 1024 * 1024);
});

test('files that were deleted locally are not restored', async (t) => {
  const { open } = await bucket(t);
  const state = open();
  await round(state, 's', (dir) => write(dir, { ...profile('one'), 'Default/Login Data': 'secret' }));
  await round(state, 's', (dir) => rmSync(join(dir, 'Default/Login Data')));
  for (const each of [state, open()]) t.false(await round(each, 's', (dir) => existsSync(join(dir, 'Default/Login Data'))));
});

test('a failed download is an error, never an empty profile', async (t) => {
  let fails = false;
  const { open } = await bucket(t, {
    fault: ({ method, name }) => (fails && method === 'GET' && name.includes('/packs/') ? { code: 'SlowDown' } : undefined),
  });
  await round(open(), 's', (dir) => write(dir, profile('good')));
  const machine = new TestMachine(t);
  const state = open(machine);
  fails = true;
  await rejects(t, () => state.mount('s'), 'UNREACHABLE');
  t.is(state.getCurrentSessionPath(), undefined);
  t.deepEqual(machine.left(), nothingLeft);
  fails = false;
  t.is(await round(state, 's', cookies), 'cookies good');
});

test('an empty profile does not overwrite a good one', async (t) => {
  const { open } = await bucket(t);
  const state = open();
  await round(state, 's', (dir) => write(dir, profile('good')));
  const dir = await state.mount('s');
  for (const name of readdirSync(dir)) rmSync(join(dir, name), { recursive: true });
  await rejects(t, () => state.unmount(), 'SHRUNK');
  t.is(state.getCurrentSession(), 's', 'it stays mounted');
  t.is(await round(open(), 's', cookies), 'cookies good');
  await state.unmount({ discard: true });
});

test('a session id such as ../../evil is rejected, and so is a user id', async (t) => {
  const { open, server } = await bucket(t);
  const machine = new TestMachine(t);
  const state = open(machine);
  const { length } = server.requests;
  for (const id of ['../../evil', '..', '/etc', 'a/b', '.hidden', 'a\\b', '']) {
    for (const act of [() => state.mount(id), () => state.deleteSession(id), () => state.hasSession(id)])
      await rejects(t, act, 'USAGE', id);
  }
  await rejects(t, () => stateOf(server, { userId: '../evil', home: machine.home }).mount('s'), 'USAGE');
  t.is(server.requests.length, length);
  t.false(existsSync(machine.home));
});

test('leftovers of a session or a killed process do not leak into a new session', async (t) => {
  const { open } = await bucket(t);
  const machine = new TestMachine(t);
  const first = open(machine);
  await round(first, 'old', (dir) => write(dir, profile('old')));
  // The session is left mounted, as by a killed process.
  await write(await first.mount('killed'), profile('killed'));
  t.deepEqual(await round(open(machine), 'new', namesIn), []);
  await first.deleteSession('old');
  t.deepEqual(await round(open(machine), 'old', namesIn), [], 'also if it has the name of a deleted one');
});

test('the last of two writers does not overwrite the other', async (t) => {
  const { open } = await bucket(t);
  const [one, other] = [open(), open()];
  await round(one, 's', (dir) => write(dir, profile('base')));
  const dirs = [await one.mount('s'), await other.mount('s')] as const;
  for (const [i, dir] of dirs.entries()) await write(dir, { 'Default/Cookies': `cookies of ${i}` });
  await one.unmount();
  const { hint, message } = await rejects(t, () => other.unmount(), 'CONFLICT');
  t.is(await round(open(), 's', cookies), 'cookies of 0');
  const names = await open().listSessions();
  const fork = names.find((name) => name !== 's') as string;
  t.true(`${message} ${hint}`.includes(fork));
  t.is(await round(open(), fork, cookies), 'cookies of 1');
});

test('an earlier version can be restored, and changes can be listed', async (t) => {
  const { open, server } = await bucket(t);
  const machine = new TestMachine(t);
  const state = open(machine);
  await round(state, 's', (dir) => write(dir, profile('yesterday')));
  await round(state, 's', (dir) => write(dir, { 'Default/Cookies': 'logged out', 'Default/History': 'new' }));
  const { s3Provider } = await import('../../../src/provider/s3/s3.js');
  const remote = s3Provider({ ...server.options, prefix: 'team' });
  const store = await openStore({ home: machine.home, remote, userId: 'tester', host: machine.host('store') });
  t.teardown(() => store.close());
  const session = store.session('s');
  t.deepEqual(await session.diff('HEAD~1', 'HEAD'), { added: ['Default/History'], removed: [], changed: ['Default/Cookies'] });
  await session.rollback('HEAD~1');
  for (const each of [state, open()]) t.is(await round(each, 's', cookies), 'cookies yesterday');
});

test('changes can be tried on a copy', async (t) => {
  const { open } = await bucket(t);
  const state = open();
  await round(state, 's', (dir) => write(dir, profile('kept')));
  await state.mount('s', { mode: 'fork' });
  const [copy, dir] = [state.getCurrentSession() as string, state.getCurrentSessionPath() as string];
  t.not(copy, 's');
  await write(dir, { 'Default/Cookies': 'tried' });
  await state.unmount();
  t.deepEqual([await round(open(), 's', cookies), await round(open(), copy, cookies)], ['cookies kept', 'tried']);
});

test('there is no crash bubble, and no profile that appears to be in use', async (t) => {
  const { open } = await bucket(t);
  const preferences = { profile: { exit_type: 'Crashed' }, session: { restore_on_startup: 5 } };
  await round(open(), 's', async (dir) => {
    await write(dir, { ...profile('one'), 'Default/Preferences': JSON.stringify(preferences) });
    symlinkSync('another-machine-1234', join(dir, 'SingletonLock'));
  });
  const read = (dir: string) => JSON.parse(readFileSync(join(dir, 'Default/Preferences'), 'utf8')) as typeof preferences;
  await round(open(), 's', (dir) => {
    t.is(read(dir).profile.exit_type, 'Normal');
    t.false(readdirSync(dir).includes('SingletonLock'));
  });
  // Session cookies are kept if the browser is started with the option to restore its last session.
  const keeps = { prepare: { keepSessionCookies: true } };
  t.is(await round(open(), 's', (dir) => read(dir).session.restore_on_startup, keeps), 1);
});

test('a profile is neither too large nor slow to copy: caches are excluded, and a small change sends little', async (t) => {
  const { open, server } = await bucket(t);
  const state = open();
  const large = { 'Default/History': noise(1024 * 1024, 'history'), 'Default/Cache/data_1': noise(4 * 1024 * 1024, 'cache') };
  const fill = async (dir: string): Promise<void> => {
    await write(dir, profile('one'));
    mkdirSync(join(dir, 'Default/Cache'));
    for (const [path, content] of Object.entries(large)) writeFileSync(join(dir, path), content);
  };
  const sent = (from: number): number =>
    server.requests.slice(from).reduce((sum, { method, headers }) => sum + (method === 'PUT' ? Number(headers['content-length']) : 0), 0);
  await round(state, 's', fill);
  t.true(sent(0) < 1.2 * 1024 * 1024, `${sent(0)} bytes`);
  const before = server.requests.length;
  await round(state, 's', (dir) => write(dir, { 'Default/Cookies': 'changed' }));
  t.true(sent(before) < 20_000, `${sent(before)} bytes`);
  t.true(server.requests.length - before <= 4, `${server.requests.length - before} requests`);
});

test('there is an endpoint option, and no other host gets a request', async (t) => {
  const { open, server } = await bucket(t);
  await round(open(), 's', (dir) => write(dir, profile('one')));
  t.true(server.requests.length > 0);
  t.true(
    server.store.names().every((name) => name.startsWith('team/tester/.store/')),
    server.store.names().join(' '),
  );
});

/**
 * Returns a program that mounts session `s` of a local store, writes to it, prints its directory,
 * and continues with `rest`.
 */
function start(t: ExecutionContext, home: string, remote: string, rest: string) {
  const index = new URL('../../../src/index.js', import.meta.url).href;
  const program = `
    import { mkdirSync, writeFileSync } from 'node:fs';
    import { BrowserState } from ${JSON.stringify(index)};
    const state = new BrowserState({ home: ${JSON.stringify(home)}, remote: ${JSON.stringify(remote)}, userId: 'tester' });
    const dir = await state.mount('s');
    mkdirSync(dir + '/Default', { recursive: true });
    writeFileSync(dir + '/Default/Cookies', 'of process ' + process.pid);
    writeFileSync(dir + '/Local State', '{}');
    const life = setInterval(() => undefined, 1000);
    console.log(dir);
    ${rest}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  const dir = once(child.stdout, 'data').then(([chunk]) => String(chunk).split('\n', 1)[0] as string);
  const ended = Promise.all([once(child, 'exit'), text(child.stderr)]).then(([[status, signal], stderr]) => ({ status, signal, stderr }));
  return { child, dir, ended };
}

test.serial("one process's exit does not delete another's mounted directory", async (t) => {
  const { home } = new TestMachine(t);
  const remote = pathToFileURL(join(home, '../remote')).href;
  const stays = start(t, home, remote, '');
  const dir = await stays.dir;
  for (const rest of [
    'process.exit(0);',
    'await state.unmount(); process.exit(0);',
    'await state.cleanup(); process.exit(0);',
    "process.kill(process.pid, 'SIGKILL');",
  ]) {
    const leaves = start(t, home, remote, rest);
    t.not(await leaves.dir, dir);
    await leaves.ended;
    t.is(cookies(dir), `of process ${stays.child.pid}`, rest);
  }
});

test.serial('an uncaught exception ends the process as usual, and uploads nothing', async (t) => {
  const { home } = new TestMachine(t);
  const folder = join(home, '../remote');
  const rest = `if (process.listenerCount('uncaughtException') > 0) process.exit(9);
    setImmediate(() => { throw new Error('of the program'); });`;
  const { status, stderr } = await start(t, home, pathToFileURL(folder).href, rest).ended;
  t.is(status, 1);
  t.regex(stderr, /Error: of the program/);
  t.false(existsSync(join(folder, 'tester/.store/refs')));
});

test.serial('SIGINT commits and pushes once, then ends the process by the signal; a handler of the program keeps it alive', async (t) => {
  const { home } = new TestMachine(t);
  const remote = pathToFileURL(join(home, '../remote')).href;
  const plain = start(t, home, remote, '');
  const dir = await plain.dir;
  plain.child.kill('SIGINT');
  t.like(await plain.ended, { status: null, signal: 'SIGINT' });
  t.false(existsSync(dir));
  const store = await openStore({ home: join(home, '../another'), remote, userId: 'tester' });
  t.teardown(() => store.close());
  await store.session('s').checkout(join(home, '../out'));
  t.is(cookies(join(home, '../out')), `of process ${plain.child.pid}`);
  const own = start(t, home, remote, "process.on('SIGINT', () => { clearInterval(life); process.exitCode = 7; });");
  await own.dir;
  own.child.kill('SIGINT');
  t.like(await own.ended, { status: 7, signal: null });
});
