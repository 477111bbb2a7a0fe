/** Cases about objects: put, get, ranges, delete. */
import assert from 'node:assert/strict';
import { equalBytes } from '../../base/bytes.js';
import { isError } from '../../base/errors.js';
import { content, type Draft, keys, listed, rejects, same, text, times } from './support.js';

const MiB = 1024 * 1024;

/** The gzip form of no bytes. */
const gzip = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0);

const roundTrip = (what: string, bytes: () => Uint8Array): Draft => ({
  name: `an object of ${what} comes back as it was put`,
  run: async (provider) => {
    await provider.put('packs/a', bytes());
    same(await provider.get('packs/a'), bytes());
  },
});

const range = (what: string, start: number, end: number): Draft => ({
  name: `a range: ${what}`,
  run: async (provider) => {
    await provider.put('packs/a', content(1000));
    same(await provider.get('packs/a', { range: { start, end } }), content(1000).subarray(start, end));
  },
});

const beyond = (what: string, size: number, start: number, end: number): Draft => ({
  name: `a range ${what} is INTEGRITY`,
  run: async (provider) => {
    await provider.put('packs/a', content(size));
    await rejects(provider.get('packs/a', { range: { start, end } }), 'INTEGRITY');
  },
});

const roundTrips: Draft[] = [
  roundTrip('no bytes', () => content(0)),
  roundTrip('one byte', () => content(1)),
  roundTrip('every byte value', () => Uint8Array.from({ length: 256 }, (_, i) => i)),
  roundTrip('65,537 bytes', () => content(65_537)),
  roundTrip('gzip, which nobody unpacks', () => gzip),
  roundTrip('JSON, which nobody reads', () => text('\ufeff{"error": {"code": 404}}\r\n')),
  roundTrip('8 MiB', () => content(8 * MiB)),
  {
    name: 'a view of a larger buffer is put as the view',
    run: async (provider) => {
      await provider.put('packs/a', content(100).subarray(10, 20));
      same(await provider.get('packs/a'), content(100).slice(10, 20));
    },
  },
  {
    name: 'the caller may change its buffer after a put',
    run: async (provider) => {
      const bytes = content(1000);
      await provider.put('packs/a', bytes);
      bytes.fill(0);
      same(await provider.get('packs/a'), content(1000));
    },
  },
  {
    name: 'the caller owns the result of a get',
    run: async (provider) => {
      await provider.put('packs/a', content(1000));
      const first = await provider.get('packs/a');
      const second = await provider.get('packs/a', { range: { start: 0, end: 1000 } });
      first.fill(0);
      same(second, content(1000));
      same(await provider.get('packs/a'), content(1000));
    },
  },
  {
    name: 'a hundred objects at once keep apart',
    run: async (provider) => {
      await times(100, 100, (i) => provider.put(`packs/${i}`, content(100 + i, i)));
      await times(100, 100, async (i) => same(await provider.get(`packs/${i}`), content(100 + i, i)));
    },
  },
];

const repeats: Draft[] = [
  {
    name: 'putting the same bytes again is a no-op',
    run: async (provider) => {
      for (let i = 0; i < 3; i++) await provider.put('packs/a', content(5000));
      same(await provider.get('packs/a'), content(5000));
      assert.deepEqual(await listed(provider), [{ key: 'packs/a', size: 5000 }]);
    },
  },
  {
    name: 'twenty puts of the same bytes at once all succeed',
    run: async (provider) => {
      await times(20, 20, () => provider.put('packs/a', content(100_000)));
      same(await provider.get('packs/a'), content(100_000));
    },
  },
  {
    name: 'putting other bytes keeps the first or is INTERNAL, and never mixes',
    run: async (provider) => {
      await provider.put('packs/a', content(5000));
      const refused = await refusal(provider.put('packs/a', content(6000, 2)));
      assert.ok(refused === undefined || isError(refused, 'INTERNAL'), `expected INTERNAL, found ${String(refused)}`);
      same(await provider.get('packs/a'), content(5000));
    },
  },
  {
    name: 'of racing puts of different bytes one is whole, and stays',
    run: async (provider) => {
      const refused = await times(10, 10, (i) => refusal(provider.put('packs/a', content(50_000, i))));
      assert.ok(refused.every((error) => error === undefined || isError(error, 'INTERNAL')));
      const kept = await provider.get('packs/a');
      assert.ok(
        refused.some((_, i) => equalBytes(kept, content(50_000, i))),
        'expected one of the ten contents, whole',
      );
      same(await provider.get('packs/a'), kept);
    },
  },
];

const missing: Draft[] = [
  {
    name: 'a missing object is NOT_FOUND',
    run: async (provider) => {
      await rejects(provider.get('packs/a'), 'NOT_FOUND');
      await provider.put('packs/a', content(10));
      await rejects(provider.get('packs/b'), 'NOT_FOUND');
      await rejects(provider.get('packs'), 'NOT_FOUND');
      await rejects(provider.get('packs/a1'), 'NOT_FOUND');
    },
  },
  {
    name: 'a range of a missing object is NOT_FOUND',
    run: async (provider) => await rejects(provider.get('packs/a', { range: { start: 0, end: 1 } }), 'NOT_FOUND'),
  },
];

const ranges: Draft[] = [
  range('the first byte', 0, 1),
  range('the last byte', 999, 1000),
  range('one byte in the middle', 500, 501),
  range('the first half', 0, 500),
  range('the last half', 500, 1000),
  range('the whole', 0, 1000),
  beyond('that ends beyond the end', 1000, 999, 1001),
  beyond('that starts at the end', 1000, 1000, 1001),
  beyond('far beyond the end', 1000, 2 ** 40, 2 ** 40 + 1),
  beyond('of an empty object', 0, 0, 1),
  {
    name: 'an invalid range is USAGE',
    run: async (provider) => {
      await provider.put('packs/a', content(1000));
      const bad = [
        [5, 5],
        [6, 5],
        [-1, 5],
        [0, 1.5],
        [Number.NaN, 5],
        [0, Number.POSITIVE_INFINITY],
      ] as const;
      for (const [start, end] of bad) await rejects(provider.get('packs/a', { range: { start, end } }), 'USAGE');
    },
  },
  {
    name: 'a range is returned whole, with a buffer that has room for it and one that has not',
    run: async (provider) => {
      await provider.put('packs/a', content(1000));
      for (const room of [400, 300, 299, 0]) {
        const into = new Uint8Array(room);
        same(await provider.get('packs/a', { range: { start: 100, end: 400 }, into }), content(1000).subarray(100, 400));
        same(into.subarray(300), new Uint8Array(Math.max(0, room - 300)));
      }
      same(await provider.get('packs/a', { into: new Uint8Array(2000) }), content(1000));
      await rejects(provider.get('packs/b', { into: new Uint8Array(10) }), 'NOT_FOUND');
    },
  },
  {
    name: 'fifty ranges of one object at once',
    run: async (provider) => {
      await provider.put('packs/a', content(MiB));
      await times(50, 50, async (i) => {
        const place = { start: i * 20_000, end: i * 20_000 + 1 + i };
        same(await provider.get('packs/a', { range: place }), content(MiB).subarray(place.start, place.end));
      });
    },
  },
];

const deletes: Draft[] = [
  {
    name: 'a deleted object is NOT_FOUND and not listed',
    run: async (provider) => {
      await provider.put('packs/a', content(10));
      await provider.put('packs/ab', content(11));
      await provider.delete('packs/a');
      await rejects(provider.get('packs/a'), 'NOT_FOUND');
      assert.deepEqual(await keys(provider), ['packs/ab']);
    },
  },
  {
    name: 'deleting a missing object is a no-op',
    run: async (provider) => {
      await provider.delete('packs/a');
      await provider.put('packs/b', content(10));
      await provider.delete('packs/a');
      await provider.delete('packs');
      await provider.delete('packs/b');
      await provider.delete('packs/b');
      assert.deepEqual(await keys(provider), []);
    },
  },
  {
    name: 'twenty deletes of one object at once all succeed',
    run: async (provider) => {
      await provider.put('packs/a', content(10));
      await times(20, 20, () => provider.delete('packs/a'));
      await rejects(provider.get('packs/a'), 'NOT_FOUND');
    },
  },
  {
    name: 'a put after a delete stores the new bytes',
    run: async (provider) => {
      await provider.put('packs/a', text('first'));
      await provider.delete('packs/a');
      await provider.put('packs/a', text('second'));
      same(await provider.get('packs/a'), text('second'));
    },
  },
];

export const objects: Draft[] = [...roundTrips, ...repeats, ...missing, ...ranges, ...deletes];

async function refusal(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
