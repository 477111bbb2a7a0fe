/** `open` with small programs instead of browsers. */
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { Desk, outcome, writeProfile } from '../../support/cli.js';

/** Shell code that finds the directory that a fake browser was given. */
const DIR = `for word in "$@"; do case "$word" in --user-data-dir=*) dir=\${word#*=};; esac; done
[ "$1" = --profile ] && dir=$2`;

/**
 * Returns a desk with fake browsers in PATH. Each browser prints its arguments to `NAME.args`, and
 * then runs its script.
 */
function deskWith(t: ExecutionContext, browsers: Readonly<Record<string, string>>): Desk {
  const desk = new Desk(t);
  mkdirSync(desk.path('bin'));
  for (const [name, script] of Object.entries(browsers)) {
    const text = `#!/bin/sh\n[ "$1" = --version ] && echo 'Browser 1.2.3' && exit\n${DIR}\nprintf '%s\\n' "$@" > ${desk.path(name)}.args\n${script}\n`;
    writeFileSync(desk.path('bin', name), text, { mode: 0o755 });
  }
  desk.env['PATH'] = `${desk.path('bin')}:/usr/local/bin:${process.execPath.replace(/\/[^/]*$/, '')}:/bin`;
  desk.env['DISPLAY'] = ':0';
  return desk;
}

const logIn = `mkdir -p "$dir/Default" && echo '{}' > "$dir/Local State" && echo in >> "$dir/Default/Bookmarks"`;
const argumentsOf = (desk: Desk, name: string): string[] =>
  readFileSync(desk.path(`${name}.args`), 'utf8')
    .trim()
    .split('\n');
const workspaces = (desk: Desk): string[] => readdirSync(desk.path('home/default/.store/workspaces'));

test.serial('a login is committed and pushed when the browser closes, and is there when it opens again', async (t) => {
  const desk = deskWith(t, { chromium: `cat "$dir/Default/Bookmarks" > ${'seen'} 2>/dev/null; ${logIn}` });
  desk.env['BROWSERSTATE_REMOTE'] = pathToFileURL(desk.path('remote')).href;
  const first = await desk.run('open', 'work', 'https://a.example/', '--browser', 'chromium', '-m', 'logged in');
  t.is(first.status, 0, first.stderr);
  t.is(first.stdout, '');
  const lines = first.stderr.trim().split('\n');
  t.true(lines.includes(`opening session work in Chromium (${desk.path('bin/chromium')})`), first.stderr);
  t.true(lines.includes('Close the window to commit and push the session; Ctrl-C closes it too.'), first.stderr);
  t.regex(lines.at(-1) as string, /^committed [0-9a-f]{12} to work, and pushed it: 2 files, /);
  const args = argumentsOf(desk, 'chromium');
  t.true(args.includes('--password-store=basic'));
  t.is(args.at(-1), 'https://a.example/');
  t.deepEqual(workspaces(desk), []);

  const second = await desk.run('open', 'work', '--browser', 'chromium', '--home', 'another', '--json');
  t.is(second.stderr, '');
  const result = JSON.parse(second.stdout) as object;
  t.deepEqual(Object.keys(result), ['session', 'commit', 'changed', 'pushed']);
  t.like(result, { session: 'work', changed: true, pushed: true });
  t.is(readFileSync(desk.path('seen'), 'utf8'), 'in\n');
  t.is((await desk.json<{ message: string }[]>(t, 'log', '-s', 'work')).at(-1)?.message, 'logged in');
});

test.serial('Firefox has arguments of its own, and a session of Firefox opens in Firefox unless another is named', async (t) => {
  const desk = deskWith(t, { chromium: logIn, firefox: 'echo >> "$dir/prefs.js"; echo "$MOZ_DEFAULT_PREFS" > defaults' });
  desk.env['BROWSERSTATE_BROWSER'] = 'firefox';
  t.is((await desk.run('open', 'fox', '--headless')).status, 0);
  const [, dir, ...rest] = argumentsOf(desk, 'firefox');
  t.regex(dir as string, /\/workspaces\/fox\.[0-9a-f]{12}$/);
  t.deepEqual(rest, ['--new-instance', '--headless']);
  delete desk.env['BROWSERSTATE_BROWSER'];
  const again = await desk.run('open', 'fox');
  t.regex(again.stderr, /^opening session fox in Firefox /m);
  t.regex(again.stderr, /^Close the window to commit the session; at Ctrl-C its last seconds may be lost\.$/m);
  t.regex(readFileSync(desk.path('defaults'), 'utf8'), /^pref\("browser\.aboutwelcome\.enabled", false\);$/m);
  desk.env['MOZ_DEFAULT_PREFS'] = 'pref("own", 1);';
  await desk.run('open', 'fox');
  t.is(readFileSync(desk.path('defaults'), 'utf8'), 'pref("own", 1);\n');
  const { code, message } = await desk.failure(t, 2, 'open', 'fox', '--browser', 'chromium');
  t.deepEqual([code, message], ['USAGE', 'session "fox" is a profile of Firefox, which Chromium cannot read']);
  t.deepEqual(workspaces(desk), []);
  t.false(existsSync(desk.path('chromium.args')));
});

test.serial('--keep-session-cookies makes the browser restore what it had open', async (t) => {
  const desk = deskWith(t, { firefox: 'echo >> "$dir/prefs.js"; cat "$dir/user.js" > seen 2>/dev/null; true' });
  for (const flags of [[], ['--keep-session-cookies']]) {
    t.is(readFileSync(desk.path('seen'), { encoding: 'utf8', flag: 'a+' }), '');
    t.is((await desk.run('open', 'fox', '--browser', 'firefox', ...flags)).status, 0);
  }
  t.regex(readFileSync(desk.path('seen'), 'utf8'), /browser\.startup\.page", 3/);
});

const mistakes: [what: string, words: string[], env: Record<string, string>, status: number, expected: RegExp][] = [
  ['no display', ['work'], { DISPLAY: '' }, 2, /^no display found: .* \/ .*xvfb-run.*--headless/],
  ['a browser that is not there', ['work', '--browser', 'nope'], {}, 3, /^browser "nope" not found in PATH \//],
  ['a browser that is not there, by its variable', ['work'], { BROWSERSTATE_BROWSER: '/nope' }, 3, /^browser "\/nope" not found/],
  ['a session that is not there', ['work', '--existing', '--browser', 'chromium'], {}, 3, /session/],
  ['an option in the place of the URL', ['work', '--browser', 'chromium', '--', '--gpu-launcher=x'], {}, 2, /^expected a URL, found/],
];

for (const [what, words, env, status, expected] of mistakes) {
  test.serial(`${what}: an error, and nothing is started or left`, async (t) => {
    const desk = deskWith(t, { chromium: logIn });
    Object.assign(desk.env, env);
    const { message, hint } = await desk.failure(t, status, 'open', ...words);
    t.regex(`${message} / ${hint}`, expected);
    t.false(existsSync(desk.path('chromium.args')));
    t.deepEqual(await desk.json(t, 'recover'), []);
  });
}

test.serial('a browser that exits at once: an error with the end of its stderr, without secrets', async (t) => {
  const said = `echo early >&2; echo 'cannot load https://ada:pw1@a.example/x?token=pw2#pw3' >&2; echo 'auth_token=pw4 key: pw5' >&2; echo 'Missing X server' >&2; exit 3`;
  const desk = deskWith(t, { chromium: said });
  const run = await desk.run('open', 'work', '--browser', 'chromium', '--json');
  t.deepEqual([run.status, run.stdout], [2, '']);
  const { error } = JSON.parse(run.stderr) as { error: { code: string; message: string; hint: string } };
  t.is(error.message, 'Chromium exited with status 3: cannot load https://a.example/x; auth_token=… key: …; Missing X server');
  t.regex(error.hint, /starts by itself/);
  t.deepEqual(workspaces(desk), []);
  t.deepEqual(await desk.json(t, 'sessions'), []);
});

test.serial('a browser that crashes: its changes are committed, and the error says so, with each line once', async (t) => {
  const line = (time: number) => `echo '[1:1:0101/00000${time}.1:ERROR:dbus/bus.cc:1] no bus' >&2`;
  const desk = deskWith(t, { chromium: `${logIn}; ${line(1)}; ${line(2)}; exit 139` });
  const { status, stderr } = await desk.run('open', 'work', '--browser', 'chromium');
  t.is(status, 2);
  t.regex(
    stderr,
    /^committed [0-9a-f]{12} to work: .*\nerror: Chromium exited with status 139: \[ERROR:dbus\/bus\.cc:1\] no bus\nhint: Its changes were committed\. /m,
  );
});

for (const [how, end, kept] of [
  ['wrote', logIn, 'its changes until then were committed to work'],
  ['wrote nothing', DIR, 'it had changed nothing'],
] as const) {
  test.serial(`a browser that ${how} and is killed: a warning says so, with status 1`, async (t) => {
    const desk = deskWith(t, { chromium: `${end}; echo 'no bus' >&2; kill -9 $$` });
    const { status, stderr } = await desk.run('open', 'work', '--browser', 'chromium');
    t.is(status, 1);
    t.true(stderr.endsWith(`warning: Chromium was killed by SIGKILL (status 137); ${kept}\n`), stderr);
    t.notRegex(stderr, /no bus|error:|hint:/);
  });
}

test.serial('run and delete warn about a session that is open', async (t) => {
  const desk = deskWith(t, { chromium: waits });
  writeProfile(desk);
  for (const name of ['work', 'other']) await desk.json(t, 'snapshot', 'profile', '-s', name);
  const { child, ended, pid } = await openWaiting(desk);
  await commandNoted(desk);
  const says = new RegExp(`^warning: session work is open in process ${pid}; `, 'm');
  t.regex((await desk.run('run', '-s', 'work', '--', 'true')).stderr, says);
  t.notRegex((await desk.run('run', '-s', 'work', '--mode', 'fork', '--', 'true')).stderr, says);
  t.notRegex((await desk.run('delete', '-s', 'other')).stderr, says);
  const { stderr } = await desk.run('delete', '-s', 'work');
  t.regex(stderr, says);
  child.kill('SIGINT');
  await ended;
});

const waits = `trap 'echo closed > "$dir/Default/Bookmarks"; exit 0' INT; ${logIn}; echo $$ > pid; while :; do sleep 0.05; done`;

/** Starts `open`. Resolves when its browser waits for a signal. */
async function openWaiting(desk: Desk) {
  const child = desk.start(['open', 'work', '--browser', 'chromium']);
  const ended = outcome(child);
  while (!existsSync(desk.path('pid')) || readFileSync(desk.path('pid'), 'utf8') === '') await new Promise(setImmediate);
  return { child, ended, pid: Number(readFileSync(desk.path('pid'), 'utf8')) };
}

/** Resolves when the note of the command is written, which is after its start. */
async function commandNoted(desk: Desk): Promise<void> {
  const notes = desk.path('home/default/.store/records/mounts');
  const isNoted = () =>
    readdirSync(notes).some((name) => name.split('~').length === 2 && readFileSync(`${notes}/${name}`, 'utf8').includes('"command"'));
  while (!isNoted()) await new Promise(setImmediate);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test.serial(`${signal} closes the browser in order, and its changes are committed`, async (t) => {
    const desk = deskWith(t, { chromium: waits.replace('INT;', 'INT TERM;') });
    const { child, ended } = await openWaiting(desk);
    child.kill(signal);
    const { status, stderr } = await ended;
    t.is(status, 0, stderr);
    t.regex(stderr, /^committed /m);
    await desk.json(t, 'restore', 'there', '-s', 'work');
    t.is(readFileSync(desk.path('there/Default/Bookmarks'), 'utf8'), 'closed\n');
  });
}

/**
 * Reactions to SIGTERM of a browser that ignores SIGINT, with the number of Ctrl-C that end the
 * browser.
 */
const stubborn: readonly (readonly [atTerm: string, stops: number])[] = [
  ['echo TERM >> signals; echo kept > "$dir/Default/Bookmarks"; exit 0', 2],
  ['echo TERM >> signals; echo kept > "$dir/Default/Bookmarks"', 3],
];
for (const [atTerm, stops] of stubborn) {
  test.serial(`Ctrl-C number ${stops} ends a browser that goes on after the first, and its changes are committed`, async (t) => {
    const script = `trap 'echo INT >> signals' INT; trap '${atTerm}' TERM; ${logIn}; echo $$ > pid; while :; do sleep 0.05; done`;
    const desk = deskWith(t, { chromium: script });
    const { child, ended } = await openWaiting(desk);
    const signals = () => (existsSync(desk.path('signals')) ? readFileSync(desk.path('signals'), 'utf8') : '');
    for (const sent of ['INT\n', 'INT\nTERM\n'].slice(0, stops - 1)) {
      child.kill('SIGINT');
      while (signals() !== sent) await new Promise(setImmediate);
    }
    child.kill('SIGINT');
    const { status, stderr } = await ended;
    t.is(status, 0, stderr);
    t.regex(stderr, /^waiting for the browser to end; press Ctrl-C again to force it\ncommitted /m);
    t.is(signals(), 'INT\nTERM\n');
    await desk.json(t, 'restore', 'there', '-s', 'work');
    t.is(readFileSync(desk.path('there/Default/Bookmarks'), 'utf8'), 'kept\n');
  });
}

test.serial('kill -9: the next open fails while the browser still runs, and then recovers its changes', async (t) => {
  const desk = deskWith(t, { chromium: waits });
  writeProfile(desk);
  const { child, pid } = await openWaiting(desk);
  await commandNoted(desk);
  child.kill('SIGKILL');
  await once(child, 'close');
  const busy = await desk.run('open', 'work', '--browser', 'chromium', '--json');
  t.is(busy.status, 7, busy.stderr);
  const { error } = JSON.parse(busy.stderr) as { error: { code: string; message: string; hint: string } };
  t.is(error.code, 'BUSY');
  t.regex(error.message, new RegExp(`^session "work" is in use: process ${pid} works in /`));
  process.kill(pid, 'SIGINT');
  while (isRunning(pid)) await new Promise(setImmediate);
  writeFileSync(desk.path('bin/chromium'), `#!/bin/sh\n${DIR}\ncat "$dir/Default/Bookmarks" > seen\n`, { mode: 0o755 });
  const next = await desk.run('open', 'work', '--browser', 'chromium');
  t.is(next.status, 0, next.stderr);
  t.regex(next.stderr, /was recovered$/m);
  t.is(readFileSync(desk.path('seen'), 'utf8'), 'closed\n');
  t.deepEqual(workspaces(desk), []);
});

/** Returns whether a process runs. A process that exited and was not waited for does not run. */
function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

test.serial('a second open of a session that is open fails and names the process', async (t) => {
  const desk = deskWith(t, { chromium: waits });
  const { child, ended, pid } = await openWaiting(desk);
  await commandNoted(desk);
  t.like(await desk.failure(t, 7, 'open', 'work', '--browser', 'chromium'), { code: 'BUSY', details: { session: 'work', pid } as object });
  child.kill('SIGINT');
  t.is((await ended).status, 0);
});

test.serial('a browser of a flatpak gets a directory that it can read, and a killed open of it is recovered', async (t) => {
  const desk = deskWith(t, {});
  const bin = desk.path('.local/share/flatpak/exports/bin');
  mkdirSync(bin, { recursive: true });
  const program = `${bin}/org.chromium.Chromium`;
  const text = (script: string): string => `#!/bin/sh\n[ "$1" = --version ] && exit\n${DIR}\necho "$dir" > dir\n${script}\n`;
  writeFileSync(program, text(`${logIn}; kill -9 $PPID`), { mode: 0o755 });
  await desk.run('open', 'work', '--browser', program);
  const dir = readFileSync(desk.path('dir'), 'utf8').trim();
  t.true(dir.startsWith(desk.path('.var/app/org.chromium.Chromium/browserstate/work.')), dir);
  t.true(existsSync(dir));
  writeFileSync(program, text('cat "$dir/Default/Bookmarks" > seen'));
  const { status, stderr } = await desk.run('open', 'work', '--browser', program);
  t.is(status, 0, stderr);
  t.is(readFileSync(desk.path('seen'), 'utf8'), 'in\n');
  t.deepEqual(readdirSync(desk.path('.var/app/org.chromium.Chromium/browserstate')), []);
});
