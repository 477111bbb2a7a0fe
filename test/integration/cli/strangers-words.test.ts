/**
 * Input of people who do not know the command line: nearly correct names, addresses in a natural
 * form, and copied commands.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import test from 'ava';
import { Desk, main, outcome, writeProfile } from '../../support/cli.js';

/** Commands with an argument for an existing session. */
const taking: readonly (readonly string[])[] = [
  ['restore', 'there', '-s', 'wrok'],
  ['log', '-s', 'wrok'],
  ['log', '--ops', '-s', 'wrok'],
  ['rollback', '-s', 'wrok', '--to', 'HEAD~1'],
  ['diff', '-s', 'wrok', 'HEAD~1'],
  ['diff', '-s', 'work', 'HEAD', 'wrok:HEAD'],
  ['status', 'profile', '-s', 'wrok'],
  ['fork', '-s', 'wrok', 'copy'],
  ['tag', '-s', 'wrok', 'good'],
  ['tag', '-s', 'wrok', '--list'],
  ['tag', '-s', 'wrok', '--delete', 'good'],
  ['delete', '-s', 'wrok'],
  ['run', '-s', 'wrok', '--existing', '--', 'true'],
];
const moving: readonly (readonly string[])[] = [
  ['push', '-s', 'wrok'],
  ['pull', '-s', 'wrok'],
  ['sync', '-s', 'wrok'],
];

test.serial('D7: a mistyped session is NOT_FOUND with the intended name, in every command, locally and on the remote', async (t) => {
  const [here, fresh] = [new Desk(t), new Desk(t)];
  writeProfile(here);
  writeProfile(fresh);
  await here.run('snapshot', 'profile', '-s', 'work');
  // A deleted session has a nearer name.
  await here.run('snapshot', 'profile', '-s', 'wrak');
  await here.run('delete', '-s', 'wrak');
  const nearest = async (desk: Desk, words: readonly string[]) => {
    const { status, stderr } = await desk.run(...words.slice(0, 1), '--json', ...words.slice(1));
    t.is(status, 3, `${words.join(' ')}: ${stderr}`);
    const { error } = JSON.parse(stderr) as { error: { code: string; hint: string; details: object } };
    t.like(error, { code: 'NOT_FOUND', details: { session: 'wrok', nearest: 'work' } }, words.join(' '));
    t.regex(error.hint, /^Did you mean work\?/, words.join(' '));
  };
  for (const words of taking) await nearest(here, words);
  for (const desk of [here, fresh]) desk.env['BROWSERSTATE_REMOTE'] = pathToFileURL(here.path('remote')).href;
  await here.run('push', '-s', 'work');
  for (const words of [...taking, ...moving].filter(([name]) => name !== 'push')) await nearest(fresh, words);
  await nearest(here, ['push', '-s', 'wrok']);
});

test.serial('a new session gets the suggestion of an existing one, of no deleted one and of no short one', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  for (const session of ['work', 'wark', 'x']) await desk.run('snapshot', 'profile', '-s', session);
  await desk.run('delete', '-s', 'wark');
  for (const [session, meant] of [
    ['wrk', 'work'],
    ['warl', 'work'],
    ['fx', undefined],
    ['y', undefined],
  ] as const) {
    const { stderr } = await desk.run('run', '-s', session, '--', 'true');
    const said = /^warning: (new session .*)$/m.exec(stderr)?.[1];
    t.is(said, meant === undefined ? `new session ${session}` : `new session ${session}; did you mean ${meant}?`);
  }
  const { hint } = await desk.failure(t, 4, 'fork', 'work', '-s', 'work');
  t.is(hint, 'Choose another name.');
});

test.serial('the first snapshot of a directory without a profile says so', async (t) => {
  const desk = new Desk(t);
  desk.write({ 'notes/a': 'a' });
  const first = await desk.run('snapshot', 'notes', '-s', 'notes');
  t.is(first.status, 0);
  t.regex(first.stderr, /^warning: no browser profile found in .*notes; its files were committed as they are$/m);
  desk.write({ 'notes/a': 'b' });
  t.is((await desk.run('snapshot', 'notes', '-s', 'notes')).stderr, '');
});

test.serial('sessions shows the commits that were not pushed, of a session that the remote has', async (t) => {
  const desk = new Desk(t);
  desk.env['BROWSERSTATE_REMOTE'] = pathToFileURL(desk.path('remote')).href;
  writeProfile(desk);
  await desk.run('snapshot', 'profile', '-s', 'work');
  desk.write({ 'profile/Local State': '{"a":1}' });
  const { commit } = await desk.json<{ commit: string }>(t, 'snapshot', 'profile', '-s', 'work', '--no-push');
  t.like(await desk.json(t, 'sessions'), [{ session: 'work', commit, commits: 2, pushed: false }]);
  // Another machine pushes: now both have moved.
  const other = new Desk(t);
  other.env['BROWSERSTATE_REMOTE'] = desk.env['BROWSERSTATE_REMOTE'];
  await other.run('restore', 'there', '-s', 'work');
  other.write({ 'there/Local State': '{"b":1}' });
  await other.run('snapshot', 'there', '-s', 'work');
  const [there] = await other.json<[{ commit: string; pushed: boolean }]>(t, 'sessions');
  t.true(there.pushed);
  t.like(await desk.json(t, 'sessions'), [{ commit: there.commit, pushed: false }]);
  await desk.run('push', '-s', 'work', '--on-conflict', 'ours');
  t.like(await desk.json(t, 'sessions'), [{ pushed: true }]);
});

/** Mistyped revisions and tags, with the suggested name. */
const mistyped: readonly (readonly [words: string, meant: string | undefined])[] = [
  ['restore there -s work --at goood', 'good'],
  ['rollback -s work --to god~1', 'good'],
  ['diff -s work HAED', 'HEAD'],
  ['diff -s work HEAD work:stabel', 'stable'],
  ['fork -s work copy --at stble', 'stable'],
  ['tag -s work new --at head', 'HEAD'],
  ['tag -s work --delete stabl', 'stable'],
  ['diff -s work something-else', undefined],
  ['tag -s work --delete something-else', undefined],
];

test.serial('a mistyped revision or tag is NOT_FOUND with the intended name', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  await desk.run('snapshot', 'profile', '-s', 'work', '--tag', 'good');
  await desk.run('tag', '-s', 'work', 'stable');
  for (const [words, meant] of mistyped) {
    const { code, hint, details } = await desk.failure(t, 3, ...words.split(' '));
    t.deepEqual([code, details['nearest']], ['NOT_FOUND', meant], words);
    t.is(hint?.startsWith(`Did you mean ${meant}? Run `), meant !== undefined, words);
  }
});

test('a remote that is written as a path is USAGE, with the address to write', async (t) => {
  const desk = new Desk(t);
  for (const path of ['/srv/store', './store', '../a store']) {
    const { code, hint } = await desk.failure(t, 2, 'sessions', '--remote', path);
    t.is(code, 'USAGE');
    t.is(hint, `Write the whole path of the folder: ${pathToFileURL(resolve(desk.dir, path)).href}`);
  }
});

test.serial('log does not mark commits as not pushed that a conflict sent to the remote', async (t) => {
  const [a, b] = [new Desk(t), new Desk(t)];
  for (const desk of [a, b]) desk.env['BROWSERSTATE_REMOTE'] = pathToFileURL(a.path('remote')).href;
  writeProfile(a);
  await a.run('snapshot', 'profile', '-s', 'work');
  await b.run('restore', 'profile', '-s', 'work');
  for (const desk of [a, b]) {
    desk.write({ 'profile/Default/Cookies': desk.dir });
    await desk.run('snapshot', 'profile', '-s', 'work');
  }
  const pushed = async (...words: string[]) =>
    (await b.json<{ pushed: boolean }[]>(t, 'log', '-s', 'work', ...words)).map((entry) => entry.pushed);
  t.deepEqual(await pushed(), [true, true, true]);
  t.deepEqual(await pushed('--offline'), [true, true]);
  b.write({ 'profile/Default/Cookies': 'more' });
  await b.run('snapshot', 'profile', '-s', 'work', '--no-push');
  t.deepEqual(await pushed(), [false, true, true, true]);
  t.deepEqual(await pushed('--offline'), [false, true, true]);
});

test('run needs no controlling terminal and no input', async (t) => {
  const desk = new Desk(t);
  // The process gets a new session, which has no terminal.
  const ran = await outcome(desk.start(['run', '-s', 'work', '--', 'sh', '-c', 'cat; echo x > {}/file'], { detached: true }));
  t.is(ran.status, 0, ran.stderr);
  t.regex(ran.stderr, /^committed [0-9a-f]{12} to work: 1 file/m);
});

test.serial('the commands that the quickstart prints work as printed', async (t) => {
  const desk = new Desk(t);
  const profile = desk.path("it's a profile");
  mkdirSync(profile);
  writeFileSync(join(profile, 'file'), 'content');
  const quickstart = fileURLToPath(new URL('../../../bench/quickstart.js', import.meta.url));
  const env = { ...desk.env, TMPDIR: desk.dir };
  const { status, stdout, stderr } = spawnSync(process.execPath, [relative(desk.dir, quickstart), profile], {
    cwd: desk.dir,
    env,
    encoding: 'utf8',
  });
  t.is(status, 0, stderr);
  const commands = [...stdout.matchAll(/^\$ (.*)$/gm)].map(([, command]) => command as string);
  t.is(commands.length, 7);
  for (const command of commands) {
    const again = spawnSync('sh', ['-c', command], {
      cwd: desk.dir,
      env: { ...env, BROWSERSTATE_HOME: desk.path('another') },
      encoding: 'utf8',
    });
    t.is(again.status, 0, `${command}: ${again.stderr}`);
  }
});

test('a directory whose path is not UTF-8 is USAGE, never another directory, and one below /proc/self is itself', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  const act = async (script: string) =>
    outcome(
      spawn('sh', ['-c', `D=$(printf 'caf\\351'); mkdir -p "$D"; ${script}`, process.execPath, main], {
        cwd: desk.dir,
        env: desk.env,
        stdio: ['ignore', 'pipe', 'pipe'],
      }),
    );
  t.is((await act('"$0" "$1" snapshot /proc/self/cwd/profile -s work')).status, 0);
  const names = readdirSync(desk.dir);
  for (const command of [
    'snapshot "$D" -s work',
    'restore "$D/new" -s work',
    'status "$D" -s work',
    '--help; cd "$D"; "$0" "$1" snapshot . -s work',
  ]) {
    const { status, stderr } = await act(`"$0" "$1" ${command}`);
    t.is(status, 2, command);
    t.regex(stderr, /expected a path in UTF-8, found other bytes\nhint: Rename/, command);
  }
  t.deepEqual(readdirSync(desk.dir), names);
});
