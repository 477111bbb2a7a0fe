/** What must not happen to work, or to places, that are not a checkout's own (SPEC.md R-OUT-3, R-OUT-6, section 15). */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openRepository, type Session, type Store } from '../../src/index.js';
import { rejects } from '../helpers/errors.js';
import { temporary } from '../helpers/temporary.js';

function write(dir: string, files: Record<string, string>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
}

async function begin(t: ExecutionContext): Promise<{ folder: string; home: string; store: Store; session: Session; profile: string }> {
  const folder = temporary(t);
  const home = join(folder, 'home');
  const store = await openRepository({ home });
  const profile = join(folder, 'profile');
  write(profile, { 'Local State': '{}', 'Default/Cookies': 'one', 'Default/Preferences': 'one' });
  const session = store.session('s');
  await session.commit(profile);
  return { folder, home, store, session, profile };
}

test('R-OUT-3: other work at the path of a directory that was checked out needs force', async (t) => {
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

test('section 15: a link in the place of a directory does not lead a checkout out of the target', async (t) => {
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

test('a version with caches is known again in the directory that it was checked out to', async (t) => {
  const { folder, session, profile } = await begin(t);
  write(profile, { 'Default/Cache/data': 'cached' });
  await session.commit(profile, { keepCaches: true });
  const dir = join(folder, 'dir');
  await session.checkout(dir);
  await t.notThrowsAsync(session.checkout(dir));
});

test('a commit does not name a pack that is lost, but stores its bytes again', async (t) => {
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

test('a directory inside of the store is refused', async (t) => {
  const { home, session } = await begin(t);
  const packs = join(home, 'default/.store/packs');
  await rejects(t, () => session.checkout(packs, { force: true }), 'USAGE');
  await rejects(t, () => session.commit(packs), 'USAGE');
  t.true(existsSync(packs) && readdirSync(packs).length > 0);
});
