/** More garbage than one epoch has room for (SPEC.md 8.2, 11.2): it is deleted in rounds. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { MAX_CONDEMNED } from '../../src/base/limits.js';
import { memoryProvider } from '../../src/index.js';
import { counting } from '../support/faults/providers.js';
import { findingsOf, storeIn } from '../support/store.js';
import { temporary } from '../support/temporary.js';

test(`a collection deletes more than ${MAX_CONDEMNED} objects, in two rounds`, async (t) => {
  const folder = temporary(t);
  const memory = memoryProvider();
  const provider = counting(memory);
  const store = await storeIn(folder, provider);
  const dir = join(folder, 'profile');
  mkdirSync(dir);
  writeFileSync(join(dir, 'file'), 'content');
  await store.session('main').commit(dir);
  const total = MAX_CONDEMNED + 10;
  const put = async (i: number) => memory.put(`tester/.store/packs/1-${i.toString(16).padStart(32, '0')}`, Uint8Array.of(1));
  for (let i = 0; i < total; i += 1024) await Promise.all(Array.from({ length: Math.min(1024, total - i) }, (_, n) => put(i + n)));
  const { swap } = provider.counts.requests;
  const { deleted, kept } = await store.gc();
  t.deepEqual([deleted.objects, deleted.bytes, kept.objects], [total, total, 2]);
  // Each round condemns, stamps the one ref, and ends its list.
  t.is(provider.counts.requests.swap - swap, 6);
  t.deepEqual(await findingsOf(store), []);
});
