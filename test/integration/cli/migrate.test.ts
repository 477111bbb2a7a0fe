/**
 * `migrate` in both forms: from the local store, a folder and a bucket, with sessions that cannot
 * be imported.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { utf8 } from '../../../src/base/bytes.js';
import { Desk, writeProfile } from '../../support/cli.js';
import { startS3Server } from '../../support/servers/s3-server.js';

interface Moved {
  session: string;
  files: number;
  bytes: number;
  commit: string | null;
  migrated: boolean;
  excluded: { files: number; bytes: number };
}

/** Returns a desk with two sessions of v0. One of them has a name that is invalid here. */
function withOld(t: ExecutionContext, at = 'home'): Desk {
  const desk = new Desk(t);
  for (const name of ['s1', 's10']) writeProfile(desk, `${at}/default/${name}`);
  desk.write({ [`${at}/default/s10/Default/Cookies`]: 'of ten' });
  return desk;
}

test.serial('everything is imported, once, and the old files stay', async (t) => {
  const desk = withOld(t);
  t.regex((await desk.failure(t, 7, 'restore', 'there', '-s', 's1')).hint ?? '', /`browserstate migrate -s s1`/);
  const planned = await desk.json<Moved[]>(t, 'migrate', '--dry-run');
  t.like(planned, [
    { session: 's1', files: 4, commit: null, migrated: false },
    { session: 's10', files: 4, commit: null },
  ]);
  t.false(existsSync(desk.path('home/default/.store')), 'nothing was done');
  const moved = await desk.json<Moved[]>(t, 'migrate');
  t.deepEqual(
    moved.map(({ session, files, bytes, migrated, excluded }) => ({ session, files, bytes, migrated, excluded })),
    [
      { session: 's1', files: 4, bytes: 22, migrated: true, excluded: { files: 1, bytes: 6 } },
      { session: 's10', files: 4, bytes: 21, migrated: true, excluded: { files: 1, bytes: 6 } },
    ],
  );
  for (const [session, cookies] of [
    ['s1', 'cookies'],
    ['s10', 'of ten'],
  ] as const) {
    await desk.json(t, 'restore', `there-${session}`, '-s', session);
    t.is(readFileSync(desk.path(`there-${session}/Default/Cookies`), 'utf8'), cookies);
    t.is(readFileSync(desk.path(`home/default/${session}/Default/Cookies`), 'utf8'), cookies);
  }
  const again = await desk.json<Moved[]>(t, 'migrate', '--all');
  t.deepEqual(
    again.map(({ commit, migrated }) => [commit, migrated]),
    moved.map(({ commit }) => [commit, false]),
  );
  const { stdout } = await desk.run('migrate', '-s', 's1');
  t.regex(stdout, /^nothing to migrate of s1: 4 files, 22 B are in [0-9a-f]{12}\n$/);
  t.deepEqual((await desk.json<{ message: string }[]>(t, 'log', '-s', 's1'))[0]?.message, `migrated from file://${desk.home}/default/s1`);
});

test.serial('a session that cannot be imported is reported, and the others are imported', async (t) => {
  const desk = withOld(t);
  desk.write({ 'home/default/my session/Cookies': 'x' });
  desk.write({ 'home/default/a\\b/c': 'x', 'home/default/s2/a\\b': 'x' });
  const { status, stdout, stderr } = await desk.run('migrate');
  t.is(status, 2);
  t.regex(stdout, /^migrated s1: .*, less 1 file that snapshots leave out; it is at [0-9a-f]{12}\nmigrated s10: .*\n$/);
  t.regex(stderr, /error: expected a session id, found "my session"\nhint: .*\n/);
  t.regex(stderr, /error: cannot take "a\\\\b" into a snapshot: .*\nhint: Rename it, .*\n/);
  const asJson = await desk.run('migrate', '--json');
  t.deepEqual([asJson.status, asJson.stderr], [2, '']);
  const outcomes = JSON.parse(asJson.stdout) as { session: string; error?: { code: string } }[];
  t.deepEqual(
    outcomes.map(({ session, error }) => [session, error?.code]),
    [
      ['a\\b', 'USAGE'],
      ['my session', 'USAGE'],
      ['s1', undefined],
      ['s10', undefined],
      ['s2', 'UNREADABLE'],
    ],
  );
});

test.serial('a session with other files, an absent one, and both choices at once', async (t) => {
  const desk = withOld(t);
  await desk.json(t, 'migrate', '-s', 's1');
  writeFileSync(desk.path('home/default/s1/Default/Cookies'), 'changed by v0');
  t.regex((await desk.failure(t, 4, 'migrate', '-s', 's1')).message, /^session s1 is in the store with other files than file:/);
  t.is((await desk.failure(t, 3, 'migrate', '-s', 's')).code, 'NOT_FOUND');
  t.is((await desk.failure(t, 3, 'migrate', '-s', 's', '--dry-run')).code, 'NOT_FOUND');
  t.regex((await desk.failure(t, 2, 'migrate', '-s', 's', '--all')).message, /found both/);
  t.regex((await desk.run('migrate', '--user', 'alice')).stderr, /^User alice has no sessions of browserstate v0 in .*home\.\n$/);
});

test.serial('a session that was deleted since is left alone', async (t) => {
  const desk = withOld(t);
  await desk.json(t, 'migrate');
  await desk.json(t, 'delete', '-s', 's1');
  const { stdout, stderr } = await desk.run('migrate');
  t.regex(stdout, /^nothing to migrate of s10: .*\n$/);
  t.regex(stderr, /^warning: s1 was deleted here, and is left alone; .*\n$/);
  t.like(await desk.json(t, 'migrate'), [{ session: 's1', skipped: 'deleted' }, { session: 's10' }]);
  t.like(await desk.json(t, 'migrate', '-s', 's1'), [{ session: 's1', migrated: true }]);
});

test.serial('from a folder as the remote, for another machine', async (t) => {
  const desk = withOld(t, 'remote');
  desk.env['BROWSERSTATE_REMOTE'] = pathToFileURL(desk.path('remote')).href;
  t.like(await desk.json(t, 'migrate'), [
    { session: 's1', files: 4 },
    { session: 's10', files: 4 },
  ]);
  const other = new Desk(t);
  other.env['BROWSERSTATE_REMOTE'] = desk.env['BROWSERSTATE_REMOTE'];
  t.like(await other.json(t, 'restore', 'there', '-s', 's1'), { files: 3 });
  t.like(await other.json(t, 'migrate'), [
    { session: 's1', migrated: false },
    { session: 's10', migrated: false },
  ]);
});

test.serial('from a bucket of S3, by its address', async (t) => {
  const server = await startS3Server();
  t.teardown(() => server.close());
  const { endpoint, bucket, credentials } = server.options;
  server.store.plant('team/default/work/Local State', utf8('{}'));
  server.store.plant('team/default/work/Default/Cookies', utf8('cookies'));
  const old = server.store.names();
  const desk = new Desk(t);
  const { accessKeyId, secretAccessKey } = credentials as { accessKeyId: string; secretAccessKey: string };
  Object.assign(desk.env, { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey });
  desk.env['BROWSERSTATE_REMOTE'] = `s3://${bucket}/team?region=us-east-1&pathStyle=true&endpoint=${endpoint}`;
  t.is((await desk.failure(t, 7, 'restore', 'there', '-s', 'work')).code, 'LEGACY_SESSION');
  t.like(await desk.json(t, 'migrate', '-s', 'work'), [{ session: 'work', files: 2, bytes: 9, migrated: true }]);
  await desk.json(t, 'restore', 'there', '-s', 'work');
  t.is(readFileSync(desk.path('there/Default/Cookies'), 'utf8'), 'cookies');
  t.true(old.every((name) => server.store.names().includes(name)));
});
