/**
 * Several machines with one folder as the remote: the effect of each command in both forms, and the
 * outcome of each failure.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { Desk, type ErrorLine, writeProfile } from '../../support/cli.js';

const onLinux = process.platform === 'linux' ? test.serial : test.skip;

interface Pushed {
  session: string;
  commit: string;
  ref: string;
  pushed: boolean;
  commits: number;
  objects: number;
  bytes: number;
  forkedTo: string | null;
}

interface Snapshot {
  commit: string;
  changed: boolean;
  pushed: boolean;
  push: Omit<Pushed, 'pushed'> | null;
}

type LogLine = { commit: string; parents: string[]; message: string; tags: string[]; pushed: boolean };

/** Returns another machine: a desk with its own local store and the same remote. */
function another(t: ExecutionContext, { env }: Desk): Desk {
  const desk = new Desk(t);
  desk.env['BROWSERSTATE_REMOTE'] = env['BROWSERSTATE_REMOTE'];
  return desk;
}

/**
 * Returns two machines. The first has pushed session `work`, whose only commit has a tag `good`.
 */
async function twoMachines(t: ExecutionContext): Promise<{ a: Desk; b: Desk; remote: string; first: Snapshot }> {
  const a = new Desk(t);
  const remote = a.path('the remote');
  a.env['BROWSERSTATE_REMOTE'] = pathToFileURL(remote).href;
  writeProfile(a);
  const first = await a.json<Snapshot>(t, 'snapshot', 'profile', '-s', 'work', '-m', 'first', '--tag', 'good');
  return { a, b: another(t, a), remote, first };
}

/**
 * Removes the notes of a folder remote, as the hint of the failed command says. A known folder is
 * not created anew before that (C3).
 */
async function forgetRemote(t: ExecutionContext, desk: Desk, ...args: string[]): Promise<void> {
  const { code, hint } = await desk.failure(t, 6, ...args);
  t.is(code, 'UNREACHABLE');
  rmSync(/remove (\S+) first/.exec(hint ?? '')?.[1] as string, { recursive: true });
}

/**
 * Returns two machines that both committed to `work` after its first commit. The first machine
 * pushed.
 */
async function divided(t: ExecutionContext): Promise<{ a: Desk; b: Desk; theirs: Snapshot; ours: Snapshot }> {
  const { a, b } = await twoMachines(t);
  await b.json(t, 'restore', 'profile', '-s', 'work');
  a.write({ 'profile/Default/Cookies': 'from a' });
  const theirs = await a.json<Snapshot>(t, 'snapshot', 'profile', '-s', 'work', '-m', 'from a');
  b.write({ 'profile/Default/Cookies': 'from b' });
  const ours = await b.json<Snapshot>(t, 'snapshot', 'profile', '-s', 'work', '-m', 'from b', '--no-push');
  return { a, b, theirs, ours };
}

test.serial('another machine restores the snapshot of the first', async (t) => {
  const { a, b, first } = await twoMachines(t);
  t.like(first, { changed: true, pushed: true, push: { session: 'work', commits: 1, objects: 2, commit: first.commit } });
  const restored = await b.json<{ commit: string; fetchedBytes: number }>(t, 'restore', 'profile', '-s', 'work');
  t.is(restored.commit, first.commit);
  t.true(restored.fetchedBytes > 0);
  t.is(readFileSync(b.path('profile/Default/Cookies'), 'utf8'), 'cookies');
  t.is((await b.json<{ fetchedBytes: number }>(t, 'restore', 'profile', '-s', 'work')).fetchedBytes, 0);
  b.write({ 'profile/Default/Cookies': 'changed on b' });
  const second = await b.run('snapshot', 'profile', '-s', 'work', '-m', 'second');
  t.regex(second.stdout, /^committed .*\n(left out .*\n)?pushed work: 1 commit, 2 objects, .* B; the remote is at [0-9a-f]{12}\n$/);
  const again = await a.run('restore', 'profile', '-s', 'work');
  t.regex(again.stdout, /^restored [0-9a-f]{12} of work into profile: 3 files, 21 B; fetched .* B\n$/);
  t.is(readFileSync(a.path('profile/Default/Cookies'), 'utf8'), 'changed on b');
  const unchanged = await a.json<Snapshot>(t, 'snapshot', 'profile', '-s', 'work');
  t.like(unchanged, { changed: false, pushed: false });
});

test.serial('log, sessions, diff, status and stats show the remote, and with --offline only this machine', async (t) => {
  const { a, b, first } = await twoMachines(t);
  const [seen] = await b.json<LogLine[]>(t, 'log', '-s', 'work');
  t.like(seen, { commit: first.commit, message: 'first', tags: ['good'], pushed: true });
  t.is((await b.json<unknown[]>(t, 'sessions')).length, 1);
  t.deepEqual(await b.json(t, 'diff', '-s', 'work', 'good'), { added: [], removed: [], changed: [] });
  writeProfile(b, 'mine');
  b.write({ 'mine/Default/New': 'new' });
  t.deepEqual(await b.json(t, 'status', 'mine', '-s', 'work'), { added: ['Default/New'], removed: [], changed: [] });
  t.like(await b.json(t, 'stats', '--on', 'remote'), { sessions: 1, commits: 1 });
  t.regex((await b.failure(t, 3, 'stats')).message, /^there is no store at /);
  t.deepEqual(await b.json(t, 'sessions', '--offline'), []);
  for (const args of [
    ['log', '-s', 'work'],
    ['restore', 'there', '-s', 'work'],
    ['diff', '-s', 'work', 'good'],
    ['status', 'mine', '-s', 'work'],
  ]) {
    t.is((await b.failure(t, 3, ...args, '--offline')).code, 'NOT_FOUND', args[0]);
  }
  t.like((await a.json<LogLine[]>(t, 'log', '-s', 'work', '--offline'))[0], { commit: first.commit, pushed: true });
});

test.serial('commits that are not pushed are marked, and push sends them', async (t) => {
  const { a, b, first } = await twoMachines(t);
  a.write({ 'profile/Default/Cookies': 'later' });
  const second = await a.json<Snapshot>(t, 'snapshot', 'profile', '-s', 'work', '-m', 'second', '--no-push');
  t.like(second, { changed: true, pushed: false, push: null });
  for (const offline of [[], ['--offline']]) {
    const log = await a.json<LogLine[]>(t, 'log', '-s', 'work', ...offline);
    t.deepEqual(
      log.map(({ commit, pushed }) => [commit, pushed]),
      [
        [second.commit, false],
        [first.commit, true],
      ],
    );
  }
  t.regex((await a.run('log', '-s', 'work')).stdout, /^.*\(HEAD\) {2}not pushed {2}second\n.*\(good\) {2}first\n$/);
  t.is((await b.json<LogLine[]>(t, 'log', '-s', 'work')).length, 1);
  const pushed = await a.json<Pushed>(t, 'push', '-s', 'work');
  t.like(pushed, { session: 'work', commit: second.commit, ref: second.commit, pushed: true, commits: 1, objects: 2, forkedTo: null });
  t.true(pushed.bytes > 0);
  t.like(await a.json<Pushed>(t, 'push', '-s', 'work'), { pushed: false, commits: 0, objects: 0, bytes: 0, commit: second.commit });
  t.regex((await a.run('push', '-s', 'work')).stdout, /^nothing to push of work: the remote is at [0-9a-f]{12}\n$/);
  const pulled = await b.json<Record<string, unknown>>(t, 'pull', '-s', 'work');
  t.like(pulled, { session: 'work', commit: second.commit, ref: second.commit, pulled: true, commits: 1, objects: 2 });
  t.is(pulled['bytes'], pulled['fetchedBytes']);
  t.regex((await b.run('pull', '-s', 'work')).stdout, /^nothing to pull of work: this machine has [0-9a-f]{12}\n$/);
  t.is((await b.json<{ commit: string }>(t, 'restore', 'there', '-s', 'work', '--offline')).commit, second.commit);
});

test.serial('4: a push that loses reports the session of its commit, twice', async (t) => {
  const { a, b, ours, theirs } = await divided(t);
  const { code, message, hint, details } = await b.failure(t, 4, 'push', '-s', 'work');
  t.is(code, 'CONFLICT');
  const fork = `work.conflict-${ours.commit.slice(0, 12)}`;
  t.deepEqual(details, { session: fork, commit: ours.commit, head: theirs.commit }, 'D2');
  t.regex(message, new RegExp(`${ours.commit.slice(0, 12)} is safe on this machine, and on the remote as session ${fork}$`));
  t.regex(hint ?? '', /browserstate push -s work --on-conflict ours/);
  t.is((await a.json<{ commit: string }>(t, 'restore', 'there', '-s', fork)).commit, ours.commit);
  t.is(readFileSync(a.path('there/Default/Cookies'), 'utf8'), 'from b');
  t.is((await b.failure(t, 4, 'restore', 'other', '-s', 'work')).code, 'CONFLICT');
  t.false(existsSync(b.path('other')));
  t.is((await b.json<{ commit: string }>(t, 'restore', 'other', '-s', 'work', '--offline')).commit, ours.commit);
  const log = await b.run('log', '-s', 'work');
  t.regex(log.stdout, /^.* {2}from b\n.*\(HEAD\) {2}from a\n.*\(good\) {2}first\n$/);
  b.write({ 'profile/Default/Cookies': 'from b again' });
  const late = JSON.parse((await b.run('snapshot', 'profile', '-s', 'work', '--json')).stderr) as { error: ErrorLine };
  t.is(late.error.code, 'CONFLICT');
  t.regex(late.error.message, /is safe on this machine, and on the remote as session work\.conflict-/);
  t.is((await a.json<LogLine[]>(t, 'log', '-s', 'work'))[0]?.commit, theirs.commit);
});

for (const keep of ['ours', 'theirs'] as const) {
  test.serial(`--on-conflict ${keep} joins both`, async (t) => {
    const { a, b, ours, theirs } = await divided(t);
    const { commit } = await b.json<Pushed>(t, 'push', '-s', 'work', '--on-conflict', keep);
    const [head] = await a.json<LogLine[]>(t, 'log', '-s', 'work');
    t.is(head?.commit, commit);
    t.deepEqual(head?.parents, keep === 'ours' ? [ours.commit, theirs.commit] : [theirs.commit, ours.commit]);
    await a.json(t, 'restore', 'there', '-s', 'work');
    t.is(readFileSync(a.path('there/Default/Cookies'), 'utf8'), keep === 'ours' ? 'from b' : 'from a');
  });
}

test.serial('--on-conflict fork continues as a new session', async (t) => {
  const { b, ours, theirs } = await divided(t);
  const { forkedTo, commit } = await b.json<Pushed>(t, 'sync', '-s', 'work', '--on-conflict', 'fork').then((synced) => {
    const { push } = synced as unknown as { push: Pushed };
    return push;
  });
  t.deepEqual([forkedTo, commit], [`work.conflict-${ours.commit.slice(0, 12)}`, ours.commit]);
  const listed = await b.json<{ session: string; commit: string }[]>(t, 'sessions');
  t.deepEqual(
    listed.map(({ session, commit }) => [session, commit]),
    [
      ['work', theirs.commit],
      [forkedTo, ours.commit],
    ],
  );
  t.is((await b.json<{ commit: string }>(t, 'restore', 'profile', '-s', 'work')).commit, theirs.commit);
});

for (const command of ['push -s work', 'snapshot profile -s work', 'sync -s work']) {
  test.serial(`--on-conflict fork after the conflict was reported names the fork: ${command}`, async (t) => {
    const { b, ours, theirs } = await divided(t);
    const { details } = await b.failure(t, 4, 'push', '-s', 'work');
    const { status, stdout } = await b.run(...command.split(' '), '--on-conflict', 'fork');
    t.is(status, 0);
    const [id, head] = [ours.commit.slice(0, 12), theirs.commit];
    t.true(stdout.includes(`work is on the remote as ${details?.['session']} already, since the remote has moved: it is at ${id}`), stdout);
    t.true(stdout.includes('work follows the remote again'), stdout);
    t.is((await b.json<LogLine[]>(t, 'log', '-s', 'work'))[0]?.commit, head);
  });
}

test.serial('sync pulls or pushes, and does neither without need', async (t) => {
  const { a, b, first } = await twoMachines(t);
  t.like(await b.json(t, 'sync', '-s', 'work'), { session: 'work', commit: first.commit, pulled: true, pushed: false, commits: 1 });
  t.like(await b.json(t, 'sync', '-s', 'work'), { commit: first.commit, pulled: false, pushed: false, commits: 0, objects: 0, bytes: 0 });
  await b.json(t, 'restore', 'there', '-s', 'work');
  b.write({ 'there/Local State': '{"b":1}' });
  await b.json(t, 'snapshot', 'there', '-s', 'work', '--no-push');
  t.like(await b.json(t, 'sync', '-s', 'work'), { pulled: false, pushed: true, commits: 1 });
  t.is((await a.json<LogLine[]>(t, 'log', '-s', 'work')).length, 2);
});

test.serial('--all: each session is handled by itself, and the first failure is the exit status but stops no other session', async (t) => {
  const { a, b } = await divided(t);
  for (const id of ['another', 'zoo']) await b.json(t, 'snapshot', 'profile', '-s', id, '--no-push');
  const { status, stdout, stderr } = await b.run('push', '--all', '--json');
  t.deepEqual([status, stderr], [4, '']);
  const outcomes = JSON.parse(stdout) as (Pushed & { error?: ErrorLine })[];
  t.deepEqual(
    outcomes.map(({ session, pushed, error }) => [session, pushed ?? error?.code]),
    [
      ['another', true],
      ['work', 'CONFLICT'],
      ['zoo', true],
    ],
  );
  t.deepEqual(Object.keys(outcomes[1]?.error ?? {}), ['code', 'message', 'hint', 'details']);
  await a.json(t, 'delete', '-s', 'zoo');
  const forHuman = await b.run('sync', '--all', '--on-conflict', 'theirs');
  t.is(forHuman.status, 0);
  t.regex(forHuman.stdout, /^nothing to pull of another: .*\npushed work: 2 commits, .*\n(.*\n)*$/);
  t.regex(forHuman.stderr, /^warning: zoo was deleted on the remote; its local copy is kept; `browserstate delete -s zoo`/);
  const everything = await a.json<{ session: string; pulled: boolean }[]>(t, 'pull', '--all');
  t.true(everything.some(({ session, pulled }) => session === 'another' && pulled));
});

test.serial('5: a damaged session is named, and the others are listed, pulled and synced', async (t) => {
  const { a, b, remote } = await twoMachines(t);
  await a.json(t, 'fork', 'good', '-s', 'work');
  const versions = readdirSync(join(remote, 'default/.store/refs/work.cell'), { recursive: true, encoding: 'utf8' });
  for (const name of versions.filter((each) => /\/\d+$/.test(each))) {
    const path = join(remote, 'default/.store/refs/work.cell', name);
    writeFileSync(path, readFileSync(path).fill(0, 100));
  }
  const listed = await b.run('sessions', '--json');
  t.deepEqual([listed.status, listed.stderr], [5, '']);
  t.deepEqual(
    (JSON.parse(listed.stdout) as { session: string; error?: ErrorLine }[]).map(({ session, error }) => [session, error?.code]),
    [
      ['good', undefined],
      ['work', 'INTEGRITY'],
    ],
  );
  for (const command of ['pull', 'sync']) {
    const { status, stdout, stderr } = await b.run(command, '--all', '--json');
    t.deepEqual([status, stderr], [5, '']);
    const outcomes = JSON.parse(stdout) as { session: string; error?: ErrorLine }[];
    t.deepEqual(
      outcomes.map(({ session, error }) => [session, error?.code]),
      [
        ['work', 'INTEGRITY'],
        ['good', undefined],
      ],
    );
  }
  const forHuman = await b.run('sessions');
  t.regex(forHuman.stdout, /^good /);
  t.regex(forHuman.stderr, /^error: session work on the remote: /);
});

test.serial('push --all pushes the sessions of this machine, and names one that fails', async (t) => {
  const { a, b, remote } = await twoMachines(t);
  writeProfile(b);
  await b.json(t, 'snapshot', 'profile', '-s', 'a', '--no-push');
  const { status, stdout } = await b.run('push', '--all', '--json');
  t.is(status, 0);
  t.deepEqual(
    (JSON.parse(stdout) as Pushed[]).map(({ session }) => session),
    ['a'],
  );
  for (const name of readdirSync(join(remote, 'default/.store/packs'))) rmSync(join(remote, 'default/.store/packs', name));
  a.env['BROWSERSTATE_HOME'] = a.path('another home');
  const failed = await a.run('pull', '--all');
  t.is(failed.status, 5);
  t.regex(failed.stderr, /^error: session a: packs\/.*\nhint: .*\nerror: session work: packs\//);
});

test.serial('--all: unpushed commits of a session that was deleted on the remote are sent or a conflict, never skipped', async (t) => {
  const { a, b } = await twoMachines(t);
  for (const id of ['done', 'more', 'name']) {
    await a.json(t, 'fork', id, '-s', 'work');
    if (id !== 'name') await b.json(t, 'pull', '-s', id);
  }
  await b.json(t, 'restore', 'profile', '-s', 'more');
  b.write({ 'profile/Default/Cookies': 'not pushed' });
  await b.json(t, 'snapshot', 'profile', '-s', 'more', '--no-push');
  await b.json(t, 'snapshot', 'profile', '-s', 'name', '--no-push');
  for (const id of ['done', 'more', 'name']) await a.json(t, 'delete', '-s', id);
  const pulled = await b.run('pull', '--all');
  t.is(pulled.status, 0);
  t.regex(
    pulled.stderr,
    /^warning: done was deleted .*delete -s done.*\nwarning: more was deleted .*, with commits that were not pushed\n/,
  );
  const { status, stdout } = await b.run('sync', '--all', '--json');
  t.is(status, 4);
  const outcomes = JSON.parse(stdout) as { session: string; skipped?: string; pushed?: boolean; error?: ErrorLine }[];
  t.deepEqual(
    outcomes.map(({ session, skipped, pushed, error }) => [session, error?.code ?? skipped ?? pushed]),
    [
      ['done', 'deleted on the remote'],
      ['work', false],
      ['more', 'CONFLICT'],
      ['name', true],
    ],
  );
});

test.serial('a remote that was lost and created anew gets all local sessions from sync --all', async (t) => {
  const { a, b, remote } = await twoMachines(t);
  await b.json(t, 'pull', '-s', 'work');
  rmSync(remote, { recursive: true });
  for (const desk of [a, b]) await forgetRemote(t, desk, 'push', '-s', 'work');
  await b.json(t, 'push', '-s', 'work');
  a.write({ 'profile/Default/Cookies': 'later' });
  const { commit } = await a.json<Snapshot>(t, 'snapshot', 'profile', '-s', 'work', '--no-push');
  t.is((await a.run('sync', '--all')).status, 0);
  t.is((await b.json<{ commit: string }>(t, 'pull', '-s', 'work')).commit, commit);
});

test.serial('fork, tag, rollback and delete reach the remote, and with --no-push do not', async (t) => {
  const { a, b, first } = await twoMachines(t);
  await b.json(t, 'tag', 'best', '-s', 'work');
  await b.json(t, 'fork', 'copy', '-s', 'work');
  a.write({ 'profile/Local State': '{"a":1}' });
  await a.json(t, 'snapshot', 'profile', '-s', 'work');
  await b.json(t, 'rollback', '-s', 'work', '--to', 'best');
  t.deepEqual((await a.json<LogLine[]>(t, 'log', '-s', 'work'))[2]?.tags.sort(), ['best', 'good']);
  t.is((await a.json<LogLine[]>(t, 'log', '-s', 'copy'))[0]?.commit, first.commit);
  await a.json(t, 'pull', '-s', 'copy');
  await a.json(t, 'fork', 'private', '-s', 'copy', '--no-push');
  await a.json(t, 'tag', 'private', '-s', 'copy', '--no-push');
  await a.json(t, 'tag', 'gone', '-s', 'copy', '--offline');
  await a.json(t, 'tag', '-s', 'copy', '--delete', 'gone', '--no-push');
  t.deepEqual(await a.json(t, 'tag', '-s', 'copy', '--list', '--offline'), [{ tag: 'private', commit: first.commit }]);
  await a.json(t, 'delete', '-s', 'copy', '--no-push');
  t.deepEqual(
    (await b.json<{ session: string }[]>(t, 'sessions')).map(({ session }) => session),
    ['copy', 'work'],
  );
  t.deepEqual((await b.json<LogLine[]>(t, 'log', '-s', 'copy'))[0]?.tags.sort(), []);
  await b.json(t, 'delete', '-s', 'copy');
  t.is((await a.failure(t, 3, 'restore', 'there', '-s', 'copy')).code, 'NOT_FOUND');
});

test.serial('--no-push reads the remote if it has to, and --offline does not', async (t) => {
  const { a, b, first } = await twoMachines(t);
  a.write({ 'profile/Default/Cookies': 'second' });
  await a.json(t, 'snapshot', 'profile', '-s', 'work');
  for (const words of [
    ['rollback', '--to', 'good'],
    ['fork', 'private', '--at', 'good'],
    ['tag', 'mine', '--at', 'good'],
  ]) {
    const desk = another(t, b);
    t.is((await desk.failure(t, 3, ...words, '-s', 'work', '--offline')).code, 'NOT_FOUND', words[0]);
    t.is((await desk.run(...words, '-s', 'work', '--no-push')).status, 0, words[0]);
  }
  t.is((await a.json<LogLine[]>(t, 'log', '-s', 'work')).length, 2);
  t.deepEqual(
    (await a.json<{ session: string }[]>(t, 'sessions')).map(({ session }) => session),
    ['work'],
  );
  t.deepEqual(await a.json(t, 'tag', '-s', 'work', '--list'), [{ tag: 'good', commit: first.commit }]);
});

test.serial('2: --no-push and --offline of commands that do not have them', async (t) => {
  const desk = new Desk(t);
  for (const [option, words] of [
    ['--offline', ['delete', '-s', 'work']],
    ['--offline', ['snapshot', 'profile', '-s', 'work']],
    ['--offline', ['tag', '-s', 'work', '--delete', 'good']],
    ['--no-push', ['tag', '-s', 'work', '--list']],
    ['--no-push', ['restore', 'there', '-s', 'work']],
    ['--no-push', ['log', '-s', 'work']],
    ['--offline', ['push', '-s', 'work']],
  ] as const) {
    const { code, message, hint } = await desk.failure(t, 2, ...words, option);
    t.is(code, 'USAGE');
    t.true(message.includes(option), message);
    t.truthy(hint);
  }
});

test.serial('a tag on a commit that is pushed already is pushed, too', async (t) => {
  const { a, b } = await twoMachines(t);
  t.like(await a.json(t, 'snapshot', 'profile', '-s', 'work', '--tag', 'better'), { changed: false, tag: 'better' });
  t.deepEqual((await b.json<LogLine[]>(t, 'log', '-s', 'work'))[0]?.tags.sort(), ['better', 'good']);
});

test.serial('verify --on remote finds damage of the remote', async (t) => {
  const { b, remote } = await twoMachines(t);
  t.like(await b.json(t, 'verify', '--on', 'remote', '--read-data'), { findings: [], sessions: 1, commits: 1 });
  const packs = `${remote}/default/.store/packs`;
  const [pack = ''] = readdirSync(packs);
  const bytes = readFileSync(`${packs}/${pack}`);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 40) ^ 1, bytes.length - 40);
  writeFileSync(`${packs}/${pack}`, bytes);
  const { status, stdout } = await b.run('verify', '--on', 'remote', '--read-data', '--json');
  t.is(status, 5);
  t.true((JSON.parse(stdout) as { findings: unknown[] }).findings.length > 0);
  await b.json(t, 'init');
  t.deepEqual((await b.json<{ findings: unknown[] }>(t, 'verify')).findings, []);
  t.is((await b.failure(t, 5, 'restore', 'there', '-s', 'work')).code, 'INTEGRITY');
  t.false(existsSync(b.path('there')));
});

test.serial('init creates the remote, and reports whether it existed', async (t) => {
  const desk = new Desk(t);
  const url = pathToFileURL(desk.path('shared')).href;
  const made = await desk.json<Record<string, unknown>>(t, 'init', '--remote', url);
  t.like(made, { created: true, home: desk.home, remote: { url, created: true } });
  t.like(await another(t, desk).json(t, 'init', '--remote', url), { created: true, remote: { url, created: false } });
  const { stdout } = await desk.run('init', '--remote', url);
  t.regex(stdout, /^there is already repository [0-9a-f]{12} .*home\nthere is already repository [0-9a-f]{12} .* in the remote file:.*\n$/);
  t.is((await desk.json<{ remote: null }>(t, 'init')).remote, null);
});

test.serial('a remote that was emptied or replaced is filled anew from the local store', async (t) => {
  const { a, b, remote, first } = await twoMachines(t);
  rmSync(remote, { recursive: true });
  await forgetRemote(t, a, 'push', '-s', 'work');
  t.like(await a.json<Pushed>(t, 'push', '-s', 'work'), { pushed: true, commits: 1, commit: first.commit });
  t.deepEqual((await b.json<{ findings: unknown[] }>(t, 'verify', '--on', 'remote', '--read-data')).findings, []);
  renameSync(remote, a.path('old'));
  writeProfile(b);
  await b.json(t, 'snapshot', 'profile', '-s', 'work');
  await forgetRemote(t, a, 'snapshot', 'profile', '-s', 'new');
  await a.json(t, 'push', '-s', 'new');
  t.deepEqual((await b.json<{ findings: unknown[] }>(t, 'verify', '--on', 'remote', '--read-data')).findings, []);
  t.is((await b.json<unknown[]>(t, 'sessions')).length, 2);
});

test.serial('7: a session of v0 on the remote is not treated as an empty one', async (t) => {
  const { a, remote } = await twoMachines(t);
  mkdirSync(`${remote}/default/old/Local State`, { recursive: true });
  t.is((await a.failure(t, 7, 'snapshot', 'profile', '-s', 'old')).code, 'LEGACY_SESSION');
  t.is((await a.failure(t, 7, 'restore', 'there', '-s', 'old')).code, 'LEGACY_SESSION');
  t.is((await a.failure(t, 7, 'log', '-s', 'old')).code, 'LEGACY_SESSION');
});

onLinux('6: if the remote forbids a push, the commit is safe and can be pushed later', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  desk.env['BROWSERSTATE_REMOTE'] = 'file:///sys/browserstate-test';
  const { code, message, hint } = await desk.failure(t, 6, 'snapshot', 'profile', '-s', 'work');
  t.is(code, 'FORBIDDEN');
  const [head] = await desk.json<LogLine[]>(t, 'log', '-s', 'work', '--offline');
  t.true(message.startsWith(`commit ${head?.commit.slice(0, 12)} is safe on this machine, and was not pushed: `));
  t.regex(hint ?? '', /`browserstate push -s work` sends it later\.$/);
  desk.env['BROWSERSTATE_REMOTE'] = pathToFileURL(desk.path('remote')).href;
  t.like(await desk.json<Pushed>(t, 'push', '-s', 'work'), { pushed: true, commit: head?.commit });
});

test.serial('6: a bucket that does not answer', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  Object.assign(desk.env, { AWS_ACCESS_KEY_ID: 'key', AWS_SECRET_ACCESS_KEY: 'secret', AWS_EC2_METADATA_DISABLED: 'true' });
  desk.env['BROWSERSTATE_REMOTE'] = 's3://bucket/prefix?region=us-east-1&pathStyle=true&endpoint=http://127.0.0.1:9';
  const { status, stderr } = await desk.run('snapshot', 'profile', '-s', 'work');
  t.is(status, 6);
  t.regex(
    stderr,
    /^(.*; retrying in [0-9.]+ s\n){3,}error: commit [0-9a-f]{12} is safe on this machine, and was not pushed: .*\nhint: .*push -s work.*\n$/,
  );
  const restored = await desk.run('restore', 'there', '-s', 'work', '--json');
  t.is(restored.status, 6);
  const { error } = JSON.parse(restored.stderr) as { error: ErrorLine };
  t.is(error.code, 'UNREACHABLE');
  t.regex(error.hint ?? '', /--offline uses what is on this machine\.$/);
  t.is((await desk.json<{ files: number }>(t, 'restore', 'there', '-s', 'work', '--offline')).files, 3);
});

const rubbish: [url: string, expected: RegExp][] = [
  ['', /found an empty text/],
  ['remote', /found something else.*file:\/\/\/path/],
  ['/absolute/remote', /found a path.*file:\/\/\/absolute\/remote/],
  ['file:remote', /does not begin with a slash.*file:\/\/\/path/],
  ['file://remote/folder', /found the host remote.*three slashes/],
  ['https://example.org/x', /found https:/],
  ['s3://', /found no bucket/],
  ['s3://bucket/x?regoin=eu', /found the parameter regoin.*region, endpoint, pathStyle/],
  ['s3://key:hunter2@bucket/x', /with credentials in it.*SDK/],
];

test.serial('2: invalid addresses, each with a hint', async (t) => {
  const desk = new Desk(t);
  for (const [url, expected] of rubbish) {
    const { status, stdout, stderr } = await desk.run('sessions', `--remote=${url}`);
    t.deepEqual([status, stdout], [2, ''], url);
    t.regex(stderr.replace('\n', ' '), expected, url);
    t.notRegex(stderr, /hunter2/);
  }
  t.is((await desk.failure(t, 2, 'sessions', '--remote', pathToFileURL(desk.home).href)).code, 'USAGE');
  desk.write({ file: '' });
  t.regex((await desk.failure(t, 2, 'sessions', '--remote', pathToFileURL(desk.path('file')).href)).message, /found a file in the place/);
  t.regex((await desk.failure(t, 2, 'sessions', '--home', 's3://bucket/x')).hint ?? '', /--remote/);
});

test.serial('2: push, pull and sync need a remote, and a session or all of them', async (t) => {
  const desk = new Desk(t);
  for (const args of [
    ['push', '-s', 'work'],
    ['pull', '--all'],
    ['sync', '-s', 'work'],
    ['verify', '--on', 'remote'],
    ['stats', '--on', 'remote'],
  ]) {
    const { message, hint } = await desk.failure(t, 2, ...args);
    t.is(message, 'expected a remote, found none', args.join(' '));
    t.regex(hint ?? '', /--remote URL.*BROWSERSTATE_REMOTE/);
  }
  t.regex((await desk.failure(t, 2, 'push')).message, /^expected --session or --all, found neither$/);
  t.regex((await desk.failure(t, 2, 'sync', '-s', 'work', '--all')).message, /found both$/);
});

test.serial('a session that was deleted only locally is restored by pull, and not by sync', async (t) => {
  const { a, b, first } = await twoMachines(t);
  await b.json(t, 'restore', 'there', '-s', 'work');
  await b.json(t, 'delete', '-s', 'work', '--no-push');
  const { code, hint } = await b.failure(t, 4, 'sync', '-s', 'work');
  t.is(code, 'CONFLICT');
  t.regex(hint ?? '', /pull -s work.*delete -s work/);
  t.like(await b.json(t, 'pull', '-s', 'work'), { pulled: true, commit: first.commit });
  await b.json(t, 'delete', '-s', 'work', '--no-push');
  writeFileSync(a.path('profile/Default/Cookies'), 'newer');
  const second = await a.json<Snapshot>(t, 'snapshot', 'profile', '-s', 'work');
  t.like(await b.json(t, 'sync', '-s', 'work'), { pulled: true, commit: second.commit }, 'new commits are reported');
});

for (const command of ['verify', 'verify --read-data', 'stats']) {
  test.serial(`R-SYNC-12: ${command} reports a home without a store, and accepts an empty one`, async (t) => {
    const desk = new Desk(t);
    const { code, message } = await desk.failure(t, 3, ...command.split(' '));
    t.is(code, 'NOT_FOUND');
    t.regex(message, /^there is no store at file:.*\/home\//);
    t.false(existsSync(desk.home), 'nothing was created by looking');
    t.is((await desk.run('init')).status, 0);
    t.like(await desk.json(t, ...command.split(' ')), { sessions: 0, commits: 0 });
  });
}

test.serial(
  'R-SYNC-12, D3: a remote without a store is reported, as its address may be mistyped, and so is the push that creates one',
  async (t) => {
    const desk = new Desk(t);
    const url = pathToFileURL(desk.path('remotee')).href;
    for (const args of [
      ['restore', 'there', '-s', 'work'],
      ['log', '-s', 'work'],
      ['pull', '-s', 'work'],
      ['pull', '--all'],
      ['sessions'],
      ['verify', '--on', 'remote'],
      ['verify', '--on', 'remote', '--read-data'],
      ['stats', '--on', 'remote'],
    ]) {
      const { code, message } = await desk.failure(t, 3, ...args, '--remote', url);
      t.is(code, 'NOT_FOUND', args.join(' '));
      t.regex(message, /^there is no store at file:\/.*remotee\//, args.join(' '));
    }
    t.false(existsSync(desk.path('remotee')), 'nothing was created by looking');
    writeProfile(desk);
    const { stderr } = await desk.run('snapshot', 'profile', '-s', 'work', '--remote', url);
    t.regex(stderr, /warning: there was no store at file:\/.*remotee\/.*; the push created it\n/);
    const again = `${url}-again`;
    const [made] = await desk.json<{ created?: string }[]>(t, 'push', '--all', '--remote', again);
    t.true(made?.created?.startsWith(again), JSON.stringify(made));
    t.is((await desk.json<{ created?: string }>(t, 'push', '-s', 'work', '--remote', again)).created, undefined);
  },
);
