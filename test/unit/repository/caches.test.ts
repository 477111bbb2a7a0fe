/**
 * The index and the records, which are caches and notes. If they are damaged or lost, no result
 * changes and nothing fails (R-GC-3).
 */
import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { isError, memoryProvider, type Store } from '../../../src/index.js';
import { noise, prose } from '../../support/content.js';
import { readListing, smallProfile, writeProfile } from '../../support/profile.js';
import { type Content, contentOf, providerOf } from '../../support/provider-content.js';
import { flipped } from '../../support/repository/damage.js';
import { storeIn } from '../../support/store.js';
import { temporary } from '../../support/temporary.js';

interface Subject {
  folder: string;
  content: Content;
  dir: string;
  /** Returns the files of one cache of the local store, relative to it. */
  files(cache: 'index' | 'records'): string[];
  /** Returns a store over a damaged copy of the provider and of the local store. */
  damaged(damage: (home: string) => void): Promise<{ store: Store; folder: string }>;
}

/** Makes two sessions that share content. `folder/profile` is a record's directory. */
async function subject(t: ExecutionContext): Promise<Subject> {
  const folder = temporary(t);
  const provider = memoryProvider();
  const dir = join(folder, 'profile');
  const store = await storeIn(folder, provider);
  writeProfile(dir, smallProfile(prose));
  await store.session('main').commit(dir);
  writeFileSync(join(dir, 'Default', 'History'), noise(70_000, 'more'));
  await store.session('main').commit(dir);
  await store.session('other').commit(dir);
  const content = await contentOf(provider);
  const work = join(folder, 'work');
  return {
    folder,
    content,
    dir,
    files: (cache) => {
      const root = join(folder, 'home', 'tester', '.store', cache);
      return readdirSync(root)
        .filter((name) => statSync(join(root, name)).size > 0)
        .map((name) => join('tester', '.store', cache, name));
    },
    async damaged(damage) {
      rmSync(work, { recursive: true, force: true });
      cpSync(join(folder, 'home'), join(work, 'home'), { recursive: true });
      damage(join(work, 'home'));
      return { store: await storeIn(work, await providerOf(content), 'damaged'), folder: work };
    },
  };
}

/** Commits the directory to a new session, checks the commit out, and verifies the whole store. */
async function commitsWell(t: ExecutionContext, { dir }: Subject, { store, folder }: { store: Store; folder: string }): Promise<void> {
  const session = store.session('third');
  const { changed } = await session.commit(dir);
  t.true(changed);
  await session.checkout(join(folder, 'out'));
  t.deepEqual(readListing(join(folder, 'out')), readListing(dir));
  t.deepEqual((await store.verify({ readData: true })).findings, []);
}

async function tried(t: ExecutionContext, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    t.log(error);
    t.fail(what);
  }
}

test('R-GC-3: a flip anywhere in the index changes no result and fails nothing', async (t) => {
  const made = await subject(t);
  for (const file of made.files('index')) {
    const bytes = readFileSync(join(made.folder, 'home', file));
    // Every byte of short files is damaged, and some bytes of other files, at a distance that hits
    // all kinds of fields.
    for (let at = 0; at < bytes.length; at += bytes.length < 60 ? 1 : 7) {
      const damage = (home: string): void => writeFileSync(join(home, file), flipped(bytes, at));
      await tried(t, `byte ${at} of ${file}`, async () => commitsWell(t, made, await made.damaged(damage)));
    }
  }
});

test('R-GC-3: a file of the index that is lost or cut short changes no result and fails nothing', async (t) => {
  const made = await subject(t);
  for (const file of made.files('index')) {
    const bytes = readFileSync(join(made.folder, 'home', file));
    await tried(t, `${file} lost`, async () => commitsWell(t, made, await made.damaged((home) => rmSync(join(home, file)))));
    for (const length of [0, 1, bytes.length >> 1, bytes.length - 1]) {
      const damage = (home: string): void => writeFileSync(join(home, file), bytes.subarray(0, length));
      await tried(t, `${file} cut to ${length}`, async () => commitsWell(t, made, await made.damaged(damage)));
    }
  }
  const index = join('tester', '.store', 'index');
  await tried(t, 'no index', async () =>
    commitsWell(t, made, await made.damaged((home) => rmSync(join(home, index), { recursive: true }))),
  );
  const replace = (home: string): void => {
    rmSync(join(home, index), { recursive: true });
    writeFileSync(join(home, index), 'a file in its place');
  };
  await tried(t, 'a file for an index', async () => commitsWell(t, made, await made.damaged(replace)));
});

test('a flip anywhere in a record makes its directory an unknown one at worst', async (t) => {
  const made = await subject(t);
  for (const file of made.files('records')) {
    const bytes = readFileSync(join(made.folder, 'home', file));
    for (let at = 0; at < bytes.length; at += 5) {
      const { store } = await made.damaged((home) => writeFileSync(join(home, file), flipped(bytes, at)));
      await tried(t, `byte ${at} of ${file}`, async () => {
        const session = store.session('main');
        t.deepEqual(await session.status(made.dir), { added: [], removed: [], changed: [] });
        t.false((await session.commit(made.dir)).changed);
      });
    }
  }
});

test('a directory whose record is lost is replaced only by force, and then exactly', async (t) => {
  const made = await subject(t);
  const { store } = await made.damaged((home) => rmSync(join(home, 'tester', '.store', 'records'), { recursive: true }));
  const before = readListing(made.dir);
  const error: unknown = await store
    .session('main')
    .checkout(made.dir, { at: 'HEAD~1' })
    .catch((cause: unknown) => cause);
  t.true(isError(error, 'DIRTY'));
  t.deepEqual(readListing(made.dir), before);
  await store.session('main').checkout(made.dir, { at: 'HEAD~1', force: true });
  await store.session('main').checkout(join(made.folder, 'out'), { at: 'HEAD~1' });
  t.deepEqual(readListing(made.dir), readListing(join(made.folder, 'out')));
});
