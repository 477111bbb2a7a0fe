/** `run` and `recover`: a command in a mounted session, and what a crash of it left. */
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { Desk, outcome, writeProfile } from './_cli.js';

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

test.serial(
  'a command works in the directory, which {} and BROWSERSTATE_DIR name, and what it leaves is committed and pushed',
  async (t) => {
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
  },
);

test.serial("words after -- are the command's, and --json tells what came of it", async (t) => {
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

test.serial('a gutted directory is not committed, and stays; recover lists it, and does as it is told', async (t) => {
  const desk = new Desk(t);
  await begin(desk);
  const { status, stderr } = await desk.run('run', '-s', 'work', '--', 'sh', '-c', 'rm {}/Default/Cookies');
  t.is(status, 7);
  t.regex(stderr, /hint: .*browserstate recover/);
  const [left] = await desk.json<{ id: string; session: string; dir: string }[]>(t, 'recover');
  t.like(left, { session: 'work' });
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

test.serial('what a killed run left is listed, and recovered or discarded with all the rest', async (t) => {
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

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test.serial(`${signal} goes to the command, and what it left is committed when it has ended`, async (t) => {
    const desk = new Desk(t);
    await begin(desk);
    const script = `trap 'echo told > {}/Default/Cookies; exit 5' INT TERM; echo ready; while :; do sleep 0.05; done`;
    const child = desk.start(['run', '-s', 'work', '--', 'sh', '-c', script]);
    const ended = outcome(child);
    await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
    child.kill(signal);
    const { status, stderr } = await ended;
    t.is(status, 5, stderr);
    t.regex(stderr, /^committed /m);
    await desk.json(t, 'restore', 'there', '-s', 'work');
    t.is(readFileSync(desk.path('there/Default/Cookies'), 'utf8'), 'told\n');
  });
}

test.serial('an exclusive run refuses a second one, and says who has it', async (t) => {
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
