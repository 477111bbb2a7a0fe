/**
 * The cost of many entries in requests (B4). A verification is linear, and a claim beyond the limit
 * is rejected before a segment is read.
 */
import test from 'ava';
import { MAX_SESSION_ENTRIES } from '../../../src/base/limits.js';
import { emptyRef, encodeRef, type HistoryEntry, newEntry } from '../../../src/format/ref.js';
import { memoryProvider } from '../../../src/index.js';
import { MAX_FINDINGS } from '../../../src/repository/maintain/findings.js';
import { rejects } from '../../support/errors.js';
import { counting } from '../../support/faults/providers.js';
import { commitOf, entriesBody, envelope, type Forged, forged, seal } from '../../support/forge.js';
import { providerOf } from '../../support/provider-content.js';
import { machine } from '../../support/sync/machines.js';

const hex = (n: number): string => n.toString(16).padStart(32, '0');
const entryAt = (n: number): HistoryEntry => newEntry('commit', commitOf([], { time: n }), { epoch: 1, name: hex(n) });

/**
 * Returns a ref of one entry and of segments of `size` entries each. Only the segments in `made`
 * exist.
 */
function withSegments(repository: Forged, count: number, size: number, entriesOf: ((i: number) => HistoryEntry[]) | undefined): void {
  repository.after = async (content) => {
    const segments = Array.from({ length: count }, (_, i) => ({ name: { epoch: 1, name: hex(i) }, entries: size }));
    for (const [i, { name }] of entriesOf ? segments.entries() : []) {
      const key = `segments/1-${name.name}`;
      content.set(key, await envelope(repository.id, 'segment', key, entriesBody(entriesOf?.(i) ?? [])));
    }
    const ref = { ...emptyRef(), sequence: 1, epoch: 1, entries: [entryAt(10 ** 9)], segments };
    content.set('refs/main', await envelope(repository.id, 'ref', 'refs/main', encodeRef(ref)));
  };
}

test('B4: a ref that claims 4,096 segments of 4,096 entries is rejected before one is read', async (t) => {
  const repository = forged();
  withSegments(repository, 4096, 4096, undefined);
  const remote = counting(await providerOf(await seal(repository)));
  const { session, store } = await machine(t, remote);
  await rejects(t, () => session.resolve('HEAD'), 'INTEGRITY');
  t.is(remote.counts.requests.get, 0);
  const { findings } = await store.verify({ on: 'remote' });
  t.true(findings.some(({ key, message }) => key === 'refs/main' && message.includes(`at most ${MAX_SESSION_ENTRIES} entries`)));
});

test('B4: 10 segments of 1,000 entries are each read once, and each manifest is requested once', async (t) => {
  const repository = forged();
  withSegments(repository, 10, 1000, (i) => Array.from({ length: 1000 }, (_, j) => entryAt(i * 1000 + j)));
  const remote = counting(await providerOf(await seal(repository)));
  const { store } = await machine(t, remote);
  const { findings, commits } = await store.verify({ on: 'remote' });
  t.is(commits, 10_001);
  const missing = findings.filter(({ code, key }) => code === 'MISSING' && key.startsWith('manifests/'));
  t.is(missing.length, MAX_FINDINGS);
  t.true(missing.every(({ sessions }) => sessions.join() === 'main'));
  const counted = findings.filter(({ key }) => key === 'manifests');
  t.like(counted, [{ code: 'MISSING', message: 'and 1 more below it', sessions: ['main'] }]);
  // The requests are each segment for its entries, each manifest in vain, and the three manifests
  // and the segment without a name in a ref.
  t.is(remote.counts.requests.get, 10 + 10_001 + 4);
});

test('B4: repeated entries end a history, and a full id is never ambiguous', async (t) => {
  const repository = forged();
  withSegments(repository, 2, 2, () => [entryAt(1), entryAt(2)]);
  const { session, store } = await machine(t, memoryProvider(), 'main', await providerOf(await seal(repository)));
  t.is((await session.resolve(entryAt(2).id, { offline: true })).commit, entryAt(2).id);
  await rejects(t, () => session.resolve(entryAt(2).id.slice(0, 12), { offline: true }), 'INTEGRITY');
  t.true((await store.verify()).findings.some(({ message }) => message.includes('twice')));
});
