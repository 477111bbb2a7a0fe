/** The question of `delete`, which appears on a terminal only. Only yes confirms. */
import { rmSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { MAX_INLINE_ENTRY_BYTES, MAX_MESSAGE_BYTES } from '../../../src/base/limits.js';
import { openStore } from '../../../src/index.js';
import { Desk, writeProfile } from '../../support/cli.js';
import { answered } from '../../support/terminal.js';

const onLinux = process.platform === 'linux' ? test.serial : test.skip;

async function prepared(desk: Desk): Promise<void> {
  writeProfile(desk);
  await desk.run('snapshot', 'profile', '-s', 'work');
}

const question = 'work: 1 commit, the newest AGE with 16 B\nDelete work locally? [y/N] ';
const done = 'deleted work\nIts data stays in the store until `browserstate gc`.\n';

const answers: readonly (readonly [name: string, typed: string, status: number, after: string])[] = [
  ['y', 'y\n', 0, `y\n${done}`],
  ['Yes', ' Yes \n', 0, ` Yes \n${done}`],
  ['n', 'n\n', 130, 'n\nwork was not deleted\n'],
  ['nothing', '\n', 130, '\nwork was not deleted\n'],
  ['another word', 'yesterday\n', 130, 'yesterday\nwork was not deleted\n'],
  ['the end of input', '\x04', 130, '\nwork was not deleted\n'],
  ['Ctrl-C', '\x03', 130, '^C\nwork was not deleted\n'],
];
for (const [name, typed, status, after] of answers) {
  onLinux(`delete asks on a terminal, and ${status === 0 ? 'deletes after' : 'keeps the session after'} ${name}`, async (t) => {
    const desk = new Desk(t);
    await prepared(desk);
    t.deepEqual(await answered(desk, 'browserstate delete -s work', typed), { status, seen: question + after });
    t.is((await desk.run('log', '-s', 'work')).status, status === 0 ? 3 : 0);
  });
}

const unasked: readonly (readonly [command: string, seen: string])[] = [
  ['browserstate delete -s work --yes', done],
  ['browserstate delete -s work -y', done],
  ['browserstate delete -s work --json', '{"deleted":"work"}\n'],
  ['browserstate delete -s work </dev/null', done],
  ['browserstate delete -s work 2>/dev/null', 'deleted work\n'],
];
for (const [command, seen] of unasked) {
  onLinux(`${command} does not ask`, async (t) => {
    const desk = new Desk(t);
    await prepared(desk);
    t.deepEqual(await answered(desk, command, 'n\n'), { status: 0, seen });
    t.is((await desk.run('log', '-s', 'work')).status, 3);
  });
}

onLinux('a session with a damaged history is asked about too, and --quiet asks alone', async (t) => {
  const desk = new Desk(t);
  await prepared(desk);
  t.is((await answered(desk, 'browserstate delete -s work --quiet', 'n\n')).seen, 'Delete work locally? [y/N] n\n');
  const store = await openStore({ home: desk.home });
  // The messages are so long that the oldest commits leave the ref.
  for (let size = 0; size <= MAX_INLINE_ENTRY_BYTES; size += MAX_MESSAGE_BYTES)
    await store.session('work').rollback('HEAD', { message: 'x'.repeat(MAX_MESSAGE_BYTES) });
  await store.close();
  rmSync(desk.path('home/default/.store/segments'), { recursive: true });
  const { status, seen } = await answered(desk, 'browserstate delete -s work', 'y\n');
  t.deepEqual({ status, seen }, { status: 0, seen: `work: its history is damaged\nDelete work locally? [y/N] y\n${done}` });
});

onLinux('the question of delete names the remote and what was not pushed, and a mistyped session is not asked about', async (t) => {
  const desk = new Desk(t);
  await prepared(desk);
  const remote = pathToFileURL(desk.path('remote')).href;
  desk.env['BROWSERSTATE_REMOTE'] = remote;
  await desk.run('push', '-s', 'work');
  desk.write({ 'profile/Default/Cookies': 'more cookies' });
  await desk.run('snapshot', 'profile', '-s', 'work', '--no-push');
  const { seen } = await answered(desk, 'browserstate delete -s work', 'n\n');
  t.is(
    seen,
    `work: 2 commits, the newest AGE with 21 B; 1 commit not pushed\nDelete work locally and on ${remote}? [y/N] n\nwork was not deleted\n`,
  );
  const gone = await answered(desk, 'browserstate delete -s work', 'y\n');
  t.regex(gone.seen, /until `browserstate gc` and `browserstate gc --on remote`\.\n$/);
  await desk.run('snapshot', 'profile', '-s', 'work', '--no-push');
  const local = await answered(desk, 'browserstate delete -s work --no-push', 'n\n');
  t.regex(local.seen, /Delete work locally\? \[y\/N\] n\nwork was not deleted\n$/);
  const mistyped = await answered(desk, 'browserstate delete -s wrok', 'n\n');
  t.is(mistyped.status, 3);
  t.regex(mistyped.seen, /^error: .*wrok.*\nhint: Did you mean work\?/);
});
