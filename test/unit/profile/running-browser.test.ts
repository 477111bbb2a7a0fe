/**
 * Detection of a running browser, with real locks. Real processes wrote the locks, or only look as
 * if they did.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, lutimesSync, openSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { systemHost } from '../../../src/base/host.js';
import { liveBrowser } from '../../../src/profile/running-browser.js';
import { apart, testWith } from '../../support/machine.js';
import { layout } from '../../support/workspace/layout.js';

const host = (...alive: number[]) => ({
  hostname: () => 'my-host',
  isAlive: (pid: number) => alive.includes(pid),
  startedAt: systemHost.startedAt,
});
/** A number above every process number of Linux, so that /proc has no such process. */
const UNSEEN = 999_999_999;
const onLinux = process.platform === 'linux' ? test : test.skip;

/**
 * Starts a process that sleeps until the test ends, and returns its number. The first word of its
 * command line is only a name.
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

/** Makes the lock of `dir` point to `target`, and returns `dir`. */
function chromiumLock(dir: string, target: string): string {
  rmSync(join(dir, 'SingletonLock'), { force: true });
  symlinkSync(target, join(dir, 'SingletonLock'));
  return dir;
}

test('R-CAP-11 no browser runs without a lock or a directory', (t) => {
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

test('R-CAP-11 an entry with the name of a lock that is not a link is no lock', (t) => {
  t.is(liveBrowser(layout(t, ['SingletonLock', 'lock/']), host(UNSEEN)), undefined);
});

test('R-CAP-11 a stale lock of one browser does not hide the lock of a running one', (t) => {
  const dir = layout(t, ['SingletonLock -> my-host-42', `lock -> 127.0.1.1:+${UNSEEN}`]);
  t.deepEqual(liveBrowser(dir, host(UNSEEN)), { pid: UNSEEN, browser: 'firefox' });
});

onLinux('R-CAP-11 a process number that another program has now is no running browser', async (t) => {
  for (const name of ['sleep', '/usr/sbin/sshd', '/usr/bin/chromedriver']) {
    const pid = await sleeper(t, [name, 'https://example.test/chromium']);
    t.is(liveBrowser(chromiumLock(layout(t, []), `my-host-${pid}`), host(pid)), undefined, name);
  }
});

onLinux('R-CAP-11 a process with the name of a browser counts as running, unless it names another profile', async (t) => {
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

onLinux('R-CAP-11 a process that names this directory is a running browser, by any path to it', async (t) => {
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

onLinux('R-CAP-11 a process that has a file of this directory open is a running browser, with any name', async (t) => {
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

onLinux('R-CAP-11 a browser that exited, but whose parent has not waited for it, is not running', async (t) => {
  // `sleep` replaces the shell, and does not know of the child that ends with its input.
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
  'L3, A3: a reused process number, of another program or of a browser that began after the lock was made, is no running browser',
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
  'A3: a browser in a PID namespace below this one is found by its number there, also under another host name',
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
