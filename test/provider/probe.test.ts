/** R-S3-10: a store that does not honour conditions is refused, and one that does is not, whoever else tries it. */
import test from 'ava';
import { memoryProvider } from '../../src/provider/memory.js';
import { PROBE_KEY, probeProvider } from '../../src/provider/probe.js';
import type { Provider } from '../../src/provider/provider.js';
import { s3Provider } from '../../src/provider/s3.js';
import { rejects } from '../helpers/errors.js';
import { fakeHost } from '../helpers/host.js';
import { type S3ServerOptions, startS3Server } from '../servers/s3-server.js';

/** A provider in memory whose swap goes by another version than it is told. */
function misled(mislead: (expected: string | null, current: string | null) => string | null): Provider {
  const inner = memoryProvider();
  const swap: Provider['swap'] = async (key, bytes, expected, options) => {
    const cell = await inner.read(key);
    const current = cell === undefined || cell === 'unchanged' ? null : cell.version;
    return await inner.swap(key, bytes, mislead(expected, current), options);
  };
  return Object.assign(Object.create(inner) as Provider, { url: inner.url, swap, read: inner.read.bind(inner) });
}

test('a store that honours conditions, tried again and by many at once', async (t) => {
  const provider = memoryProvider();
  await Promise.all(Array.from({ length: 8 }, (_, i) => probeProvider(provider, fakeHost(`${i}`))));
  await probeProvider(provider, fakeHost('later'));
  const found: string[] = [];
  for await (const { key } of provider.list('')) found.push(key);
  t.deepEqual(found, [PROBE_KEY]);
});

test('a store that honours conditions is not refused because others are first, however often', async (t) => {
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

const servers: Record<string, { behaviour: S3ServerOptions; holds: boolean }> = {
  'S3 that honours conditions': { behaviour: {}, holds: true },
  'S3 that wants bare ETags': { behaviour: { unquotedOnly: true }, holds: true },
  'S3 that ignores conditions': { behaviour: { ignoresConditions: true }, holds: false },
};

for (const [what, { behaviour, holds }] of Object.entries(servers)) {
  test(`${what} is ${holds ? 'taken' : 'refused'}`, async (t) => {
    const server = await startS3Server(behaviour);
    t.teardown(() => server.close());
    const provider = s3Provider(server.options);
    t.teardown(() => provider.close());
    if (holds) await t.notThrowsAsync(probeProvider(provider, fakeHost()));
    else await rejects(t, () => probeProvider(provider, fakeHost()), 'UNSUPPORTED');
  });
}
