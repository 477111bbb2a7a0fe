/**
 * The probe of conditional writes (R-S3-10). The probe rejects a store that ignores conditions. It
 * accepts a store that applies them, also during other probes.
 */
import test from 'ava';
import { memoryProvider } from '../../../../src/provider/memory.js';
import type { Provider } from '../../../../src/provider/provider.js';
import { s3Provider } from '../../../../src/provider/s3/s3.js';
import { PROBE_KEY, probeProvider } from '../../../../src/provider/wrap/probe.js';
import { rejects } from '../../../support/errors.js';
import { fakeHost } from '../../../support/host.js';
import { type Fault, type S3Request, type S3ServerOptions, startS3Server } from '../../../support/servers/s3-server.js';

/** Returns a provider in memory whose swap uses another version than the given one. */
function misled(mislead: (expected: string | null, current: string | null) => string | null): Provider {
  const inner = memoryProvider();
  const swap: Provider['swap'] = async (key, bytes, expected, options) => {
    const cell = await inner.read(key);
    const current = cell === undefined || cell === 'unchanged' ? null : cell.version;
    return await inner.swap(key, bytes, mislead(expected, current), options);
  };
  return Object.assign(Object.create(inner) as Provider, { url: inner.url, swap, read: inner.read.bind(inner) });
}

test('a store that applies conditions, probed repeatedly and by many at once', async (t) => {
  const provider = memoryProvider();
  await Promise.all(Array.from({ length: 8 }, (_, i) => probeProvider(provider, fakeHost(`${i}`))));
  await probeProvider(provider, fakeHost('later'));
  const found: string[] = [];
  for await (const { key } of provider.list('')) found.push(key);
  t.deepEqual(found, [PROBE_KEY]);
});

test('a store that applies conditions is accepted even if others swap first each time', async (t) => {
  const inner = memoryProvider();
  let losses = 200;
  const swap: Provider['swap'] = async (key, bytes, expected, options) => {
    const cell = await inner.read(key);
    if (expected !== null && losses-- > 0 && cell !== undefined && cell !== 'unchanged')
      await inner.swap(key, new TextEncoder().encode(`other ${losses}`), cell.version);
    return await inner.swap(key, bytes, expected, options);
  };
  await t.notThrowsAsync(
    probeProvider(Object.assign(Object.create(inner) as Provider, { url: inner.url, swap, read: inner.read.bind(inner) }), fakeHost()),
  );
  t.true(losses < 0);
});

const faults: Record<string, Provider> = {
  'creates what exists': misled((expected, current) => (expected === null ? current : expected)),
  'replaces any version': misled((expected, current) => (expected === null ? null : current)),
  'replaces no version': misled((expected) => (expected === null ? null : 'none')),
};

for (const [what, provider] of Object.entries(faults)) {
  test(`a store that ${what} is UNSUPPORTED`, async (t) => {
    const error = await rejects(t, () => probeProvider(provider, fakeHost()), 'UNSUPPORTED');
    t.regex(error.message, /conditional writes/);
  });
}

/** The response of Backblaze B2 to every conditional write (case S1 from public reports). */
const unimplemented = ({ headers }: S3Request): Fault =>
  headers['if-match'] === undefined && headers['if-none-match'] === undefined ? undefined : { code: 'NotImplemented' };

const servers: Record<string, { behavior: S3ServerOptions; rejected?: RegExp }> = {
  'S3 that honors conditions': { behavior: {} },
  'S3 that wants bare ETags': { behavior: { unquotedOnly: true } },
  'S3 that ignores conditions': { behavior: { ignores: ['if-match', 'if-none-match'] }, rejected: /a cell that existed was created/ },
  'case S2: S3 that accepts If-None-Match and overwrites': {
    behavior: { ignores: ['if-none-match'] },
    rejected: /a cell that existed was created a second time/,
  },
  'S3 that ignores If-Match': { behavior: { ignores: ['if-match'] }, rejected: /4 of 4 writers replaced the same version/ },
  'case S1: S3 that answers 501 to conditional writes': { behavior: { fault: unimplemented }, rejected: /NotImplemented \(501\)/ },
};

for (const [what, { behavior, rejected }] of Object.entries(servers)) {
  test(`${what} is ${rejected === undefined ? 'accepted' : 'rejected, with the reason and the stores that work'}`, async (t) => {
    const server = await startS3Server(behavior);
    t.teardown(() => server.close());
    const provider = s3Provider(server.options);
    t.teardown(() => provider.close());
    if (rejected === undefined) return void (await t.notThrowsAsync(probeProvider(provider, fakeHost())));
    const error = await rejects(t, () => probeProvider(provider, fakeHost()), 'UNSUPPORTED');
    t.regex(error.message, rejected);
    t.regex(error.hint ?? '', /AWS S3, Cloudflare R2, Ceph, MinIO/);
  });
}
