/**
 * Checkpoints: commits of a directory that a program writes to, and their form in log (SPEC.md
 * 11.7).
 */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { type CommitResult, type LogOptions, memoryProvider, openStore, type Session } from '../../../../src/index.js';
import { noise } from '../../../support/content.js';
import { rejects } from '../../../support/errors.js';
import { fakeHost } from '../../../support/host.js';
import { readListing, smallProfile, writeProfile } from '../../../support/profile.js';
import { changeProfile, edit, profile } from '../../../support/profile-changes.js';
import { holds } from '../../../support/property.js';
import { readCounter, readLevel, startWriter } from '../../../support/session/live.js';
import { freshStore, storeIn } from '../../../support/store.js';
import { machine } from '../../../support/sync/machines.js';
import { temporary, withTemporary } from '../../../support/temporary.js';

const CHECKPOINTS = 20;

/**
 * Takes checkpoints until there are enough. On a busy machine two in three may be skipped. Returns
 * for each checkpoint the number that had been written before it began.
 */
async function takeCheckpoints(t: ExecutionContext, session: Session, dir: string, written: () => number) {
  const taken: { commit: string; before: number }[] = [];
  let skipped = 0;
  while (taken.length < CHECKPOINTS && skipped < 2 * CHECKPOINTS) {
    const before = written();
    const done = await session.checkpoint(dir);
    if (done === undefined) skipped++;
    if (done?.changed) taken.push({ commit: done.commit, before });
  }
  t.is(taken.length, CHECKPOINTS);
  return taken;
}

for (const mode of ['delete', 'truncate', 'wal']) {
  test.serial(`R-LIVE-2: checkpoints of a database that is written to hold it whole (SQLite, journal ${mode})`, async (t) => {
    const { session, folder } = await freshStore(t);
    const dir = join(folder, 'profile');
    mkdirSync(join(dir, 'Default'), { recursive: true });
    const writer = await startWriter(t, 'sqlite-writer.js', join(dir, 'Default/History'), mode);
    const taken = await takeCheckpoints(t, session, dir, writer.written);
    await writer.stop();
    for (const { commit, before } of taken) {
      const out = join(folder, commit);
      await session.checkout(out, { at: commit });
      const n = readCounter(t, join(out, 'Default/History'));
      t.true(n >= before, `${n} where ${before} was committed before`);
    }
  });
}

test.serial('R-LIVE-3: checkpoints of a LevelDB that is written to hold the beginning of what was written', async (t) => {
  const { session, folder } = await freshStore(t);
  const dir = join(folder, 'profile');
  const path = 'Default/Local Storage/leveldb';
  mkdirSync(join(dir, 'Default/Local Storage'), { recursive: true });
  const writer = await startWriter(t, 'leveldb-writer.js', join(dir, path));
  const taken = await takeCheckpoints(t, session, dir, writer.written);
  await writer.stop();
  for (const { commit, before } of taken) {
    const out = join(folder, commit);
    await session.checkout(out, { at: commit });
    const n = await readLevel(t, join(out, path));
    t.true(n >= before, `${n} where ${before} was written before`);
  }
});

/** Returns a committed profile without a browser. Its files are older than any reading of them. */
async function begun(t: ExecutionContext): Promise<{ session: Session; folder: string; dir: string; first: CommitResult }> {
  const { session, folder } = await freshStore(t);
  const dir = join(folder, 'profile');
  writeProfile(dir, smallProfile(noise));
  return { session, folder, dir, first: await session.commit(dir, { message: 'first' }) };
}

async function logged(session: Session, options: LogOptions = {}): Promise<string[]> {
  const messages: string[] = [];
  for await (const { message, labels } of session.log(options)) messages.push(`${message}${labels['checkpoint'] ?? ''}`);
  return messages;
}

/** Returns the lstat facts of all files below a directory, without their access times. */
function facts(dir: string): string {
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort();
  return names
    .map((name) => lstatSync(join(dir, name), { bigint: true }))
    .map(({ ino, size, mode, mtimeNs, ctimeNs, nlink }) => [ino, size, mode, mtimeNs, ctimeNs, nlink].join(' '))
    .join('\n');
}

test('R-LIVE-5: a checkpoint is a commit on the head that is marked live, and leaves the directory unchanged', async (t) => {
  const folder = temporary(t);
  const dir = join(folder, 'profile');
  writeProfile(dir, smallProfile(noise));
  const host = { ...fakeHost(), isAlive: () => true, defaultHome: () => folder };
  const session = (await openStore({ home: memoryProvider(), host })).session('main');
  const first = await session.commit(dir);
  appendFileSync(join(dir, 'Default/Cookies'), 'changed');
  // No process on Linux has this number, so nothing proves that the lock is not a browser's.
  symlinkSync('machine-999999999', join(dir, 'SingletonLock'));
  await rejects(t, () => session.commit(dir), 'BUSY');
  const before = facts(dir);
  const done = await session.checkpoint(dir, { message: 'in the middle', labels: { a: 'b' } });
  t.is(facts(dir), before);
  t.true(done?.changed);
  t.is(done?.parent, first.commit);
  const entry = await session.resolve('HEAD');
  t.deepEqual([entry.commit, entry.labels, entry.op], [done?.commit, { a: 'b', checkpoint: 'live' }, 'commit']);
  t.deepEqual(await session.status(dir), { added: [], removed: [], changed: [] });
});

test('R-LIVE-5: an unchanged directory gets no checkpoint', async (t) => {
  const { session, dir, first } = await begun(t);
  t.like(await session.checkpoint(dir), { changed: false, commit: first.commit });
  appendFileSync(join(dir, 'Default/Cookies'), 'changed');
  const done = await session.checkpoint(dir);
  t.like(await session.checkpoint(dir), { changed: false, commit: done?.commit });
});

test('R-LIVE-5: a checkpoint copies the changed files, leaves no copy behind, and caches nothing about the files', async (t) => {
  const { session, folder, dir } = await begun(t);
  const records = join(folder, 'home/tester/.store/records');
  const stat = (): string => readFileSync(join(records, readdirSync(records).find((name) => name.endsWith('.stat')) ?? ''), 'latin1');
  const before = stat();
  const copies = join(records, 'checkpoints');
  for (const what of ['one', 'two']) {
    appendFileSync(join(dir, 'Default/Cookies'), what);
    t.true((await session.checkpoint(dir))?.changed);
    t.deepEqual(readdirSync(copies), []);
  }
  t.is(statSync(copies).mode & 0o777, 0o700);
  t.is(stat(), before);
});

test('R-LIVE-1: nothing is committed if a file changes all the time', async (t) => {
  const { session, folder, dir, first } = await begun(t);
  // The file is large enough that other work runs during its copy.
  truncateSync(join(dir, 'Default/History'), 32 * 1024 * 1024);
  const journal = openSync(join(dir, 'Default/History-journal'), 'w');
  let writing = true;
  const write = (): void => {
    writeSync(journal, 'written', 0);
    if (writing) setImmediate(write);
    else closeSync(journal);
  };
  write();
  t.is(await session.checkpoint(dir), undefined);
  writing = false;
  t.is((await session.resolve('HEAD')).commit, first.commit);
  t.deepEqual(readdirSync(join(folder, 'home/tester/.store/records/checkpoints')), []);
});

test('a checkpoint of an unexpectedly small directory, of a part of a version, and of nothing fails as a commit does', async (t) => {
  const { session, folder, dir } = await begun(t);
  const part = join(folder, 'part');
  await session.checkout(part, { only: ['Default/Cookies'] });
  await rejects(t, () => session.checkpoint(part), 'USAGE');
  rmSync(join(dir, 'Default'), { recursive: true });
  await rejects(t, () => session.checkpoint(dir), 'SHRUNK');
  await rejects(t, () => session.checkpoint(join(folder, 'none')), 'NOT_FOUND');
});

test('R-LIVE-6: log leaves out checkpoints below an ordinary commit, unless a tag names them or they are requested', async (t) => {
  const { session, dir } = await begun(t);
  const change = (what: string): void => appendFileSync(join(dir, 'Default/Cookies'), what);
  for (const message of ['one ', 'two ', 'three ']) {
    change(message);
    await session.checkpoint(dir, { message, tag: message === 'two ' ? 'good' : undefined });
  }
  t.deepEqual(await logged(session), ['three live', 'two live', 'one live', 'first']);
  change('final');
  const final = await session.commit(dir, { message: 'final' });
  t.deepEqual(await logged(session), ['final', 'two live', 'first']);
  t.deepEqual(await logged(session, { limit: 2 }), ['final', 'two live']);
  t.deepEqual(await logged(session, { checkpoints: true }), ['final', 'three live', 'two live', 'one live', 'first']);
  const squashed: (true | undefined)[] = [];
  for await (const entry of session.log({ checkpoints: true })) squashed.push(entry.squashed);
  t.deepEqual(squashed, [undefined, true, undefined, true, undefined]);
  t.is((await session.resolve('HEAD~2')).message, 'two ');
  t.is(final.parent, (await session.resolve('HEAD~1')).commit);
  await session.rollback('HEAD~1', { message: 'back' });
  t.deepEqual(await logged(session), ['back', 'final', 'two live', 'first']);
});

test('R-LIVE-6: a commit with the tree of the last checkpoint is a new commit', async (t) => {
  const { session, dir } = await begun(t);
  appendFileSync(join(dir, 'Default/Cookies'), 'changed');
  const live = await session.checkpoint(dir);
  const final = await session.commit(dir, { message: 'final' });
  t.true(final.changed);
  t.is(final.tree, live?.tree ?? 'none');
  t.deepEqual(await logged(session), ['final', 'first']);
  t.false((await session.commit(dir)).changed);
});

test('R-LIVE-6: checkpoints are pushed as they are made, and commits that do not follow the remote head hide none of them', async (t) => {
  const remote = memoryProvider();
  const [a, b] = [await machine(t, remote), await machine(t, remote)];
  const dir = a.profile();
  await a.session.commit(dir, { message: 'first' });
  await a.session.push();
  const other = b.directory();
  await b.session.checkout(other);
  appendFileSync(join(dir, 'Default/Cookies'), 'of a');
  await a.session.checkpoint(dir);
  t.is((await a.session.push()).commits, 1);
  t.deepEqual(await logged(b.session), ['live', 'first']);
  appendFileSync(join(other, 'Default/Cookies'), 'of b');
  await b.session.commit(other, { message: 'not pushed' });
  t.deepEqual(await logged(b.session), ['not pushed', 'live', 'first']);
  const heads: boolean[] = [];
  for await (const { head } of b.session.log()) heads.push(head ?? false);
  t.deepEqual(heads, [false, true, false]);
});

test('R-LIVE-5: a checkpoint of an idle directory has the tree of a commit', async (t) => {
  const law = fc.asyncProperty(profile, fc.array(edit, { maxLength: 6 }), async (first, edits) => {
    await withTemporary(async (folder) => {
      const store = await storeIn(folder);
      const dir = join(folder, 'profile');
      writeProfile(dir, first);
      const session = store.session('main');
      await session.commit(dir, { allowShrink: true });
      changeProfile(
        dir,
        first,
        edits.reduce((before, { apply }) => apply(before), first),
      );
      const live = await session.checkpoint(dir, { allowShrink: true });
      const { tree } = await store.session('other').commit(dir, { allowShrink: true });
      assert.equal(live?.changed ? live.tree : tree, tree);
      const out = join(folder, 'out');
      if (live?.changed) await session.checkout(out);
      if (live?.changed) assert.deepEqual(readListing(out), readListing(dir));
    });
  });
  await holds(t, law, { numRuns: 20 });
});
