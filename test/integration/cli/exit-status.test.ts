/**
 * Every exit status, each with a real cause. A failed command reports the error in both forms, and
 * leaves the store unchanged.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { exitStatus } from '../../../cli/failure.js';
import { systemHost } from '../../../src/base/host.js';
import { openStore } from '../../../src/index.js';
import { Desk, main, outcome, writeProfile } from '../../support/cli.js';
import { readText } from '../../support/docs/blocks.js';

const onLinux = process.platform === 'linux' ? test.serial : test.skip;

async function withSession(t: ExecutionContext): Promise<Desk> {
  const desk = new Desk(t);
  writeProfile(desk);
  await desk.json(t, 'snapshot', 'profile', '-s', 'work');
  return desk;
}

test.serial('every error code ends the command with its status in docs/errors.md', (t) => {
  const rows = readText('docs/errors.md').matchAll(/^\| `([A-Z_]+)` \| (\d+) \|(?: \S[^|]*\|){3}$/gm);
  const promised = [...rows].map(([, code, status]) => [code, Number(status)]);
  t.deepEqual(exitStatus, Object.fromEntries(promised) as typeof exitStatus);
});

onLinux('1: an unreadable file aborts a snapshot and is named', async (t) => {
  const desk = await withSession(t);
  const before = await desk.json(t, 'log', '-s', 'work');
  closeSync(openSync(Buffer.concat([Buffer.from(`${desk.path('profile/Default')}/bad-`), Buffer.from([0xff])]), 'w'));
  const { code, message, hint } = await desk.failure(t, 1, 'snapshot', 'profile', '-s', 'work');
  t.is(code, 'UNREADABLE');
  t.regex(message, /Default\/bad-.*not UTF-8 but the bytes bad-\\xff/);
  t.regex(hint ?? '', /--exclude/);
  t.deepEqual(await desk.json(t, 'log', '-s', 'work'), before);
});

test.serial('2: ids that cannot be', async (t) => {
  const desk = await withSession(t);
  for (const id of ['../../evil', '', '.hidden', 'a/b', 'ü', 'x'.repeat(129)])
    t.is((await desk.failure(t, 2, 'log', `--session=${id}`)).code, 'USAGE', id);
  t.is((await desk.failure(t, 2, 'sessions', '--user', '../evil')).code, 'USAGE');
  t.is((await desk.failure(t, 2, 'fork', '-s', 'work', '../../evil')).code, 'USAGE');
  for (const name of ['HEAD', '@now', 'abcdef']) t.is((await desk.failure(t, 2, 'tag', name, '-s', 'work')).code, 'USAGE', name);
  t.deepEqual(readdirSync(desk.dir).sort(), ['home', 'profile']);
});

/**
 * Returns four digits with which two commits begin. By the birthday paradox, a few hundred commits
 * have such a pair.
 */
async function ambiguousPrefix(desk: Desk): Promise<string> {
  let now = Date.UTC(2026, 0, 1);
  const store = await openStore({ home: desk.home, host: { ...systemHost, now: () => now++, author: () => 'test' } });
  const seen = new Set<string>();
  let prefix = '';
  while (!seen.has(prefix)) {
    seen.add(prefix);
    prefix = (await store.session('work').rollback('HEAD')).commit.slice(0, 4);
  }
  await store.close();
  return prefix;
}

test.serial('2: an ambiguous prefix, an invalid revision', async (t) => {
  const desk = await withSession(t);
  const prefix = await ambiguousPrefix(desk);
  const { code, message } = await desk.failure(t, 2, 'restore', 'there', '-s', 'work', '--at', prefix);
  t.is(code, 'USAGE');
  t.regex(message, new RegExp(`prefix of one commit.*found 2: ${prefix}[0-9a-f]{8}, ${prefix}`));
  for (const revision of [prefix.slice(0, 3), '~1', '@sometime']) {
    t.regex((await desk.failure(t, 2, 'diff', '-s', 'work', revision)).message, /^expected a revision, found/, revision);
  }
});

test.serial('2: a file in place of a directory', async (t) => {
  const desk = await withSession(t);
  for (const command of ['snapshot', 'status', 'restore']) {
    t.is((await desk.failure(t, 2, command, 'profile/Local State/x', '-s', 'work')).code, 'USAGE', command);
    const { code, message } = await desk.failure(t, 2, command, 'profile/Local State', '-s', 'work');
    t.is(code, 'USAGE', command);
    t.regex(message, /Local State.*expected a directory|expected a directory.*Local State/);
  }
});

test.serial('2: a directory that holds the store', async (t) => {
  const desk = await withSession(t);
  const before = await desk.json(t, 'verify', '--read-data');
  for (const dir of ['.', 'home', 'home/default', '/']) {
    t.is((await desk.failure(t, 2, 'restore', dir, '-s', 'work', '--force')).code, 'USAGE', dir);
  }
  symlinkSync(desk.dir, desk.path('profile/loop'));
  t.is((await desk.failure(t, 2, 'snapshot', 'profile/loop', '-s', 'work')).code, 'USAGE');
  t.deepEqual(await desk.json(t, 'verify', '--read-data'), before);
});

test.serial('2: an empty text for a directory does not mean the working directory', async (t) => {
  const desk = await withSession(t);
  for (const command of ['restore', 'snapshot', 'status']) t.is((await desk.failure(t, 2, command, '', '-s', 'work')).code, 'USAGE');
});

test.serial('2: features of a later version', async (t) => {
  const desk = await withSession(t);
  t.is((await desk.failure(t, 2, 'init', '--encrypt')).code, 'UNSUPPORTED');
});

test.serial('3: absent sessions and revisions', async (t) => {
  const desk = await withSession(t);
  const missing = [
    ['snapshot', 'nowhere', '-s', 'work'],
    ['status', 'nowhere', '-s', 'work'],
    ['log', '-s', 'nobody'],
    ['delete', '-s', 'nobody'],
    ['restore', 'there', '-s', 'nobody'],
    ['restore', 'there', '-s', 'work', '--at', 'no-such-tag'],
    ['restore', 'there', '-s', 'work', '--at', 'HEAD~1'],
    ['restore', 'there', '-s', 'work', '--at', 'deadbeef'],
    ['restore', 'there', '-s', 'work', '--at', '@1999-01-01'],
    ['restore', 'there', '-s', 'work', '--only', 'Default/Nothing'],
    ['diff', '-s', 'work', 'HEAD~7'],
    ['rollback', '-s', 'work', '--to', 'HEAD~7'],
  ];
  for (const args of missing) t.is((await desk.failure(t, 3, ...args)).code, 'NOT_FOUND', args.join(' '));
  t.deepEqual(readdirSync(desk.dir).sort(), ['home', 'profile']);
});

onLinux('3: a current directory that was removed', async (t) => {
  const desk = await withSession(t);
  mkdirSync(desk.path('gone'));
  const removeFirst = `rmdir ../gone; exec "$0" "$@"`;
  const { stderr, status } = await outcome(
    spawn('sh', ['-c', removeFirst, process.execPath, main, 'restore', '.', '-s', 'work'], { cwd: desk.path('gone'), env: desk.env }),
  );
  t.is(status, 3);
  t.regex(stderr, /^error: .*was removed\nhint: /);
});

test.serial('4: a session that exists is not forked over', async (t) => {
  const desk = await withSession(t);
  t.is((await desk.failure(t, 4, 'fork', 'work', '-s', 'work')).code, 'CONFLICT');
});

/** Returns the path of the only file of a kind in the store. */
function storedObject(desk: Desk, folder: string): string {
  const [name] = readdirSync(join(desk.home, 'default/.store', folder));
  return join(desk.home, 'default/.store', folder, name as string);
}

test.serial('5: damage is rejected, found and named', async (t) => {
  const desk = await withSession(t);
  const pack = storedObject(desk, 'packs');
  const bytes = readFileSync(pack);
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 40) ^ 1, bytes.length - 40);
  writeFileSync(pack, bytes);
  t.is((await desk.failure(t, 5, 'restore', 'there', '-s', 'work')).code, 'INTEGRITY');
  t.deepEqual(readdirSync(desk.dir).sort(), ['home', 'profile']);
  const found = await desk.run('verify', '--read-data', '--json');
  t.deepEqual([found.status, found.stderr], [5, '']);
  const { findings } = JSON.parse(found.stdout) as { findings: { key: string; sessions: string[] }[] };
  t.true(findings.length > 0 && findings.every(({ key, sessions }) => key.startsWith('packs/') && sessions[0] === 'work'));
  const forHuman = await desk.run('verify', '--read-data');
  t.is(forHuman.status, 5);
  t.regex(forHuman.stdout, /^packs\/.*\(needed by work\)\n(.*\n)*\d findings?\n$/);
  rmSync(pack);
  t.is((await desk.run('verify')).status, 5);
});

test.serial('5: a newer version', async (t) => {
  const desk = await withSession(t);
  const manifest = storedObject(desk, 'manifests');
  const content = readFileSync(manifest).subarray(0, -32);
  content.writeUInt8(2, 2);
  writeFileSync(manifest, Buffer.concat([content, createHash('sha256').update(content).digest()]));
  t.is((await desk.failure(t, 5, 'restore', 'there', '-s', 'work')).code, 'NEWER_VERSION');
});

onLinux('6: a path that the system forbids', async (t) => {
  const desk = await withSession(t);
  t.is((await desk.failure(t, 6, 'restore', '/sys/browserstate-test/there', '-s', 'work')).code, 'FORBIDDEN');
});

test.serial('7: an empty directory over a good version', async (t) => {
  const desk = await withSession(t);
  mkdirSync(desk.path('empty'));
  const { code, hint } = await desk.failure(t, 7, 'snapshot', 'empty', '-s', 'work');
  t.is(code, 'SHRUNK');
  t.regex(hint ?? '', /--allow-shrink/);
  t.is((await desk.json<{ files: number }>(t, 'snapshot', 'empty', '-s', 'work', '--allow-shrink')).files, 0);
});

test.serial('7: a directory with other files in it', async (t) => {
  const desk = await withSession(t);
  desk.write({ 'mine/thesis': 'precious' });
  const { code, hint } = await desk.failure(t, 7, 'restore', 'mine', '-s', 'work');
  t.is(code, 'DIRTY');
  t.regex(hint ?? '', /--force/);
  t.is(readFileSync(desk.path('mine/thesis'), 'utf8'), 'precious');
});

onLinux('7, R-OUT-5: a directory that a running browser uses', async (t) => {
  const desk = await withSession(t);
  const browser = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)', '--', `--user-data-dir=${desk.path('profile')}`], {
    stdio: 'ignore',
  });
  t.teardown(() => browser.kill('SIGKILL'));
  await once(browser, 'spawn');
  symlinkSync(`${hostname()}-${browser.pid}`, desk.path('profile/SingletonLock'));
  t.is((await desk.failure(t, 7, 'snapshot', 'profile', '-s', 'work')).code, 'BUSY');
  t.is((await desk.failure(t, 7, 'restore', 'profile', '-s', 'work', '--force')).code, 'BUSY');
});

test.serial('7: a session of v0', async (t) => {
  const desk = await withSession(t);
  desk.write({ 'home/default/old/Default/Cookies': 'cookies' });
  for (const args of [
    ['restore', 'there', '-s', 'old'],
    ['snapshot', 'profile', '-s', 'old'],
    ['log', '-s', 'old'],
  ]) {
    t.is((await desk.failure(t, 7, ...args)).code, 'LEGACY_SESSION', args.join(' '));
  }
});
