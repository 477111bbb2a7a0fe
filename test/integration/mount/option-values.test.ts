/**
 * The kind of every option and argument (F3, F4). A value of another kind is USAGE, with the option
 * or argument named.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { optionsOf } from '../../../src/api/options.js';
import { launch as playwright } from '../../../src/drivers/playwright.js';
import { launch as puppeteer } from '../../../src/drivers/puppeteer.js';
import {
  type AbandonedMount,
  BrowserState,
  localProvider,
  memoryProvider,
  openStore,
  type Session,
  type Store,
} from '../../../src/index.js';
import { gcsProvider } from '../../../src/provider/gcs/gcs.js';
import { s3Provider } from '../../../src/provider/s3/s3.js';
import { rejects } from '../../support/errors.js';
import { temporary } from '../../support/temporary.js';

interface Place {
  store: Store;
  session: Session;
  dir: string;
}

/** A call with a wrong value, the option or argument that is named, and words of the error. */
type Case = readonly [name: string, call: (place: Place) => unknown, option: string, words: RegExp];

const any = (value: unknown): never => value as never;

const chromium = { name: () => 'chromium', executablePath: () => undefined };
const at = (dir: string) => new BrowserState({ home: join(dir, 'home') });

/** A value that is of no kind, and the expected value in the message. */
const wrong: Readonly<Record<string, readonly [unknown, RegExp]>> = {
  signal: [{}, /an AbortSignal, found an object/],
  onConflict: ['theris', /"theirs", found "theris".*mean "theirs"/],
  exclude: ['*.log', /an array of strings, found "\*\.log".*\["\*\.log"\]/],
  only: ['f', /an array of strings, found "f"/],
  labels: [{ a: 5 }, /strings, found an object with 5 as a/],
  compression: ['bogus', /"auto", "max" or "off", found "bogus"/],
  mode: ['exclusiv', /mean "exclusive"/],
  recover: ['keep', /"commit" or "discard", found "keep"/],
  on: ['there', /"local" or "remote", found "there"/],
  limit: [-1, /a whole number from 0 on, found -1/],
  ttl: [0.5, /a whole number from 1 on, found 0\.5/],
  home: [5, /a string or a provider, found a number/],
  remote: [{}, /a string or a provider, found an object/],
  transfer: ['fast', /an object, found a string/],
  host: [5, /an object, found a number/],
};
const texts = ['message', 'tag', 'at', 'release', 'owner', 'userId', 'folder'];
const flags = [
  'offline',
  'keepCaches',
  'allowShrink',
  'allowPartialProfile',
  'force',
  'keepDirectory',
  'checkpoints',
  'create',
  'push',
  'ask',
  'alone',
  'readData',
  'dryRun',
];
const calls = ['onProgress', 'onWarning', 'onProblem', 'onRetry'];
const counts = ['maxConcurrentOperations', 'chunkSize', 'maxRetries', 'retryDelay'];
for (const name of texts) Object.assign(wrong, { [name]: [5, /a string, found 5/] });
for (const name of flags) Object.assign(wrong, { [name]: ['no', /true or false, found "no"/] });
for (const name of calls) Object.assign(wrong, { [name]: [{}, /a function, found an object/] });
for (const name of counts) Object.assign(wrong, { [name]: ['3', /a whole number from [01] on, found "3"/] });

test('F3: every option of every call of the library rejects a value of another kind', (t) => {
  for (const [call, names] of Object.entries(optionsOf)) {
    for (const [name, kind] of Object.entries(names)) {
      const [value] = wrong[name] ?? [];
      t.true(value !== undefined && !kind.accepts(value), `${call}: ${name}`);
    }
  }
});

const session: readonly Case[] = Object.entries(wrong).flatMap(([option, [value, words]]): Case[] => {
  const options = any({ ttl: 1, [option]: value });
  const given = any({ [option]: value });
  const has = (names: object): boolean => Object.hasOwn(names, option);
  return [
    ...(has(optionsOf.save) ? [['save', ({ session, dir }: Place) => session.save(dir, given), option, words] as const] : []),
    ...(has(optionsOf.checkout)
      ? [['restore', ({ session, dir }: Place) => session.restore(`${dir} new`, given), option, words] as const]
      : []),
    ...(has(optionsOf.log) ? [['log', ({ session }: Place) => session.log(given).next(), option, words] as const] : []),
    ...(has(optionsOf.lease) ? [['lease', ({ session }: Place) => session.lease(options), option, words] as const] : []),
    ...(has(optionsOf.mount) ? [['mount', ({ store }: Place) => store.mount('s', given), option, words] as const] : []),
    ...(has(optionsOf.verify) ? [['verify', ({ store }: Place) => store.verify(given), option, words] as const] : []),
    ...(has(optionsOf.sync) ? [['syncAll', ({ store }: Place) => store.syncAll(given).next(), option, words] as const] : []),
    ...(has(optionsOf.pullAll) ? [['pullAll', ({ store }: Place) => store.pullAll(given).next(), option, words] as const] : []),
    ...(has(optionsOf.open) ? [['openStore', () => openStore(given), option, words] as const] : []),
    ...(has(optionsOf.transfer) ? [['openStore: transfer', () => openStore({ transfer: given }), option, words] as const] : []),
  ];
});

const left = { id: 's.0', session: 's', dir: '/nowhere' } as unknown as AbandonedMount;
const others: readonly Case[] = [
  ['save', ({ session }) => session.save(any(undefined)), 'dir', /a string, found undefined/],
  ['save', ({ session }) => session.save(any(5)), 'dir', /a string, found 5/],
  ['save', ({ session, dir }) => session.save(any(pathToFileURL(dir))), 'dir', /a string, found an object.*fileURLToPath/],
  ['commit', ({ session }) => session.commit(any(null)), 'dir', /found null/],
  ['checkpoint', ({ session }) => session.checkpoint(any(5)), 'dir', /found 5/],
  ['checkout', ({ session }) => session.checkout(any(5)), 'dir', /found 5/],
  ['restore', ({ session }) => session.restore(any(undefined)), 'dir', /found undefined/],
  ['restore', ({ session, dir }) => session.restore(`${dir} new`, { at: any(null) }), 'at', /found null/],
  ['restore', ({ session, dir }) => session.restore(`${dir} new`, { at: any(new Date()) }), 'at', /found an object/],
  ['status', ({ session }) => session.status(any([])), 'dir', /found an array/],
  ['resolve', ({ session }) => session.resolve(any(undefined)), 'revision', /found undefined/],
  ['diff', ({ session }) => session.diff(any(5)), 'from', /found 5/],
  ['rollback', ({ session }) => session.rollback(any({})), 'to', /found an object/],
  ['fork', ({ session }) => session.fork(any(5)), 'name', /found 5/],
  ['tag', ({ session }) => session.tag(any(5)), 'name', /found 5/],
  ['untag', ({ session }) => session.untag(any(undefined)), 'name', /found undefined/],
  ['lease', ({ session }) => session.lease(any(undefined)), 'ttl', /found undefined/],
  ['recover', ({ store }) => store.recover(any(undefined), 'commit'), 'left', /an object, found undefined/],
  ['recover', ({ store }) => store.recover(left, any('comit')), 'how', /mean "commit"/],
  ['localProvider', () => localProvider(any(5), any({})), 'root', /found 5/],
  ['s3Provider', () => s3Provider(any(undefined)), 'bucket', /a string, found undefined/],
  ['s3Provider', () => s3Provider({ bucket: 'profiles', credentials: any('secret') }), 'credentials', /an object, found a string/],
  ['gcsProvider', () => gcsProvider(any({})), 'bucket', /found undefined/],
  ['memoryProvider', () => memoryProvider({ conditionalRead: any('no') }), 'conditionalRead', /found "no"/],
  [
    'openStore',
    () => openStore({ remote: Object.assign(memoryProvider(), { swap: any(5) }) }),
    'remote',
    /an object without the method `swap`/,
  ],
  ['openStore', () => openStore({ home: Object.assign(memoryProvider(), { url: any(5) }) }), 'home', /a provider, found an object/],
  ['BrowserState', () => new BrowserState({ remote: Object.assign(memoryProvider(), { list: any(undefined) }) }), 'remote', /`list`/],
  ['onProgress', () => new BrowserState().syncManager.onProgress(any(5)), 'listener', /a function, found a number/],
  ['saveMetadata', () => new BrowserState().syncManager.saveMetadata(any({})), 'metadata', /a Map, found an object/],
  ['launch', ({ dir }) => playwright(any(chromium), at(dir), 's', { mount: any(5) }), 'mount', /an object, found a number/],
  ['launch', ({ dir }) => playwright(any(chromium), at(dir), 's', any(5)), 'options', /an object, found a number/],
  ['launch', ({ dir }) => puppeteer(any({}), at(dir), 's', { mount: any(null) }), 'mount', /an object, found null/],
  ['BrowserState', () => new BrowserState({ storageType: any('s4') }), 'storageType', /found "s4"/],
  [
    'BrowserState: s3Options',
    () => new BrowserState({ s3Options: { bucketName: 'b', secretAccessKey: any(123) } }),
    'secretAccessKey',
    /found a number/,
  ],
  ['mount', () => new BrowserState().mount('s', { prepare: any(true) }), 'prepare', /an object or false, found true/],
  ['mount: prepare', () => new BrowserState().mount('s', { prepare: { locks: any(1) } }), 'locks', /true or false, found 1/],
  ['unmount', () => new BrowserState().unmount({ discard: any('yes') }), 'discard', /found "yes"/],
];

test('F3, F4: a wrong value is USAGE that names the call and the option, and what is expected and found', async (t) => {
  const root = temporary(t);
  const dir = join(root, 'profile');
  mkdirSync(dir);
  writeFileSync(join(dir, 'f'), 'x');
  const store = await openStore({ home: join(root, 'home'), remote: memoryProvider() });
  const place: Place = { store, session: store.session('s'), dir };
  await place.session.save(dir);
  for (const [call, act, option, words] of [...session, ...others]) {
    const name = `${call}: ${option}`;
    const { message, hint, details } = await rejects(t, async () => act(place), 'USAGE', name);
    t.regex(`${message} ${hint}`, words, name);
    t.true(message.startsWith(`${call}: expected \`${option}\` to be `), message);
    t.like(details, { call, option }, name);
    t.notRegex(`${message} ${hint}`, /secret\b/, name);
  }
  for (const id of [5, undefined, null, {}]) t.throws(() => store.session(any(id)), { code: 'USAGE' });
  await store.close();
});
