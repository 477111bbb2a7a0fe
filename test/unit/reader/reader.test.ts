/**
 * `browserstate/reader`, the file of the package. It reads stored data of the library, with the
 * same results as the library.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { localProvider } from '../../../src/index.js';
import type { ReaderSession, ReaderVersion } from '../../../src/reader/reader.js';
import { allowedRanges, planFetch } from '../../../src/repository/read/fetch-plan.js';
import { Repository } from '../../../src/repository/repository.js';
import type { Expected } from '../../format/fixtures/expected.js';
import { fakeHost } from '../../support/host.js';
import { describeEntry } from '../../support/profile.js';
import { BrowserStateError, type Cells, frozen, openReader, type PlaceOptions, rejected, serve, v1 } from '../../support/reader/place.js';

const expected = JSON.parse(readFileSync(join(v1, 'expected.json'), 'utf8')) as Expected;

/** Returns the content of a version in the form of expected.json. */
async function entriesOf(version: ReaderVersion): Promise<Record<string, string>> {
  const contents = new Map<string, Uint8Array>();
  for await (const { path, bytes } of version.readAll()) contents.set(path, bytes);
  return Object.fromEntries(
    version.files.map((file) => {
      const holds = file.kind === 'file' ? (contents.get(file.path) as Uint8Array) : file.kind === 'symlink' ? file.target : '';
      return [file.path, describeEntry(file.kind, file.mode, file.mtime, holds)];
    }),
  );
}

async function readsAll(t: ExecutionContext, session: ReaderSession): Promise<void> {
  const versions = expected[session.id as 'main' | 'fork'];
  const log: unknown[] = [];
  for await (const { time, ...entry } of session.log()) log.push({ ...entry, time: time.toISOString() });
  t.is(log.length, versions.length);
  t.like(
    log,
    versions.map(({ entries: _, ...version }) => version),
  );
  for (const { commit, entries } of versions) t.deepEqual(await entriesOf(await session.version({ at: commit })), entries, commit);
}

const kinds: [string, Cells, PlaceOptions][] = [
  ['a bucket of S3', 's3', {}],
  ['a bucket of Cloud Storage', 'gcs', {}],
  ['a server that ignores ranges', 's3', { ignoresRanges: true }],
];
for (const [title, cells, options] of kinds) {
  test(`R-VER-3, R-HTTP-1: every version of the frozen repository is read over ${title}, as the library restores it`, async (t) => {
    const reader = openReader({ url: (await serve(t, await frozen(cells), options)).url });
    await readsAll(t, reader.session('main'));
    await readsAll(t, reader.session('fork'));
    t.false(await reader.session('gone').exists());
    await rejected(t, reader.session('gone').version(), 'NOT_FOUND');
  });
}

test('one file is read, by a revision of any kind; names that are no file are errors', async (t) => {
  const session = openReader({ url: (await serve(t, await frozen())).url }).session('main');
  const version = await session.version({ at: 'zstd' });
  t.is(version.entry.message, 'zstd log');
  t.deepEqual((await session.resolve('HEAD')).commit, expected.main[0]?.commit);
  t.deepEqual((await session.tags()).get('zstd'), version.entry.commit);
  for (const file of version.files) if (file.kind === 'file') t.is((await version.read(file.path)).length, file.size);
  t.is((await version.read('Default/empty file')).length, 0);
  const { hint } = await rejected(t, version.read('Default/Cookie'), 'NOT_FOUND');
  t.is(hint, 'Did you mean "Default/Cookies"?');
  await rejected(t, version.read('Default'), 'USAGE');
  await rejected(t, version.read('Default/Cookies copy'), 'USAGE');
  await rejected(t, session.version({ at: 'nothing' }), 'NOT_FOUND');
  await rejected(t, session.version({ att: 'HEAD' } as object), 'USAGE');
  t.is(
    (
      await openReader({ url: (await serve(t, await frozen())).url })
        .session('fork')
        .version({ at: 'main:zstd' })
    ).entry.commit,
    version.entry.commit,
  );
});

test('SPEC 11.5: a version costs its ref, its manifest if the ref does not carry it, and as many ranges as a cold mount', async (t) => {
  const place = await serve(t, await frozen());
  const provider = localProvider(join(v1, 'store'), fakeHost('plan'));
  const repository = (await Repository.open(provider, fakeHost('plan'))) as Repository;
  const entries = (await repository.refs.read('main'))?.ref.entries ?? [];
  for (const entry of entries) {
    const { spans, liveBytes } = planFetch((await repository.readManifest(entry)).blobs.values());
    place.requests.length = 0;
    const version = await openReader({ url: place.url }).session('main').version({ at: entry.id });
    t.true(place.requests.length <= 2, entry.id);
    place.requests.length = 0;
    for await (const _ of version.readAll());
    t.is(place.requests.length, spans.length);
    t.true(spans.length <= allowedRanges(liveBytes));
  }
});

test('R-HTTP-5: a plain address has no list: sessions() is UNSUPPORTED with a hint, never an empty list', async (t) => {
  const reader = openReader({ url: (await serve(t, await frozen())).url });
  const { hint } = await rejected(t, reader.sessions().next(), 'UNSUPPORTED');
  t.regex(String(hint), /`s3`/);
});

test('a provider of the caller is read, and lists its sessions', async (t) => {
  const local = localProvider(join(v1, 'store'), fakeHost('own'));
  const at = (key: string): string => key.replace(/^ada\/\.store\//, '');
  const reader = openReader({
    userId: 'ada',
    provider: {
      url: 'own:',
      get: (key, options) => local.get(at(key), options),
      read: (key, options) => local.read(at(key), options),
      async *list(prefix, options) {
        for await (const { key, size } of local.list(at(prefix), options)) yield { key: `ada/.store/${key}`, size };
      },
    },
  });
  const found: string[] = [];
  for await (const { session, commit, commits } of reader.sessions()) found.push(`${session} ${commit} ${commits}`);
  t.deepEqual(
    found,
    (['fork', 'main'] as const).map((session) => `${session} ${expected[session][0]?.commit} ${expected[session].length}`),
  );
  await readsAll(t, reader.session('main'));
});

test('addresses, users and options that cannot be one are USAGE, without what may be a secret', (t) => {
  const cases: [object, RegExp][] = [
    [{}, /one of/],
    [{ url: 'https://a.example', s3: { bucket: 'profiles', region: 'eu-central-1' } }, /one of/],
    [{ url: 'profiles/team' }, /no.* address/],
    [{ url: 'file:///profiles' }, /no.* address/],
    [{ url: 'https://ada:secret@a.example/' }, /credentials/],
    [{ url: 'https://a.example', user: 'ada' }, /unknown option "user"/],
    [{ url: 'https://a.example', userId: '../ada' }, /user id/],
    [{ s3: { bucket: 'profiles/team', region: 'eu-central-1' } }, /bucket/],
    [{ s3: { bucket: 'profiles' } }, /no address/],
    [{ s3: { bucket: 'profiles', region: 'x.evil.example/?' } }, /no address/],
    [undefined as never, /one of/],
    [{ provider: {} }, /`provider` to be an object with `url`, `get` and `read`, found an object/],
    [{ provider: 'https://ada:secret@a.example/' }, /`provider`.* found a string/],
    [{ url: 5 }, /`url` to be a string or a URL, found a number/],
    [{ url: 'https://a.example', userId: 5 }, /`userId` to be a string, found 5/],
    [{ url: 'https://a.example', sign: 'a secret' }, /`sign` to be a function, found a string/],
    [{ url: 'https://a.example', fetch: {} }, /`fetch` to be a function, found an object/],
    [{ s3: 'profiles' }, /`s3` to be an object, found a string/],
    [{ s3: { region: 'eu-central-1' } }, /`bucket` to be a string, found undefined/],
    [{ s3: { bucket: 'profiles', region: 'eu-central-1', pathStyle: 'yes' } }, /`pathStyle` to be true or false, found "yes"/],
  ];
  for (const [options, message] of cases) {
    const { hint, message: said = '' } =
      t.throws(() => openReader(options), { instanceOf: BrowserStateError, code: 'USAGE', message }) ?? {};
    t.truthy(hint);
    t.notRegex(`${said} ${hint}`, /secret/);
  }
});

test('F4: a value of another kind is USAGE that names it', async (t) => {
  const reader = openReader({ url: (await serve(t, await frozen())).url });
  const session = reader.session('main');
  const version = await session.version();
  const any = (value: unknown): never => value as never;
  const cases: [() => Promise<unknown>, RegExp][] = [
    [() => session.version({ at: any(5) }), /version: expected `at` to be a string, found 5/],
    [() => session.version({ at: any(null) }), /`at`.* found null/],
    [() => session.version({ signal: any(5) }), /`signal` to be an AbortSignal, found 5/],
    [() => session.exists({ signal: any({}) }), /`signal`/],
    [() => session.tags(any(null)), /options are not an object/],
    [() => session.resolve(any(undefined)), /`revision` to be a string, found undefined/],
    [() => session.log({ limit: -1 }).next(), /`limit` to be a whole number from 0 on, found -1/],
    [() => reader.sessions({ onProblem: any('log') }).next(), /`onProblem` to be a function, found a string/],
    [() => version.read(any(undefined)), /read: expected `path` to be a string, found undefined/],
    [() => version.read('Default/Cookies', { signal: any(5) }), /`signal`/],
    [() => version.readAll('Local State').next(), /`paths` to be an array of strings, found "Local State"/],
    [() => version.readAll(any(5)).next(), /`paths` to be an array of strings, found 5/],
    [() => version.readAll([any(5)]).next(), /`paths`.* 5/],
  ];
  for (const [call, words] of cases) t.regex((await rejected(t, call(), 'USAGE', String(words))).message, words);
  for (const id of [5, undefined, null]) t.throws(() => reader.session(any(id)), { code: 'USAGE' });
});

test('F12: the hint for a revision that does not exist speaks of the reader and not of the command', async (t) => {
  const session = openReader({ url: (await serve(t, await frozen())).url }).session('main');
  for (const at of ['zz', 'HEAD~5000', '@1980-01-01']) {
    const { hint } = await rejected(t, session.version({ at }), 'NOT_FOUND', at);
    t.is(hint, 'Call `log()` of the session to see what there is.', at);
  }
});
