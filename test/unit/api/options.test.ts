/**
 * Every public call, as a table: its options (D8), and that the call changes nothing after its
 * signal has fired.
 */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systemHost } from '../../../src/base/host.js';
import { type AbandonedMount, BrowserState, memoryProvider, openStore, type Session, type Store } from '../../../src/index.js';
import { gcsProvider } from '../../../src/provider/gcs/gcs.js';
import { localProvider } from '../../../src/provider/local/local.js';
import { s3Provider } from '../../../src/provider/s3/s3.js';
import { rejects } from '../../support/errors.js';
import { begin, profile, TestMachine, write } from '../../support/processes.js';
import { temporary } from '../../support/temporary.js';

type Options = never;
type Call = (options: Options, place: { store: Store; session: Session; dir: string }) => unknown;

/** The methods of a session and of a store, each with the same options. */
const calls: Readonly<Record<string, Call>> = {
  commit: (options, { session, dir }) => session.commit(dir, options),
  checkpoint: (options, { session, dir }) => session.checkpoint(dir, options),
  save: (options, { session, dir }) => session.save(dir, options),
  checkout: (options, { session, dir }) => session.checkout(`${dir} new`, options),
  restore: (options, { session, dir }) => session.restore(`${dir} new`, options),
  pull: (options, { session }) => session.pull(options),
  push: (options, { session }) => session.push(options),
  sync: (options, { session }) => session.sync(options),
  log: (options, { session }) => session.log(options).next(),
  events: (options, { session }) => session.events(options),
  tags: (options, { session }) => session.tags(options),
  resolve: (options, { session }) => session.resolve('HEAD', options),
  diff: (options, { session }) => session.diff('HEAD', 'HEAD', options),
  status: (options, { session, dir }) => session.status(dir, options),
  rollback: (options, { session }) => session.rollback('HEAD', options),
  exists: (options, { session }) => session.exists(options),
  openIn: (options, { session }) => session.openIn(options),
  fork: (options, { session }) => session.fork('forked', options),
  tag: (options, { session }) => session.tag('tagged', options),
  untag: (options, { session }) => session.untag('good', options),
  delete: (options, { session }) => session.delete(options),
  lease: (options, { session }) => session.lease({ ttl: 1000, ...(options as object) }),
  init: (options, { store }) => store.init(options),
  sessions: (options, { store }) => store.sessions(options).next(),
  legacySessions: (options, { store }) => store.legacySessions(options).next(),
  migrate: (options, { store }) => store.migrate('older', options),
  mount: (options, { store }) => store.mount('s', options),
  recover: (options, { store, dir }) => store.recover({ id: 's.0', session: 's', dir } as unknown as AbandonedMount, 'commit', options),
  verify: (options, { store }) => store.verify(options),
  gc: (options, { store }) => store.gc(options),
  pushAll: (options, { store }) => store.pushAll(options).next(),
  pullAll: (options, { store }) => store.pullAll(options).next(),
  syncAll: (options, { store }) => store.syncAll(options).next(),
  abandonedMounts: (options, { store }) => store.abandonedMounts(options),
  unfinishedCheckouts: (options, { store }) => store.unfinishedCheckouts(options),
  usage: (options, { store }) => store.usage(options),
};

/**
 * Returns a store whose session `s` has a commit with a tag, locally and on the remote, and a
 * directory with other content.
 */
async function place(t: ExecutionContext, signal?: AbortSignal) {
  const remote = memoryProvider();
  const machine = new TestMachine(t, remote);
  const first = await machine.process('first');
  await begin(first, 's');
  await first.session('s').tag('good');
  const dir = join(temporary(t), 'profile');
  await write(dir, profile('other'));
  const store = await openStore({ home: machine.home, userId: 'tester', remote, host: machine.host('second'), signal });
  const place = { store, session: store.session('s'), dir };
  return { place, state: async () => ({ here: contents(machine.home), there: await cells(remote) }) };
}

/** Returns every file below a directory. */
function contents(dir: string): string[] {
  const paths = readdirSync(dir, { recursive: true, encoding: 'utf8' }).map((path) => join(dir, path));
  return paths.filter((path) => statSync(path).isFile()).map((path) => `${path} ${readFileSync(path, 'latin1')}`);
}

async function cells(remote: ReturnType<typeof memoryProvider>): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key, size } of remote.list('tester/')) {
    const cell = key.includes('/refs/') ? await remote.read(key) : undefined;
    keys.push(`${key} ${size} ${JSON.stringify(cell)}`);
  }
  return keys.sort();
}

test('the signal of the store, once it has fired, cancels every call, and nothing is changed', async (t) => {
  const { place: where, state } = await place(t, AbortSignal.abort());
  const before = await state();
  for (const [name, call] of Object.entries(calls)) {
    await rejects(t, async () => call(undefined as Options, where), 'CANCELLED', name);
    t.deepEqual(await state(), before, name);
  }
});

test('the signal of a call overrides that of the store', async (t) => {
  const { place: where } = await place(t);
  const signal = AbortSignal.abort();
  for (const [name, call] of Object.entries(calls)) await rejects(t, async () => call({ signal } as Options, where), 'CANCELLED', name);
});

test('the table has every public method of a session and of a store', async (t) => {
  const { place: where } = await place(t);
  const methods = (of: object): string[] => Object.getOwnPropertyNames(Object.getPrototypeOf(of));
  const others = ['constructor', 'session', 'close'];
  const expected = [...methods(where.session), ...methods(where.store)].filter((name) => !others.includes(name));
  t.deepEqual(Object.keys(calls).sort(), expected.sort());
});

const methodsOf = (of: object, ...others: string[]): string[] =>
  Object.getOwnPropertyNames(Object.getPrototypeOf(of)).filter((name) => !['constructor', ...others].includes(name));

test('the signal of the store, once it has fired, cancels every call of a mount and of a lease', async (t) => {
  const controller = new AbortController();
  const { place: where, state } = await place(t, controller.signal);
  const mount = await where.store.mount('s');
  await write(mount.dir, profile('changed'));
  const lease = await where.session.lease({ ttl: 60_000 });
  const mounted: Readonly<Record<string, () => Promise<unknown>>> = {
    commit: () => mount.commit(),
    checkpoint: () => mount.checkpoint(),
    push: () => mount.push('s'),
    pull: () => mount.pull(),
    unmount: () => mount.unmount(),
  };
  // `discard` removes the directory and `usedBy` protects it: neither is work to be cancelled.
  const others = ['session', 'dir', 'base', 'isOver', 'usedBy', 'requireInPlace', 'discard'];
  t.deepEqual(Object.keys(mounted).sort(), methodsOf(mount, ...others).sort());
  controller.abort();
  const before = await state();
  const all = { ...mounted, renew: () => lease.renew(), release: () => lease.release() };
  for (const [name, call] of Object.entries(all)) {
    await rejects(t, call, 'CANCELLED', name);
    t.deepEqual(await state(), before, name);
  }
  await mount.discard();
});

test('the signal of BrowserState, once it has fired, cancels every call', async (t) => {
  const remote = memoryProvider();
  const machine = new TestMachine(t, remote);
  const controller = new AbortController();
  const { signal } = controller;
  const state = new BrowserState({ userId: 'tester', home: machine.home, remote, host: machine.host('a'), signal });
  await write(await state.mount('s'), profile('first'));
  const { syncManager } = state;
  const calls: Readonly<Record<string, () => Promise<unknown>>> = {
    mount: () => state.mount('other'),
    unmount: () => state.unmount(),
    listSessions: () => state.listSessions(),
    hasSession: () => state.hasSession('s'),
    deleteSession: () => state.deleteSession('s'),
    cleanup: () => state.cleanup(),
    syncToCloud: () => syncManager.syncToCloud(),
    syncFromCloud: () => syncManager.syncFromCloud(),
  };
  const others = ['getCurrentSession', 'getCurrentSessionPath', 'getLiveBrowser', 'usedBy', 'getMetadata', 'saveMetadata', 'onProgress'];
  t.deepEqual(Object.keys(calls).sort(), [...methodsOf(state, ...others), ...methodsOf(syncManager, ...others)].sort());
  controller.abort();
  const before = [contents(machine.home), await cells(remote)];
  for (const [name, call] of Object.entries(calls)) {
    await rejects(t, call, 'CANCELLED', name);
    t.deepEqual([contents(machine.home), await cells(remote)], before, name);
  }
  await state.unmount({ discard: true });
  await state.cleanup();
});

test('D8: an option that a call does not have is USAGE, and names it and the nearest', async (t) => {
  const { place: where, state } = await place(t);
  const before = await state();
  for (const [name, call] of Object.entries(calls)) {
    const { message, hint, details } = await rejects(t, async () => call({ signall: undefined } as Options, where), 'USAGE', name);
    t.is(message, `${name}: unknown option "signall"`);
    t.is(hint, 'Did you mean "signal"?');
    t.deepEqual(details, { call: name, option: 'signall', nearest: 'signal' });
  }
  t.deepEqual(await state(), before);
});

const misspelt: readonly (readonly [call: string, act: (dir: string) => unknown, option: string, nearest: string | null])[] = [
  ['openStore', () => openStore({ remotee: 'x' } as never), 'remotee', 'remote'],
  ['openStore: transfer', () => openStore({ transfer: { chunksize: 1 } } as never), 'chunksize', 'chunkSize'],
  ['BrowserState', async () => new BrowserState({ userID: 'x' } as never), 'userID', 'userId'],
  ['BrowserState', async () => new BrowserState({ encryption: { passphrase: 'x' } } as never), 'encryption', null],
  ['BrowserState: localOptions', async () => new BrowserState({ localOptions: { path: 'x' } } as never), 'path', null],
  ['BrowserState: syncOptions', async () => new BrowserState({ syncOptions: { retries: 1 } } as never), 'retries', null],
  [
    'BrowserState: s3Options',
    async () => new BrowserState({ storageType: 's3', s3Options: { bucketName: 'b', regoin: 'x' } } as never),
    'regoin',
    'region',
  ],
  [
    'BrowserState: gcsOptions',
    async () => new BrowserState({ storageType: 'gcs', gcsOptions: { bucketName: 'b', projectId: 'x' } } as never),
    'projectId',
    'projectID',
  ],
  ['mount', (home) => new BrowserState({ home }).mount('s', { mesage: 'x' } as never), 'mesage', 'message'],
  ['mount: prepare', (home) => new BrowserState({ home }).mount('s', { prepare: { lock: false } } as never), 'lock', 'locks'],
  ['unmount', (home) => new BrowserState({ home }).unmount({ discrad: true } as never), 'discrad', 'discard'],
  ['syncToCloud', (home) => new BrowserState({ home }).syncManager.syncToCloud({ sginal: 1 } as never), 'sginal', 'signal'],
  ['localProvider', async (home) => localProvider(home, systemHost, { onwers: undefined } as never), 'onwers', 'owners'],
  ['memoryProvider', async () => memoryProvider({ conditionalread: true } as never), 'conditionalread', 'conditionalRead'],
  ['s3Provider', async () => s3Provider({ bucket: 'bucket', timeoutMS: 5 } as never), 'timeoutMS', 'timeoutMs'],
  ['gcsProvider', async () => gcsProvider({ bucket: 'bucket', projectID: 'x' } as never), 'projectID', 'projectId'],
  ['syncFromCloud', (home) => new BrowserState({ home }).syncManager.syncFromCloud({ sginal: 1 } as never), 'sginal', 'signal'],
];

for (const [call, act, option, nearest] of misspelt) {
  test(`D8: ${call} has no option ${option}`, async (t) => {
    const { message, details } = await rejects(t, async () => act(join(temporary(t), 'home')), 'USAGE');
    t.is(message, `${call}: unknown option "${option}"`);
    t.deepEqual(details, { call, option, nearest });
  });
}

test('D8: options that are not an object', async (t) => {
  const { place: where } = await place(t);
  for (const options of ['a message', ['a'], null, 5])
    t.regex((await rejects(t, () => where.session.commit(where.dir, options as never), 'USAGE')).message, /options are not an object/);
});

test('D8: the methods of a mount', async (t) => {
  const { place: where } = await place(t);
  const mount = await where.store.mount('s');
  for (const act of ['commit', 'checkpoint', 'pull', 'unmount'] as const) {
    const { details } = await rejects(t, () => mount[act]({ signall: 1 } as never), 'USAGE', act);
    t.deepEqual(details, { call: act, option: 'signall', nearest: 'signal' });
  }
  await rejects(t, () => mount.push('s', { signall: 1 } as never), 'USAGE');
  await mount.discard();
});

test('D8: the methods of a lease', async (t) => {
  const { place: where } = await place(t);
  const lease = await where.session.lease({ ttl: 60_000 });
  for (const act of ['renew', 'release'] as const) {
    const { details } = await rejects(t, () => lease[act]({ signall: 1 } as never), 'USAGE', act);
    t.deepEqual(details, { call: act, option: 'signall', nearest: 'signal' });
  }
  await lease.release();
});

test('D10: a mount has a message and labels for what it commits, unless the commit is given its own', async (t) => {
  const machine = new TestMachine(t);
  const state = new BrowserState({ userId: 'tester', home: machine.home, host: machine.host('a') });
  const newest = async () => (await machine.process('b')).session('s').resolve('HEAD');
  const named = { message: 'by the mount', labels: { run: '42' } };
  await write(await state.mount('s', named), profile('first'));
  await state.unmount();
  t.like(await newest(), named);
  await write(await state.mount('s', named), profile('second'));
  await state.unmount({ message: 'its own' });
  t.like(await newest(), { ...named, message: 'its own' });
  const dir = await state.mount('s', named);
  writeFileSync(join(dir, 'Default/Cookies'), 'third');
  await state.syncManager.syncToCloud();
  t.like(await newest(), named);
  await state.cleanup();
});

for (const where of ['this machine', 'the remote alone'] as const) {
  test(`D7: a new session is reported, with the one of ${where} that may be meant, and create: false rejects it`, async (t) => {
    const remote = memoryProvider();
    const machine = new TestMachine(t, remote);
    await begin(await machine.process('a'), 'work');
    const other = where === 'this machine' ? machine : new TestMachine(t, remote);
    const warnings: string[] = [];
    const onWarning = (message: string): void => void warnings.push(message);
    const state = new BrowserState({ userId: 'tester', home: other.home, remote, host: other.host('b'), onWarning });
    for (const mode of ['shared', 'exclusive'] as const) {
      const { hint, details } = await rejects(t, () => state.mount('wrok', { create: false, mode }), 'NOT_FOUND');
      t.regex(hint ?? '', /^Did you mean work\?/);
      t.deepEqual(details, { session: 'wrok', nearest: 'work' });
    }
    t.deepEqual(await state.listSessions(), ['work']);
    t.deepEqual(warnings, []);
    await state.mount('wrok');
    await state.mount('elsewhere');
    await state.mount('work', { create: false });
    t.deepEqual(warnings, ['new session wrok; did you mean work?', 'new session elsewhere']);
    await state.cleanup();
    t.deepEqual(other.left().workspaces, []);
  });
}
