/** Garbage collection of a store that no other process changes (SPEC.md 11.2). */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { wrap } from '../../../../src/format/envelope.js';
import { EPOCH_KEY, objectFolders } from '../../../../src/format/keys.js';
import { BrowserStateError, memoryProvider, type ObjectTotals, type Provider, type Store } from '../../../../src/index.js';
import { noise } from '../../../support/content.js';
import { rejects } from '../../../support/errors.js';
import { around, counting, failNth } from '../../../support/faults/providers.js';
import { contentOf, providerOf } from '../../../support/provider-content.js';
import { condemn, namesOf, repositoryOf } from '../../../support/repository/collection.js';
import { findingsOf, history, storeIn } from '../../../support/store.js';
import { temporary } from '../../../support/temporary.js';

const SHARED = noise(150_000, 'shared');

interface Place {
  folder: string;
  memory: Provider;
  store: Store;
  /** Commits content that all sessions share, and content of its own. */
  commit(session: string, own: string): Promise<void>;
}

async function place(t: ExecutionContext): Promise<Place> {
  const folder = temporary(t);
  const memory = memoryProvider();
  const store = await storeIn(folder, memory);
  t.teardown(() => store.close());
  const dir = join(folder, 'profile');
  mkdirSync(dir);
  const commit = async (session: string, own: string): Promise<void> => {
    writeFileSync(join(dir, 'shared'), SHARED);
    writeFileSync(join(dir, 'own'), noise(150_000, own));
    await store.session(session).commit(dir);
  };
  return { folder, memory, store, commit };
}

/** Makes two sessions that share half of their content. The session `gone` is deleted. */
async function withGarbage(t: ExecutionContext): Promise<Place> {
  const made = await place(t);
  await made.commit('kept', 'kept');
  for (const own of ['one', 'two']) await made.commit('gone', own);
  await made.store.session('gone').delete();
  return made;
}

async function objectsOf(provider: Provider): Promise<{ keys: string[]; bytes: number }> {
  const keys: string[] = [];
  let bytes = 0;
  for (const folder of objectFolders) {
    for await (const { key, size = 0 } of provider.list(`tester/.store/${folder}/`)) {
      keys.push(key);
      bytes += size;
    }
  }
  return { keys: keys.sort(), bytes };
}

const sums = ({ objects, bytes }: ObjectTotals) => ({ objects, bytes });

test('objects of a deleted session go, and those that another one shares stay', async (t) => {
  const { memory, store } = await withGarbage(t);
  const before = await objectsOf(memory);
  const { deleted, kept, sessions, commits } = await store.gc();
  const after = await objectsOf(memory);
  t.deepEqual(sums(deleted), { objects: before.keys.length - after.keys.length, bytes: before.bytes - after.bytes });
  t.deepEqual(sums(kept), { objects: after.keys.length, bytes: after.bytes });
  t.deepEqual([sessions, commits], [1, { dropped: 0, kept: 1 }]);
  t.deepEqual([deleted.kinds.packs.objects, deleted.kinds.manifests.objects], [2, 2]);
  const never = await place(t);
  await never.commit('kept', 'kept');
  const { bytes } = await objectsOf(never.memory);
  t.true(Math.abs(after.bytes - bytes) < bytes / 100, `${after.bytes} and ${bytes} bytes`);
  t.deepEqual(await findingsOf(store), []);
  t.is((await store.usage()).reclaimableBytes, 0);
});

test('a dry run reports the same, and writes nothing', async (t) => {
  const { memory, store } = await withGarbage(t);
  const before = await contentOf(memory);
  const dry = await store.gc({ dryRun: true });
  t.deepEqual(await contentOf(memory), before);
  t.deepEqual(await store.gc(), dry);
});

test('a collection without garbage writes nothing, and ends the list of an interrupted one', async (t) => {
  const { memory, store } = await withGarbage(t);
  await store.gc();
  const before = await contentOf(memory);
  t.is((await store.gc()).deleted.objects, 0);
  t.deepEqual(await contentOf(memory), before);
  const repository = await repositoryOf(memory);
  const { k } = await condemn(repository, await namesOf(repository, 'packs'));
  t.is((await store.gc()).deleted.objects, 0);
  const { k: now, condemned } = await repository.epoch();
  t.deepEqual([now, condemned], [k + 1, []]);
});

test('a session that was deleted and collected is created again, with content that was deleted', async (t) => {
  const { store, commit } = await withGarbage(t);
  await store.gc();
  await commit('gone', 'one');
  t.deepEqual(await findingsOf(store), []);
  t.is((await history(store.session('gone'))).length, 1);
  t.is((await store.gc()).deleted.objects, 0);
});

test('entries in segments keep their objects, and segments of a deleted session go', async (t) => {
  const { memory, store, folder } = await place(t);
  const dir = join(folder, 'profile');
  for (let i = 0; i < 18; i++) {
    writeFileSync(join(dir, 'file'), String(i));
    await store.session('long').commit(dir, { message: 'm'.repeat(4_000) });
  }
  const { keys } = await objectsOf(memory);
  t.true(keys.some((key) => key.includes('/segments/')));
  const { deleted } = await store.gc();
  t.is(deleted.kinds.manifests.objects + deleted.kinds.packs.objects, 0);
  t.deepEqual(await findingsOf(store), []);
  t.is((await history(store.session('long'))).length, 18);
  await store.session('long').delete();
  t.true((await store.gc()).deleted.kinds.segments.objects > 0);
  t.deepEqual((await objectsOf(memory)).keys, []);
});

/** Damage that hides which objects are needed, with the message of the error. */
const damages: Record<string, (memory: Provider) => Promise<RegExp>> = {
  'a ref that is damaged': async (memory) => {
    const cell = await memory.read('tester/.store/refs/kept');
    if (cell === undefined || cell === 'unchanged') throw new Error('there is no ref');
    cell.bytes[cell.bytes.length - 40] = ~(cell.bytes[cell.bytes.length - 40] ?? 0);
    await memory.swap('tester/.store/refs/kept', cell.bytes, cell.version);
    return /session kept is unreadable/;
  },
  'a manifest that is missing': async (memory) => {
    const { refs } = await repositoryOf(memory);
    const { epoch, name } = (await refs.read('kept'))?.ref.entries[0]?.manifest ?? { epoch: 0, name: '' };
    await memory.delete(`tester/.store/manifests/${epoch}-${name}`);
    return new RegExp(`session kept is unreadable: .*manifests/${epoch}-${name}`);
  },
  'a segment that is missing': async (memory) => {
    const repository = await repositoryOf(memory);
    const token = await repository.refs.read('kept');
    if (token === undefined) throw new Error('there is no ref');
    await repository.refs.swap(token, { segments: [{ name: { epoch: 1, name: 'ab'.repeat(16) }, entries: 1 }] });
    return /session kept is unreadable: segments\/1-abab/;
  },
  'a ref with a name that no session has': async (memory) => {
    const { id } = await repositoryOf(memory);
    const key = 'refs/.store/new';
    await memory.swap(`tester/.store/${key}`, await wrap({ kind: 'ref', repository: id, key }, new Uint8Array(1), 'off'), null);
    return /refs\/\.store\/new: expected the name of a session/;
  },
};

for (const [what, damage] of Object.entries(damages)) {
  for (const dryRun of [false, true]) {
    test(`${dryRun ? 'a dry run' : 'a collection'} stops at ${what}, names it and deletes nothing`, async (t) => {
      const { memory, store } = await withGarbage(t);
      const message = await damage(memory);
      const before = await contentOf(memory);
      const error = await rejects(t, () => store.gc({ dryRun }), 'INTEGRITY');
      t.regex(error.message, message);
      t.regex(String(error.hint), /^Run `browserstate verify`/);
      t.deepEqual(await contentOf(memory), before);
    });
  }
}

test('a ref that becomes unreadable before the second mark stops the collection before it deletes', async (t) => {
  const { folder, memory } = await withGarbage(t);
  const { keys } = await objectsOf(memory);
  let fences = 0;
  const racing = around(memory, async (method, key, request) => {
    const result = await request();
    if (method === 'swap' && key.endsWith(EPOCH_KEY) && fences++ === 0) await damages['a ref that is damaged']?.(memory);
    return result;
  });
  const store = await storeIn(join(folder, 'other'), racing, 'other');
  await rejects(t, () => store.gc(), 'INTEGRITY');
  t.is(fences, 2);
  t.deepEqual((await objectsOf(memory)).keys, keys);
  t.deepEqual((await (await repositoryOf(memory)).epoch()).condemned, []);
});

/** Lists of refs that hide sessions: in all lists, or in each list after the first one. */
const hidden: Record<string, { from: number; message: RegExp }> = {
  'a list of refs that is empty': { from: 1, message: /no session is left, but \d+ objects exist/ },
  'a second list of refs that is empty': { from: 2, message: /session (kept|gone) is unreadable: .* it was listed before, but is missing/ },
};
for (const [what, { from, message }] of Object.entries(hidden)) {
  test(`${what} stops the collection before it deletes`, async (t) => {
    const { folder, memory, store: kept } = await withGarbage(t);
    const { keys } = await objectsOf(memory);
    let lists = 0;
    const hiding = around(memory, async (method, key, request) => {
      const result = await request();
      const isHidden = method === 'list' && key.endsWith('/refs/') && ++lists >= from;
      return isHidden ? ([] as unknown as typeof result) : result;
    });
    const store = await storeIn(join(folder, 'other'), hiding, 'other');
    t.regex((await rejects(t, () => store.gc(), 'INTEGRITY')).message, message);
    t.deepEqual((await objectsOf(memory)).keys, keys);
    t.deepEqual(await findingsOf(kept), []);
  });
}

test('a check beside collections reports nothing that they deleted', async (t) => {
  const { folder, memory, store: collector } = await withGarbage(t);
  let isCollected = false;
  const slow = around(memory, async (method, key, request) => {
    const result = await request();
    if (method === 'list' && key.endsWith('.store/') && !isCollected) {
      isCollected = true;
      t.true((await collector.gc()).deleted.objects > 0);
    }
    return result;
  });
  const store = await storeIn(join(folder, 'other'), slow, 'other');
  t.deepEqual((await store.verify({ readData: true })).findings, []);
  t.true(isCollected);
});

test('a provider that forbids deletions is FORBIDDEN after the mark, and nothing is half done', async (t) => {
  const { folder, memory, store } = await withGarbage(t);
  const { keys } = await objectsOf(memory);
  const forbidding = around(memory, (method, key, request) => {
    if (method === 'delete') throw new BrowserStateError('FORBIDDEN', `${key}: not allowed`);
    return request();
  });
  const other = await storeIn(join(folder, 'other'), forbidding, 'other');
  await rejects(t, () => other.gc(), 'FORBIDDEN');
  t.deepEqual((await objectsOf(memory)).keys, keys);
  t.deepEqual((await (await repositoryOf(memory)).epoch()).condemned, []);
  t.deepEqual(await findingsOf(store), []);
  t.true((await store.gc()).deleted.objects > 0);
});

test('a collection uses nothing but list, get, read, swap and delete', async (t) => {
  const { folder, memory } = await withGarbage(t);
  const counted = counting(memory);
  const store = await storeIn(join(folder, 'other'), counted, 'other');
  await store.gc();
  t.is(counted.counts.requests.put, 0);
});

for (const when of ['before', 'after'] as const) {
  test(`a collection whose nth request fails ${when} it has effect is ended by the next one`, async (t) => {
    const { folder, memory } = await withGarbage(t);
    const content = await contentOf(memory);
    for (let n = 1, isDone = false; !isDone; n++) {
      const again = await providerOf(content);
      const failing = await storeIn(join(folder, `failing-${n}`), failNth(again, n, when), 'failing');
      isDone = await failing.gc().then(
        () => true,
        () => false,
      );
      const store = await storeIn(join(folder, `next-${n}`), again, 'next');
      t.deepEqual(await findingsOf(store), [], `at ${n}`);
      await store.gc();
      t.deepEqual((await (await repositoryOf(again)).epoch()).condemned, []);
      t.is((await objectsOf(again)).keys.length, 2, `at ${n}`);
      t.deepEqual(await findingsOf(store), [], `at ${n}, collected`);
      t.true(n < 200);
    }
  });
}
