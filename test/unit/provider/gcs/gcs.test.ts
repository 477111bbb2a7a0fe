/**
 * The requests of the Cloud Storage provider, with their number, names and conditions (SPEC.md
 * "GCS").
 */
import { Storage, type StorageOptions } from '@google-cloud/storage';
import test, { type ExecutionContext } from 'ava';
import { utf8 } from '../../../../src/base/bytes.js';
import { type GcsOptions, gcsProvider } from '../../../../src/provider/gcs/gcs.js';
import type { Provider, Version } from '../../../../src/provider/provider.js';
import { type GcsServer, type GcsServerOptions, startGcsServer } from '../../../support/servers/gcs-server.js';

async function fixture(
  t: ExecutionContext,
  options: Partial<GcsOptions> = {},
  serverOptions: GcsServerOptions = {},
): Promise<{ server: GcsServer; provider: Provider }> {
  const server = await startGcsServer(serverOptions);
  t.teardown(() => server.close());
  const provider = gcsProvider({ bucket: 'bucket', endpoint: server.url, ...options });
  t.teardown(() => provider.close());
  return { server, provider };
}

const large = new Uint8Array(300_000).fill(7);

async function listed(provider: Provider): Promise<{ key: string; size: number | undefined }[]> {
  const all: { key: string; size: number | undefined }[] = [];
  for await (const entry of provider.list('')) all.push(entry);
  return all;
}

test('R-GCS-7: every method is one request', async (t) => {
  const { server, provider } = await fixture(t);
  const requests = async (body: () => Promise<unknown>): Promise<string[]> => {
    const before = server.requests.length;
    await body();
    return server.requests.slice(before).map(({ method, path }) => `${method} ${path}`);
  };
  let version: Version | undefined;
  const upload = 'POST /upload/storage/v1/b/bucket/o';
  const object = '/storage/v1/b/bucket/o/packs%2Fa';
  const cell = '/storage/v1/b/bucket/o/refs%2Fa~';
  const swap = async (expected: Version | null): Promise<Version | undefined> => await provider.swap('refs/a', utf8('x'), expected);
  t.deepEqual(await requests(() => provider.put('packs/a', large)), [upload]);
  t.deepEqual(await requests(() => provider.put('packs/a', large)), [upload, `GET ${object}`]);
  t.deepEqual(await requests(() => provider.get('packs/a')), [`GET ${object}`]);
  t.deepEqual(await requests(() => provider.get('packs/a', { range: { start: 5, end: 9 } })), [`GET ${object}`]);
  t.deepEqual(await requests(async () => (version = await swap(null))), [upload]);
  t.deepEqual(await requests(() => swap(null)), [upload]);
  t.deepEqual(await requests(async () => (version = await swap(version as Version))), [upload]);
  t.deepEqual(await requests(() => provider.read('refs/a')), [`GET ${cell}`]);
  t.deepEqual(await requests(() => provider.read('refs/a', { unless: version as Version })), [`GET ${cell}`]);
  t.deepEqual(await requests(() => provider.read('refs/b')), ['GET /storage/v1/b/bucket/o/refs%2Fb~']);
  t.deepEqual(await requests(() => listed(provider)), ['GET /storage/v1/b/bucket/o']);
  t.deepEqual(await requests(() => provider.delete('packs/a')), [`DELETE ${object}`]);
  t.deepEqual(await requests(() => provider.delete('packs/a')), [`DELETE ${object}`]);
});

test('R-GCS-2, R-GCS-3, R-GCS-4: every write and every conditional read names its generation', async (t) => {
  const { server, provider } = await fixture(t);
  await provider.put('packs/a', utf8('object'));
  const first = (await provider.swap('refs/a', utf8('one'), null)) as Version;
  const second = (await provider.swap('refs/a', utf8('two'), first)) as Version;
  t.is(await provider.swap('refs/a', utf8('three'), first), undefined);
  t.is(await provider.read('refs/a', { unless: second }), 'unchanged');
  await provider.read('refs/a', { unless: 'no generation' });
  t.regex(second, /^[1-9][0-9]{15}$/);
  const conditions = server.requests.map(({ query }) => query.get('ifGenerationMatch') ?? query.get('ifGenerationNotMatch'));
  t.deepEqual(conditions, ['0', '0', first, first, second, null]);
});

test('R-GCS-3: a swap with an invalid generation loses without a request, also with 0', async (t) => {
  const { server, provider } = await fixture(t);
  for (const expected of ['0', '', '01', '-1', '1e3', ' 1', `${'9'.repeat(19)}`]) {
    t.is(await provider.swap('refs/a', utf8('one'), expected), undefined);
  }
  t.is(server.requests.length, 0);
  t.is(await provider.read('refs/a'), undefined);
});

test('R-GCS-1: names are keys below the prefix, cells with a tilde, and other names are skipped', async (t) => {
  const { server, provider } = await fixture(t, { prefix: 'team/x' });
  const bucket = new Storage({ apiEndpoint: server.url, projectId: 'none' }).bucket('bucket');
  await provider.put('packs/a', utf8('object'));
  const version = await provider.swap('refs/a', utf8('cell'), null);
  for (const name of ['stranger', 'team/xy', 'team/x/not a key', 'team/x/.hidden', 'team/x/a~~', 'team/x/']) {
    await bucket.file(name).save('strange', { resumable: false, validation: 'md5' });
  }
  t.deepEqual(await listed(provider), [
    { key: 'packs/a', size: 6 },
    { key: 'refs/a', size: undefined },
  ]);
  const [files] = await bucket.getFiles({ prefix: 'team/x/' });
  t.true(files.some(({ name }) => name === 'team/x/packs/a'));
  const cell = bucket.file('team/x/refs/a~');
  t.is((await cell.getMetadata())[0].generation, version);
  t.is((await cell.download({ validation: 'md5' }))[0].toString(), 'cell');
  await bucket.file('team/x/packs/a').delete();
  await t.throwsAsync(provider.get('packs/a'), { code: 'NOT_FOUND' });
  t.is(provider.url, `gs+${server.url}/bucket/team/x/`);
});

test('R-GCS-6: a list requests page after page', async (t) => {
  const { server, provider } = await fixture(t);
  for (let i = 0; i < 2001; i += 50) {
    await Promise.all(Array.from({ length: Math.min(50, 2001 - i) }, (_, n) => provider.put(`packs/${i + n}`, utf8('x'))));
  }
  const before = server.requests.length;
  t.is(new Set((await listed(provider)).map(({ key }) => key)).size, 2001);
  t.is(server.requests.length - before, 3);
});

test('R-GCS-2: a put whose name is taken by an object that vanishes meanwhile starts over', async (t) => {
  const { server, provider } = await fixture(t);
  await provider.put('packs/a', utf8('first'));
  const other = gcsProvider({ bucket: 'bucket', endpoint: server.url });
  t.teardown(() => other.close());
  server.fault = async ({ method }) => {
    if (method === 'GET') await other.delete('packs/a');
    return undefined;
  };
  await provider.put('packs/a', utf8('second'));
  server.fault = undefined;
  t.deepEqual(await provider.get('packs/a'), utf8('second'));
  t.deepEqual(
    server.requests.slice(1, -1).map(({ method }) => method),
    ['POST', 'GET', 'DELETE', 'POST'],
  );
});

test('R-GCS-9: a ready client has its own credentials, and an endpoint without a client gets none', async (t) => {
  const { server, provider } = await fixture(t, {}, { token: 'secret' });
  await t.throwsAsync(provider.get('packs/a'), { code: 'FORBIDDEN', message: /401 Invalid Credentials/ });
  t.is(server.requests[0]?.authorization, undefined);
  const authClient = { getRequestHeaders: async () => ({ Authorization: 'Bearer secret' }) } as unknown as NonNullable<
    StorageOptions['authClient']
  >;
  const storage = new Storage({ apiEndpoint: server.url, useAuthWithCustomEndpoint: true, authClient, projectId: 'none' });
  const known = gcsProvider({ bucket: 'bucket', storage });
  t.teardown(() => known.close());
  await known.put('packs/a', utf8('object'));
  t.deepEqual(await known.get('packs/a'), utf8('object'));
});

test('R-GCS-9: an endless search for credentials times out, and can be cancelled', async (t) => {
  const { server } = await fixture(t);
  const authClient = { getRequestHeaders: () => new Promise(() => undefined) } as unknown as NonNullable<StorageOptions['authClient']>;
  const storage = new Storage({ apiEndpoint: server.url, useAuthWithCustomEndpoint: true, authClient, projectId: 'none' });
  const impatient = gcsProvider({ bucket: 'bucket', storage, timeoutMs: 50 });
  await t.throwsAsync(impatient.get('packs/a'), { code: 'UNREACHABLE', message: /no credentials in 50 ms/ });
  const patient = gcsProvider({ bucket: 'bucket', storage });
  const abort = new AbortController();
  const call = t.throwsAsync(patient.get('packs/a', { signal: abort.signal }), { code: 'CANCELLED' });
  setImmediate(() => abort.abort());
  await call;
  t.is(server.requests.length, 0);
  await Promise.all([impatient.close(), patient.close()]);
});

test('R-GCS-9: an absent key file is FORBIDDEN, and is named', async (t) => {
  const { server, provider } = await fixture(t, { keyFilename: '/nowhere/key.json' });
  await t.throwsAsync(provider.get('packs/a'), { code: 'FORBIDDEN', message: /\/nowhere\/key\.json/ });
  t.is(server.requests.length, 0);
});

test('an invalid bucket, endpoint or prefix is USAGE, and a password in an endpoint is not shown', (t) => {
  for (const bucket of ['', 'a', 'Bucket', 'a/b', '-ab', '..', 'a b', 'x'.repeat(223)]) {
    t.throws(() => gcsProvider({ bucket }), { code: 'USAGE' });
  }
  for (const endpoint of [
    '',
    'localhost:80',
    'ftp://localhost',
    'http://hunter2@localhost',
    'http://user:hunter2@localhost',
    'http://localhost/?key=hunter2',
  ]) {
    const error = t.throws(() => gcsProvider({ bucket: 'bucket', endpoint }), { code: 'USAGE' });
    t.notRegex(error?.message ?? '', /hunter2/);
  }
  t.throws(() => gcsProvider({ bucket: 'bucket', prefix: '../x' }), { code: 'USAGE' });
});

test('a connection that could not be made is closed without an error', async (t) => {
  const storage = {
    get apiEndpoint(): string {
      throw new TypeError('no storage');
    },
  } as unknown as Storage;
  const provider = gcsProvider({ bucket: 'bucket', storage });
  await t.throwsAsync(() => provider.read('refs/a'));
  await t.notThrowsAsync(async () => provider.close());
});
