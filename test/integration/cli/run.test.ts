/** `run` and `recover`: a command in a mounted session, and the mount that its crash leaves. */
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { Desk, main, outcome, writeProfile } from '../../support/cli.js';

interface Ran {
  session: string;
  commit: string | null;
  changed: boolean;
  pushed: boolean;
  status: number;
}

const workspaces = (desk: Desk): string[] => readdirSync(join(desk.home, 'default/.store/workspaces'));

async function begin(desk: Desk): Promise<void> {
  writeProfile(desk);
  await desk.run('snapshot', 'profile', '-s', 'work');
}

test.serial('a command works in the directory that {} and BROWSERSTATE_DIR name, and its changes are committed and pushed', async (t) => {
  const desk = new Desk(t);
  desk.env['BROWSERSTATE_REMOTE'] = pathToFileURL(desk.path('remote')).href;
  await begin(desk);
  const { status, stdout, stderr } = await desk.run(
    'run',
    '-s',
    'work',
    '--',
    'sh',
    '-c',
    'cat {}/Default/Cookies; echo new > "$BROWSERSTATE_DIR/Default/Cookies"',
  );
  t.deepEqual([status, stdout], [0, 'cookies']);
  t.regex(stderr, /^committed [0-9a-f]{12} to work, and pushed it: 3 files, /m);
  t.deepEqual(workspaces(desk), []);
  await desk.json(t, 'restore', 'there', '-s', 'work', '--home', 'another');
  t.is(readFileSync(desk.path('there/Default/Cookies'), 'utf8'), 'new\n');
  const again = await desk.run('run', '-s', 'work', '--', 'true');
  t.deepEqual([again.status, again.stdout], [0, '']);
  t.regex(again.stderr, /^nothing changed since/);
});

const nothingWritten: [what: string, words: readonly string[], isTold: boolean][] = [
  ['a browser by its name, without a profile', ['chromium', '--headless'], true],
  ['a wrapper that is given a profile', ['true', '--user-data-dir=/elsewhere'], true],
  ['no browser', ['true', 'chromium'], false],
  ['a browser that is asked for its version', ['chromium', '--version'], false],
  ['a browser that is asked for its help', ['firefox', '-h'], false],
  ['a wrapper that is given a profile and an option of a browser', ['true', '-v', '--user-data-dir=/elsewhere'], true],
  ['a driver', ['chromedriver'], false],
];

for (const [what, words, isTold] of nothingWritten) {
  test.serial(`L4: ${what} that never wrote to the directory: ${isTold ? 'a warning' : 'nothing'}`, async (t) => {
    const desk = new Desk(t);
    await begin(desk);
    mkdirSync(desk.path('bin'));
    for (const name of ['chromium', 'firefox', 'chromedriver']) writeFileSync(desk.path(`bin/${name}`), '#!/bin/sh\n', { mode: 0o755 });
    desk.env['PATH'] = `${desk.path('bin')}:${process.env['PATH']}`;
    const { status, stderr } = await desk.run('run', '-s', 'work', '--', ...words);
    t.is(status, 0, stderr);
    t.is(stderr.includes('the browser never wrote to'), isTold, stderr);
  });
}

const unused: [what: string, words: readonly string[], isTold: boolean][] = [
  ['names no directory, and nothing changed', ['true'], true],
  ['names the directory', ['true', '{}'], false],
  ['names it within a word', ['true', '--dir={}/x'], false],
  ['wrote to the directory', ['sh', '-c', 'echo x > "$BROWSERSTATE_DIR/Default/Cookies"'], false],
];

for (const [what, words, isTold] of unused) {
  test.serial(`a command that ${what}: ${isTold ? 'a warning that says how to name it' : 'nothing'}`, async (t) => {
    const desk = new Desk(t);
    await begin(desk);
    const { status, stderr } = await desk.run('run', '-s', 'work', '--', ...words);
    t.is(status, 0, stderr);
    t.is(/^warning: the command may not have used the directory: pass its path as \{\}/m.test(stderr), isTold, stderr);
  });
}

test.serial("words after -- are the command's, and --json reports its outcome", async (t) => {
  const desk = new Desk(t);
  const { stdout } = await desk.run('run', '-s', 'new', '--json', '--', 'echo', '-n', '--mode', '{}x', '--json');
  const [words, result] = stdout.split(/(?=\{"session)/);
  t.regex(words as string, /^--mode \/.*\/workspaces\/new\.[0-9a-f]{12}x --json$/);
  t.deepEqual(JSON.parse(result as string) as Ran, { session: 'new', commit: null, changed: false, pushed: false, status: 0 });
});

test.serial("the exit status is the command's: its own, that of its signal, and those of a command that cannot be run", async (t) => {
  const desk = new Desk(t);
  await begin(desk);
  t.is((await desk.run('run', '-s', 'work', '--', 'sh', '-c', 'echo x > {}/Default/Cookies; exit 7')).status, 7);
  t.is((await desk.json<unknown[]>(t, 'log', '-s', 'work')).length, 2);
  t.is((await desk.run('run', '-s', 'work', '--', 'sh', '-c', 'kill -9 $$')).status, 137);
  t.is((await desk.run('run', '-s', 'work', '--', 'no-such-command')).status, 127);
  t.is((await desk.run('run', '-s', 'work', '--', desk.dir)).status, 126);
  t.deepEqual(workspaces(desk), []);
  t.is((await desk.failure(t, 2, 'run', '-s', 'work')).code, 'USAGE');
});

test.serial('a fork leaves the original alone', async (t) => {
  const desk = new Desk(t);
  await begin(desk);
  const { stdout } = await desk.run('run', '-s', 'work', '--mode', 'fork', '--json', '--', 'sh', '-c', 'echo x > {}/Default/Cookies');
  const { session, changed } = JSON.parse(stdout) as Ran;
  t.true(changed);
  t.regex(session, /^work\.fork-/);
  t.is((await desk.json<unknown[]>(t, 'log', '-s', 'work')).length, 1);
  t.is((await desk.json<unknown[]>(t, 'log', '-s', session)).length, 2);
});

test.serial('an unexpectedly small directory is not committed, and stays until recover commits or discards it', async (t) => {
  const desk = new Desk(t);
  await begin(desk);
  const { status, stderr } = await desk.run('run', '-s', 'work', '--', 'sh', '-c', 'rm {}/Default/Cookies');
  t.is(status, 7);
  const [, id] = /hint: .*`browserstate recover --commit (\S+) --allow-shrink`.*`browserstate recover --discard \1`/.exec(stderr) ?? [];
  t.notRegex(stderr, /the next mount/);
  const [left] = await desk.json<{ id: string; session: string; dir: string }[]>(t, 'recover');
  t.like(left, { session: 'work', id });
  t.regex((await desk.run('recover')).stdout, new RegExp(`^${left?.id.replaceAll('.', '\\.')}  `));
  t.is((await desk.failure(t, 7, 'recover', '--commit', left?.id as string)).code, 'SHRUNK');
  t.like(await desk.json(t, 'recover', '--commit', left?.id as string, '--allow-shrink'), {
    session: 'work',
    outcome: 'committed',
    id: left?.id,
  });
  t.deepEqual(await desk.json(t, 'recover'), []);
  t.is((await desk.failure(t, 3, 'recover', '--discard', left?.id as string)).code, 'NOT_FOUND');
});

test.serial('the mount of a killed run is listed, and recovered or discarded with all the others', async (t) => {
  const desk = new Desk(t);
  await begin(desk);
  const kill = async (session: string) => {
    const child = desk.start(['run', '-s', session, '--', 'sh', '-c', 'echo left > {}/Default/Cookies; echo ready; exec sleep 60']);
    await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
    const command = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
    child.kill('SIGKILL');
    process.kill(Number.parseInt(command, 10), 'SIGKILL');
    await once(child, 'close');
  };
  await kill('work');
  t.like(await desk.json(t, 'recover', '--commit', '--all'), [{ session: 'work', outcome: 'committed' }]);
  t.like((await desk.json<{ op?: string }[]>(t, 'log', '-s', 'work'))[0], { message: (await newest(desk)).message });
  t.regex((await newest(desk)).message, /^Recovered from a mount of/);
  await kill('work');
  t.like(await desk.json(t, 'recover', '--discard', '--all'), [{ session: 'work', outcome: 'discarded' }]);
  t.deepEqual(await desk.json(t, 'recover', '--discard', '--all'), []);
  t.deepEqual(workspaces(desk), []);
  for (const words of [['--all'], ['--commit'], ['--commit', 'x', '--discard', 'y'], ['--commit', 'x', '--all']])
    t.is((await desk.failure(t, 2, 'recover', ...words)).code, 'USAGE', words.join(' '));

  async function newest(at: Desk): Promise<{ message: string }> {
    return (JSON.parse((await at.run('log', '-s', 'work', '--json')).stdout) as { message: string }[])[0] as { message: string };
  }
});

test.serial(
  'R-MOUNT-9, A2: the directory of a killed run is not recovered or removed while its command, or a child of that, runs',
  async (t) => {
    // Each command waits without a child process, whose number an error could name.
    const late = 'read _ < go; echo late > {}/Default/Cookies';
    for (const script of [`echo $$; ${late}`, `(${late}) & echo $! $$; read _ < end`]) {
      const desk = new Desk(t);
      await begin(desk);
      execFileSync('mkfifo', [desk.path('go'), desk.path('end')]);
      const child = desk.start(['run', '-s', 'work', '--', 'sh', '-c', script]);
      const [said] = (await once(child.stdout as NonNullable<typeof child.stdout>, 'data')) as [Buffer];
      const [pid, starter] = String(said).split(' ').map(Number) as [number, number?];
      const notes = desk.path('home/default/.store/records/mounts');
      // A file that replaces a note has another name before.
      const isNoted = () => {
        const [name = ''] = readdirSync(notes).filter((each) => /~[^~]+$/.test(each) && each.split('~').length === 2);
        return name !== '' && readFileSync(join(notes, name), 'utf8').includes('"command"');
      };
      while (!isNoted()) await setImmediate();
      child.kill('SIGKILL');
      await once(child, 'exit');
      if (starter !== undefined) {
        writeFileSync(desk.path('end'), '\n');
        while (isRunning(starter)) await setImmediate();
      }
      const [left] = await desk.json<{ id: string; dir: string; isCertain: boolean }[]>(t, 'recover');
      t.like(left, { isCertain: true });
      const { stderr } = await desk.run('run', '-s', 'work', '--', 'true', '{}');
      t.regex(stderr, /is left alone: its command \(process \d+\) still runs$/m);
      for (const how of ['--commit', '--discard']) {
        const { code, details, hint } = await desk.failure(t, 7, 'recover', how, left?.id as string);
        t.is(code, 'BUSY');
        t.is(typeof details['pid'], 'number');
        t.regex(hint ?? '', /kill -INT/);
      }
      t.true(existsSync(left?.dir as string));
      writeFileSync(desk.path('go'), '\n');
      while (isRunning(pid)) await setImmediate();
      t.like(await desk.json(t, 'recover', '--commit', left?.id as string), { outcome: 'committed' });
      await desk.json(t, 'restore', 'there', '-s', 'work');
      t.is(readFileSync(desk.path('there/Default/Cookies'), 'utf8'), 'late\n');
      t.deepEqual(workspaces(desk), []);
    }

    /**
     * Returns whether a process runs. A process that exited and was not waited for does not run.
     */
    function isRunning(pid: number): boolean {
      try {
        return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
      } catch {
        return false;
      }
    }
  },
);

test.serial('A2: a child that a command left behind is waited for, and its changes are committed', async (t) => {
  const desk = new Desk(t);
  await begin(desk);
  const { status, stderr } = await desk.run('run', '-s', 'work', '--', 'sh', '-c', '(sleep 2; echo late > {}/Default/Cookies) & exit 0');
  t.is(status, 0, stderr);
  t.regex(stderr, /^waiting for the command to finish$/m);
  await desk.json(t, 'restore', 'there', '-s', 'work');
  t.is(readFileSync(desk.path('there/Default/Cookies'), 'utf8'), 'late\n');
});

const onLinux = process.platform === 'linux' ? test.serial : test.skip;

/**
 * Starts `run` in a new terminal, which the program `script` makes. Tests type on its standard
 * input.
 */
function startInTerminal(desk: Desk, ...command: string[]): ChildProcessByStdio<Writable, Readable, Readable> {
  const words = [process.execPath, main, 'run', '-s', 'work', '--', ...command].map((word) => `'${word}'`).join(' ');
  return spawn('script', ['-qec', `exec ${words}`, '/dev/null'], {
    cwd: desk.dir,
    env: { ...desk.env, SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/**
 * A command with a child that writes for it, like the child of a browser that writes cookies. The
 * child writes nothing if it gets a signal itself.
 */
const parted = `
  const { spawn } = require('node:child_process');
  const { createInterface } = require('node:readline');
  const part = "process.on('message', (text) => require('node:fs').writeFileSync(process.argv[1], text, () => {}) || process.exit(0)); process.send('ready')";
  const child = spawn(process.execPath, ['-e', part, process.env.BROWSERSTATE_DIR + '/Default/Cookies'], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let line = 'nothing';
  createInterface({ input: process.stdin }).on('line', (text) => { line = text; console.log('read ' + text); });
  child.on('message', () => console.log('ready'));
  child.on('error', () => {});
  process.on('SIGINT', () => { if (child.connected) child.send('kept ' + line); });
  child.on('exit', () => process.exit(4));
`;

onLinux(
  'D6: Ctrl-C in a terminal reaches only this process, which ends the command in order, and the command reads from the terminal',
  async (t) => {
    const desk = new Desk(t);
    await begin(desk);
    desk.write({ 'parted.cjs': parted });
    const terminal = startInTerminal(desk, process.execPath, 'parted.cjs');
    let seen = '';
    terminal.stdout.on('data', (text) => {
      const before = seen;
      seen += String(text);
      const isNew = (word: string) => seen.includes(word) && !before.includes(word);
      if (isNew('ready')) terminal.stdin.write('typed\n');
      if (isNew('read typed')) terminal.stdin.write('\x03');
    });
    const [status] = (await once(terminal, 'close')) as [number];
    t.is(status, 4, seen);
    await desk.json(t, 'restore', 'there', '-s', 'work');
    t.is(readFileSync(desk.path('there/Default/Cookies'), 'utf8'), 'kept typed', seen);
  },
);

onLinux('D6: a command has no /dev/tty, except in the terminal that the help names', async (t) => {
  const desk = new Desk(t);
  await begin(desk);
  desk.write({ 'ask.sh': 'echo ask; read -r line < /dev/tty && echo "got $line" || echo none' });
  for (const [command, expected] of [
    [['sh', 'ask.sh'], /none/],
    [['script', '-qec', 'sh ask.sh', '/dev/null'], /got typed/],
  ] as const) {
    const terminal = startInTerminal(desk, ...command);
    let seen = '';
    terminal.stdout.on('data', (text) => {
      if (!seen.includes('ask') && `${seen}${text}`.includes('ask')) terminal.stdin.write('typed\n');
      seen += String(text);
    });
    await once(terminal, 'close');
    t.regex(seen, expected);
  }
});

onLinux('D6: a second Ctrl-C ends all children of the command, and a third one kills them', async (t) => {
  const desk = new Desk(t);
  await begin(desk);
  const script = `trap 'echo one >> signaled' INT; trap 'echo two >> signaled; echo again' TERM; echo ready; while :; do sleep 0.05; done`;
  const child = desk.start(['run', '-s', 'work', '--', 'sh', '-c', script]);
  const ended = outcome(child);
  child.stdout?.on('data', (text) => {
    child.kill('SIGINT');
    if (!String(text).includes('ready')) return;
    // The second signal is sent after the first was handled.
    const wait = setInterval(() => {
      if (!existsSync(desk.path('signaled'))) return;
      clearInterval(wait);
      child.kill('SIGINT');
    }, 10);
    child.on('exit', () => clearInterval(wait));
  });
  const { status, stdout } = await ended;
  t.is(status, 137, stdout);
  t.is(readFileSync(desk.path('signaled'), 'utf8'), 'one\ntwo\n');
  t.deepEqual(workspaces(desk), []);
});

test.serial('C16: a command that cannot be run has its own error, and leaves no mount', async (t) => {
  const desk = new Desk(t);
  await begin(desk);
  const cases: [words: string[], status: number, code: string, message: RegExp][] = [
    [['nosuch'], 127, 'NOT_FOUND', /^command "nosuch" not found$/],
    [[desk.dir], 126, 'FORBIDDEN', /^command ".*" cannot be run$/],
    [['x'.repeat(100_000)], 126, 'USAGE', /^command "x{100}…" cannot be run: ENAMETOOLONG$/],
    [[''], 2, 'USAGE', /^expected a command after `--`, found an empty text$/],
  ];
  for (const [words, status, code, message] of cases) {
    const error = await desk.failure(t, status, 'run', '-s', 'work', '--', ...words);
    t.is(error.code, code);
    t.regex(error.message, message);
    t.truthy(error.hint);
    t.deepEqual(await desk.json(t, 'recover'), []);
  }
});

test.serial('C16: words after -- are never the value of a switch', async (t) => {
  const desk = new Desk(t);
  await begin(desk);
  for (const flag of ['--quiet', '--keep-caches', '--json', '--existing'])
    t.is((await desk.run('run', '-s', 'work', flag, '--', 'true')).status, 0, flag);
  t.is((await desk.run('run', '-s', 'work', '--', 'echo', '--command', '--')).stdout, '--command --\n');
});

test.serial('D7: --existing requires the session, and a new one is reported', async (t) => {
  const desk = new Desk(t);
  await begin(desk);
  const { code, hint, details } = await desk.failure(t, 3, 'run', '-s', 'wrok', '--existing', '--', 'touch', 'ran');
  t.is(code, 'NOT_FOUND');
  t.regex(hint ?? '', /^Did you mean work\?/);
  t.deepEqual(details, { session: 'wrok', nearest: 'work' });
  t.false(existsSync(desk.path('ran')));
  t.regex((await desk.run('run', '-s', 'wrok', '--', 'true')).stderr, /^warning: new session wrok; did you mean work\?$/m);
});

test.serial('D10: the commit has the message and the labels', async (t) => {
  const desk = new Desk(t);
  await begin(desk);
  await desk.run('run', '-s', 'work', '-m', 'by run', '--label', 'run=42', '--', 'sh', '-c', 'echo x > {}/Default/Cookies');
  t.like((await desk.json<object[]>(t, 'log', '-s', 'work'))[0], { message: 'by run', labels: { run: '42' } });
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test.serial(`${signal} is forwarded to the command, and its changes are committed after it exits`, async (t) => {
    const desk = new Desk(t);
    await begin(desk);
    const script = `trap 'echo signaled > {}/Default/Cookies; exit 5' INT TERM HUP; echo ready; while :; do sleep 0.05; done`;
    const child = desk.start(['run', '-s', 'work', '--', 'sh', '-c', script]);
    const ended = outcome(child);
    await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
    child.kill(signal);
    const { status, stderr } = await ended;
    t.is(status, 5, stderr);
    t.regex(stderr, /^committed /m);
    await desk.json(t, 'restore', 'there', '-s', 'work');
    t.is(readFileSync(desk.path('there/Default/Cookies'), 'utf8'), 'signaled\n');
  });
}

/**
 * A program that takes the lock of a browser, and writes each received signal to a file of the
 * given name.
 */
const holder = `
  const { hostname } = require('node:os');
  const fs = require('node:fs');
  const dir = process.env.BROWSERSTATE_DIR;
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(name, () => {
      fs.appendFileSync(process.argv[2], name + '\\n');
      fs.rmSync(dir + '/SingletonLock');
      fs.writeFileSync(dir + '/Default/Cookies', name);
      process.exit(0);
    });
  fs.openSync(dir + '/Default/Preferences');
  fs.symlinkSync(hostname() + '-' + process.pid, dir + '/SingletonLock');
  console.log('ready');
  setInterval(() => {}, 1000);
`;

for (const signal of ['SIGTERM', 'SIGHUP'] as const) {
  onLinux(
    `${signal}: the browser that uses the directory gets SIGINT, on which it writes all that it knows; nobody gets two`,
    async (t) => {
      const cases: [what: string, words: string[], signaled: Record<string, string>][] = [
        ['the command itself', [process.execPath, 'holder.cjs', 'browser'], { browser: 'SIGINT\n' }],
        [
          'a part of the command',
          [
            'sh',
            '-c',
            `trap 'echo signaled > wrapper; exit 5' TERM HUP; ${process.execPath} holder.cjs browser & while :; do sleep 0.05; done`,
          ],
          { browser: 'SIGINT\n', wrapper: 'signaled\n' },
        ],
      ];
      for (const [what, words, signaled] of cases) {
        const desk = new Desk(t);
        await begin(desk);
        desk.write({ 'holder.cjs': holder });
        const child = desk.start(['run', '-s', 'work', '--', ...words]);
        const ended = outcome(child);
        child.stdout?.once('data', () => child.kill(signal));
        const { stderr } = await ended;
        for (const [name, text] of Object.entries(signaled)) t.is(readFileSync(desk.path(name), 'utf8'), text, what);
        t.regex(stderr, /^committed /m, what);
        await desk.json(t, 'restore', 'there', '-s', 'work');
        t.is(readFileSync(desk.path('there/Default/Cookies'), 'utf8'), 'SIGINT', what);
      }
    },
  );
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test.serial(`D6: ${signal} during the start of the command reaches it`, async (t) => {
    const desk = new Desk(t);
    await begin(desk);
    // The command runs before `spawn` returns, as on a busy machine. The signal comes in between.
    const hook = `
      import childProcess from 'node:child_process';
      import { existsSync } from 'node:fs';
      import { syncBuiltinESMExports } from 'node:module';
      const { spawn } = childProcess;
      childProcess.spawn = (...given) => {
        const child = spawn(...given);
        while (!existsSync('sent'));
        return child;
      };
      syncBuiltinESMExports();`;
    desk.env['NODE_OPTIONS'] = `--import data:text/javascript,${encodeURIComponent(hook)}`;
    const script = `trap 'echo signaled > {}/Default/Cookies; exit 5' INT TERM HUP; echo ready; until [ -e stop ]; do sleep 0.05; done`;
    const child = desk.start(['run', '-s', 'work', '--', 'sh', '-c', script]);
    const ended = once(child, 'exit');
    await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
    child.kill(signal);
    desk.write({ sent: '' });
    const [status] = (await ended) as [number];
    desk.write({ stop: '' });
    t.is(status, 5);
  });
}

test.serial('A5: after Ctrl-C between the mount and the command, the command is not started and nothing is left', async (t) => {
  const desk = new Desk(t);
  const hook = `
    const { write } = process.stderr;
    process.stderr.write = (...given) => {
      if (String(given[0]).includes('new session')) process.kill(process.pid, 'SIGINT');
      return write.apply(process.stderr, given);
    };`;
  desk.env['NODE_OPTIONS'] = `--import data:text/javascript,${encodeURIComponent(hook)}`;
  const { status, stderr } = await desk.run('run', '-s', 'new', '--', 'touch', 'ran');
  t.is(status, 130, stderr);
  t.regex(stderr, /^warning: new session new$/m);
  t.false(existsSync(desk.path('ran')));
  t.deepEqual(workspaces(desk), []);
});

test.serial('an exclusive run makes a second one fail, and names its owner', async (t) => {
  const desk = new Desk(t);
  await begin(desk);
  const child = desk.start(['run', '-s', 'work', '--mode', 'exclusive', '--', 'sh', '-c', 'echo ready; exec sleep 60']);
  const ended = outcome(child);
  await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
  const refused = await desk.run('run', '-s', 'work', '--mode', 'exclusive', '--json', '--', 'touch', 'ran');
  t.is(refused.status, 7);
  t.regex((JSON.parse(refused.stderr) as { error: { message: string } }).error.message, /^session work is leased by .+ until /);
  t.false(existsSync(desk.path('ran')));
  child.kill('SIGTERM');
  t.is((await ended).status, 143);
  t.is((await desk.run('run', '-s', 'work', '--mode', 'exclusive', '--', 'true')).status, 0);
});

test.serial('a remote that does not answer is an error, and the command does not run', async (t) => {
  const desk = new Desk(t);
  mkdirSync(desk.path('remote'));
  desk.env['BROWSERSTATE_REMOTE'] = pathToFileURL(desk.path('remote')).href;
  await begin(desk);
  rmSync(desk.path('remote'), { recursive: true });
  desk.write({ remote: 'a file in its place' });
  const { status } = await desk.run('run', '-s', 'work', '--', 'touch', 'ran');
  t.not(status, 0);
  t.false(existsSync(desk.path('ran')));
});
