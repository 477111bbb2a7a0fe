/** The class BrowserState: its options, errors and methods by their names in v0. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { SyncWork } from '../../../src/api/sync-manager.js';
import { BrowserState, type BrowserStateOptions, memoryProvider, openStore, type ProgressEvent } from '../../../src/index.js';
import { noise } from '../../support/content.js';
import { refuses, rejects } from '../../support/errors.js';
import { counting } from '../../support/faults/providers.js';
import { showingLoads } from '../../support/loading.js';
import { nothingLeft, profile, TestMachine, write } from '../../support/processes.js';
import { temporary } from '../../support/temporary.js';

let states = 0;

function open(t: ExecutionContext, options: BrowserStateOptions = {}, machine = new TestMachine(t)) {
  const warnings: string[] = [];
  const onWarning = (message: string): void => void warnings.push(message);
  const state = new BrowserState({ userId: 'tester', home: machine.home, host: machine.host(`state ${states++}`), onWarning, ...options });
  t.teardown(() => state.cleanup());
  return { state, warnings, machine };
}

test('options without a storage are rejected with the message of v0', (t) => {
  t.is(refuses(t, () => new BrowserState({ storageType: 's3' }), 'USAGE').message, 'S3 options required');
  t.is(refuses(t, () => new BrowserState({ storageType: 'gcs' }), 'USAGE').message, 'GCS options required');
  refuses(t, () => new BrowserState({ storageType: 'redis' }), 'UNSUPPORTED');
  refuses(t, () => new BrowserState({ storageType: 'ftp' as never }), 'USAGE');
  refuses(t, () => new BrowserState({ syncOptions: { metadataUpdateInterval: 0 } }), 'USAGE');
  t.notThrows(() => new BrowserState());
});

test('invalid settings of a transfer are rejected at once, and a key without its secret at the first use', async (t) => {
  for (const syncOptions of [{ maxConcurrentOperations: 0 }, { chunkSize: 0 }, { maxRetries: -1 }, { retryDelay: 0.5 }]) {
    t.throws(() => open(t, { remote: memoryProvider(), syncOptions }), { code: 'USAGE' });
  }
  const { state } = open(t, { storageType: 's3', s3Options: { bucketName: 'bucket', accessKeyID: 'key' } });
  await rejects(t, () => state.mount('s'), 'USAGE');
});

test('nothing is mounted before mount and after unmount', async (t) => {
  const { state, machine } = open(t);
  for (const act of [() => state.unmount(), () => state.syncManager.syncToCloud(), () => state.syncManager.syncFromCloud()])
    t.is((await rejects(t, act, 'USAGE')).message, 'No session is currently mounted');
  t.deepEqual([state.getCurrentSession(), state.getCurrentSessionPath()], [undefined, undefined]);
  const dir = await state.mount('s');
  t.deepEqual([state.getCurrentSession(), state.getCurrentSessionPath()], ['s', dir]);
  await state.unmount();
  t.deepEqual([state.getCurrentSession(), state.getCurrentSessionPath()], [undefined, undefined]);
  await rejects(t, () => state.mount('../../evil'), 'USAGE');
  await rejects(t, () => state.mount(''), 'USAGE');
  t.deepEqual(machine.left(), nothingLeft);
});

test('sessions are listed, found and deleted by name, and s1 is not s10', async (t) => {
  const { state } = open(t, { remote: memoryProvider() });
  for (const session of ['s1', 's10']) {
    await write(await state.mount(session), profile(session));
    await state.unmount();
  }
  t.deepEqual(await state.listSessions(), ['s1', 's10']);
  t.deepEqual([await state.hasSession('s1'), await state.hasSession('s')], [true, false]);
  await state.deleteSession('s1');
  await state.deleteSession('s1');
  t.deepEqual(await state.listSessions(), ['s10']);
  await state.mount('s10');
  await state.deleteSession('s10');
  t.deepEqual([await state.listSessions(), state.getCurrentSession()], [[], undefined]);
});

test('a mount first unmounts the previous one', async (t) => {
  const { state, machine } = open(t);
  const first = await state.mount('one');
  await write(first, profile('one'));
  const second = await state.mount('two');
  t.false(existsSync(first));
  t.deepEqual(await state.listSessions(), ['one']);
  t.not(first, second);
  const [third, fourth] = await Promise.all([state.mount('three'), state.mount('four')]);
  t.deepEqual([existsSync(third), existsSync(fourth), state.getCurrentSession()], [false, true, 'four']);
  await state.unmount();
  t.deepEqual(machine.left(), nothingLeft);
});

test('two states of one process never share a directory', async (t) => {
  const machine = new TestMachine(t);
  const [a, b] = [open(t, {}, machine).state, open(t, {}, machine).state];
  const [one, two] = [await a.mount('s'), await b.mount('s')];
  t.not(one, two);
  await a.unmount();
  t.true(existsSync(two));
  await b.unmount();
});

test('useSync: false sends the remote no request', async (t) => {
  const remote = counting(memoryProvider());
  const { state } = open(t, { remote, useSync: false });
  await write(await state.mount('s'), profile('here'));
  await state.syncManager.syncToCloud();
  await state.syncManager.syncFromCloud();
  t.like(await state.unmount(), { pushed: false, changed: false });
  t.deepEqual(await state.listSessions(), ['s']);
  t.deepEqual(Object.values(remote.counts.requests), [0, 0, 0, 0, 0, 0]);
});

test('localOptions.storagePath is the local store, and autoCleanup: false leaves directories until cleanup', async (t) => {
  const folder = temporary(t);
  const state = new BrowserState({ localOptions: { storagePath: join(folder, 'sessions') }, autoCleanup: false });
  const dir = await state.mount('s');
  await write(dir, profile('kept'));
  await state.unmount();
  t.true(dir.startsWith(join(folder, 'sessions', 'default', '.store')));
  t.true(existsSync(join(dir, 'Default/Cookies')));
  t.deepEqual(await (await openStore({ home: join(folder, 'sessions') })).abandonedMounts(), []);
  await state.cleanup();
  t.false(existsSync(dir));
  await state.mount('s');
  await state.cleanup();
  t.deepEqual(readdirSync(join(folder, 'sessions/default/.store/workspaces')), []);
});

test('a mount can be discarded, also if its directory is gone', async (t) => {
  const { state, machine } = open(t);
  await write(await state.mount('s'), profile('discarded'));
  await state.unmount({ discard: true });
  t.deepEqual(await state.listSessions(), []);
  rmSync(await state.mount('s'), { recursive: true });
  await rejects(t, () => state.unmount(), 'NOT_FOUND');
  await state.unmount({ discard: true });
  t.deepEqual(machine.left(), nothingLeft);
});

test('metadata describes the current files, follows them, and can be replaced', async (t) => {
  const { state } = open(t, { syncOptions: { metadataUpdateInterval: 0.01 } });
  const dir = await state.mount('s');
  t.is(state.syncManager.getMetadata().size, 0);
  await write(dir, { 'Local State': '{}', 'Default/Cookies': 'abc', 'Default/Cache/data_0': 'left out' });
  const known = () => state.syncManager.getMetadata();
  while (known().size < 2) await turn();
  t.deepEqual([...known().keys()].sort(), ['Default/Cookies', 'Local State']);
  const { hash, size, path, modTime } = known().get('Default/Cookies') ?? {};
  t.deepEqual([hash, size, path], ['ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 3, 'Default/Cookies']);
  t.is(typeof modTime, 'number');
  writeFileSync(join(dir, 'Default/Cookies'), 'xyz');
  while (known().get('Default/Cookies')?.hash === hash) await turn();
  const { commit } = await state.unmount();
  const mine = { path: 'x', hash: '', size: 0, modTime: 0 };
  await state.syncManager.saveMetadata(new Map([['x', mine]]));
  t.deepEqual([...known()], [['x', mine]]);
  t.is((await state.mount('s')) === dir, false);
  t.is(known().size, 2);
  t.like(await state.unmount(), { changed: false, commit });
});

test('progress reports each file with bytes to move, up to 100 and never backwards', async (t) => {
  const remote = memoryProvider();
  const { state } = open(t, { remote });
  const seen: ProgressEvent[] = [];
  const release = state.syncManager.onProgress((event) => seen.push(event));
  const dir = await state.mount('s');
  mkdirSync(join(dir, 'Default'));
  writeFileSync(join(dir, 'Default/History'), noise(300_000, 'history'));
  writeFileSync(join(dir, 'Default/Cookies'), 'small');
  writeFileSync(join(dir, 'Default/Empty'), '');
  await state.syncManager.syncToCloud();
  isOrderly(t, seen, 'upload', { 'Default/Cookies': 5, 'Default/History': 300_000 });
  seen.length = 0;
  await state.unmount();
  t.deepEqual(seen, [], 'nothing is to be moved');
  const other = open(t, { remote }).state;
  const there: ProgressEvent[] = [];
  other.syncManager.onProgress((event) => there.push(event));
  await other.mount('s');
  isOrderly(t, there, 'download', { 'Default/Cookies': 5, 'Default/History': 300_000 });
  release();
  await write(await state.mount('s'), { 'Default/Cookies': 'other' });
  await state.unmount();
  t.deepEqual(seen, []);
});

function isOrderly(
  t: ExecutionContext,
  events: readonly ProgressEvent[],
  type: ProgressEvent['type'],
  files: Record<string, number>,
): void {
  const last = new Map<string, number>();
  for (const event of events) {
    t.is(event.type, type);
    t.is(event.totalBytes, files[event.fileName] as number, event.fileName);
    t.true(event.percentage > (last.get(event.fileName) ?? -1) && event.percentage <= 100);
    t.is(event.percentage, (event.bytesTransferred / event.totalBytes) * 100);
    t.true(Number.isFinite(event.bytesPerSecond) && event.bytesPerSecond > 0);
    last.set(event.fileName, event.percentage);
  }
  t.deepEqual(Object.fromEntries(last), Object.fromEntries(Object.keys(files).map((name) => [name, 100])));
}

test('the mounted directory never changes from outside', async (t) => {
  const remote = memoryProvider();
  const { state } = open(t, { remote });
  await write(await state.mount('s'), profile('first'));
  await state.unmount();
  const dir = await state.mount('s');
  const other = open(t, { remote }).state;
  await write(await other.mount('s'), { 'Default/Cookies': 'of the other' });
  await other.unmount();
  await state.syncManager.syncFromCloud();
  t.is(readFileSync(join(dir, 'Default/Cookies'), 'utf8'), 'cookies first');
  t.like(await state.unmount(), { changed: false });
  t.is(readFileSync(join(await state.mount('s'), 'Default/Cookies'), 'utf8'), 'of the other');
});

test('checkpoints are made while the session is mounted, pushed, and squashed by the last commit', async (t) => {
  const remote = memoryProvider();
  const { state, warnings } = open(t, { remote });
  const dir = await state.mount('s', { checkpointInterval: 1 });
  await write(dir, profile('first'));
  const viewer = (await new TestMachine(t, remote).process('viewer')).session('s');
  while (!(await viewer.exists())) await turn();
  await write(dir, { 'Default/Cookies': 'last' });
  await state.unmount();
  const log = async (checkpoints: boolean) => {
    const found: (string | undefined)[] = [];
    for await (const { labels } of viewer.log({ checkpoints })) found.push(labels['checkpoint']);
    return found;
  };
  t.deepEqual(await log(false), [undefined]);
  t.true((await log(true)).includes('live'));
  t.deepEqual(warnings, ['new session s']);
});

test('storeMetadataOnProvider: false is accepted, with one warning about its meaning', async (t) => {
  const { state, warnings } = open(t, { syncOptions: { storeMetadataOnProvider: false } });
  await write(await state.mount('s'), profile('a'));
  await state.unmount();
  t.deepEqual(warnings.slice(1), ['new session s']);
  t.regex(warnings[0] as string, /manifests/);
});

test('the package and a state that names a bucket load neither SDK', (t) => {
  const index = new URL('../../../src/index.js', import.meta.url).href;
  const program = `const { BrowserState } = await import(${JSON.stringify(index)});
    new BrowserState({ storageType: 's3', s3Options: { bucketName: 'bucket' } });
    new BrowserState({ storageType: 'gcs', gcsOptions: { bucketName: 'bucket' } });
    console.log('done');`;
  const args = [...showingLoads, '--input-type=module', '-e', program];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  t.deepEqual([status, stdout], [0, 'done\n'], stderr);
  t.true(stderr.includes('src/api/browser-state.js'));
  t.deepEqual([...stderr.matchAll(/node_modules\/@?(?:aws-sdk|smithy|google-cloud)/g)], []);
});

test('a ready client is used as it is', async (t) => {
  const asked: string[] = [];
  const client = {
    send: async (command: object) => {
      asked.push(command.constructor.name);
      throw Object.assign(new Error('not here'), { name: 'NoSuchKey', $metadata: { httpStatusCode: 404 } });
    },
  };
  const { state } = open(t, { storageType: 's3', s3Options: { bucketName: 'bucket', client } });
  await state.mount('s').catch(() => undefined);
  t.is(asked[0], 'GetObjectCommand');
});

test('a mounted directory is not read before its metadata are requested', async (t) => {
  const looks: string[] = [];
  const tracker = { look: async () => void looks.push('again'), files: () => new Map(looks.splice(0).map((look) => [look, look])) };
  const work = new SyncWork({ now: () => 0 }, undefined);
  work.follow(tracker as never);
  await work.lookAgain(tracker as never);
  t.deepEqual(looks, []);
  work.files();
  await work.lookAgain(tracker as never);
  t.deepEqual(looks, ['again']);
});
