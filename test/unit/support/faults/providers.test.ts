/** The fault decorators. Each one has the effect of its name, and no other. */
import test from 'ava';
import { utf8 } from '../../../../src/base/bytes.js';
import { memoryProvider } from '../../../../src/provider/memory.js';
import type { Provider } from '../../../../src/provider/provider.js';
import { counting, failNth, flipByte, lateNth, latency, swapObjects, truncate } from '../../../support/faults/providers.js';

async function filled(): Promise<Provider> {
  const provider = memoryProvider();
  await provider.put('a', utf8('AAAA'));
  await provider.put('b', utf8('BB'));
  await provider.swap('cell', utf8('CC'), null);
  return provider;
}

test('failNth before and after', async (t) => {
  const inner = memoryProvider();
  const before = failNth(inner, 2, 'before');
  await before.put('a', utf8('a'));
  await t.throwsAsync(before.put('b', utf8('b')), { code: 'UNREACHABLE' });
  await t.throwsAsync(inner.get('b'), { code: 'NOT_FOUND' });
  await before.put('b', utf8('b'));
  const after = failNth(inner, 1, 'after');
  await t.throwsAsync(after.put('c', utf8('c')), { code: 'UNREACHABLE' });
  t.deepEqual(await after.get('c'), utf8('c'));
});

test('flipByte, truncate and swapObjects alter what is read, and not what is kept', async (t) => {
  const inner = await filled();
  t.deepEqual(await flipByte(inner, 'a').get('a'), Uint8Array.of(0x41 ^ 0x40, 0x41, 0x41, 0x41));
  t.deepEqual(await flipByte(inner, 'a', -1).get('a'), Uint8Array.of(0x41, 0x41, 0x41, 0x41 ^ 0x40));
  t.deepEqual(await flipByte(inner, 'a').get('b'), utf8('BB'));
  const cell = await flipByte(inner, 'cell').read('cell');
  t.deepEqual(cell !== undefined && cell !== 'unchanged' && cell.bytes, Uint8Array.of(0x43 ^ 0x40, 0x43));
  t.deepEqual(await truncate(inner, 'a', 3).get('a'), utf8('A'));
  t.deepEqual(await swapObjects(inner, 'a', 'b').get('a'), utf8('BB'));
  t.deepEqual(await swapObjects(inner, 'a', 'b').get('b'), utf8('AAAA'));
  t.deepEqual(await inner.get('a'), utf8('AAAA'));
});

test('counting counts requests and bytes', async (t) => {
  const provider = counting(await filled());
  await provider.put('c', utf8('CCC'));
  await provider.get('a', { range: { start: 0, end: 2 } });
  await provider.read('cell');
  await t.throwsAsync(provider.get('nowhere'), { code: 'NOT_FOUND' });
  for await (const { key } of provider.list('')) t.true(key.length > 0);
  t.deepEqual(provider.counts, { requests: { put: 1, get: 2, read: 1, swap: 0, list: 1, delete: 0 }, sent: 3, received: 4 });
});

test('latency counts dependent rounds, not requests', async (t) => {
  const provider = latency(await filled());
  await provider.read('cell');
  t.is(provider.rounds(), 1);
  await Promise.all(Array.from({ length: 40 }, () => provider.get('a')));
  t.is(provider.rounds(), 2);
  await Promise.all([provider.get('a'), provider.get('b').then(() => provider.get('a'))]);
  t.is(provider.rounds(), 4);
});

test('lateNth: a request that is answered by a failure arrives after others', async (t) => {
  const inner = memoryProvider();
  const late = lateNth(inner, 1, 2);
  await t.throwsAsync(late.swap('cell', utf8('late'), null), { code: 'UNREACHABLE' });
  t.is(await late.read('cell'), undefined);
  t.is(await late.read('cell'), undefined);
  t.truthy(await inner.read('cell'));
  const never = lateNth(inner, 1, 10);
  await t.throwsAsync(never.put('a', utf8('a')), { code: 'UNREACHABLE' });
  await t.throwsAsync(inner.get('a'), { code: 'NOT_FOUND' });
  await never.arrive();
  t.deepEqual(await inner.get('a'), utf8('a'));
});
