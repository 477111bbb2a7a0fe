/** Checks of the memory provider beyond the contract of every provider. */
import test from 'ava';
import { utf8 } from '../../../src/base/bytes.js';
import { memoryProvider } from '../../../src/provider/memory.js';
import type { Provider } from '../../../src/provider/provider.js';

async function filled(): Promise<Provider> {
  const provider = memoryProvider();
  await provider.put('object', utf8('bytes'));
  await provider.swap('cell', utf8('bytes'), null);
  return provider;
}

test('other bytes under an existing key are INTERNAL', async (t) => {
  await t.throwsAsync((await filled()).put('object', utf8('other')), { code: 'INTERNAL' });
});

test('an object is no cell, and a cell is no object', async (t) => {
  const provider = await filled();
  await t.throwsAsync(provider.swap('object', utf8('x'), null), { code: 'USAGE' });
  await t.throwsAsync(provider.read('object'), { code: 'USAGE' });
  await t.throwsAsync(provider.put('cell', utf8('bytes')), { code: 'USAGE' });
  await t.throwsAsync(provider.get('cell'), { code: 'USAGE' });
  await t.throwsAsync(provider.delete('cell'), { code: 'USAGE' });
});

test('every call gives control away before it takes effect', async (t) => {
  const provider = memoryProvider();
  const put = provider.put('a', utf8('a'));
  await t.throwsAsync(provider.get('b').then(), { code: 'NOT_FOUND' });
  const first = provider.swap('cell', utf8('1'), null);
  const second = provider.swap('cell', utf8('2'), null);
  t.deepEqual((await Promise.all([first, second])).filter((version) => version === undefined).length, 1);
  await put;
});

test('a list is in an unexpected order', async (t) => {
  const provider = memoryProvider();
  for (const key of ['a', 'b', 'c']) await provider.put(key, utf8(key));
  const keys: string[] = [];
  for await (const { key } of provider.list('')) keys.push(key);
  t.deepEqual(keys, ['c', 'b', 'a']);
});
