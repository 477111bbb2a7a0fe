/**
 * The errors of the Cloud Storage provider for rejected requests, a failing network (R-GCS-7,
 * R-GCS-8) and a missing SDK.
 */
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { utf8 } from '../../../../src/base/bytes.js';
import type { ErrorCode } from '../../../../src/base/errors.js';
import { type GcsOptions, gcsProvider } from '../../../../src/provider/gcs/gcs.js';
import type { Provider, RequestOptions, Version } from '../../../../src/provider/provider.js';
import { rejects } from '../../../support/errors.js';
import { failingToRequire } from '../../../support/loading.js';
import { type GcsFault, type GcsServer, startGcsServer } from '../../../support/servers/gcs-server.js';

const large = new Uint8Array(1_000_000).fill(7);

async function fixture(
  t: ExecutionContext,
  options: Partial<GcsOptions> = {},
): Promise<{ server: GcsServer; provider: Provider; version: Version }> {
  const server = await startGcsServer();
  t.teardown(() => server.close());
  const provider = gcsProvider({ bucket: 'bucket', endpoint: server.url, ...options });
  t.teardown(() => provider.close());
  await provider.put('packs/a', large);
  return { server, provider, version: (await provider.swap('refs/a', utf8('one'), null)) as Version };
}

/** Calls every method once, on keys that the fixture holds or would hold. */
const methods: Record<string, (provider: Provider, version: Version, options?: RequestOptions) => Promise<unknown>> = {
  put: (provider, _version, options) => provider.put('packs/new', large, options),
  get: (provider, _version, options) => provider.get('packs/a', options),
  'get of a range': (provider, _version, options) => provider.get('packs/a', { ...options, range: { start: 5, end: 100_000 } }),
  read: (provider, _version, options) => provider.read('refs/a', options),
  'swap that creates': (provider, _version, options) => provider.swap('refs/new', utf8('new'), null, options),
  'swap that replaces': (provider, version, options) => provider.swap('refs/a', utf8('two'), version, options),
  list: async (provider, _version, options) => {
    for await (const { key } of provider.list('', options)) if (key === '') throw new Error('expected keys');
  },
  delete: (provider, _version, options) => provider.delete('packs/a', options),
};

const faults: [GcsFault, ErrorCode, RegExp][] = [
  ['401', 'FORBIDDEN', /401 Invalid Credentials$/],
  ['403', 'FORBIDDEN', /403 someone does not have storage\.objects\.get access$/],
  ['408', 'UNREACHABLE', /408 Request Timeout$/],
  ['429', 'UNREACHABLE', /429 The rate of change requests/],
  ['503', 'UNREACHABLE', /503 Backend Error$/],
  ['cut-before', 'UNREACHABLE', /ECONNRESET|EPIPE/],
  ['cut-after', 'UNREACHABLE', /ECONNRESET|EPIPE/],
];

for (const [fault, code, message] of faults) {
  test(`R-GCS-8: ${fault} is ${code} for every method, which sends one request, and one more to settle a swap`, async (t) => {
    const { server, provider, version } = await fixture(t);
    server.fault = () => fault;
    for (const [name, method] of Object.entries(methods)) {
      const before = server.requests.length;
      const error = await rejects(t, () => method(provider, version), code, name);
      t.regex(error.message, message, name);
      t.true(error.hint !== undefined, name);
      const isSettled = name.startsWith('swap') && code === 'UNREACHABLE';
      t.is(server.requests.length - before, isSettled ? 2 : 1, name);
    }
  });
}

test('R-GCS-8: a rejected write had no effect, and one whose answer was lost has it', async (t) => {
  const { server, provider, version } = await fixture(t);
  for (const fault of ['401', '403', '429', '503', 'cut-before'] as const) {
    server.fault = () => fault;
    await rejects(t, () => provider.swap('refs/a', utf8(fault), version), fault < '404' ? 'FORBIDDEN' : 'UNREACHABLE');
    server.fault = undefined;
    t.deepEqual(await provider.read('refs/a'), { bytes: utf8('one'), version });
  }
  server.fault = () => 'cut-after';
  await rejects(t, () => provider.swap('refs/a', utf8('two'), version), 'UNREACHABLE');
  await rejects(t, () => provider.put('packs/b', utf8('b')), 'UNREACHABLE');
  server.fault = undefined;
  t.is(await provider.swap('refs/a', utf8('two'), version), undefined);
  const cell = await provider.read('refs/a');
  t.true(typeof cell === 'object' && Buffer.from(cell.bytes).toString() === 'two');
  await provider.put('packs/b', utf8('b'));
});

test('R-GCS-7: an answer that is cut off within is UNREACHABLE at once, and disturbs no other request', async (t) => {
  const { server, provider } = await fixture(t);
  server.fault = ({ query }) => (query.get('alt') === 'media' ? 'cut-body' : undefined);
  const others = Array.from({ length: 10 }, (_, i) => provider.put(`packs/${i}`, large));
  await rejects(t, () => provider.get('packs/a'), 'UNREACHABLE');
  await t.notThrowsAsync(Promise.all(others));
});

for (const fault of ['stall', 'stall-body'] as const) {
  test(`R-GCS-7: a request at which nothing happens any more (${fault}) is UNREACHABLE`, async (t) => {
    const { server, provider, version } = await fixture(t);
    const impatient = gcsProvider({ bucket: 'bucket', endpoint: server.url, timeoutMs: 200 });
    t.teardown(() => impatient.close());
    server.fault = () => fault;
    const bodies = fault === 'stall' ? methods : { get: methods['get'] as (typeof methods)['get'] };
    for (const [name, method] of Object.entries(bodies)) {
      const error = await rejects(t, () => method(impatient, version), 'UNREACHABLE', name);
      t.regex(error.message, /nothing happened for 200 ms/, name);
    }
    server.fault = undefined;
    t.deepEqual(await provider.get('packs/a'), large);
  });

  test(`R-GCS-7: a request at which nothing happens any more (${fault}) can be cancelled, and its connection is closed`, async (t) => {
    const { server, provider, version } = await fixture(t);
    const bodies = fault === 'stall' ? methods : { get: methods['get'] as (typeof methods)['get'] };
    for (const [name, method] of Object.entries(bodies)) {
      const abort = new AbortController();
      const arrived = new Promise<void>((resolve) => {
        server.fault = () => {
          resolve();
          return fault;
        };
      });
      const call = rejects(t, () => method(provider, version, { signal: abort.signal }), 'CANCELLED', name);
      await arrived;
      const cut = server.nextDisconnect();
      abort.abort();
      await call;
      await cut;
    }
    t.pass();
  });
}

test('R-GCS-8: an answer that is not of Cloud Storage is UNREACHABLE, never an empty cell or a won swap', async (t) => {
  const { server, provider, version } = await fixture(t);
  server.fault = () => 'html';
  await rejects(t, () => provider.read('refs/a'), 'UNREACHABLE');
  await rejects(t, () => provider.swap('refs/a', utf8('two'), version), 'UNREACHABLE');
  await rejects(t, () => provider.put('packs/b', utf8('b')), 'UNREACHABLE');
  await rejects(t, () => (methods['list'] as (typeof methods)['list'])(provider, version), 'UNREACHABLE');
});

test('R-GCS-8: an absent bucket is NOT_FOUND for every method, and the hint says that none is created', async (t) => {
  const { server, version } = await fixture(t);
  const provider = gcsProvider({ bucket: 'missing', endpoint: server.url });
  t.teardown(() => provider.close());
  for (const [name, method] of Object.entries(methods)) {
    const error = await rejects(t, () => method(provider, version), 'NOT_FOUND', name);
    t.regex(error.message, /in gs\+http:.*\/missing: 404 The specified bucket does not exist\.$/);
    t.regex(error.hint ?? '', /never creates a bucket/);
  }
});

test('R-GCS-8: an absent server is UNREACHABLE', async (t) => {
  const { server, provider } = await fixture(t);
  await server.close();
  await rejects(t, () => provider.get('packs/a'), 'UNREACHABLE');
});

test('R-GCS-7: nothing is redirected', async (t) => {
  let asked = 0;
  const http = createServer((_request, response) => {
    asked++;
    response.writeHead(302, { Location: '/elsewhere' }).end();
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  t.teardown(() => http.close());
  const provider = gcsProvider({ bucket: 'bucket', endpoint: `http://127.0.0.1:${(http.address() as AddressInfo).port}` });
  t.teardown(() => provider.close());
  await rejects(t, () => provider.get('packs/a'), 'UNREACHABLE');
  t.is(asked, 1);
});

test('without the SDK both entry points load, and the first request says how to install it', (t) => {
  const missing = failingToRequire('@google-cloud/storage', "Cannot find module '@google-cloud/storage'", 'MODULE_NOT_FOUND');
  const program = `await import('browserstate');
    const { gcsProvider } = await import('browserstate/gcs');
    const error = await gcsProvider({ bucket: 'bucket' }).get('packs/a').catch((found) => found);
    console.log(JSON.stringify([error.code, error.hint]));`;
  const cwd = fileURLToPath(new URL('../../../../../', import.meta.url));
  const options = [...missing, '--input-type=module', '--eval', program];
  const { stdout, stderr } = spawnSync(process.execPath, options, { cwd, encoding: 'utf8' });
  t.is(stdout.trim(), JSON.stringify(['UNSUPPORTED', 'Install it: npm install @google-cloud/storage']), stderr);
});
