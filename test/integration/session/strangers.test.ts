/**
 * Files and directories that do not belong to a checkout. A checkout must not change them (SPEC.md
 * R-OUT-3, R-OUT-6, section 15).
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemHost } from '../../../src/base/host.js';
import { openStore, type Session, type Store } from '../../../src/index.js';
import { identityOf } from '../../../src/workspace/checkout/exchange.js';
import { Workspace } from '../../../src/workspace/workspace.js';
import { rejects } from '../../support/errors.js';
import { temporary } from '../../support/temporary.js';

function write(dir: string, files: Record<string, string>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
}

async function begin(t: ExecutionContext): Promise<{ folder: string; home: string; store: Store; session: Session; profile: string }> {
  const folder = temporary(t);
  const home = join(folder, 'home');
  const store = await openStore({ home });
  const profile = join(folder, 'profile');
  write(profile, { 'Local State': '{}', 'Default/Cookies': 'one', 'Default/Preferences': 'one' });
  const session = store.session('s');
  await session.commit(profile);
  return { folder, home, store, session, profile };
}

test('R-OUT-3: replacing other files at the path of a checked-out directory needs force', async (t) => {
  const { folder, session } = await begin(t);
  const dir = join(folder, 'dir');
  await session.checkout(dir);
  rmSync(dir, { recursive: true });
  write(dir, { thesis: 'precious' });
  await rejects(t, () => session.checkout(dir), 'DIRTY');
  t.is(readFileSync(join(dir, 'thesis'), 'utf8'), 'precious');
});

test('R-OUT-3: a directory at the path of a partial checkout is committed as a whole', async (t) => {
  const { folder, session } = await begin(t);
  const dir = join(folder, 'dir');
  await session.checkout(dir, { only: ['Default/Cookies'] });
  rmSync(dir, { recursive: true });
  write(dir, { 'Default/Cookies': 'two', 'Default/History': 'new' });
  await session.commit(dir);
  t.deepEqual(await session.diff('HEAD~1'), {
    added: ['Default/History'],
    removed: ['Default/Preferences', 'Local State'],
    changed: ['Default/Cookies'],
  });
});

test('parts that were checked out one after the other are committed together', async (t) => {
  const { folder, session } = await begin(t);
  const dir = join(folder, 'dir');
  await session.checkout(dir, { only: ['Default/Cookies'] });
  await session.checkout(dir, { only: ['Default/Preferences'] });
  write(dir, { 'Default/Cookies': 'changed' });
  t.true((await session.commit(dir)).changed);
  t.deepEqual((await session.diff('HEAD~1')).changed, ['Default/Cookies']);
});

test('section 15: a link in place of a directory does not lead a checkout out of the target', async (t) => {
  const { folder, session, profile } = await begin(t);
  write(profile, { 'Default/Cache/data': 'cached' });
  await session.commit(profile, { keepCaches: true });
  const dir = join(folder, 'dir');
  const outside = join(folder, 'outside');
  mkdirSync(outside);
  await session.checkout(dir, { at: 'HEAD~1' });
  symlinkSync(outside, join(dir, 'Default/Cache'));
  await session.checkout(dir);
  t.deepEqual(readdirSync(outside), []);
  t.is(readFileSync(join(dir, 'Default/Cache/data'), 'utf8'), 'cached');
});

test('a version with caches is recognized in the directory that it was checked out to', async (t) => {
  const { folder, session, profile } = await begin(t);
  write(profile, { 'Default/Cache/data': 'cached' });
  await session.commit(profile, { keepCaches: true });
  const dir = join(folder, 'dir');
  await session.checkout(dir);
  await t.notThrowsAsync(session.checkout(dir));
});

test('R-WRITE-6: a commit does not name a pack that is lost, but stores its bytes again', async (t) => {
  const { folder, home, store, profile } = await begin(t);
  const packs = join(home, 'default/.store/packs');
  for (const name of readdirSync(packs)) rmSync(join(packs, name));
  const again = await store.session('s').commit(profile);
  t.true(again.changed);
  await store.session('other').commit(profile);
  for (const id of ['s', 'other']) {
    const dir = join(folder, id);
    await store.session(id).checkout(dir);
    t.is(readFileSync(join(dir, 'Default/Cookies'), 'utf8'), 'one');
  }
});

test('R-OUT-10: a directory inside of the store is rejected', async (t) => {
  const { home, session } = await begin(t);
  const packs = join(home, 'default/.store/packs');
  await rejects(t, () => session.checkout(packs, { force: true }), 'USAGE');
  await rejects(t, () => session.commit(packs), 'USAGE');
  t.true(existsSync(packs) && readdirSync(packs).length > 0);
});

test('R-OUT-8: a directory in place of a session of v0 is no target', async (t) => {
  const { home, store, session } = await begin(t);
  for (const place of ['default/x', 'default/x/y']) await rejects(t, () => session.checkout(join(home, place)), 'USAGE', place);
  await rejects(t, () => store.session('x').checkout(join(home, 'elsewhere')), 'NOT_FOUND');
  await t.notThrowsAsync(session.checkout(join(home, 'default/.store/workspaces/x')));
});

test('a link that leads nowhere, or in a circle, is no directory', async (t) => {
  const { folder, session } = await begin(t);
  symlinkSync('nowhere', join(folder, 'dangling'));
  symlinkSync('circle', join(folder, 'circle'));
  for (const dir of ['dangling', 'circle', 'dangling/below', 'x'.repeat(300), 'a\0b']) {
    await rejects(t, () => session.checkout(join(folder, dir)), 'USAGE', dir);
  }
  t.deepEqual(readdirSync(folder).sort(), ['circle', 'dangling', 'home', 'profile']);
});

test('something else in place of the records is reported, and fails no commit', async (t) => {
  const { folder, home, session, profile } = await begin(t);
  const records = join(home, 'default/.store/records');
  rmSync(records, { recursive: true });
  writeFileSync(records, '');
  await rejects(t, () => session.checkout(join(folder, 'dir')), 'USAGE');
  t.false(existsSync(join(folder, 'dir')));
  write(profile, { 'Default/Cookies': 'two' });
  t.true((await session.commit(profile)).changed);
});

test('leftovers of a process that was killed while it wrote a record are removed, and files of a running one are not', async (t) => {
  const { home, session, profile } = await begin(t);
  const records = join(home, 'default/.store/records');
  const before = readdirSync(records).sort();
  const temporaryName = (owner: string): string => `${'ab'.repeat(16)}.json.${'cd'.repeat(8)}.${owner}`;
  const hold = await systemHost.owners(records).hold();
  t.teardown(hold.release);
  const self = hold.name;
  const [dead, living] = [temporaryName(self.replace(/^\d+/, '4194304').replace(/[0-9a-f]{8}@/, '00000000@')), temporaryName(self)];
  for (const name of [dead, living]) writeFileSync(join(records, name), '');
  // The first operation of a newly opened store sweeps.
  await (await openStore({ home })).session(session.id).commit(profile);
  t.deepEqual(readdirSync(records).sort(), [...before, living].sort());
});

test('R-OUT-6: excluded entries below a directory that becomes a file are in the way', async (t) => {
  const { folder, session, profile } = await begin(t);
  write(profile, { 'Default/thing/kept': 'x' });
  await session.commit(profile);
  rmSync(join(profile, 'Default/thing'), { recursive: true });
  write(profile, { 'Default/thing': 'a file' });
  await session.commit(profile);
  const dir = join(folder, 'dir');
  await session.checkout(dir, { at: 'HEAD~1' });
  write(dir, { 'Default/thing/left.log': 'left out' });
  await session.commit(dir, { exclude: ['*.log'] });
  await rejects(t, () => session.checkout(dir, { at: 'HEAD~1' }), 'DIRTY');
  t.is(readFileSync(join(dir, 'Default/thing/left.log'), 'utf8'), 'left out');
  t.false((await session.commit(dir, { exclude: ['*.log'] })).changed);
  await session.checkout(dir, { at: 'HEAD~1', force: true });
  t.is(readFileSync(join(dir, 'Default/thing'), 'utf8'), 'a file');
});

test('R-OUT-2: a kept directory gets new entries and stays the same directory', async (t) => {
  const { folder, session, profile } = await begin(t);
  const dir = join(folder, 'dir');
  mkdirSync(dir);
  const { ino } = statSync(dir);
  await session.checkout(dir, { keepDirectory: true });
  write(dir, { other: 'work' });
  await session.checkout(dir, { keepDirectory: true, force: true });
  t.is(statSync(dir).ino, ino);
  t.deepEqual(readdirSync(dir).sort(), readdirSync(profile).sort());
  await t.notThrowsAsync(session.checkout(dir));
  await session.checkout(join(folder, 'absent'), { keepDirectory: true });
  t.deepEqual(readdirSync(folder).sort(), ['absent', 'dir', 'home', 'profile']);
});

test('R-OUT-3: a directory whose replacement was cut off halfway is settled by a snapshot, and reported by status', async (t) => {
  const { folder, home, session, store } = await begin(t);
  const dir = join(folder, 'dir');
  await session.checkout(dir);
  const stage = join(folder, '.browserstate-1');
  const old = `${stage}-old`;
  const workspace = await Workspace.open(join(home, 'default/.store/records'), dir, systemHost);
  const { record } = workspace;
  write(stage, { 'Local State': '{}', 'Default/Cookies': 'one', 'Default/Preferences': 'new' });
  const [former, fresh] = [identityOf(dir), identityOf(stage)];
  const exchange = { former, fresh, since: String(lstatSync(stage, { bigint: true }).ctimeNs), under: undefined };
  await workspace.write(record, { phase: 'swap', stage, old, previous: record, next: record, ...exchange });
  renameSync(dir, old);
  await rejects(t, () => session.status(dir), 'DIRTY');
  // C5: the status lists the checkout with its leftovers.
  const leftovers = [
    { path: stage, holds: 'the new version' },
    { path: old, holds: 'the former content' },
  ];
  t.deepEqual(await store.unfinishedCheckouts(), [{ dir, session: 's', leftovers }]);
  t.true((await session.commit(dir)).changed);
  t.deepEqual((await session.diff('HEAD~1')).changed, ['Default/Preferences']);
  t.deepEqual(readdirSync(folder).sort(), ['dir', 'home', 'profile']);
});

test('a part of an older version is not committed on a newer one, and the hint says what to do', async (t) => {
  const { folder, session, profile } = await begin(t);
  const part = join(folder, 'part');
  await session.checkout(part, { only: ['Default/Cookies'] });
  write(profile, { 'Default/Preferences': 'two' });
  await session.commit(profile);
  write(part, { 'Default/Cookies': 'two' });
  const { hint } = await rejects(t, () => session.commit(part), 'CONFLICT');
  t.regex(hint ?? '', /another directory/);
});

test('force replaces a directory even if the version that it was made from is damaged', async (t) => {
  const { folder, home, session, profile } = await begin(t);
  const manifests = join(home, 'default/.store/manifests');
  const [first] = readdirSync(manifests);
  write(profile, { 'Default/Cookies': 'two' });
  const dir = join(folder, 'dir');
  await session.checkout(dir);
  await session.commit(profile);
  writeFileSync(join(manifests, first as string), 'damaged');
  await rejects(t, () => session.checkout(dir), 'INTEGRITY');
  await session.checkout(dir, { force: true });
  t.is(readFileSync(join(dir, 'Default/Cookies'), 'utf8'), 'two');
});

test('B6: a pipe in place of a note of this machine blocks nothing, and is not read as a note', async (t) => {
  const folder = temporary(t);
  const home = join(folder, 'home');
  const store = await openStore({ home, userId: 'tester' });
  const dir = join(folder, 'dir');
  write(dir, { 'Local State': '{}', 'Default/Preferences': '{}' });
  await store.session('s').commit(dir);
  const records = join(home, 'tester/.store/records');
  for (const name of readdirSync(records).filter((each) => /\.(?:json|stat)$/.test(each))) {
    rmSync(join(records, name));
    execFileSync('mkfifo', [join(records, name)]);
  }
  t.false((await store.session('s').commit(dir)).changed);
  await store.session('s').checkout(dir, { force: true });
});
