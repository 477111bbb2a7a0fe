/** Small faults of the command line, each with its code and hint (A6, C16, D1, D10). */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { Desk, type ErrorLine, main, outcome, writeProfile } from '../../support/cli.js';
import { failingToRequire } from '../../support/loading.js';

interface Snapshot {
  commit: string;
  pushed: boolean;
}

test.serial('A6: all works without the index if LevelDB cannot be loaded, and that is reported once', async (t) => {
  const desk = new Desk(t);
  desk.env['NODE_OPTIONS'] = failingToRequire('level', 'No native build was found\nloaded from: elsewhere', 'ERR').join(' ');
  desk.env['BROWSERSTATE_REMOTE'] = pathToFileURL(desk.path('remote')).href;
  writeProfile(desk);
  await desk.run('snapshot', 'profile', '-s', 'a');
  desk.write({ 'profile/more': 'x'.repeat(5000) });
  const { status, stderr } = await desk.run('snapshot', 'profile', '-s', 'b');
  t.is(status, 0, stderr);
  t.is(stderr.split('LevelDB could not be loaded: No native build was found').length, 2, stderr);
  t.false(existsSync(desk.path('home/default/.store/index')));
  t.is((await desk.run('restore', 'there', '-s', 'b')).status, 0);
  t.deepEqual(readdirSync(desk.path('there')), readdirSync(desk.path('profile')));
  desk.env['BROWSERSTATE_HOME'] = desk.path('other');
  t.is((await desk.run('pull', '--all')).status, 0);
  t.is((await desk.run('verify', '--read-data')).status, 0);
});

test.serial('C16: the first snapshot is committed even if the remote does not answer, and the error says that it is safe', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  desk.env['BROWSERSTATE_REMOTE'] = 's3://bucket?region=x&endpoint=http://127.0.0.1:1&pathStyle=true';
  Object.assign(desk.env, { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_MAX_ATTEMPTS: '1' });
  const { status, stderr } = await desk.run('snapshot', 'profile', '-s', 'work', '--json');
  const { error } = JSON.parse(stderr) as { error: ErrorLine };
  t.is(status, 6);
  t.regex(error.message, /^commit [0-9a-f]{12} is safe on this machine, and was not pushed: /);
  t.regex(error.hint ?? '', /browserstate push -s work/);
  t.is((await desk.json<unknown[]>(t, 'log', '-s', 'work', '--offline')).length, 1);
});

test.serial('C16: sessions reports a ref that was restored to an older state, as pull does', async (t) => {
  const desk = new Desk(t);
  const remote = desk.path('remote');
  desk.env['BROWSERSTATE_REMOTE'] = pathToFileURL(remote).href;
  writeProfile(desk);
  await desk.json(t, 'snapshot', 'profile', '-s', 'work');
  cpSync(remote, desk.path('older'), { recursive: true });
  desk.write({ 'profile/Default/Cookies': 'newer' });
  await desk.json(t, 'snapshot', 'profile', '-s', 'work');
  rmSync(remote, { recursive: true });
  cpSync(desk.path('older'), remote, { recursive: true });
  t.is((await desk.failure(t, 5, 'pull', '-s', 'work')).code, 'INTEGRITY');
  const { status, stdout } = await desk.run('sessions', '--json');
  t.is(status, 5);
  const [found] = (JSON.parse(stdout) as { error?: ErrorLine }[]).filter(({ error }) => error !== undefined);
  t.like(found?.error, { code: 'INTEGRITY', details: { session: 'work', key: 'refs/work' } });
});

test.serial('C16: an empty HOME is an error, and nothing is written below the working directory', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  delete desk.env['BROWSERSTATE_HOME'];
  desk.env['HOME'] = '';
  const { code, message, hint } = await desk.failure(t, 2, 'snapshot', 'profile', '-s', 'work');
  t.is(code, 'USAGE');
  t.is(message, 'expected an absolute path in HOME, found ""');
  t.regex(hint ?? '', /--home/);
  t.false(existsSync(desk.path('.browserstate')));
});

test.serial('C16: a process that may open too few files gets an error that says so', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  let refused = 0;
  // Below some limit Node itself does not start, and above another limit the command succeeds.
  for (let limit = 19; limit <= 28; limit++) {
    const words = ['snapshot', 'profile', '-s', `of${limit}`, '--json'];
    const child = spawn('sh', ['-c', `ulimit -n ${limit}; exec "$@"`, 'sh', process.execPath, main, ...words], {
      cwd: desk.dir,
      env: desk.env,
    });
    const { status, stderr } = await outcome(child);
    if (status === 0 || !stderr.startsWith('{')) continue;
    const { error } = JSON.parse(stderr) as { error: ErrorLine };
    t.deepEqual([error.code, status], ['UNREACHABLE', 6], stderr);
    t.regex(error.hint ?? '', /ulimit -n/);
    refused++;
  }
  t.true(refused > 0);
});

test.serial('D10: tags are listed and removed, locally and on the remote, and SESSION:REV names another session', async (t) => {
  const desk = new Desk(t);
  desk.env['BROWSERSTATE_REMOTE'] = pathToFileURL(desk.path('remote')).href;
  writeProfile(desk);
  const { commit } = await desk.json<Snapshot>(t, 'snapshot', 'profile', '-s', 'work', '--tag', 'good');
  desk.write({ 'profile/Default/Cookies': 'other' });
  const other = await desk.json<Snapshot>(t, 'snapshot', 'profile', '-s', 'other');
  t.deepEqual(await desk.json(t, 'tag', '-s', 'work', '--list'), [{ tag: 'good', commit }]);
  t.deepEqual(await desk.json(t, 'diff', '-s', 'work', 'good', 'other:HEAD'), { added: [], removed: [], changed: ['Default/Cookies'] });
  t.deepEqual(await desk.json(t, 'diff', '-s', 'work', 'other:HEAD', `other:${other.commit}`), { added: [], removed: [], changed: [] });
  t.like(await desk.json(t, 'restore', 'there', '-s', 'work', '--at', 'other:HEAD'), { commit: other.commit });
  t.like(await desk.json(t, 'fork', 'forked', '-s', 'work', '--at', 'other:HEAD'), { commit: other.commit });
  t.is((await desk.failure(t, 3, 'tag', 'x', '-s', 'work', '--at', 'other:HEAD')).code, 'NOT_FOUND');
  await desk.json(t, 'rollback', '-s', 'work', '--to', 'other:HEAD');
  t.like(await desk.json(t, 'restore', 'rolled', '-s', 'work', '--home', 'fresh'), { files: 3 });
  t.is(readFileSync(desk.path('rolled/Default/Cookies'), 'utf8'), 'other');
  t.deepEqual(await desk.json(t, 'verify', '--on', 'remote').then((found) => (found as { findings: unknown[] }).findings), []);
  t.deepEqual(await desk.json(t, 'tag', '-s', 'work', '--delete', 'good'), { deleted: 'good', commit });
  t.deepEqual(await desk.json(t, 'tag', '-s', 'work', '--list'), []);
  t.deepEqual(await desk.json(t, 'tag', '-s', 'work', '--list', '--home', 'fresh'), []);
  const { code, details } = await desk.failure(t, 3, 'tag', '-s', 'work', '--delete', 'good');
  t.deepEqual([code, details], ['NOT_FOUND', { session: 'work', tag: 'good' }]);
});

/** Returns every commit id in a value. */
function idsIn(value: unknown): string[] {
  return (
    JSON.stringify(value)
      .match(/"[0-9a-f]{64}"/g)
      ?.map((id) => id.slice(1, -1)) ?? []
  );
}

test.serial('D1: every commit id that a command prints resolves in every command, locally and on the remote', async (t) => {
  const a = new Desk(t);
  const b = new Desk(t);
  for (const desk of [a, b]) desk.env['BROWSERSTATE_REMOTE'] = pathToFileURL(a.path('remote')).href;
  writeProfile(a);
  await a.json(t, 'snapshot', 'profile', '-s', 'work', '-m', 'first');
  await b.json(t, 'restore', 'profile', '-s', 'work');
  a.write({ 'profile/Default/Cookies': 'from a' });
  await a.json(t, 'snapshot', 'profile', '-s', 'work', '-m', 'from a');
  b.write({ 'profile/Default/Cookies': 'from b' });
  await b.json(t, 'snapshot', 'profile', '-s', 'work', '-m', 'from b', '--no-push');
  const log = await b.json<{ commit: string; parents: string[] }[]>(t, 'log', '-s', 'work');
  const ids = [...new Set(idsIn(log.map(({ commit, parents }) => [commit, ...parents])))];
  t.is(ids.length, 3);
  for (const id of ids) {
    await b.json(t, 'diff', '-s', 'work', 'HEAD', id);
    await b.json(t, 'diff', '-s', 'work', id.slice(0, 12), 'HEAD');
    t.like(await b.json(t, 'restore', `at ${id}`, '-s', 'work', '--at', id), { commit: id });
  }
  const pushed = await b.json<{ commit: string; forkedTo: string }>(t, 'push', '-s', 'work', '--on-conflict', 'fork');
  t.like(await a.json(t, 'restore', 'forked', '-s', pushed.forkedTo, '--at', pushed.commit), { commit: pushed.commit });
});
