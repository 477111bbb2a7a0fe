/** Completion of names: in real shells, and of every kind of name. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { Desk, main, writeProfile } from '../../support/cli.js';

/** Returns a desk with two sessions, a tag of each, and a deleted session. */
async function prepared(t: ExecutionContext): Promise<Desk> {
  const desk = new Desk(t);
  writeProfile(desk);
  await desk.run('snapshot', 'profile', '-s', 'work', '--tag', 'good');
  await desk.run('fork', '-s', 'work', 'bob@example.org');
  await desk.run('tag', '-s', 'bob@example.org', 'best');
  await desk.run('fork', '-s', 'work', 'worn');
  await desk.run('delete', '-s', 'worn');
  return desk;
}

/** A mark of a prompt: the shell reads a line. */
const PROMPT = 'ready> ';
const shells: Readonly<Record<string, { start: string; setUp: readonly string[] }>> = {
  bash: { start: 'bash --norc --noprofile -i', setUp: [`PS1='rea''dy> '`, 'source <(browserstate completion)'] },
  zsh: {
    start: 'zsh -f -i',
    setUp: [`PS1='rea''dy> '`, 'autoload -U compinit; compinit -D', 'source <(browserstate completion)'],
  },
};

/** Typed lines, with `>` for the tabulator key, and the resulting arguments. */
const typed: readonly (readonly [line: string, passed: string])[] = [
  ['tag -s work --delete >', 'tag -s work --delete good'],
  ['tag -s bob@example.org --delete >', 'tag -s bob@example.org --delete best'],
  ['log -s wo>', 'log -s work'],
  ['log -s bob@>', 'log -s bob@example.org'],
  ['log -s bob@e>', 'log -s bob@example.org'],
  ['log --session=bob@e>', 'log --session=bob@example.org'],
  ['log --session=w>', 'log --session=work'],
  ['restore there -s "work" --at g>', 'restore there -s work --at good'],
  ['diff -s work go>', 'diff -s work good'],
  ['rollback --session=work --to g>', 'rollback --session=work --to good'],
  ['open b>', 'open bob@example.org'],
  ['restore profile/Default/Pre>', 'restore profile/Default/Preferences'],
  ['snapshot profile --compression m>', 'snapshot profile --compression max'],
  ['rollb>', 'rollback'],
  ['sessions --off>', 'sessions --offline'],
];

for (const [shell, { start, setUp }] of Object.entries(shells)) {
  const isThere = process.platform === 'linux' && spawnSync(shell, ['-c', ':']).error === undefined;
  (isThere ? test.serial : test.skip)(`the tabulator key in ${shell}`, async (t) => {
    const desk = await prepared(t);
    const program = `#!/bin/sh\ncase "$1" in --get*|completion) exec '${process.execPath}' '${main}' "$@";; esac\necho "$*" >> passed\n`;
    writeFileSync(desk.path('browserstate'), program, { mode: 0o755 });
    const env = { ...desk.env, PATH: `${desk.dir}:${process.env['PATH']}`, SHELL: `/bin/${shell}`, TERM: 'dumb' };
    const terminal = spawn('script', ['-qec', `exec ${start}`, '/dev/null'], { cwd: desk.dir, env });
    terminal.stdin.write(`${setUp[0]}\n`);
    const lines = [...setUp.slice(1), ...typed.map(([line]) => `browserstate ${line.replace('>', '\t')}`), 'exit'];
    let seen = '';
    terminal.stdout.on('data', (text) => {
      seen += String(text);
      if (!seen.includes(PROMPT)) return;
      seen = '';
      terminal.stdin.write(`${lines.shift()}\n`);
    });
    await once(terminal, 'close');
    t.deepEqual(
      readFileSync(desk.path('passed'), 'utf8').trimEnd().split('\n'),
      typed.map(([, passed]) => passed),
    );
  });
}

const all = ['bob@example.org', 'work'];
const completions: readonly (readonly [words: readonly string[], names: readonly string[]])[] = [
  [['status', 'profile', '-s', ''], all],
  [['run', '-s', ''], all],
  [['open', ''], all],
  [['log', '--json', '--session', 'w'], all],
  [
    ['log', '--session='],
    ['--session=bob@example.org', '--session=work'],
  ],
  [
    ['diff', '-s', 'work', 'HEAD', ''],
    ['HEAD', 'good'],
  ],
  [
    ['tag', 'new', '--at', '', '-s', 'work', '--at', ''],
    ['HEAD', 'good'],
  ],
  [['tag', '--delete', ''], []],
  [['tag', '-s', 'nobody', '--delete', ''], []],
  [['tag', '-s', 'work', ''], []],
  [['log', '--home', 'other', '-s', ''], []],
  [['log', '--user', 'alice', '-s', ''], []],
  [['log', '-s', 'work', '-n', ''], []],
  [['open', 'work', ''], []],
  [['run', '-s', 'work', '--', ''], []],
  [
    ['push', '-s', 'work', '--on-conflict', ''],
    ['fail', 'fork', 'ours', 'theirs'],
  ],
  [['push', '--on-conflict=f'], ['fail', 'fork', 'ours', 'theirs'].map((choice) => `--on-conflict=${choice}`)],
];

test.serial('names of sessions and tags are completed, and nothing else is printed', async (t) => {
  const desk = await prepared(t);
  // No command accepts this address: the remote is not used.
  desk.env['BROWSERSTATE_REMOTE'] = 'nonsense';
  for (const [words, names] of completions) {
    const { status, stdout, stderr } = await desk.run('--get-yargs-completions', 'browserstate', ...words);
    t.deepEqual([status, stdout.split('\n').filter(Boolean), stderr], [0, [...names], ''], words.join(' '));
  }
});

test.serial('names of abandoned mounts are completed for recover', async (t) => {
  const desk = await prepared(t);
  await desk.run('run', '-s', 'work', '--', 'sh', '-c', 'kill -9 $PPID');
  const [left] = await desk.json<{ id: string }[]>(t, 'recover');
  for (const option of ['--commit', '--discard'])
    t.is((await desk.run('--get-yargs-completions', 'browserstate', 'recover', option, '')).stdout, `${left?.id}\n`);
});

function damageCell(desk: Desk, key: string): void {
  const dir = desk.path(`home/default/.store/${key}.cell`);
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) writeFileSync(join(entry.parentPath, entry.name), 'damage');
}

test.serial('completion is silent if the store is absent or damaged, and creates none', async (t) => {
  const desk = await prepared(t);
  const complete = (...words: string[]) => desk.run('--get-yargs-completions', 'browserstate', 'log', ...words, '-s', '');
  t.deepEqual(await complete('--home', 'absent'), { status: 0, stdout: '', stderr: '' });
  t.false(existsSync(desk.path('absent')));
  damageCell(desk, 'refs/work');
  t.deepEqual(await complete(), { status: 0, stdout: 'bob@example.org\n', stderr: '' });
  damageCell(desk, 'config');
  t.deepEqual(await complete(), { status: 0, stdout: '', stderr: '' });
  t.deepEqual(await complete('--home', 's3://bucket'), { status: 0, stdout: '', stderr: '' });
});
