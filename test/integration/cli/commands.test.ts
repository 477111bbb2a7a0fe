/** Every command in its two forms, lines for people and JSON, as in INTERFACE.md. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { openStore } from '../../../src/index.js';
import { Desk, outcome, writeProfile } from '../../support/cli.js';

interface Snapshot {
  commit: string;
  tree: string;
  parent: string | null;
  changed: boolean;
  files: number;
  bytes: number;
  newBytes: number;
  storedBytes: number;
  excluded: { files: number; bytes: number };
  tag: string | null;
  pushed: boolean;
}

interface LogLine {
  commit: string;
  tree: string;
  parents: string[];
  time: string;
  message: string;
  labels: Record<string, string>;
  files: number;
  bytes: number;
  op: string;
  tags: string[];
}

/**
 * Returns a desk with a session `work` of two commits, `first` and `second`. The first is tagged
 * `good`.
 */
async function prepared(t: ExecutionContext): Promise<{ desk: Desk; first: Snapshot; second: Snapshot }> {
  const desk = new Desk(t);
  writeProfile(desk);
  const first = await desk.json<Snapshot>(t, 'snapshot', 'profile', '-s', 'work', '-m', 'first', '--tag', 'good');
  desk.write({ 'profile/Default/Cookies': 'more cookies', 'profile/Default/New': 'new' });
  rmSync(desk.path('profile/Default/Preferences'));
  const second = await desk.json<Snapshot>(
    t,
    'snapshot',
    'profile',
    '-s',
    'work',
    '-m',
    'second',
    '--label',
    'run=42',
    '--label',
    'by=a=b',
  );
  return { desk, first, second };
}

test.serial('snapshot commits, and reports what it stored and excluded', async (t) => {
  const { desk, first, second } = await prepared(t);
  const { parent, changed, files, bytes, excluded, tag, pushed } = first;
  t.deepEqual(
    { parent, changed, files, bytes, tag, pushed },
    { parent: null, changed: true, files: 3, bytes: 16, tag: 'good', pushed: false },
  );
  t.deepEqual(excluded, { files: 1, bytes: 6 });
  t.regex(first.commit, /^[0-9a-f]{64}$/);
  t.true(first.storedBytes > 0);
  t.is(second.parent, first.commit);
  const again = await desk.json<Snapshot>(t, 'snapshot', 'profile', '-s', 'work');
  t.deepEqual([again.commit, again.changed, again.newBytes], [second.commit, false, 0]);
});

test.serial('snapshot for people', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  const made = await desk.run('snapshot', 'profile', '-s', 'work', '--tag', 'good', '--no-push');
  t.deepEqual([made.status, made.stderr], [0, '']);
  t.regex(made.stdout, /^committed [0-9a-f]{12} \(good\) to work: 3 files, 16 B; 16 B new, stored in .* B\nleft out 1 file, 6 B\n$/);
  const same = await desk.run('snapshot', 'profile', '-s', 'work');
  t.regex(same.stdout, /^nothing changed since [0-9a-f]{12} of work: 3 files, 16 B\nleft out 1 file, 6 B\n$/);
});

test.serial('snapshot keeps caches, excludes patterns and compresses by its options', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  const whole = await desk.json<Snapshot>(t, 'snapshot', 'profile', '-s', 'a', '--keep-caches', '--compression', 'max');
  t.deepEqual([whole.files, whole.excluded.files], [4, 0]);
  const part = await desk.json<Snapshot>(
    t,
    'snapshot',
    'profile',
    '-s',
    'b',
    '--exclude',
    'Cookies',
    '--exclude',
    'Pref*',
    '--compression',
    'off',
  );
  t.deepEqual([part.files, part.excluded.files], [1, 3]);
});

test.serial('restore checks a version out to a directory', async (t) => {
  const { desk, first, second } = await prepared(t);
  const result = await desk.json(t, 'restore', 'there', '-s', 'work', '--at', 'HEAD~1');
  t.deepEqual(result, { commit: first.commit, files: 3, bytes: 16, fetchedBytes: 0 });
  t.is(readFileSync(desk.path('there/Default/Cookies'), 'utf8'), 'cookies');
  const newest = await desk.run('restore', 'there', '-s', 'work', '--offline');
  t.deepEqual(newest, { status: 0, stderr: '', stdout: `restored ${second.commit.slice(0, 12)} of work into there: 3 files, 17 B\n` });
  t.deepEqual(readdirSync(desk.path('there/Default')).sort(), ['Cookies', 'New']);
});

test.serial('restore checks out a part, and replaces with --force', async (t) => {
  const { desk } = await prepared(t);
  const part = await desk.json<{ files: number }>(t, 'restore', 'part', '-s', 'work', '--only', 'Default/Cookies', '--only', 'Local State');
  t.is(part.files, 2);
  t.false(existsSync(desk.path('part/Default/New')));
  desk.write({ 'other/work': 'precious' });
  await desk.json(t, 'restore', 'other', '-s', 'work', '--force');
  t.deepEqual(readdirSync(desk.path('other')).sort(), ['Default', 'Local State']);
});

test.serial('rollback appends a commit with an older tree', async (t) => {
  const { desk, first, second } = await prepared(t);
  const result = await desk.json<{ commit: string; tree: string; parent: string }>(t, 'rollback', '-s', 'work', '--to', 'good');
  t.deepEqual([result.tree, result.parent], [first.tree, second.commit]);
  const forHuman = await desk.run('rollback', '-s', 'work', '--to', 'HEAD~1', '-m', 'forward again');
  t.regex(forHuman.stdout, /^rolled work back to HEAD~1: [0-9a-f]{12} with 3 files, 17 B\n$/);
  const [head] = await desk.json<LogLine[]>(t, 'log', '-s', 'work', '-n', '1');
  t.deepEqual([head?.op, head?.message, head?.tree], ['rollback', 'forward again', second.tree]);
});

test.serial('log as JSON has every commit, newest first', async (t) => {
  const { desk, first, second } = await prepared(t);
  const log = await desk.json<LogLine[]>(t, 'log', '-s', 'work');
  t.deepEqual(
    log.map(({ commit, tree, parents, message, labels, files, bytes, tags }) => ({
      commit,
      tree,
      parents,
      message,
      labels,
      files,
      bytes,
      tags,
    })),
    [
      {
        commit: second.commit,
        tree: second.tree,
        parents: [first.commit],
        message: 'second',
        labels: { by: 'a=b', run: '42' },
        files: 3,
        bytes: 17,
        tags: [],
      },
      { commit: first.commit, tree: first.tree, parents: [], message: 'first', labels: {}, files: 3, bytes: 16, tags: ['good'] },
    ],
  );
  for (const { time } of log) t.is(new Date(time).toISOString(), time);
});

test.serial('log for programs: ids, times, sizes and their changes, names, messages, labels', async (t) => {
  const { desk, first, second } = await prepared(t);
  const { stdout, stderr } = await desk.run('log', '-s', 'work', '--offline');
  const [a, b, ...rest] = stdout.split('\n');
  const [newest, oldest] = await desk.json<{ time: string }[]>(t, 'log', '-s', 'work', '--offline');
  t.is(a, `${second.commit.slice(0, 12)}  ${newest?.time}  3 files  17 B   +1 B  (HEAD)  second  by=a=b  run=42`);
  t.is(b, `${first.commit.slice(0, 12)}  ${oldest?.time}  3 files  16 B  +16 B  (good)  first`);
  t.deepEqual([rest, stderr], [[''], '']);
  // A printed time names its commit.
  t.is((await desk.json<{ commit: string }>(t, 'restore', 'then', '-s', 'work', '--at', `@${oldest?.time}`)).commit, first.commit);
});

test.serial('log shows people twenty commits by default', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  const store = await openStore({ home: desk.home });
  await store.session('work').commit(desk.path('profile'));
  for (let i = 0; i < 21; i++) await store.session('work').rollback('HEAD');
  await store.close();
  const usual = await desk.run('log', '-s', 'work');
  t.is(usual.stdout.split('\n').length, 21);
  t.is(usual.stderr, 'There are older commits: -n N shows N of them.\n');
  const all = await desk.run('log', '-s', 'work', '-n', '50');
  t.deepEqual([all.stdout.split('\n').length, all.stderr], [23, '']);
  t.is((await desk.json<LogLine[]>(t, 'log', '-s', 'work')).length, 22);
  t.is((await desk.run('log', '-s', 'work', '-n', '0')).stdout, '');
});

test.serial('log --ops merges commits with tags and forks', async (t) => {
  const { desk, second } = await prepared(t);
  await desk.run('tag', 'best', '-s', 'work');
  const ops = await desk.json<{ op: string; commit: string | null; author: string; detail: string }[]>(t, 'log', '-s', 'work', '--ops');
  t.deepEqual(
    ops.map(({ op, commit, detail }) => [op, commit !== null, detail]),
    [
      ['tag', false, `best ${second.commit}`],
      ['commit', true, 'second'],
      ['commit', true, 'first'],
    ],
  );
  const forHuman = await desk.run('log', '-s', 'work', '--ops', '-n', '1');
  t.regex(forHuman.stdout, /^\S.* {2}tag {2,}\S+@\S+ {2}best [0-9a-f]{64}\n$/);
});

test.serial('diff and status name paths', async (t) => {
  const { desk } = await prepared(t);
  const expected = { added: ['Default/New'], removed: ['Default/Preferences'], changed: ['Default/Cookies'] };
  t.deepEqual(await desk.json(t, 'diff', '-s', 'work', 'good'), expected);
  t.deepEqual(await desk.json(t, 'diff', '-s', 'work', 'HEAD', 'HEAD~1'), {
    ...expected,
    added: expected.removed,
    removed: expected.added,
  });
  const lines = '~ Default/Cookies\n+ Default/New\n- Default/Preferences\n3 paths: 1 added, 1 removed, 1 changed\n';
  t.deepEqual(await desk.run('diff', '-s', 'work', 'good', 'HEAD'), { status: 0, stdout: lines, stderr: '' });
  t.deepEqual(await desk.run('status', 'profile', '-s', 'work'), { status: 0, stdout: 'no differences\n', stderr: '' });
  desk.write({ 'profile/Default/Newer': '' });
  t.deepEqual(await desk.json(t, 'status', 'profile', '-s', 'work'), { added: ['Default/Newer'], removed: [], changed: [] });
  t.deepEqual(await desk.json(t, 'status', 'profile', '-s', 'work', '--exclude', 'Newer'), { added: [], removed: [], changed: [] });
});

test.serial('sessions, fork, tag and delete', async (t) => {
  const { desk, first, second } = await prepared(t);
  t.deepEqual(await desk.json(t, 'fork', 'experiment', '-s', 'work', '--at', 'good'), { session: 'experiment', commit: first.commit });
  const forked = await desk.run('fork', 'second', '-s', 'work');
  t.is(forked.stdout, `second begins at ${second.commit.slice(0, 12)} of work\n`);
  t.deepEqual(await desk.json(t, 'tag', 'old', '-s', 'work', '--at', 'HEAD~1'), { tag: 'old', commit: first.commit });
  t.is((await desk.run('tag', 'new', '-s', 'work')).stdout, `new names ${second.commit.slice(0, 12)} of work\n`);
  const listed = await desk.json<{ session: string; commit: string; commits: number }[]>(t, 'sessions');
  t.deepEqual(
    listed.map(({ session, commit, commits }) => [session, commit, commits]),
    [
      ['experiment', first.commit, 1],
      ['second', second.commit, 2],
      ['work', second.commit, 2],
    ],
  );
  t.deepEqual(await desk.json(t, 'delete', '-s', 'second'), { deleted: 'second' });
  t.is((await desk.run('delete', '-s', 'experiment')).stdout, 'deleted experiment\n');
  t.regex((await desk.run('sessions')).stdout, new RegExp(`^work  ${second.commit.slice(0, 12)}  .*  2 commits  3 files  17 B  second\n$`));
});

test.serial('names may begin with a dash, after --', async (t) => {
  const { desk, first } = await prepared(t);
  t.like(JSON.parse((await desk.run('fork', '--session=work', '--json', '--at', 'good', '--', '--json')).stdout), {
    session: '--json',
    commit: first.commit,
  });
  t.is((await desk.run('fork', '--session=--json', '--', '-x')).stdout, `-x begins at ${first.commit.slice(0, 12)} of --json\n`);
  desk.write({ '-dir/Default/Cookies': 'cookies' });
  t.is((await desk.run('snapshot', '-s', 'other', '--', '-dir')).status, 0);
});

test.serial('stats counts', async (t) => {
  const { desk } = await prepared(t);
  const stats = await desk.json<Record<string, number>>(t, 'stats');
  t.like(stats, { sessions: 1, commits: 2, logicalBytes: 33 });
  t.is(stats['ratio'], 33 / (stats['storedBytes'] as number));
  t.regex(
    (await desk.run('stats', '--on', 'local')).stdout,
    /^sessions +1\ncommits +2 +33 B .*\npacks +\d.*\nmanifests +2.*\nsegments +0.*\nstored +.* times larger\nreclaimable +0 B .*\n$/,
  );
  const empty = new Desk(t);
  await empty.json(t, 'init');
  t.is((await empty.json<{ ratio: null }>(t, 'stats')).ratio, null);
});

test.serial('verify finds nothing in a whole store', async (t) => {
  const { desk } = await prepared(t);
  const result = await desk.json<Record<string, unknown>>(t, 'verify', '--read-data');
  t.like(result, { findings: [], sessions: 1, commits: 2, unreferenced: 0 });
  t.true((result['bytesRead'] as number) > 0);
  t.regex((await desk.run('verify')).stdout, /^checked 1 session, 2 commits, \d objects\nno damage found\n$/);
});

test.serial('init creates once', async (t) => {
  const desk = new Desk(t);
  const made = await desk.json<Record<string, unknown>>(t, 'init');
  t.like(made, { created: true, home: desk.home });
  t.regex(String(made['repository']), /^[0-9a-f]{32}$/);
  t.deepEqual(await desk.json(t, 'init'), { ...made, created: false });
  t.regex((await desk.run('init', '--user', 'alice')).stdout, /^created repository [0-9a-f]{12} of user alice in .*home\n$/);
});

test.serial('options for the local store and the user override the environment', async (t) => {
  const desk = new Desk(t);
  desk.env['BROWSERSTATE_USER'] = 'bob';
  writeProfile(desk);
  await desk.json(t, 'snapshot', 'profile', '-s', 'work', '--home', 'elsewhere');
  t.true(existsSync(desk.path('elsewhere/bob/.store/refs')));
  await desk.json(t, 'snapshot', 'profile', '-s', 'work', '--user', 'alice');
  t.deepEqual(readdirSync(desk.home), ['alice']);
  delete desk.env['BROWSERSTATE_HOME'];
  await desk.json(t, 'init');
  t.deepEqual(readdirSync(desk.path('.browserstate')), ['bob']);
});

test.serial('restore into the working directory of the shell keeps that directory', async (t) => {
  const { desk } = await prepared(t);
  mkdirSync(desk.path('here'));
  const { ino } = statSync(desk.path('here'));
  for (const force of [[], ['--force']]) {
    const { status, stderr } = await outcome(desk.start(['restore', '.', '-s', 'work', ...force], { cwd: desk.path('here') }));
    t.deepEqual([status, stderr], [0, '']);
    t.is(statSync(desk.path('here')).ino, ino);
    t.is(readFileSync(desk.path('here/Default/Cookies'), 'utf8'), 'more cookies');
    desk.write({ 'here/other': 'work' });
  }
});

test.serial('a rollback to the content of the head commits nothing, and says so', async (t) => {
  const { desk } = await prepared(t);
  const [head] = await desk.json<LogLine[]>(t, 'log', '-s', 'work');
  t.like(await desk.json(t, 'rollback', '-s', 'work', '--to', 'HEAD'), { commit: head?.commit, changed: false });
  const { status, stdout } = await desk.run('rollback', '-s', 'work', '--to', 'HEAD');
  t.is(status, 0);
  t.regex(stdout, /^work has the content of HEAD already: [0-9a-f]{12}; nothing was committed\n$/);
  t.like(await desk.json(t, 'rollback', '-s', 'work', '--to', 'HEAD~1'), { parent: head?.commit, changed: true });
  t.is((await desk.json<LogLine[]>(t, 'log', '-s', 'work')).length, 3);
});
