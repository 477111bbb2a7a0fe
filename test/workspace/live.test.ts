/**
 * When a directory counts as open in a browser: real locks, real processes that are or only look
 * like the ones that wrote them.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, lutimesSync, openSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { systemHost } from '../../src/host.js';
import { liveBrowser } from '../../src/workspace/live.js';
import { apart, testWith } from '../helpers/machine.js';
import { layout } from './_layout.js';

const host = (...alive: number[]) => ({
  hostname: () => 'my-host',
  isAlive: (pid: number) => alive.includes(pid),
  startedAt: systemHost.startedAt,
});
/** Above every number that Linux gives out, so that /proc shows nothing of it. */
const UNSEEN = 999_999_999;
const onLinux = process.platform === 'linux' ? test : test.skip;

/**
 * The number of a process that sleeps until the test ends, with this command line: the first word
 * is but a name.
 */
function sleeper(t: ExecutionContext, [argv0, ...args]: string[], options: SpawnOptions = {}): Promise<number> {
  const sleep = ['-e', 'setInterval(() => {}, 1e6)', '--', ...args];
  return started(t, spawn(process.execPath, sleep, { stdio: 'ignore', ...options, argv0: argv0 as string }));
}

async function started(t: ExecutionContext, child: ChildProcess): Promise<number> {
  t.teardown(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  return child.pid as number;
}

/** `dir`, after its lock was made to say `target`. */
function chromiumLock(dir: string, target: string): string {
  rmSync(join(dir, 'SingletonLock'), { force: true });
  symlinkSync(target, join(dir, 'SingletonLock'));
  return dir;
}

test('R-CAP-11 no lock, no directory: nothing is live', (t) => {
  const dir = layout(t, ['Local State']);
  t.is(liveBrowser(dir, host(1)), undefined);
  t.is(liveBrowser(join(dir, 'none'), host(1)), undefined);
  t.is(liveBrowser(join(dir, 'Local State'), host(1)), undefined);
});

const locks: [string, string, { pid: number; browser: string } | undefined][] = [
  ['SingletonLock', `my-host-${UNSEEN}`, { pid: UNSEEN, browser: 'chromium' }],
  ['SingletonLock', 'my-host-42', undefined],
  ['SingletonLock', `host-${UNSEEN}`, undefined],
  ['SingletonLock', `your-my-host-${UNSEEN}`, undefined],
  ['SingletonLock', `my-host${UNSEEN}`, undefined],
  ['SingletonLock', 'my-host-', undefined],
  ['SingletonLock', `my-host-0${UNSEEN}`, undefined],
  ['SingletonLock', 'my-host-1e3', undefined],
  ['lock', `127.0.1.1:+${UNSEEN}`, { pid: UNSEEN, browser: 'firefox' }],
  ['lock', `127.0.1.1:${UNSEEN}`, { pid: UNSEEN, browser: 'firefox' }],
  ['lock', '127.0.1.1:+42', undefined],
  ['lock', '127.0.1.1:+', undefined],
  ['lock', 'elsewhere', undefined],
];
for (const [name, target, expected] of locks) {
  test(`R-CAP-11 ${name} to ${target} ${expected ? 'is live as far as can be seen' : 'is not live'}`, (t) => {
    t.deepEqual(liveBrowser(layout(t, [`${name} -> ${target}`]), host(UNSEEN)), expected as never);
    t.is(liveBrowser(layout(t, [`${name} -> ${target}`]), host()), undefined, 'nobody is alive');
  });
}

test('R-CAP-11 what has the name of a lock and is no link is none', (t) => {
  t.is(liveBrowser(layout(t, ['SingletonLock', 'lock/']), host(UNSEEN)), undefined);
});

test('R-CAP-11 a dead lock of one browser does not hide the live one of another', (t) => {
  const dir = layout(t, ['SingletonLock -> my-host-42', `lock -> 127.0.1.1:+${UNSEEN}`]);
  t.deepEqual(liveBrowser(dir, host(UNSEEN)), { pid: UNSEEN, browser: 'firefox' });
});

onLinux('R-CAP-11 a number that another program was given is not live', async (t) => {
  for (const name of ['sleep', '/usr/sbin/sshd', '/usr/bin/chromedriver']) {
    const pid = await sleeper(t, [name, 'https://example.test/chromium']);
    t.is(liveBrowser(chromiumLock(layout(t, []), `my-host-${pid}`), host(pid)), undefined, name);
  }
});

onLinux('R-CAP-11 a browser by its name is live, unless it names another profile', async (t) => {
  for (const name of [
    '/usr/lib/chromium/chromium',
    'chrome',
    '/opt/pw/chrome-headless-shell',
    'headless_shell',
    '/usr/lib/firefox-esr/firefox-esr',
    'msedge',
  ]) {
    const pid = await sleeper(t, [name]);
    const dir = chromiumLock(layout(t, []), `my-host-${pid}`);
    t.deepEqual(liveBrowser(dir, host(pid)), { pid, browser: 'chromium' }, name);
  }
  const elsewhere = layout(t, []);
  for (const args of [
    [`--user-data-dir=${elsewhere}`],
    ['--user-data-dir=/nowhere/at/all'],
    ['-profile', elsewhere],
    ['--profile', elsewhere],
  ]) {
    const pid = await sleeper(t, ['/usr/lib/chromium/chromium', ...args]);
    t.is(liveBrowser(chromiumLock(layout(t, []), `my-host-${pid}`), host(pid)), undefined, args.join(' '));
  }
});

onLinux('R-CAP-11 whatever was told to use this directory is live, by whatever path it was told', async (t) => {
  const dir = layout(t, ['profile/', 'link -> profile']);
  const profile = join(dir, 'profile');
  const ways = [
    [`--user-data-dir=${profile}`],
    [`--user-data-dir=${dir}/link`],
    ['-profile', `${dir}/./link/`],
    ['--user-data-dir=profile'],
    ['--user-data-dir=/tmp', `--user-data-dir=${profile}`],
  ];
  for (const args of ways) {
    const pid = await sleeper(t, ['/opt/app/some-app', ...args], { cwd: dir });
    t.deepEqual(liveBrowser(chromiumLock(profile, `my-host-${pid}`), host(pid)), { pid, browser: 'chromium' }, args.join(' '));
  }
});

onLinux('R-CAP-11 whatever has a file of this directory open is live, whatever it is called', async (t) => {
  const dir = layout(t, ['profile/Default/History', 'profile-2/Default/History', 'link -> profile']);
  for (const [name, expected] of [
    ['profile', true],
    ['profile-2', false],
  ] as const) {
    const file = openSync(join(dir, name, 'Default/History'), 'r');
    const pid = await sleeper(t, ['/opt/app/some-app'], { stdio: ['ignore', file, 'ignore'] });
    closeSync(file);
    chromiumLock(join(dir, 'profile'), `my-host-${pid}`);
    t.is(liveBrowser(join(dir, 'link'), host(pid)) !== undefined, expected, name);
  }
});

onLinux("R-CAP-11 a browser's helper holds no lock", async (t) => {
  const dir = layout(t, []);
  const helpers = [
    ['/usr/lib/chromium/chromium --type=renderer --user-data-dir=x'],
    ['chrome', '--type=zygote', `--user-data-dir=${dir}`],
    ['firefox', '-contentproc', '-profile', dir],
  ];
  for (const commandLine of helpers) {
    const pid = await sleeper(t, commandLine);
    t.is(liveBrowser(chromiumLock(dir, `my-host-${pid}`), host(pid)), undefined, commandLine.join(' '));
  }
});

onLinux('R-CAP-11 a browser that ended and that its parent has not waited for is not live', async (t) => {
  // `sleep` takes the place of the shell, and does not know of the child that ends when its input
  // does.
  const parent = spawn('sh', ['-c', 'exec 3<&0; cat <&3 & echo $!; exec sleep 1000 3<&-'], { stdio: ['pipe', 'pipe', 'ignore'] });
  await started(t, parent);
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const pid = Number(line);
  while (readFileSync(`/proc/${parent.pid}/comm`, 'utf8') !== 'sleep\n') await setImmediate();
  parent.stdin.end();
  while (!readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')) await setImmediate();
  t.true(systemHost.isAlive(pid));
  t.is(liveBrowser(chromiumLock(layout(t, []), `my-host-${pid}`), host(pid)), undefined);
});

onLinux(
  'L3, A3: a number that was used again, by another program or by a browser that began after the lock was made, is not live',
  async (t) => {
    const dir = layout(t, []);
    for (const name of ['/usr/bin/some-program', 'chrome']) {
      const pid = await sleeper(t, [name]);
      const isBrowser = name === 'chrome';
      t.is(liveBrowser(chromiumLock(dir, `my-host-${pid}`), host(pid)) !== undefined, isBrowser, `${name}, a new lock`);
      const anHourAgo = Date.now() / 1000 - 3600;
      lutimesSync(join(dir, 'SingletonLock'), anHourAgo, anHourAgo);
      t.is(liveBrowser(dir, host(pid)), undefined, `${name}, an old lock`);
    }
    t.is(liveBrowser(chromiumLock(dir, 'my-host-1'), host(1)), undefined, 'the first process of a container');
  },
);

testWith(['PID namespaces'])(
  'A3: a browser in a PID namespace below this one is live by the number that it has there, also under another host name',
  async (t) => {
    const dir = layout(t, []);
    const elsewhere = layout(t, []);
    const script = 'process.stdout.write(String(process.pid)); setInterval(() => {}, 1e6)';
    const browser = [process.execPath, '-e', script, '--', `--user-data-dir=${dir}`];
    const child = spawn(apart[0], [...apart.slice(1), ...browser], { stdio: ['ignore', 'pipe', 'ignore'] });
    await started(t, child);
    const [number] = (await once(child.stdout, 'data')) as [Buffer];
    for (const name of ['my-host', 'container']) {
      const found = liveBrowser(chromiumLock(dir, `${name}-${number}`), host(1));
      t.is(found?.browser, 'chromium', name);
      t.true(readFileSync(`/proc/${found?.pid}/cmdline`, 'utf8').includes(dir));
      t.is(liveBrowser(chromiumLock(elsewhere, `${name}-${number}`), host(1)), undefined, `${name}, another profile`);
      t.is(liveBrowser(chromiumLock(dir, `${name}-4194304`), host(1)), undefined, `${name}, another number`);
    }
    child.kill('SIGKILL');
    await once(child, 'close');
    chromiumLock(dir, `container-${number}`);
    t.is(liveBrowser(dir, host(1)), undefined);
  },
);
