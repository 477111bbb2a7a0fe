/**
 * The place of pulled entries in the local history, and the segments that are rewritten for them
 * (SPEC.md R-REF-2, R-SYNC-4).
 */
import test from 'ava';
import fc from 'fast-check';
import { type HistoryEntry, newEntry } from '../../../src/format/ref.js';
import { memoryProvider } from '../../../src/index.js';
import type { Token } from '../../../src/repository/refs.js';
import { Repository } from '../../../src/repository/repository.js';
import { type RefOwner, SessionRef } from '../../../src/session/session-ref.js';
import { inOrder, parentsLast } from '../../../src/sync/histories.js';
import { counting } from '../../support/faults/providers.js';
import { fakeHost } from '../../support/host.js';

function entryOf(number: number, parents: readonly HistoryEntry[] = []): HistoryEntry {
  const tree = number.toString(16).padStart(64, '0');
  const commit = {
    tree,
    parents: parents.map(({ id }) => id),
    time: number,
    message: '',
    author: '',
    labels: {},
    files: 0,
    bytes: 0,
    extensions: [],
  };
  return newEntry('commit', commit, { epoch: 1, name: number.toString(16).padStart(32, '0') });
}

/** Returns the entries from `from` down to `to`, newest first. */
function entriesOf(from: number, to: number): HistoryEntry[] {
  return Array.from({ length: from - to + 1 }, (_, i) => entryOf(from - i));
}

async function withEntries(entries: readonly HistoryEntry[]) {
  const provider = counting(memoryProvider());
  const repository = await Repository.init(provider, fakeHost());
  const empty = await repository.refs.ensure('main');
  const token = (await repository.refs.swap(empty, await repository.refs.adopt(empty.ref, entries))) as Token;
  return { provider, repository, token };
}

async function arranged(here: readonly HistoryEntry[], entries: readonly HistoryEntry[]) {
  const { provider, repository, token } = await withEntries(here);
  const puts = provider.counts.requests.put;
  const change = await repository.refs.arrange(token.ref, here, entries);
  const written = provider.counts.requests.put - puts;
  const { ref } = (await repository.refs.swap(token, change)) as Token;
  const ids: string[] = [];
  for await (const { id } of repository.refs.entries(ref)) ids.push(id);
  return { ids, written, before: token.ref.segments, after: ref.segments };
}

const idsOf = (entries: readonly HistoryEntry[]) => entries.map(({ id }) => id);

test('R-REF-2: an entry before all those in segments leaves the segments unchanged', async (t) => {
  const here = entriesOf(3000, 1);
  const entries = [entryOf(3001), ...here];
  const { ids, written, before, after } = await arranged(here, entries);
  t.deepEqual(ids, idsOf(entries));
  t.is(written, 0);
  t.deepEqual(after, before);
});

test('R-REF-2: entries that the ref has no room for join the newest segment, and no other is rewritten', async (t) => {
  const here = entriesOf(3000, 1);
  const entries = [...entriesOf(3060, 3001), ...here];
  const { ids, written, before, after } = await arranged(here, entries);
  t.deepEqual(ids, idsOf(entries));
  t.is(written, 1);
  t.deepEqual(after.slice(-2), before.slice(-2));
});

test('R-SYNC-4: an entry among those in segments is inserted in order', async (t) => {
  const here = entriesOf(300, 1).filter(({ commit }) => commit.time !== 100);
  const { ids } = await arranged(here, entriesOf(300, 1));
  t.deepEqual(ids, idsOf(entriesOf(300, 1)));
});

test('R-SYNC-4: entries that only the local store has stay before those they follow', async (t) => {
  const there = entriesOf(9, 1);
  const [unsent, old] = [entriesOf(21, 20), entryOf(30)];
  const here = [...unsent, entryOf(6), old, entryOf(3)];
  const { repository, token } = await withEntries(there);
  const seen = new SessionRef({} as RefOwner, 'main', repository, token);
  const ordered = await inOrder(seen, [entryOf(9), entryOf(5)], here, {});
  t.deepEqual(idsOf(ordered), idsOf([...unsent, entryOf(9), entryOf(6), entryOf(5), old, entryOf(3)]));
  const unrelated = await inOrder(seen, [entryOf(9)], [old], {});
  t.deepEqual(idsOf(unrelated), idsOf([entryOf(9), old]));
});

test('R-REF-6: any order of a history becomes one in which parents come last, and such an order stays', (t) => {
  const histories = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(histories, (choices) => {
      const oldestFirst: HistoryEntry[] = [];
      for (const [i, [a, b, count]] of choices.entries()) {
        const parents = [oldestFirst[a % (i || 1)], oldestFirst[b % (i || 1)]].slice(0, count % 3);
        oldestFirst.push(
          entryOf(
            i,
            [...new Set(parents)].filter((each) => each !== undefined),
          ),
        );
      }
      const sound = oldestFirst.toReversed();
      t.deepEqual(parentsLast(sound), sound);
      const shuffled = sound.map((entry, i) => ({ entry, key: choices[i]?.[0] ?? 0 })).sort((x, y) => x.key - y.key);
      const ordered = parentsLast(shuffled.map(({ entry }) => entry));
      t.is(new Set(ordered).size, sound.length);
      const at = new Map(ordered.map(({ id }, i) => [id, i]));
      for (const { id, commit } of ordered)
        for (const parent of commit.parents) t.true((at.get(id) as number) < (at.get(parent) as number));
    }),
    { seed: 7 },
  );
});
