/**
 * Responses of S3 and the network as errors of the contract (R-S3-9), with the real SDK and the
 * server for tests.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { S3Client } from '@aws-sdk/client-s3';
import test, { type ExecutionContext } from 'ava';
import { utf8 } from '../../../../src/base/bytes.js';
import type { ErrorCode } from '../../../../src/base/errors.js';
import type { Provider } from '../../../../src/provider/provider.js';
import { type S3Options, s3Provider } from '../../../../src/provider/s3/s3.js';
import { rejects } from '../../../support/errors.js';
import { type Fault, type S3Server, type S3ServerOptions, startS3Server } from '../../../support/servers/s3-server.js';
import { temporary } from '../../../support/temporary.js';

async function open(
  t: ExecutionContext,
  behavior: S3ServerOptions = {},
  options: Partial<S3Options> = {},
): Promise<{ server: S3Server; provider: Provider }> {
  const server = await startS3Server(behavior);
  const provider = s3Provider({ ...server.options, ...options });
  t.teardown(async () => {
    await provider.close();
    await server.close();
  });
  return { server, provider };
}

const methods: Record<string, (provider: Provider) => Promise<unknown>> = {
  put: (provider) => provider.put('packs/a', utf8('one')),
  get: (provider) => provider.get('packs/a'),
  read: (provider) => provider.read('refs/a'),
  'swap that creates': (provider) => provider.swap('refs/a', utf8('one'), null),
  'swap that replaces': (provider) => provider.swap('refs/a', utf8('one'), `${'01'.repeat(8)}/0123`),
  delete: (provider) => provider.delete('packs/a'),
  list: async (provider) => {
    for await (const { key } of provider.list('')) throw new Error(`expected no key, found ${key}`);
  },
};

/** Asserts that every method fails with this code. Returns the hints of the errors. */
async function allFail(t: ExecutionContext, provider: Provider, code: ErrorCode): Promise<(string | undefined)[]> {
  const hints: (string | undefined)[] = [];
  for (const [name, method] of Object.entries(methods)) hints.push((await rejects(t, () => method(provider), code, name)).hint);
  return hints;
}

test('wrong credentials are FORBIDDEN, and never absence', async (t) => {
  const secret = await open(t, {}, { credentials: { accessKeyId: 'tester', secretAccessKey: 'another' } });
  const key = await open(t, {}, { credentials: { accessKeyId: 'nobody', secretAccessKey: 'a secret' } });
  const hints = [...(await allFail(t, secret.provider, 'FORBIDDEN')), ...(await allFail(t, key.provider, 'FORBIDDEN'))];
  t.true(hints.every((hint) => hint?.includes('Credentials')));
});

test('a missing permission is FORBIDDEN, with the permissions in the hint', async (t) => {
  const { provider } = await open(t, { fault: () => ({ code: 'AccessDenied' }) });
  const hints = await allFail(t, provider, 'FORBIDDEN');
  t.true(hints.every((hint) => hint?.includes('s3:ListBucket')));
});

test('a missing bucket is NOT_FOUND, with a hint that none is created', async (t) => {
  const { provider, server } = await open(t, {}, { bucket: 'nowhere' });
  const hints = await allFail(t, provider, 'NOT_FOUND');
  t.true(hints.every((hint) => hint?.includes('never creates')));
  t.deepEqual(server.store.names(), []);
});

test('a wrong clock is corrected from the answer of the server', async (t) => {
  const { provider, server } = await open(t, { clockAhead: 3_600_000 });
  await provider.put('packs/a', utf8('one'));
  t.deepEqual(await provider.get('packs/a'), utf8('one'));
  t.is(server.requests.length, 3);
});

test('a clock that stays wrong is FORBIDDEN, with a hint at the clock', async (t) => {
  const { provider } = await open(t, { clockAhead: 3_600_000, tellsTime: false });
  const hints = await allFail(t, provider, 'FORBIDDEN');
  t.true(hints.every((hint) => hint?.includes('clock')));
});

const answers: Record<string, ErrorCode> = {
  SlowDown: 'UNREACHABLE',
  InternalError: 'UNREACHABLE',
  NotImplemented: 'UNSUPPORTED',
  QuotaExceeded: 'NO_SPACE',
};

for (const [answer, code] of Object.entries(answers)) {
  test(`${answer} is ${code}`, async (t) => {
    const { provider } = await open(t, { fault: () => ({ code: answer }) });
    await allFail(t, provider, code);
  });
}

const broken: Record<string, Fault> = { before: 'cut-before', after: 'cut-after' };

for (const [when, fault] of Object.entries(broken)) {
  test(`a connection that breaks ${when} the request took effect is UNREACHABLE, and nothing is sent twice (R-S3-6)`, async (t) => {
    const { provider, server } = await open(t, { fault: () => fault });
    await allFail(t, provider, 'UNREACHABLE');
    // A read settles each of the two swaps.
    t.is(server.requests.length, Object.keys(methods).length + 2);
    t.deepEqual(server.store.names(), when === 'before' ? [] : ['refs/a~']);
  });
}

test('a connection that breaks within a body is UNREACHABLE', async (t) => {
  const { provider, server } = await open(t, { fault: ({ method }) => (method === 'GET' ? 'cut-within' : undefined) });
  server.store.plant('packs/a', new Uint8Array(100_000));
  await rejects(t, () => provider.get('packs/a'), 'UNREACHABLE');
});

test('a server that stalls is UNREACHABLE after a while', async (t) => {
  const { provider } = await open(t, { fault: () => 'stall' }, { timeoutMs: 100 });
  await allFail(t, provider, 'UNREACHABLE');
});

test('an absent server is UNREACHABLE', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const { provider } = await open(t, {}, { endpoint: `http://127.0.0.1:${port}` });
  await allFail(t, provider, 'UNREACHABLE');
});

test('a cancelled request is CANCELLED, also if the server stalls', async (t) => {
  const abort = new AbortController();
  const { provider } = await open(t, {
    fault: () => {
      abort.abort();
      return 'stall';
    },
  });
  await rejects(t, () => provider.get('packs/a', { signal: abort.signal }), 'CANCELLED');
});

test('a given client sends nothing twice either, and stays open (R-S3-6)', async (t) => {
  let failing = true;
  const { provider, server } = await open(t, { fault: () => (failing ? { code: 'SlowDown' } : undefined) });
  const { bucket, endpoint, credentials } = server.options;
  const client = new S3Client({
    region: 'us-east-1',
    endpoint: endpoint as string,
    credentials: credentials as never,
    forcePathStyle: true,
  });
  t.teardown(() => client.destroy());
  const given = s3Provider({ bucket, client });
  await allFail(t, given, 'UNREACHABLE');
  // Both swaps were answered, so a read settles each.
  t.is(server.requests.length, Object.keys(methods).length + 2);
  failing = false;
  await given.put('packs/a', utf8('one'));
  await given.close();
  t.deepEqual(await s3Provider({ bucket, client }).get('packs/a'), utf8('one'));
  t.deepEqual(await provider.get('packs/a'), utf8('one'));
});

test('a missing SDK is named, and only when it is needed', async (t) => {
  const folder = temporary(t);
  mkdirSync(join(folder, 'src'));
  cpSync(fileURLToPath(new URL('../../../../src', import.meta.url)), join(folder, 'src'), { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module', imports: { '#platform': './src/codec/node.js' } }));
  const module = (await import(
    pathToFileURL(join(folder, 'src/provider/s3/s3.js')).href
  )) as typeof import('../../../../src/provider/s3/s3.js');
  const provider = module.s3Provider({ bucket: 'profiles' });
  const error: unknown = await provider.get('packs/a').catch((found: unknown) => found);
  t.like(error, { code: 'UNSUPPORTED', hint: 'Install it: npm install @aws-sdk/client-s3' });
  await provider.close();
});

test('importing the package loads no SDK', (t) => {
  const folder = temporary(t);
  const root = fileURLToPath(new URL('../../../../../', import.meta.url));
  cpSync(join(root, 'dist/lib'), join(folder, 'dist/lib'), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  mkdirSync(join(folder, 'node_modules'));
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== '@aws-sdk' && name !== '@google-cloud') symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name));
  }
  const source = "const { openStore } = await import('browserstate'); process.stdout.write(typeof openStore)";
  t.is(execFileSync(process.execPath, ['--input-type=module', '--eval', source], { cwd: folder, encoding: 'utf8' }), 'function');
});

test('objects of the bucket that are not keys are not listed', async (t) => {
  const { provider, server } = await open(t, { pageSize: 2 });
  const strangers = ['folder/', 'a b', 'ü', '%41', 'a~~', '~', '.hidden', 'a+b', 'x/../y', 'a\u0001b'];
  for (const name of strangers) server.store.plant(name, utf8('x'));
  await provider.put('packs/a', utf8('one'));
  await provider.swap('refs/a', utf8('two'), null);
  const found: unknown[] = [];
  for await (const entry of provider.list('')) found.push(entry);
  t.deepEqual(found, [
    { key: 'packs/a', size: 3 },
    { key: 'refs/a', size: undefined },
  ]);
});

test('a cell that is too short or has no mark is INTEGRITY (R-S3-2)', async (t) => {
  const { provider, server } = await open(t);
  server.store.plant('refs/short~', new Uint8Array(63).fill(1));
  server.store.plant('refs/unmarked~', new Uint8Array(64));
  await rejects(t, () => provider.read('refs/short'), 'INTEGRITY');
  await rejects(t, () => provider.read('refs/unmarked'), 'INTEGRITY');
});
