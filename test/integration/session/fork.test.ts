/**
 * Failed forks (R-WRITE-5, R-SYNC-11). They leave no ref, and a fork never names history that
 * cannot be read.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type ErrorCode, localProvider, memoryProvider, openStore, type Provider, type Store } from '../../../src/index.js';
import { rejects } from '../../support/errors.js';
import { fakeHost } from '../../support/host.js';
import { host } from '../../support/provider/folders.js';
import { history } from '../../support/store.js';
import { temporary } from '../../support/temporary.js';

/**
 * A message so long that the ref has no room for the entries of all commits. The oldest entries are
 * in a segment.
 */
const LONG = 'm'.repeat(4_000);
const COMMITS = 18;

interface Side {
  folder: string;
  /** The store that is changed: the local store, or the remote. */
  provider: Provider;
  open: () => Promise<Store>;
}

/**
 * Returns a session with segments. Each store is opened anew, so that nothing of them is cached.
 */
const sides: Record<string, (t: ExecutionContext) => Promise<Side>> = {
  'the local store': async (t) => begin(t, memoryProvider()),
  // A change of a bucket looks for damage now and then.
  'a remote folder': async (t) => begin(t, memoryProvider(), localProvider(temporary(t), host)),
};

async function begin(t: ExecutionContext, home: Provider, remote?: Provider): Promise<Side> {
  const folder = temporary(t);
  let opened = 0;
  const open = () => {
    const host = { ...fakeHost(`store ${opened++}`), defaultHome: () => join(folder, 'home') };
    return openStore({ home, remote, userId: 'tester', host, transfer: { maxRetries: 0 } });
  };
  const store = await open();
  const session = store.session('main');
  const dir = join(folder, 'profile');
  mkdirSync(dir);
  for (let i = 0; i < COMMITS; i++) {
    writeFileSync(join(dir, 'file'), String(i));
    await session.commit(dir, { message: LONG });
  }
  if (remote !== undefined) await session.push();
  await store.close();
  return { folder, provider: remote ?? home, open };
}

async function keysOf(provider: Provider, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of provider.list(`tester/.store/${prefix}`)) keys.push(key);
  return keys.sort();
}

const damages: Record<string, (provider: Provider, key: string) => Promise<void>> = {
  gone: (provider, key) => provider.delete(key),
  broken: async (provider, key) => {
    const bytes = Uint8Array.from(await provider.get(key));
    bytes[bytes.length >> 1] = ~(bytes[bytes.length >> 1] ?? 0);
    await provider.delete(key);
    await provider.put(key, bytes);
  },
};

/** Revisions that name nothing. */
const refused: Record<string, ErrorCode> = { nosuch: 'NOT_FOUND', ['0'.repeat(64)]: 'NOT_FOUND', 'HEAD~99': 'NOT_FOUND', '~': 'USAGE' };

for (const [side, make] of Object.entries(sides)) {
  test(`R-WRITE-5: a fork in ${side} of an absent revision leaves nothing`, async (t) => {
    const { provider, open } = await make(t);
    const store = await open();
    t.teardown(() => store.close());
    const before = await keysOf(provider, '');
    for (const [at, code] of Object.entries(refused)) {
      await rejects(t, () => store.session('main').fork('copy', { at }), code, at);
      t.deepEqual(await keysOf(provider, ''), before, at);
    }
  });

  for (const [how, damage] of Object.entries(damages)) {
    test(`R-SYNC-11: a fork in ${side} of a session with a segment that is ${how} is INTEGRITY, and leaves nothing`, async (t) => {
      const { folder, provider, open } = await make(t);
      const segments = await keysOf(provider, 'segments/');
      t.true(segments.length > 0);
      const whole = await open();
      await whole.session('main').fork('whole');
      t.is((await history(whole.session('whole'))).length, COMMITS);
      await whole.close();
      for (const key of segments) await damage(provider, key);
      const before = await keysOf(provider, '');
      const store = await open();
      t.teardown(() => store.close());
      const { message } = await rejects(t, () => store.session('main').fork('copy'), 'INTEGRITY');
      t.regex(message, /segments\//);
      t.deepEqual(await keysOf(provider, ''), before);
      // The version itself is undamaged.
      await t.notThrowsAsync(() => store.session('main').checkout(join(folder, 'out')));
    });
  }
}

test('R-MOUNT-3: changes of a mount whose session moved are kept even if the history of its conflict session is damaged', async (t) => {
  const { provider, open } = await begin(t, memoryProvider());
  const store = await open();
  t.teardown(() => store.close());
  const [one, two] = [await store.mount('main'), await store.mount('main')];
  for (const { dir } of [one, two]) writeFileSync(join(dir, 'file'), dir);
  await one.unmount();
  for (const key of await keysOf(provider, 'segments/')) await provider.delete(key);
  const { details } = await rejects(t, () => two.unmount(), 'CONFLICT');
  t.is((await history(store.session(String(details['session'])))).length, 1);
});
