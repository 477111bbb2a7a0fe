/**
 * Cases about many callers of one cell at once: exactly one wins, nothing is lost, nothing is torn.
 */
import assert from 'node:assert/strict';
import type { Provider, Version } from '../provider.js';
import { cellOf, content, type Draft, fromText, rejects, same, text, times, won } from './support.js';

/** Increments the decimal number in a cell, and retries until its swap wins. */
async function increment(provider: Provider, key: string): Promise<Version> {
  for (;;) {
    const { bytes, version } = await cellOf(provider, key);
    const next = await provider.swap(key, text(String(Number(fromText(bytes)) + 1)), version);
    if (next !== undefined) return next;
  }
}

/**
 * Races twenty swaps with one expected version. Fails unless exactly one wins, and the cell has the
 * winner's bytes.
 */
async function race(openings: [Provider, ...Provider[]], key: string, round: number, expected: Version | null): Promise<Version> {
  const [provider] = openings;
  const results = await times(20, 20, (i) => (openings[i % openings.length] ?? provider).swap(key, text(`${round} by ${i}`), expected));
  const winners = results.flatMap((version, i) => (version === undefined ? [] : [i]));
  assert.equal(winners.length, 1, `expected one winner, found ${winners.length}`);
  const cell = await cellOf(provider, key);
  assert.equal(fromText(cell.bytes), `${round} by ${winners[0]}`);
  assert.equal(cell.version, results[winners[0] as number]);
  return cell.version;
}

export const races: Draft[] = [
  {
    name: 'of twenty creators of one cell exactly one wins',
    run: async (provider) => {
      for (let i = 0; i < 5; i++) await race([provider], `refs/${i}`, i, null);
    },
  },
  {
    name: 'of twenty swaps of one version exactly one wins, round after round',
    run: async (provider) => {
      let version = await won(provider, 'refs/a', text('start'), null);
      for (let round = 0; round < 10; round++) version = await race([provider], 'refs/a', round, version);
    },
  },
  {
    name: 'of twenty swaps through two providers of one store exactly one wins, if it can be reopened',
    run: async (provider, { reopen }) => {
      if (reopen === undefined) return;
      const other = await reopen(provider);
      let version: Version | null = null;
      for (let round = 0; round < 5; round++) version = await race([provider, other], 'refs/a', round, version);
      await other.close();
    },
  },
  {
    name: 'twenty writers with twenty increments each make four hundred',
    run: async (provider) => {
      const versions = new Set([await won(provider, 'refs/a', text('0'), null)]);
      await times(20, 20, async () => {
        for (let i = 0; i < 20; i++) versions.add(await increment(provider, 'refs/a'));
      });
      assert.equal(fromText((await cellOf(provider, 'refs/a')).bytes), '400');
      assert.equal(versions.size, 401, 'every write has a version of its own');
    },
  },
  {
    name: 'a read during swaps finds one of the bodies, whole, with its own version',
    run: async (provider) => {
      const bodies = new Map<Version, number>();
      let version = await won(provider, 'refs/a', content(20_000, 0), null);
      bodies.set(version, 0);
      let done = false;
      const seen: { seed: number; version: Version }[] = [];
      const reader = async (): Promise<void> => {
        while (!done) {
          const cell = await cellOf(provider, 'refs/a');
          const seed = cell.bytes.length - 20_000;
          same(cell.bytes, content(20_000 + seed, seed));
          seen.push({ seed, version: cell.version });
        }
      };
      const writer = async (): Promise<void> => {
        for (let seed = 1; seed <= 70; seed++) {
          version = await won(provider, 'refs/a', content(20_000 + seed, seed), version);
          bodies.set(version, seed);
        }
        done = true;
      };
      await Promise.all([writer(), reader(), reader(), reader()]);
      for (const { seed, version } of seen) assert.equal(bodies.get(version), seed);
    },
  },
  {
    name: 'reads never go back',
    run: async (provider) => {
      await won(provider, 'refs/a', text('0'), null);
      let done = false;
      const reader = async (): Promise<void> => {
        for (let last = 0; !done; ) {
          const now = Number(fromText((await cellOf(provider, 'refs/a')).bytes));
          assert.ok(now >= last, `expected ${last} or more, found ${now}`);
          last = now;
        }
      };
      const writers = times(4, 4, async () => {
        for (let i = 0; i < 20; i++) await increment(provider, 'refs/a');
      });
      await Promise.all([writers.finally(() => (done = true)), reader(), reader()]);
      assert.equal(fromText((await cellOf(provider, 'refs/a')).bytes), '80');
    },
  },
  {
    name: 'a write that was acknowledged is seen by every read that begins afterwards',
    run: async (provider) => {
      let version = await won(provider, 'refs/a', text('0'), null);
      for (let i = 1; i <= 10; i++) {
        version = await won(provider, 'refs/a', text(`${i}`), version);
        await provider.put(`packs/${i}`, content(i, i));
        await times(5, 5, async () => {
          assert.equal(fromText((await cellOf(provider, 'refs/a')).bytes), `${i}`);
          same(await provider.get(`packs/${i}`), content(i, i));
        });
      }
    },
  },
  {
    name: 'races on one cell do not disturb another',
    run: async (provider) => {
      await times(4, 4, (i) => won(provider, `refs/${i}`, text('0'), null));
      await times(16, 16, async (i) => {
        for (let n = 0; n < 5; n++) await increment(provider, `refs/${i % 4}`);
      });
      await times(4, 4, async (i) => assert.equal(fromText((await cellOf(provider, `refs/${i}`)).bytes), '20'));
    },
  },
  {
    name: 'all methods at once do not disturb each other',
    run: async (provider) => {
      await provider.put('packs/stays', content(1000));
      await won(provider, 'refs/a', text('0'), null);
      await times(60, 60, async (i) => {
        await provider.put(`packs/${i}`, content(1000, i));
        const [bytes, part] = await Promise.all([
          provider.get(`packs/${i}`),
          provider.get('packs/stays', { range: { start: i, end: i + 1 } }),
          i % 10 === 0 ? increment(provider, 'refs/a') : provider.read('refs/a'),
          contains(provider, 'packs/', `packs/${i}`),
        ]);
        same(bytes, content(1000, i));
        same(part, content(1000).subarray(i, i + 1));
        await provider.delete(`packs/${i}`);
        await rejects(provider.get(`packs/${i}`), 'NOT_FOUND');
      });
      assert.equal(fromText((await cellOf(provider, 'refs/a')).bytes), '6');
    },
  },
];

async function contains(provider: Provider, prefix: string, key: string): Promise<void> {
  const found: string[] = [];
  for await (const entry of provider.list(prefix)) found.push(entry.key);
  assert.equal(found.filter((each) => each === key).length, 1, `expected ${key} once in the list`);
}
