/**
 * The operations of the crash tests. Each operation changes a repository, and has its own initial
 * state.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { memoryProvider, type Provider, type Store } from '../../../src/index.js';
import { prose, withPages } from '../content.js';
import { readListing, smallProfile, writeProfile } from '../profile.js';
import { type Content, contentOf } from '../provider-content.js';
import { storeIn } from '../store.js';

export interface Operation {
  /** The content of the repository before the operation. */
  before: Content;
  run(store: Store): Promise<unknown>;
}

/** Returns all operations, with their directories below `folder`. */
export async function operations(folder: string): Promise<Record<string, Operation>> {
  const dir = join(folder, 'profile');
  writeProfile(dir, smallProfile(prose));
  const provider = memoryProvider();
  const store = await storeIn(join(folder, 'preparation'), provider);
  const none = await contentOf(provider);
  await store.session('main').commit(dir, { message: 'first' });
  const one = await contentOf(provider);
  writeFileSync(join(dir, 'Default', 'Cookies'), withPages(prose(20_480, 'cookies'), [1], 'edit'));
  const edited = join(folder, 'edited');
  await store.session('main').checkout(edited);
  writeFileSync(join(edited, 'Default', 'Cookies'), withPages(prose(20_480, 'cookies'), [1], 'edit'));
  await store.session('main').commit(edited, { message: 'second' });
  const two = await contentOf(provider);
  const session = (from: Store): ReturnType<Store['session']> => from.session('main');
  return {
    'first commit': { before: none, run: (from) => session(from).commit(dir, { message: 'first' }) },
    'second commit': { before: one, run: (from) => session(from).commit(edited, { message: 'second' }) },
    'commit with a tag': { before: one, run: (from) => session(from).commit(edited, { message: 'second', tag: 'good' }) },
    rollback: { before: two, run: (from) => session(from).rollback('HEAD~1') },
    fork: { before: two, run: (from) => session(from).fork('copy', { at: 'HEAD~1' }) },
    tag: { before: two, run: (from) => session(from).tag('good', { at: 'HEAD~1' }) },
    delete: { before: two, run: (from) => session(from).delete() },
  };
}

/** Returns everything that a user can see of the repository, read by a newly opened store. */
export async function visible(folder: string, provider: Provider): Promise<string> {
  const store = await storeIn(folder, provider, 'looking');
  const seen: unknown[] = [];
  for await (const { session: name } of store.sessions()) {
    const session = store.session(name);
    const versions: unknown[] = [];
    for await (const { op, message, tree, tags } of session.log()) versions.push({ op, message, tree, tags });
    const out = join(folder, `out-${name}`);
    await session.checkout(out);
    seen.push({ name, versions, head: [...readListing(out)] });
  }
  return JSON.stringify(seen, null, 1);
}
