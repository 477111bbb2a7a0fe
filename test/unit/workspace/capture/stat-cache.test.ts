/** The files that a stat cache vouches for. A damaged cache vouches for nothing. */
import test from 'ava';
import fc from 'fast-check';
import { sha256 } from '#platform';
import { concat } from '../../../../src/base/bytes.js';
import { CHUNK_SIZE } from '../../../../src/base/limits.js';
import type { ScannedEntry } from '../../../../src/workspace/capture/scanned.js';
import { RACY_WINDOW_MS, StatCache } from '../../../../src/workspace/capture/stat-cache.js';

const key = { dir: '/profiles/a' };
const START = 1_800_000_000_000;
const OLD = BigInt(START - RACY_WINDOW_MS) * 1_000_000n;

function entry(path: string, fields: Partial<ScannedEntry> = {}): ScannedEntry {
  return { path, kind: 'file', mode: 0o600, mtimeNs: OLD, size: 10, ctimeNs: OLD + 5n, ino: 7n, ...fields };
}

function ids({ size }: { size: number }): string {
  return Array.from({ length: Math.ceil(size / CHUNK_SIZE) }, (_, i) => (i + 1).toString(16).padStart(64, '0')).join('');
}

function learnt(...entries: ScannedEntry[]): StatCache {
  const cache = new StatCache(key, START);
  for (const each of entries) cache.record(each, ids(each));
  return cache;
}

const reread = (cache: StatCache, from = key) => StatCache.decode(cache.encode(), from);

test('R-CAP-12 a file is vouched for while its size, mtime, ctime and inode are unchanged', (t) => {
  const file = entry('Default/Cookies');
  const cache = reread(learnt(file));
  t.deepEqual(cache.lookup(file), ids(file));
  t.deepEqual(cache.lookup({ ...file, mode: 0o644 }), ids(file));
  for (const change of [
    { size: 11 },
    { mtimeNs: OLD + 1n },
    { ctimeNs: OLD },
    { ino: 8n },
    { path: 'Default/cookies' },
    { kind: 'directory' as const },
  ]) {
    t.is(cache.lookup({ ...file, ...change }), undefined, JSON.stringify(Object.keys(change)));
  }
});

const anyEntry = fc.record({
  path: fc
    .array(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 5 }).map((name) => name.replaceAll(/[/\0]/g, '_')),
      { minLength: 1, maxLength: 4 },
    )
    .map((parts) => parts.join('/')),
  mtimeNs: fc.bigInt({ min: -(2n ** 62n), max: OLD }),
  ctimeNs: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  ino: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  size: fc.oneof(fc.constantFrom(0, 1, CHUNK_SIZE, CHUNK_SIZE + 1), fc.nat(5 * CHUNK_SIZE)),
});
const anyEntries = fc.uniqueArray(anyEntry, { selector: ({ path }) => path, maxLength: 20 });

test('R-CAP-15 recorded facts are read back unchanged', (t) => {
  fc.assert(
    fc.property(anyEntries, (facts) => {
      const entries = facts
        .map((fact) => entry(fact.path, fact))
        .filter(({ path }) => !/(?:^|\/)(?:index|data_\d)$|\.pma$|-shm$/.test(path));
      const cache = learnt(...entries);
      const back = reread(cache);
      for (const each of entries) t.deepEqual(back.lookup(each), ids(each));
      t.deepEqual(back.encode(), cache.encode());
    }),
  );
});

test('R-CAP-15 damage at any byte, or any cut, leaves an empty cache', (t) => {
  const file = entry('a');
  const bytes = learnt(file, entry('b/c', { size: CHUNK_SIZE + 1 })).encode();
  t.truthy(StatCache.decode(bytes, key).lookup(file));
  for (let at = 0; at < bytes.length; at++) {
    for (const flip of [1, 128]) {
      const damaged = bytes.slice();
      damaged[at] = (damaged[at] as number) ^ flip;
      t.is(StatCache.decode(damaged, key).lookup(file), undefined);
    }
    t.is(StatCache.decode(bytes.subarray(0, at), key).lookup(file), undefined);
  }
  t.is(StatCache.decode(concat([bytes, new Uint8Array(1)]), key).lookup(file), undefined);
  t.is(StatCache.decode(undefined, key).lookup(file), undefined);
});

test('R-CAP-15 bytes with a valid hash that are no cache of this version and directory leave an empty cache', (t) => {
  const file = entry('a');
  const whole = learnt(file, entry('b')).encode();
  const body = whole.subarray(0, -32);
  const sealed = (bytes: Uint8Array) => StatCache.decode(concat([bytes, sha256(bytes)]), key);
  t.truthy(sealed(body).lookup(file));
  t.is(StatCache.decode(whole, { dir: '/profiles/b' }).lookup(file), undefined);
  for (let at = 0; at < body.length; at++) {
    t.notThrows(() => sealed(body.subarray(0, at)));
    t.is(sealed(body.subarray(0, at)).lookup(file), undefined);
  }
  t.is(sealed(concat([body, new Uint8Array(1)])).lookup(file), undefined);
  const newer = body.slice();
  newer[newer.indexOf('1'.charCodeAt(0))] = '2'.charCodeAt(0);
  t.is(sealed(newer).lookup(file), undefined);
});

test('R-CAP-13 a file that is not 2 s older than the scan is not recorded, and neither is one of the future', (t) => {
  for (const [age, trusted] of [
    [RACY_WINDOW_MS, true],
    [RACY_WINDOW_MS + 1, true],
    [RACY_WINDOW_MS - 1, false],
    [0, false],
    [-3_600_000, false],
  ] as const) {
    const file = entry('a', { mtimeNs: BigInt(START - age) * 1_000_000n });
    t.is(learnt(file).lookup(file) !== undefined, trusted, `${age} ms old`);
  }
  const almost = entry('a', { mtimeNs: OLD + 1000n });
  t.is(learnt(almost).lookup(almost), undefined);
});

test('R-CAP-13 the age is that of the mtime: a file that a checkout just wrote is recorded', (t) => {
  const file = entry('a', { ctimeNs: BigInt(START + 500) * 1_000_000n });
  t.truthy(learnt(file).lookup(file));
});

test('R-CAP-13 a file that became too young is forgotten', (t) => {
  const file = entry('a');
  const cache = StatCache.decode(learnt(file).encode(), key, START);
  t.truthy(cache.lookup(file));
  cache.record({ ...file, mtimeNs: BigInt(START) * 1_000_000n }, ids(file));
  t.is(cache.lookup(file), undefined);
});

test('R-CAP-13 a cache without a time records nothing', (t) => {
  const cache = StatCache.decode(undefined, key);
  const file = entry('a', { mtimeNs: 0n });
  cache.record(file, ids(file));
  t.is(cache.lookup(file), undefined);
});

for (const name of [
  'data_0',
  'data_3',
  'data_10',
  'index',
  'a/index',
  'Default/GPUCache/data_1',
  'BrowserMetrics-spare.pma',
  'x/places.sqlite-shm',
]) {
  test(`R-CAP-14 ${name} is never trusted`, (t) => {
    t.is(learnt(entry(name)).lookup(entry(name)), undefined);
  });
}
for (const name of ['data_', 'data_x', 'xdata_0', 'data_0/x', 'index.html', 'the-real-index', 'index/x', 'pma', 'x-shm2']) {
  test(`R-CAP-14 ${name} is trusted`, (t) => {
    t.deepEqual(learnt(entry(name)).lookup(entry(name)), ids(entry(name)));
  });
}

test('R-CAP-12 links and directories are not recorded, and ids must be those of the whole file', (t) => {
  const link = entry('a', { kind: 'symlink', size: 0 });
  t.is(learnt(link).lookup({ ...link, kind: 'file' }), undefined);
  t.throws(() => new StatCache(key, START).record(entry('a'), ''), { code: 'INTERNAL' });
});

test('R-CAP-15 a profile of 1,700 files takes no more than 160 KB', (t) => {
  const files = Array.from({ length: 1700 }, (_, i) =>
    entry(`Default/Cache/Cache_Data/${i.toString(16).padStart(16, '0')}_0`, { ino: BigInt(i) }),
  );
  t.true(learnt(...files).encode().length < 160_000);
});
