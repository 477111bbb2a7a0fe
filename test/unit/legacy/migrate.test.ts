/**
 * Sessions of v0: imported from every kind of storage, whole or not at all, and left unchanged
 * (SPEC.md R-LEGACY-1 to R-LEGACY-3).
 */
import { cpSync, mkdirSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { utf8 } from '../../../src/base/bytes.js';
import type { Owners } from '../../../src/base/owners.js';
import {
  BrowserStateError,
  type Foreign,
  localProvider,
  memoryProvider,
  openStore,
  type Provider,
  type Store,
} from '../../../src/index.js';
import { gcsProvider } from '../../../src/provider/gcs/gcs.js';
import { s3Provider } from '../../../src/provider/s3/s3.js';
import { noise as bytes } from '../../support/content.js';
import { rejects } from '../../support/errors.js';
import { fakeHost } from '../../support/host.js';
import { readListing } from '../../support/profile.js';
import { startGcsServer } from '../../support/servers/gcs-server.js';
import { startS3Server } from '../../support/servers/s3-server.js';
import { history } from '../../support/store.js';
import { temporary } from '../../support/temporary.js';

type Files = Record<string, Uint8Array>;

/** A profile with names that no key has, one empty file, and one file of several parts. */
const profile: Files = {
  'Local State': utf8('{}'),
  'Default/Cookies': bytes(20_000, 'cookies'),
  'Default/Local Storage/leveldb/000003.log': new Uint8Array(0),
  'Default/IndexedDB/https_example.org_0/ü.blob': bytes(150_000, 'blob'),
};
const total = { files: 4, bytes: 170_002 };
const transfer = { chunkSize: 60_000, maxConcurrentOperations: 3, retryDelay: 1 };

/** A storage with sessions of v0: its address or provider, and a function that adds an object. */
interface Place {
  remote: string | Provider;
  plant(name: string, content: Uint8Array): Promise<void>;
}

const url = (folder: string): string => pathToFileURL(folder).href;

function inFolder(folder: string): Place['plant'] {
  return async (name, content) => {
    mkdirSync(join(folder, name, '..'), { recursive: true });
    writeFileSync(join(folder, name), content);
  };
}

const remotes: Record<string, (t: ExecutionContext, folder: string) => Promise<Place>> = {
  'a folder': async (_, folder) => ({ remote: url(join(folder, 'remote')), plant: inFolder(join(folder, 'remote')) }),
  'a provider over a folder': async (_, folder) => {
    const remote = join(folder, 'remote');
    return { remote: localProvider(remote, fakeHost('remote')), plant: inFolder(remote) };
  },
  memory: async () => {
    const { provider, plant } = withForeign();
    return { remote: provider, plant };
  },
  S3: async (t) => {
    const server = await startS3Server({ pageSize: 3 });
    t.teardown(() => server.close());
    const remote = s3Provider({ ...server.options, prefix: 'team/a' });
    return { remote, plant: async (name, content) => server.store.plant(`team/a/${name}`, content) };
  },
  'Cloud Storage': async (t) => {
    const server = await startGcsServer();
    t.teardown(() => server.close());
    const remote = gcsProvider({ bucket: 'bucket', prefix: 'team/a', endpoint: server.url });
    return { remote, plant: (name, content) => upload(server.url, `team/a/${name}`, content) };
  },
};

async function upload(server: string, name: string, body: Uint8Array): Promise<void> {
  const { ok } = await fetch(`${server}/upload/storage/v1/b/bucket/o?uploadType=media&name=${encodeURIComponent(name)}`, {
    method: 'POST',
    body: new Uint8Array(body),
  });
  if (!ok) throw new Error(`${name} was not planted`);
}

/** Returns a memory provider in which other programs keep objects of any name. */
function withForeign(objects: [name: string, content: Uint8Array][] = []) {
  const provider = memoryProvider();
  let writes = 0;
  const marks = new Map<number, string>();
  const mark = (at: number): string => marks.get(at) ?? '';
  const foreign: Foreign = {
    async *list(prefix) {
      for (const [at, [name, { length }]] of objects.entries()) {
        if (name.startsWith(prefix)) yield { name, size: length, mark: mark(at) };
      }
    },
    async get(name, { start, end }) {
      const content = objects.find((object) => object[0] === name)?.[1];
      if (content === undefined) throw new BrowserStateError('NOT_FOUND', 'there is no such object');
      if (end > content.length) throw new BrowserStateError('INTEGRITY', 'it is shorter');
      return content.slice(start, end);
    },
  };
  Object.assign(provider, { foreign });
  const plant = async (name: string, content: Uint8Array): Promise<void> => {
    const at = objects.findIndex((object) => object[0] === name);
    objects[at === -1 ? objects.length : at] = [name, content];
    marks.set(at === -1 ? objects.length - 1 : at, `write ${++writes}`);
  };
  return { provider, plant, foreign, objects };
}

async function plantAll(plant: Place['plant'], session: string, files: Files = profile): Promise<void> {
  for (const [path, content] of Object.entries(files)) await plant(`tester/${session}/${path}`, content);
}

function machine(t: ExecutionContext, folder: string, remote?: string | Provider): Promise<Store> {
  const host = { ...fakeHost(folder), defaultHome: () => join(folder, 'home') };
  const store = openStore({ home: join(folder, 'home'), remote, userId: 'tester', host, transfer });
  t.teardown(async () => (await store).close());
  return store;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Returns the files of a version by their paths. */
async function filesOf(store: Store, session: string, folder: string): Promise<string[]> {
  const dir = join(folder, `out-${session}`);
  await store.session(session).checkout(dir, { force: true });
  const lines = [...readListing(dir)].filter(([, line]) => line.startsWith('file'));
  return lines.map(([path, line]) => `${path} ${line.split(' ').slice(3).join(' ')}`);
}

function expected(folder: string, files: Files = profile): string[] {
  const dir = join(folder, 'expected');
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
  const lines = [...readListing(dir)].filter(([, line]) => line.startsWith('file'));
  return lines.map(([path, line]) => `${path} ${line.split(' ').slice(3).join(' ')}`);
}

const stagesOf = (folder: string): string[] => {
  const found = readdirSync(join(folder, 'home/tester/.store'));
  return found.includes('workspaces') ? readdirSync(join(folder, 'home/tester/.store/workspaces')) : [];
};

for (const [title, open] of Object.entries(remotes)) {
  test(`a session of v0 in ${title} is migrated whole, once, and is no legacy session any longer`, async (t) => {
    const folder = temporary(t);
    const { remote, plant } = await open(t, folder);
    await plantAll(plant, 's1');
    await plantAll(plant, 's10', { 'Default/Cookies': bytes(10, 'other') });
    const store = await machine(t, folder, remote);
    const session = store.session('s1');
    await rejects(t, () => session.checkout(join(folder, 'x')), 'LEGACY_SESSION');
    const moved = await store.migrate('s1');
    t.like(moved, { session: 's1', ...total, migrated: true, excluded: { files: 0, bytes: 0 } });
    t.deepEqual(await filesOf(store, 's1', folder), expected(folder));
    const [{ message } = { message: '' }] = await all(session.log());
    t.is(message, `migrated from ${moved.from}`);
    // Another machine sees the pushed commit.
    const elsewhere = join(folder, 'elsewhere');
    t.deepEqual(await filesOf(await machine(t, elsewhere, remote), 's1', elsewhere), expected(folder));
    t.like(await store.migrate('s1'), { ...total, migrated: false, commit: moved.commit });
    t.is((await history(session)).length, 1);
    await rejects(t, () => store.session('s10').checkout(join(folder, 'x')), 'LEGACY_SESSION');
    t.like(await store.migrate('s10'), { files: 1, bytes: 10 });
    t.deepEqual(stagesOf(folder), []);
  });
}

test('a session in the local store is migrated with modes, times and links, and pushed if there is a remote', async (t) => {
  const folder = temporary(t);
  const home = join(folder, 'home');
  await plantAll(inFolder(home), 'work');
  const old = join(home, 'tester/work');
  utimesSync(join(old, 'Local State'), 1e9, 1e9);
  symlinkSync('Cookies', join(old, 'Default/link'));
  symlinkSync('somewhere-1', join(old, 'SingletonLock'));
  mkdirSync(join(old, 'Default/empty'));
  writeFileSync(join(old, '.browserstate-metadata.json'), '{"old": true}');
  const before = readListing(join(home, 'tester/work'));
  const remote = memoryProvider();
  const store = await machine(t, folder, remote);
  const { commit, files } = await store.migrate('work');
  t.is(files, 4);
  t.is((await all(store.session('work').log())).find((entry) => entry.commit === commit)?.pushed, true);
  const dir = join(folder, 'out');
  await store.session('work').checkout(dir);
  const kept = new Map([...before].filter(([path]) => path !== 'SingletonLock' && !path.startsWith('.browserstate')));
  const withoutTimes = (listing: ReadonlyMap<string, string>) =>
    [...listing].map(([path, line]) => (line.startsWith('file') ? [path, line] : [path, line.replace(/ \d{10,} /, ' ')]));
  const modes = (lines: string[][]) => lines.map(([path, line]) => [path, line?.replace(/^directory \d+/, 'directory')]);
  t.deepEqual(modes(withoutTimes(readListing(dir)) as string[][]), modes(withoutTimes(kept) as string[][]));
  t.deepEqual(readListing(join(home, 'tester/work')), before, 'the old files are as they were');
});

test('files that snapshots exclude are read and counted, and kept with keepCaches', async (t) => {
  for (const [keepCaches, files] of [
    [false, 1],
    [true, 0],
  ] as const) {
    const folder = temporary(t);
    await plantAll(inFolder(join(folder, 'home')), 'work', { ...profile, 'Default/Cache/data_0': bytes(500, 'cache') });
    const moved = await (await machine(t, folder)).migrate('work', { keepCaches });
    t.like(moved, { files: 5, bytes: total.bytes + 500, excluded: { files, bytes: files * 500 } });
  }
});

const hostile: [what: string, names: string[], reason: RegExp][] = [
  ['a name that leads out', ['../../evil'], /component/],
  ['one that leads out further below', ['Default/../../../evil'], /component/],
  ['an absolute name', ['/etc/passwd'], /empty component/],
  ['an empty part', ['Default//Cookies'], /empty component/],
  ['a dot', ['Default/./Cookies'], /component/],
  ['a backslash', ['Default\\..\\evil'], /backslash/],
  ['a control character', ['Default/a\nb'], /control character/],
  ['a NUL', ['Default/a\0b'], /control character/],
  ['a long name', ['x'.repeat(300)], /255/],
  ['a file that is also a folder', ['Default', 'Default/Cookies'], /a file and a folder/],
  ['a file that is also a marked folder', ['Default', 'Default/'], /a file and a folder/],
];

for (const [what, names, reason] of hostile) {
  test(`R-LEGACY-2: ${what} in a bucket is rejected with the reason, and nothing is done`, async (t) => {
    const folder = temporary(t);
    const one = utf8('x');
    const { provider, foreign } = withForeign([
      ['tester/s/Local State', one],
      ...names.map((name): [string, Uint8Array] => [`tester/s/${name}`, name.endsWith('/') ? new Uint8Array(0) : one]),
    ]);
    let fetched = 0;
    const { get } = foreign;
    foreign.get = (...args) => {
      fetched++;
      return get(...args);
    };
    const store = await machine(t, folder, provider);
    t.regex((await rejects(t, () => store.migrate('s'), 'INTEGRITY')).message, reason);
    t.is(fetched, 0);
    await rejects(t, () => store.session('s').checkout(join(folder, 'x')), 'LEGACY_SESSION');
    const [told] = await all(store.legacySessions());
    t.like(told, { session: 's', state: 'rejected' });
    t.regex(told?.problem?.message ?? '', reason);
  });
}

test('markers of folders and the metadata of v0 are no files', async (t) => {
  const folder = temporary(t);
  const none = new Uint8Array(0);
  const { provider } = withForeign([
    ['tester/s/', none],
    ['tester/s/Default/', none],
    ['tester/s/Default/Empty/', none],
    ['tester/s/Default/Cookies', utf8('c')],
    ['tester/s/.browserstate-metadata.json', utf8('{}')],
  ]);
  const store = await machine(t, folder, provider);
  t.like(await store.migrate('s'), { files: 1, bytes: 1 });
  await store.session('s').checkout(join(folder, 'out'));
  t.deepEqual([...readListing(join(folder, 'out')).keys()], ['Default', 'Default/Cookies', 'Default/Empty']);
});

const changes: Record<string, (objects: [string, Uint8Array][], plant: Place['plant']) => Promise<unknown>> = {
  'a file is written anew with as many bytes': (_, plant) => plant('tester/s/Default/Cookies', bytes(20_000, 'new')),
  'a file becomes shorter': (_, plant) => plant('tester/s/Default/IndexedDB/https_example.org_0/ü.blob', utf8('short')),
  'a file is added': (_, plant) => plant('tester/s/Default/History', utf8('new')),
  'a file is removed': async (objects) => objects.pop(),
};

for (const [what, change] of Object.entries(changes)) {
  test(`if ${what} while the session is read, that is reported and nothing is done`, async (t) => {
    const folder = temporary(t);
    const { provider, plant, foreign, objects } = withForeign();
    await plantAll(plant, 's');
    const { get } = foreign;
    let done = false;
    foreign.get = async (...args) => {
      if (!done) await change(objects, plant);
      done = true;
      return get(...args);
    };
    const store = await machine(t, folder, provider);
    t.regex((await rejects(t, () => store.migrate('s'), 'CONFLICT')).message, /changed while they were read/);
    await rejects(t, () => history(store.session('s')), 'LEGACY_SESSION');
    t.deepEqual(stagesOf(folder), []);
    t.true((await store.migrate('s')).migrated, 'a repetition works');
  });
}

test('a name that a provider without retries lists twice is rejected', async (t) => {
  const folder = temporary(t);
  const { provider } = withForeign([
    ['tester/s/Cookies', utf8('a')],
    ['tester/s/Cookies', utf8('b')],
  ]);
  const host = { ...fakeHost(), defaultHome: () => join(folder, 'home') };
  const store = await openStore({ home: provider, userId: 'tester', host });
  t.regex((await rejects(t, () => store.migrate('s'), 'INTEGRITY')).message, /twice/);
});

test('fewer bytes than the list says are an error, even if the list does not change', async (t) => {
  const folder = temporary(t);
  const { provider, plant, foreign } = withForeign();
  await plantAll(plant, 's');
  const { get } = foreign;
  foreign.get = async (...args) => (await get(...args)).subarray(1);
  const store = await machine(t, folder, provider);
  await rejects(t, () => store.migrate('s'), 'INTEGRITY');
  await rejects(t, () => history(store.session('s')), 'LEGACY_SESSION');
});

test('a session that the store has with other content is left alone, and one with the same content is recognized', async (t) => {
  const folder = temporary(t);
  const store = await machine(t, folder);
  const dir = join(folder, 'profile');
  for (const [path, content] of Object.entries(profile)) {
    mkdirSync(join(dir, path, '..'), { recursive: true });
    writeFileSync(join(dir, path), content);
  }
  for (const id of ['same', 'other']) await store.session(id).commit(dir);
  await plantAll(inFolder(join(folder, 'home')), 'same');
  await plantAll(inFolder(join(folder, 'home')), 'other', { ...profile, 'Default/Cookies': utf8('older') });
  const [head] = await history(store.session('same'));
  cpSync(dir, join(folder, 'home/tester/same'), { recursive: true, force: true });
  t.like(await store.migrate('same'), { migrated: false, commit: head });
  t.regex((await rejects(t, () => store.migrate('other'), 'CONFLICT')).message, /with other files/);
  t.is((await history(store.session('other'))).length, 1);
});

test('commits after a migration do not make a repetition a conflict', async (t) => {
  const folder = temporary(t);
  const store = await machine(t, folder);
  await plantAll(inFolder(join(folder, 'home')), 's');
  const { commit } = await store.migrate('s');
  const dir = join(folder, 'out');
  await store.session('s').checkout(dir);
  writeFileSync(join(dir, 'Default/Cookies'), 'newer');
  await store.session('s').commit(dir);
  t.like(await store.migrate('s'), { migrated: false, commit });
  await inFolder(join(folder, 'home'))('tester/s/Default/Cookies', utf8('written by v0'));
  await rejects(t, () => store.migrate('s'), 'CONFLICT');
});

test('a migration that could not be pushed is pushed by a repetition', async (t) => {
  const folder = temporary(t);
  const { provider, plant } = withForeign();
  await plantAll(plant, 's');
  const { swap } = provider;
  provider.swap = async () => {
    throw new BrowserStateError('UNREACHABLE', 'no network');
  };
  const store = await machine(t, folder, provider);
  await rejects(t, () => store.migrate('s'), 'UNREACHABLE');
  provider.swap = swap.bind(provider);
  t.like(await store.migrate('s'), { migrated: false, ...total });
  const elsewhere = join(folder, 'elsewhere');
  t.deepEqual(await filesOf(await machine(t, elsewhere, provider), 's', elsewhere), expected(folder));
});

test('a deleted session is neither listed as a legacy one nor imported again unless it is named', async (t) => {
  const folder = temporary(t);
  const { provider, plant } = withForeign();
  await plantAll(plant, 's');
  const store = await machine(t, folder, provider);
  await store.migrate('s');
  await store.session('s').delete();
  await rejects(t, () => store.session('s').checkout(join(folder, 'x')), 'NOT_FOUND');
  await rejects(t, () => history(store.session('s')), 'NOT_FOUND');
  t.like(await all(store.legacySessions()), [{ session: 's', state: 'deleted' }]);
  t.true((await store.migrate('s')).migrated, 'it is where it is asked for by its name');
  t.deepEqual(await filesOf(store, 's', folder), expected(folder));
});

test('legacy sessions are listed with their content, and with the reason if one cannot be a session here', async (t) => {
  const folder = temporary(t);
  const { provider, plant } = withForeign();
  for (const id of ['s10', 's1', 'my session', '.hidden', 'x'.repeat(129)]) await plantAll(plant, id);
  await plant('tester/stray', utf8('x'));
  await plant('tester2/s3/a', utf8('x'));
  mkdirSync(join(folder, 'home/tester/empty'), { recursive: true });
  await plantAll(inFolder(join(folder, 'home')), 's2');
  await plantAll(inFolder(join(folder, 'home')), 's1', { at: utf8('home') });
  const store = await machine(t, folder, provider);
  await store.migrate('s10');
  const told = await all(store.legacySessions());
  t.deepEqual(
    told.map(({ session, files, state }) => [session, files, state]),
    [
      ['.hidden', 0, 'rejected'],
      ['empty', 0, 'new'],
      ['my session', 0, 'rejected'],
      ['s1', 4, 'new'],
      ['s10', 4, 'here'],
      ['s2', 4, 'new'],
      ['x'.repeat(129), 0, 'rejected'],
    ],
  );
  t.regex(told[2]?.problem?.message ?? '', /expected a session id, found "my session"/);
  t.is((await store.migrate('s1')).files, 4, 'the session of the remote has precedence over that of the local store');
  await rejects(t, () => store.migrate('my session'), 'USAGE');
  await rejects(t, () => store.migrate('stray'), 'NOT_FOUND');
  t.like(await store.migrate('empty'), { files: 0, migrated: true });
});

test('more than 1,000 files come over several pages, with a bounded number of requests at once', async (t) => {
  const folder = temporary(t);
  let open = 0;
  let most = 0;
  const limit = transfer.maxConcurrentOperations;
  let resolve = (): void => {};
  const full = new Promise<void>((done) => {
    resolve = done;
  });
  const server = await startS3Server({
    fault: async ({ method, name }) => {
      if (method !== 'GET' || !name.includes('/many/')) return undefined;
      most = Math.max(most, ++open);
      // The first requests wait until the maximum number is running. Sequential requests would
      // never finish.
      if (open === limit) resolve();
      await full;
      open--;
      return undefined;
    },
  });
  t.teardown(() => server.close());
  const files = Array.from({ length: 1100 }, (_, i) => `Default/File System/${i % 7}/${i}`);
  for (const path of files) server.store.plant(`tester/many/${path}`, utf8(path));
  const store = await machine(t, folder, s3Provider(server.options));
  t.like(await store.migrate('many'), { files: 1100, bytes: files.reduce((sum, path) => sum + path.length, 0) });
  t.is(most, limit);
});

test('a read without an answer is retried, and a cancelled one leaves nothing', async (t) => {
  const folder = temporary(t);
  let reads = 0;
  const controller = new AbortController();
  const server = await startS3Server({
    fault: ({ method, name }) => {
      if (method !== 'GET' || !name.startsWith('tester/s/')) return undefined;
      reads++;
      if (reads === 1) return 'cut-before';
      if (reads === 4 && !controller.signal.aborted) controller.abort();
      return undefined;
    },
  });
  t.teardown(() => server.close());
  for (const [path, content] of Object.entries(profile)) server.store.plant(`tester/s/${path}`, content);
  const store = await machine(t, folder, s3Provider(server.options));
  await rejects(t, () => store.migrate('s', { signal: controller.signal }), 'CANCELLED');
  t.deepEqual(stagesOf(folder), []);
  t.true((await store.migrate('s')).migrated);
});

test('leftovers of a killed migration are removed by the next one, and files of a running one are not', async (t) => {
  const folder = temporary(t);
  await plantAll(inFolder(join(folder, 'home')), 's');
  const workspaces = join(folder, 'home/tester/.store/workspaces');
  const [dead, living] = ['.migrate-0123456789abcdef.4194304:1', '.migrate-fedcba9876543210.1:2'];
  for (const name of [dead, living]) mkdirSync(join(workspaces, name), { recursive: true });
  const owners: Owners = { ...fakeHost().owners(''), state: async (name) => (name === '4194304:1' ? 'gone' : 'running') };
  const host = { ...fakeHost(), defaultHome: () => join(folder, 'home'), owners: () => owners };
  const store = await openStore({ home: join(folder, 'home'), userId: 'tester', host });
  await store.migrate('s');
  t.deepEqual(readdirSync(workspaces), [living]);
  t.deepEqual(readdirSync(join(folder, 'home/tester/.store/records')), []);
  rmSync(workspaces, { recursive: true });
});

test('a provider that lists only its own keys is searched for no files', async (t) => {
  const folder = temporary(t);
  const provider = memoryProvider();
  await provider.put('tester/s/Cookies', utf8('x'));
  Object.assign(provider, { foreign: undefined });
  const store = await machine(t, folder, provider);
  await rejects(t, () => store.session('s').checkout(join(folder, 'x')), 'LEGACY_SESSION');
  await rejects(t, () => store.migrate('s'), 'UNSUPPORTED');
});
