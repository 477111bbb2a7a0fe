/**
 * The files that an open store writes (D5), the parts that a store works without (A6), and invalid
 * local stores (D9).
 */
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { BrowserState, localProvider, memoryProvider, openStore } from '../../../src/index.js';
import { rejects } from '../../support/errors.js';
import { fakeHost } from '../../support/host.js';
import { profile, write } from '../../support/processes.js';
import { temporary } from '../../support/temporary.js';

test('D5: a local store in memory writes only a private folder, which close removes', async (t) => {
  const folder = temporary(t);
  const own = join(folder, 'own');
  const host = { ...fakeHost('D5'), temporaryFolder: () => own };
  const state = new BrowserState({ home: memoryProvider(), host });
  const dir = await state.mount('s');
  t.true(dir.startsWith(own));
  t.is(statSync(own).mode & 0o777, 0o700);
  await write(dir, profile('first'));
  await state.unmount();
  await write(await state.mount('s'), { 'Default/Cookies': 'second' });
  await state.cleanup();
  t.deepEqual(readdirSync(folder), []);
});

test('D5: a local store in a folder writes only in that folder', async (t) => {
  const folder = temporary(t);
  const home = join(folder, 'home');
  const store = await openStore({ home: localProvider(home, fakeHost('objects')), host: fakeHost('D5 folder') });
  const mount = await store.mount('s');
  t.true(mount.dir.startsWith(home));
  await mount.discard();
  await store.close();
  t.deepEqual(readdirSync(folder), ['home']);
});

test('D9: a local store that is a file, or below one', async (t) => {
  const file = join(temporary(t), 'file');
  writeFileSync(file, '');
  for (const home of [file, join(file, 'below')]) {
    const { message, details } = await rejects(t, () => openStore({ home }), 'USAGE');
    t.is(message, `home ${home} is not a directory`);
    t.deepEqual(details, { path: home });
  }
});

test('C16: the index is private with any umask', async (t) => {
  const folder = temporary(t);
  const store = await openStore({
    home: join(folder, 'home'),
    remote: pathToFileURL(join(folder, 'remote')).href,
    host: fakeHost('index'),
  });
  const dir = join(folder, 'profile');
  await write(dir, profile('first'));
  await store.session('a').commit(dir);
  await write(dir, { more: 'x'.repeat(5000) });
  await store.session('b').commit(dir);
  const index = join(folder, 'home/default/.store/index');
  t.is(statSync(index).mode & 0o777, 0o700);
  const names = readdirSync(index);
  t.true(names.length > 0);
  for (const name of names) t.is(statSync(join(index, name)).mode & 0o777, 0o600, name);
  await store.close();
});

test('C16: a restore after a pull uses the frames that the pull decoded, and does not read them again', async (t) => {
  const folder = temporary(t);
  const remote = memoryProvider();
  const first = await openStore({ home: join(folder, 'first'), remote, host: fakeHost('first') });
  const dir = join(folder, 'profile');
  await write(dir, profile('first'));
  await first.session('s').commit(dir);
  await first.session('s').push();
  const home = memoryProvider();
  const reads: string[] = [];
  const counted = new Proxy(home, {
    get: (target, name) => {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        if (name === 'get' && String(args[0]).includes('/packs/')) reads.push(String(args[0]));
        return Reflect.apply(value, target, args);
      };
    },
  });
  const own = join(folder, 'own');
  const second = await openStore({ home: counted, remote, host: { ...fakeHost('second'), temporaryFolder: () => own } });
  const { files, fetchedBytes } = await second.session('s').restore(join(folder, 'there'));
  t.true(files > 0 && fetchedBytes > 0);
  t.deepEqual(reads, []);
  await first.close();
  await second.close();
});
