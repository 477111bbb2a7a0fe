/** Usage errors and help. */
import { spawnSync } from 'node:child_process';
import test, { type ExecutionContext } from 'ava';
import { Desk } from '../../support/cli.js';

const groups: Readonly<Record<string, readonly string[]>> = {
  'Save and open a login:': ['open', 'snapshot', 'restore', 'run'],
  'See what is saved:': ['sessions', 'log', 'diff', 'status', 'stats'],
  'Change a history:': ['rollback', 'tag', 'fork', 'delete'],
  'Share with other machines:': ['push', 'pull', 'sync'],
  'Set up and maintain:': ['init', 'completion', 'recover', 'verify', 'gc', 'migrate'],
};
const commands = Object.values(groups).flat();

/** Asserts that a command fails with USAGE, with the expected message and hint. */
async function misuse(t: ExecutionContext, typed: string, expected: RegExp): Promise<void> {
  const desk = new Desk(t);
  const { code, message, hint } = await desk.failure(t, 2, ...typed.split(' ').filter(Boolean));
  t.is(code, 'USAGE', typed);
  t.regex(`${message} / ${hint}`, expected, typed);
}

const mistakes: [typed: string, expected: RegExp][] = [
  ['--quiet', /^expected a command, found none \/ Run `browserstate --help`/],
  ['log --sesion work', /^unknown option --sesion \/ Did you mean --session\?$/],
  ['snapsot DIR -s work', /^unknown command "snapsot" \/ Did you mean snapshot\?$/],
  ['xyzzy -s work', /^unknown command "xyzzy" \/ Run `browserstate --help` to list the commands\.$/],
  // These are names of other programs.
  ['ls', /^unknown command "ls" \/ Did you mean sessions\?$/],
  ['history -s work', /^unknown command "history" \/ Did you mean log\?$/],
  ['save DIR -s work', /^unknown command "save" \/ Did you mean snapshot\?$/],
  ['checkout -s work', /^unknown command "checkout" \/ Did you mean restore\?$/],
  ['rm work', /^unknown command "rm" \/ Did you mean delete\?$/],
  ['download -s work', /^unknown command "download" \/ Did you mean pull\?$/],
  ['log work', /^expected --session, found none \/ Did you mean `browserstate log -s work`\?$/],
  ['delete work', /^expected --session, found none \/ Did you mean `browserstate delete -s work`\?$/],
  ['rollback work --to HEAD~1', /^expected --session, found none \/ Did you mean `browserstate rollback -s work`\?$/],
  ['run bot -- true', /^expected --session, found none \/ Did you mean `browserstate run -s bot -- COMMAND`\?$/],
  ['prune', /^unknown command "prune" \/ Did you mean gc\?$/],
  ['open -s work', /^unknown option -s \/ The session is an argument: browserstate open <session> \[url\]$/],
  ['open --session work', /^unknown option --session \/ The session is an argument: /],
  ['open https://a.example/?t=secret', /^expected a session before the URL, found none \/ Write `browserstate open SESSION URL`\.$/],
  ['push -s work --on-conflict mine', /^expected one of "fail", "fork", "ours", "theirs" after --on-conflict, found "mine"/],
  ['sessions --remote', /^expected a value after --remote, found none/],
  ['--jason sessions', /^unknown option --jason \/ Did you mean --json\?$/],
  ['snapshot DIR -s work --keep-cache', /^unknown option --keep-cache \/ Did you mean --keep-caches\?$/],
  ['snapshot --keep-cache DIR -s work', /^unknown option --keep-cache \/ Did you mean --keep-caches\?$/],
  ['restore DIR -s work --exclude x', /^unknown option --exclude \/ Run `browserstate restore --help`/],
  ['log -s work -x', /^unknown option -x \//],
  ['verify --no-json', /^unknown option --no-json \//],
  ['snapshot -s work', /^expected snapshot <dir>, found too few arguments \/ Run `browserstate snapshot --help`/],
  ['open', /^expected open <session> \[url\], found too few arguments/],
  ['open work --brwser firefox', /^unknown option --brwser \/ Did you mean --browser\?$/],
  ['run -s work', /^expected run <command\.\.>, found too few arguments/],
  ['run -- true', /^expected --session, found none \//],
  ['recover --all', /^expected --commit or --discard with --all, found neither/],
  ['diff -s work', /^expected diff <a> \[b\], found too few arguments/],
  ['snapshot DIR', /^expected --session, found none \//],
  ['rollback', /^expected --session, found none \//],
  ['snapshot DIR other -s work', /^expected snapshot <dir>, found "other" as well/],
  ['sessions all', /^expected sessions, found "all" as well/],
  ['snapshot DIR -s', /^expected a value after -s, found none/],
  ['snapshot DIR -s work --message --quiet', /^expected a value after --message, found none/],
  ['snapshot DIR -s work -s play', /^expected --session once, found it 2 times/],
  ['snapshot --dir DIR -s work', /^unknown option --dir \//],
  ['snapshot --dir DIR DIR -s work', /^unknown option --dir \/ It is an argument/],
  ['snapshot DIR -s work --compression best', /^expected one of "auto", "max", "off" after --compression, found "best"/],
  ['snapshot DIR -s work --label novalue', /^expected a label as KEY=VALUE, found "novalue"/],
  ['snapshot DIR -s work --label =value', /^expected a label as KEY=VALUE/],
  ['log -s work -n -5', /^expected a whole number after -n, found "-5"/],
  ['log -s work -n 1e3', /^expected a whole number after -n, found "1e3"/],
  ['sessions --home=', /^expected a directory after --home, found an empty text/],
  // C16: small faults, each with its own hint.
  ['snapshot DIR -s --x', /^expected a value after -s, found none \/ Write --session=--x if that is its name\.$/],
  ['log --session -x', /^expected a value after --session, found none \/ Write --session=-x if that is its name\.$/],
  ['push --session=--x', /^expected a remote, found none \//],
  ['sessions --json=maybe', /^--json: expected no value, found "maybe" \/ Write --json alone, or leave it out\.$/],
  ['snapshot DIR -s work -q=yes', /^--quiet: expected no value, found "yes" \//],
  ['snapshot DIR -s work --keep-caches=', /^--keep-caches: expected no value, found "" \//],
  ['fork .. -s work', /^expected a session id, found "\.\." \/ A session id has/],
  ['run -s work -m -- true', /^expected a value after -m, found none \//],
  ['run -s work --mode -- true', /^expected a value after --mode, found none \//],
  // D9: options of the command must come after `--`.
  [
    'run -s work chromium --headless',
    /^unknown option --headless \/ Write `--` before the command: browserstate run -s SESSION -- COMMAND/,
  ],
  ['run -s work ls -q', /^expected `--` before the command, found none \/ Write `--` before the command/],
  ['run chromium -- --headless', /^expected --session, found none \/ Did you mean/],
  ['tag -s work', /^expected one of a tag, --list and --delete, found 0 \//],
  ['tag good -s work --list', /^expected one of a tag, --list and --delete, found 2 \//],
  ['tag -s work --delete good --at HEAD', /^expected one of a tag, --list and --delete, found --at as well \//],
];
for (const [typed, expected] of mistakes) {
  test.serial(`browserstate ${typed}`, (t) => misuse(t, typed, expected));
}

test.serial('--help lists the commands of this version, in groups, and the global options', async (t) => {
  const { status, stdout, stderr } = await new Desk(t).run('--help');
  t.deepEqual([status, stderr], [0, '']);
  const sections = stdout.split('\n\n').filter((section) => /^[A-Z].*:\n/.test(section));
  const found = sections.map((section) => [/.*/.exec(section)?.[0], [...section.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name)]);
  t.deepEqual(found.slice(0, -1), Object.entries(groups));
  t.deepEqual(
    [...(sections.at(-1) as string).matchAll(/--([a-z-]+) /g)].map(([, name]) => name),
    ['home', 'remote', 'user', 'json', 'quiet', 'verbose', 'no-color', 'help', 'version'],
  );
});

test.serial('browserstate alone says what to do first', async (t) => {
  const { status, stdout, stderr } = await new Desk(t).run();
  t.deepEqual([status, stdout], [2, '']);
  t.regex(stderr, /^Start with:\n {2}browserstate open work https:\/\/\S+ {2}Log in .*\n(?: {2}browserstate .*\n){3}$/m);
});

for (const [words, same] of [
  ['help', '--help'],
  ['help log', 'log --help'],
  ['help tag --json', 'tag --help'],
] as const) {
  test.serial(`browserstate ${words} is ${same}`, async (t) => {
    const desk = new Desk(t);
    t.deepEqual(await desk.run(...words.split(' ')), await desk.run(...same.split(' ')));
  });
}

for (const command of commands) {
  test.serial(`${command} --help describes it, with examples`, async (t) => {
    const { status, stdout, stderr } = await new Desk(t).run(command, '--help');
    t.deepEqual([status, stderr], [0, '']);
    t.regex(stdout, new RegExp(`^browserstate ${command}[ <].*\n\n[A-Z].*\\.`));
    t.regex(stdout, new RegExp(`^ +--json .*\n[^]*^Examples:\n {2}browserstate ${command}`, 'm'));
    t.regex(stdout, /--remote .*file:\/\/.*\n?.*BROWSERSTATE_REMOTE/);
    t.notRegex(stdout, /--encrypt/);
    t.regex(stdout, /^[\n -~…]*$/, 'the bundle lays out help as if each character took one column');
  });
}

test.serial('--version', async (t) => {
  t.deepEqual(await new Desk(t).run('--version'), { status: 0, stdout: '1.0.0\n', stderr: '' });
});

test.serial('completion prints a script that bash accepts, and completes commands, options and choices', async (t) => {
  const desk = new Desk(t);
  desk.env['SHELL'] = '/bin/bash';
  const { status, stdout, stderr } = await desk.run('completion');
  t.deepEqual([status, stderr], [0, '']);
  t.regex(stdout, /complete .*browserstate/);
  const bash = spawnSync('bash', ['-n'], { input: stdout, encoding: 'utf8' });
  if (bash.error === undefined) t.deepEqual([bash.status, bash.stderr], [0, '']);
  const complete = async (...words: string[]) =>
    (await desk.run('--get-yargs-completions', 'browserstate', ...words)).stdout.split('\n').filter(Boolean);
  t.deepEqual(await complete(''), commands);
  const options = await complete('snapshot', '--');
  for (const option of ['--session', '--tag', '--compression', '--json', '--remote', '--no-push', '--on-conflict'])
    t.true(options.includes(option), option);
  t.false((await complete('init', '--')).includes('--encrypt'));
  t.deepEqual(await complete('snapshot', '--compression', ''), ['auto', 'max', 'off']);
  t.true((await complete('verify', '')).every((word) => word.startsWith('-')));
});
