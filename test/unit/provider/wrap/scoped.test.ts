/** The keys of a scoped provider, and the keys of the provider below it that it hides. */
import test from 'ava';
import { utf8 } from '../../../../src/base/bytes.js';
import { memoryProvider } from '../../../../src/provider/memory.js';
import type { Listed, Provider } from '../../../../src/provider/provider.js';
import { scoped } from '../../../../src/provider/wrap/scoped.js';

async function keys(provider: Provider, prefix = ''): Promise<string[]> {
  const all: Listed[] = [];
  for await (const entry of provider.list(prefix)) all.push(entry);
  return all.map((entry) => entry.key).sort();
}

test('keys are below the prefix, and no others are seen', async (t) => {
  const whole = memoryProvider();
  const one = scoped(whole, 'user1/.store/');
  const other = scoped(whole, 'user10/.store');
  await one.put('packs/a', utf8('one'));
  await other.put('packs/a', utf8('other'));
  await whole.put('user1/stray', utf8('stray'));
  const version = await one.swap('refs/a', utf8('ref'), null);
  t.deepEqual(await keys(one), ['packs/a', 'refs/a']);
  t.deepEqual(await keys(one, 'packs/'), ['packs/a']);
  t.deepEqual(await keys(whole), ['user1/.store/packs/a', 'user1/.store/refs/a', 'user1/stray', 'user10/.store/packs/a']);
  t.deepEqual(await other.get('packs/a'), utf8('other'));
  t.is(await one.read('refs/a', { unless: version as string }), 'unchanged');
  await one.delete('packs/a');
  t.deepEqual(await keys(whole, 'user10/'), ['user10/.store/packs/a']);
});

test('it reports its address', (t) => {
  t.is(scoped(memoryProvider({ url: 's3://bucket' }), 'u/.store/').url, 's3://bucket/u/.store/');
  t.is(scoped(memoryProvider({ url: 's3://bucket/' }), 'u').url, 's3://bucket/u/');
});

test('R-KEY: no key leads out of the prefix, and a prefix has only valid components', async (t) => {
  const provider = scoped(memoryProvider(), 'u/.store/');
  for (const key of ['../x', '/x', '', '..']) await t.throwsAsync(provider.get(key), { code: 'USAGE' });
  for (const prefix of ['', '/', '../', 'a//', '.hidden/']) t.throws(() => scoped(memoryProvider(), prefix), { code: 'USAGE' });
});

test('a check reports findings below the prefix, by keys without it', async (t) => {
  const damaged: Provider = {
    ...memoryProvider(),
    async *check() {
      yield { key: 'u/.store/refs/a', message: 'damaged' };
      yield { key: 'v/.store/refs/a', message: 'damaged too' };
    },
  };
  const found: unknown[] = [];
  for await (const finding of scoped(damaged, 'u/.store').check?.() ?? []) found.push(finding);
  t.deepEqual(found, [{ key: 'refs/a', message: 'damaged' }]);
  t.is(scoped(memoryProvider(), 'u').check, undefined);
});
