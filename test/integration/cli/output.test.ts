/**
 * Output streams: results go to stdout and all other output to stderr, with hostile texts escaped
 * in both.
 */
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import test, { type ExecutionContext } from 'ava';
import { Desk, outcome, writeProfile } from '../../support/cli.js';
import { testWith } from '../../support/machine.js';

const esc = '\u001b';
/**
 * A text that clears a terminal, renames its window, hides the following text, and turns text
 * around.
 */
const hostile = `${esc}[2J${esc}]0;owned\u0007\u009b31m\r\nfake line\u202e\ud800`;
const unescaped = /[^\P{Cc}\n]|\p{Bidi_Control}/u;

/** Makes a unix socket below the directory. It closes when the test ends. */
async function makeSocket(t: ExecutionContext, path: string): Promise<void> {
  const server = createServer().listen(path);
  t.teardown(() => server.close());
  await once(server, 'listening');
}

test.serial('control characters of messages, labels and paths are escaped, in JSON too', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  desk.write({ 'profile/Default/ends\u202etxt.exe': '' });
  await desk.json(t, 'snapshot', 'profile', '-s', 'work', '--exclude', '*ends*');
  const made = await desk.run('snapshot', 'profile', '-s', 'work', '-m', hostile, '--label', `a=${esc}[31m`);
  const outputs = [
    made,
    await desk.run('log', '-s', 'work'),
    await desk.run('log', '-s', 'work', '--ops'),
    await desk.run('log', '-s', 'work', '--json'),
    await desk.run('sessions'),
    await desk.run('diff', '-s', 'work', 'HEAD~1'),
    await desk.run('diff', '-s', 'work', 'HEAD~1', '--json'),
    await desk.run('restore', `profile/${hostile.replaceAll('\r\n', '')}/x`, '-s', 'work', '--at', hostile),
    await desk.run('log', '-s', `${esc}[2J`, '--verbose'),
    await desk.run(`${esc}[2J`),
  ];
  for (const { stdout, stderr } of outputs) t.notRegex(stdout + stderr, unescaped);
  const [log, json] = [outputs[1]?.stdout ?? '', JSON.parse(outputs[3]?.stdout ?? '') as { message: string }[]];
  t.regex(log, /\\x1b\[2J\\x1b\]0;owned\\x07\\x9b31m … {2}a=\\x1b\[31m$/m);
  t.true(json[0]?.message.startsWith(hostile.slice(0, -1)), 'JSON has the text as it is');
});

test.serial('sockets are excluded with a warning, unless warnings are off', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  await makeSocket(t, desk.path('profile/Default/ipc'));
  const { stderr } = await desk.run('snapshot', 'profile', '-s', 'work');
  t.is(stderr, 'warning: Default/ipc: left out, as every socket is\n');
  t.is((await desk.run('snapshot', 'profile', '-s', 'work', '--quiet')).stderr, '');
  const { skipped } = await desk.json<{ skipped: unknown }>(t, 'snapshot', 'profile', '-s', 'work');
  t.deepEqual(skipped, [{ path: 'Default/ipc', kind: 'socket' }]);
});

test.serial('only results without a terminal, and no colors', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  for (const args of [
    ['snapshot', 'profile', '-s', 'work'],
    ['restore', 'there', '-s', 'work'],
    ['verify', '--read-data'],
    ['log', '-s', 'work'],
  ]) {
    const { status, stdout, stderr } = await desk.run(...args);
    t.deepEqual([status, stderr], [0, ''], args.join(' '));
    t.false(stdout.includes(esc));
  }
});

test.serial('--verbose names each file, and shows the stack of an error', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  const { stdout, stderr } = await desk.run('snapshot', 'profile', '-s', 'work', '-v');
  t.regex(stderr, /^reading 1\/3, 7 B of 16 B: Default\/Cookies\nreading 2\/3, .*\nreading 3\/3, 16 B of 16 B: Local State\n$/);
  t.regex(stdout, /^committed /);
  const failed = await desk.run('restore', 'there', '-s', 'nobody', '--verbose');
  t.regex(failed.stderr, /^error: .*\nhint: .*\nBrowserStateError: .*\n +at /);
  const { error } = JSON.parse((await desk.run('log', '-s', 'nobody', '--verbose', '--json')).stderr) as { error: { trace: string } };
  t.regex(error.trace, /^BrowserStateError: /);
});

test.serial('a reader that goes away is no error', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  const child = desk.start(['snapshot', 'profile', '-s', 'work']);
  child.stdout?.destroy();
  const [stderr] = await Promise.all([text(child.stderr as NonNullable<typeof child.stderr>), once(child, 'close')]);
  t.deepEqual([child.exitCode, stderr], [0, '']);
  t.is((await desk.json<unknown[]>(t, 'log', '-s', 'work')).length, 1);
});

testWith(['/dev/full'], test.serial)('output that cannot be written is an error', async (t) => {
  const full = openSync('/dev/full', 'w');
  t.teardown(() => closeSync(full));
  for (const args of [['--version'], ['init']]) {
    const { status, stderr } = await outcome(new Desk(t).start(args, { stdio: ['ignore', full, 'pipe'] }));
    t.is(status, 1);
    t.regex(stderr, /^error: standard output: write failed: ENOSPC\nhint: .*\n$/);
  }
});
