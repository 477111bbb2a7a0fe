/**
 * Refs in a provider: swaps, entries that move to segments, and the rejection of refs that no
 * reader would accept (SPEC.md 8.3, 8.4, 11.1).
 */
import test, { type ExecutionContext } from 'ava';
import { type HistoryEntry, MAX_INLINE_HEAD, newEntry, type Ref } from '../../../src/format/ref.js';
import { BrowserStateError, memoryProvider, type Provider } from '../../../src/index.js';
import type { Refs, Token } from '../../../src/repository/refs.js';
import { Repository } from '../../../src/repository/repository.js';
import { rejects } from '../../support/errors.js';
import { around, counting } from '../../support/faults/providers.js';
import { fakeHost } from '../../support/host.js';

async function freshRefs(provider: Provider = memoryProvider(), author = 'tester@machine'): Promise<{ refs: Refs; provider: Provider }> {
  const repository = await Repository.init(provider, { ...fakeHost(), author: () => author });
  return { refs: repository.refs, provider };
}

function entryOf(number: number, message = ''): HistoryEntry {
  const tree = number.toString(16).padStart(64, '0');
  const commit = { tree, parents: [], time: number, message, author: '', labels: {}, files: 0, bytes: 0, extensions: [] };
  return newEntry('commit', commit, { epoch: 1, name: number.toString(16).padStart(32, '0') });
}

/** Swaps one entry after another into the ref. Returns the last token. */
async function addEntries(refs: Refs, session: string, entries: HistoryEntry[]): Promise<Token> {
  let token = await refs.ensure(session);
  for (const entry of entries) token = (await refs.swap(token, await refs.addEntry(token.ref, entry))) as Token;
  return token;
}

async function allEntries(refs: Refs, ref: Ref): Promise<string[]> {
  const ids: string[] = [];
  for await (const { id } of refs.entries(ref)) ids.push(id);
  return ids;
}

async function isWhole(t: ExecutionContext, refs: Refs, session: string, entries: HistoryEntry[]): Promise<Ref> {
  const { ref } = (await refs.read(session)) as Token;
  t.deepEqual(await allEntries(refs, ref), entries.map(({ id }) => id).reverse());
  return ref;
}

test('R-REF-2, R-REF-10: at most 99 entries ride in the ref, the newest 50 stay, older ones join a segment', async (t) => {
  const { refs } = await freshRefs();
  const entries = Array.from({ length: 1300 }, (_, i) => entryOf(i));
  t.is((await addEntries(refs, 'a', entries.slice(0, 99))).ref.segments.length, 0);
  await addEntries(refs, 'a', entries.slice(99, 100));
  const spilled = await isWhole(t, refs, 'a', entries.slice(0, 100));
  t.is(spilled.entries.length, 50);
  t.deepEqual(
    spilled.segments.map(({ entries: count }) => count),
    [50],
  );
  await addEntries(refs, 'a', entries.slice(100));
  const { segments } = await isWhole(t, refs, 'a', entries);
  t.true(segments.every(({ entries: count }) => count <= 1024));
  t.is(segments.length, 2);
});

test('R-REF-2: entries in the ref are at most 64 KiB, and long messages move sooner', async (t) => {
  const { refs } = await freshRefs();
  const entries = Array.from({ length: 60 }, (_, i) => entryOf(i, 'x'.repeat(4096)));
  await addEntries(refs, 'a', entries);
  const ref = await isWhole(t, refs, 'a', entries);
  t.true(ref.entries.length * 4096 <= 64 * 1024);
  t.true(ref.segments.length > 0);
});

test('R-LIMIT: a segment of long messages stays within 4 MiB', async (t) => {
  const { refs } = await freshRefs();
  const labels = Object.fromEntries(Array.from({ length: 32 }, (_, i) => [`label ${i}`, 'v'.repeat(250)]));
  const entries = Array.from({ length: 420 }, (_, i) => {
    const { commit, manifest } = entryOf(i, 'x'.repeat(4096));
    return newEntry('commit', { ...commit, labels }, manifest);
  });
  await addEntries(refs, 'a', entries);
  await isWhole(t, refs, 'a', entries);
  const target = await refs.ensure('b');
  await refs.swap(target, await refs.adopt(target.ref, [...entries].reverse()));
  await isWhole(t, refs, 'b', entries);
});

test('section 8.3: a head that an earlier entry had does not stay with a new one', async (t) => {
  const { refs } = await freshRefs();
  const token = await addEntries(refs, 'a', [entryOf(1)]);
  const withHead = (await refs.swap(token, { head: new Uint8Array(MAX_INLINE_HEAD) })) as Token;
  const next = (await refs.swap(withHead, await refs.addEntry(withHead.ref, entryOf(2)))) as Token;
  t.is(next.ref.head.length, 0);
});

test('R-LIMIT: a ref that no reader would accept is not written', async (t) => {
  const { refs } = await freshRefs();
  const token = await addEntries(refs, 'a', [entryOf(1)]);
  const tags = new Map(Array.from({ length: 1025 }, (_, i) => [`tag${i}`, entryOf(1).id]));
  await rejects(t, () => refs.swap(token, { tags }), 'INTERNAL');
  await rejects(t, () => refs.swap(token, { entries: [], tags: new Map([['kept', entryOf(1).id]]) }), 'INTERNAL');
  t.is((await refs.read('a'))?.version, token.version);
});

test('R-LIMIT: an event with an endless author name is rejected', async (t) => {
  const { refs } = await freshRefs(memoryProvider(), 'x'.repeat(257));
  const token = await refs.ensure('a');
  await rejects(t, async () => refs.event(token.ref, 'create', ''), 'USAGE');
});

test('section 8.3: at most 50 events are kept, the newest', async (t) => {
  const { refs } = await freshRefs();
  let token = await refs.ensure('a');
  for (let i = 0; i < 55; i++) token = (await refs.swap(token, refs.event(token.ref, 'tag', String(i)))) as Token;
  t.deepEqual(
    token.ref.events.map(({ detail }) => detail),
    Array.from({ length: 50 }, (_, i) => String(54 - i)),
  );
});

test('section 8.3: every swap has the next sequence and a nonce of its own', async (t) => {
  const { refs } = await freshRefs();
  const first = await refs.ensure('a');
  const second = (await refs.swap(first, {})) as Token;
  const third = (await refs.swap(second, {})) as Token;
  t.deepEqual(
    [first, second, third].map(({ ref }) => ref.sequence),
    [1, 2, 3],
  );
  t.is(new Set([first, second, third].map(({ ref }) => ref.nonce.join())).size, 3);
  t.is(await refs.swap(first, {}), undefined);
  t.deepEqual((await refs.read('a'))?.ref, third.ref);
});

test('R-ENC-4: unknown extensions of a ref outlive every swap', async (t) => {
  const { refs } = await freshRefs();
  const extensions = [{ tag: 8, value: Uint8Array.of(1, 2) }];
  let token = (await refs.swap(await refs.ensure('a'), { extensions })) as Token;
  token = (await refs.swap(token, await refs.addEntry(token.ref, entryOf(1)))) as Token;
  t.deepEqual((await refs.read('a'))?.ref.extensions, extensions);
});

/**
 * Returns refs without a cache, over a provider whose next swap gets no response, with or without
 * effect. Other writers run in `meanwhile`.
 */
async function unanswered(inner: Provider, takesEffect: boolean, meanwhile: () => Promise<unknown>) {
  const counted = counting(inner);
  let isFirst = true;
  const provider = around(counted, async (method, key, request) => {
    if (method !== 'swap' || !isFirst) return request();
    isFirst = false;
    if (takesEffect) await request();
    await meanwhile();
    throw new BrowserStateError('UNREACHABLE', `${method} ${key}: a fault that the test asked for`);
  });
  const { refs } = (await Repository.open(provider, fakeHost('unanswered'))) as Repository;
  return { refs, counts: counted.counts };
}

test('R-WRITE-3: a swap without an answer that lost is settled by the entries that are new, however long the history is', async (t) => {
  const { refs: others, provider } = await freshRefs();
  const entries = Array.from({ length: 400 }, (_, i) => entryOf(i));
  const first = await others.ensure('a');
  await others.swap(first, await others.adopt(first.ref, [...entries].reverse()));
  const { refs, counts } = await unanswered(provider, false, () => addEntries(others, 'a', [entryOf(500)]));
  const token = (await refs.read('a')) as Token;
  const history = await refs.addEntries(token.ref, [entryOf(501)]);
  t.is(await refs.swap(token, history), undefined);
  t.is(counts.requests.get, 0);
  await isWhole(t, others, 'a', [...entries, entryOf(500)]);
});

test('R-WRITE-3: a swap without an answer is found in a segment after many swaps of others', async (t) => {
  const { refs: others, provider } = await freshRefs();
  await addEntries(others, 'a', [entryOf(0)]);
  const later = Array.from({ length: 120 }, (_, i) => entryOf(600 + i));
  const { refs } = await unanswered(provider, true, () => addEntries(others, 'a', later));
  const token = (await refs.read('a')) as Token;
  const swapped = await refs.swap(token, await refs.addEntries(token.ref, [entryOf(501)]));
  t.is(swapped?.ref.entries[0]?.id, later.at(-1)?.id);
  await isWhole(t, others, 'a', [entryOf(0), entryOf(501), ...later]);
});

test('R-WRITE-3, R-GC-8: a swap without an answer is found by its commit if a repack renamed the manifest since', async (t) => {
  const { refs: others, provider } = await freshRefs();
  await addEntries(others, 'a', [entryOf(0)]);
  const repack = async () => {
    const token = (await others.read('a')) as Token;
    const entries = token.ref.entries.map((entry, i) => ({ ...entry, manifest: { epoch: 1, name: `f${i}`.repeat(16) } }));
    t.not(await others.swap(token, { entries }), undefined);
  };
  const { refs } = await unanswered(provider, true, repack);
  const token = (await refs.read('a')) as Token;
  const swapped = await refs.swap(token, await refs.addEntries(token.ref, [entryOf(501)]));
  t.is(swapped?.ref.entries[0]?.id, entryOf(501).id);
  await isWhole(t, others, 'a', [entryOf(0), entryOf(501)]);
});

test('R-WRITE-3: an earlier entry does not prove that a swap without an answer took effect', async (t) => {
  const { refs: others, provider } = await freshRefs();
  const token = await addEntries(others, 'a', [entryOf(0), entryOf(2)]);
  const tagged = { tags: new Map([['tag', entryOf(0).id]]) };
  const { refs } = await unanswered(provider, false, async () => void (await others.swap(token, tagged)));
  const seen = (await refs.read('a')) as Token;
  // A pull does the same with an older version. The newest entry stays, although it was read
  // another time.
  const entries = [entryOf(2), entryOf(1), entryOf(0)];
  t.is(await refs.swap(seen, await refs.adopt(seen.ref, entries)), undefined);
  await isWhole(t, others, 'a', [entryOf(0), entryOf(2)]);
});

test('section 8.4: segments are read once, as far as there is room in the cache', async (t) => {
  const { refs: others, provider } = await freshRefs();
  const target = await others.ensure('a');
  await others.swap(
    target,
    await others.adopt(
      target.ref,
      [...Array(7000).keys()].map((i) => entryOf(i)),
    ),
  );
  const counted = counting(provider);
  const { refs } = (await Repository.open(counted, fakeHost())) as Repository;
  const { ref } = (await refs.read('a')) as Token;
  const newest = { ...ref, segments: ref.segments.slice(0, 3) };
  const ids = await allEntries(refs, newest);
  t.is(counted.counts.requests.get, 3);
  t.deepEqual(await allEntries(refs, newest), ids);
  t.is(counted.counts.requests.get, 3);
  t.is((await allEntries(refs, ref)).length, 7000);
  t.is(counted.counts.requests.get, ref.segments.length);
  await allEntries(refs, newest);
  t.is(counted.counts.requests.get, ref.segments.length + 3);
});

test('R-REF-2: pushes leave few segments at any length of history, and join none that cannot be read', async (t) => {
  const provider = memoryProvider();
  await Repository.init(provider, fakeHost());
  let isReadable = true;
  const limited = around(provider, (method, key, request) => {
    if (method === 'get' && key.startsWith('segments/') && !isReadable) throw new BrowserStateError('UNREACHABLE', 'a fault');
    return request();
  });
  const entries: HistoryEntry[] = [];
  const push = async (): Promise<Ref> => {
    const { refs } = (await Repository.open(limited, fakeHost(`process ${entries.length}`))) as Repository;
    const added = Array.from({ length: 50 }, (_, i) => entryOf(entries.length + i));
    entries.push(...added);
    const token = await refs.ensure('a');
    return ((await refs.swap(token, await refs.addEntries(token.ref, [...added].reverse()))) as Token).ref;
  };
  const counts: number[] = [];
  for (let i = 0; i < 60; i++) counts.push((await push()).segments.length);
  t.true(Math.max(...counts) < 20, counts.join(' '));
  isReadable = false;
  for (let i = 0; i < 12; i++) counts.push((await push()).segments.length);
  t.true((counts.at(-1) as number) >= (counts.at(-13) as number) + 11);
  isReadable = true;
  t.true((await push()).segments.length < 20);
  await isWhole(t, (await Repository.open(provider, fakeHost()))?.refs as Refs, 'a', entries);
});

test('R-LIMIT: an entry that no reader would accept is not written, also with entries that were read before', async (t) => {
  const { refs } = await freshRefs();
  const token = await addEntries(refs, 'a', [entryOf(1)]);
  const { commit, manifest } = entryOf(2);
  const twice = newEntry('merge', { ...commit, parents: ['11'.repeat(32), '11'.repeat(32)] }, manifest);
  const history = await refs.addEntry(token.ref, twice);
  await rejects(t, () => refs.swap(token, history), 'INTERNAL');
  t.is((await refs.read('a'))?.version, token.version);
});
