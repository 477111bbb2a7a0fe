/** Cases about keys: every key that the grammar allows works, and no other key does. */
import assert from 'node:assert/strict';
import { isError } from '../../base/errors.js';
import type { Provider } from '../provider.js';
import { cellOf, content, type Draft, keys, listed, rejects, same, text, won } from './support.js';

const good: [what: string, keys: string[]][] = [
  [
    'that use every character',
    ['ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz', '0123456789', '_@-', 'a.b', '-', '--help', '@', '_'],
  ],
  ['with dots', ['a.', 'a..', 'a...b', 'a.b.c/d.e', '1.2/3.4']],
  [
    'that languages or providers may hold special',
    ['__proto__', 'constructor', 'toString/valueOf', 'CON', 'nul', 'aux.txt', 'undefined', 'null'],
  ],
  ['that file systems may hold special', ['tmp', 'index', 'records', 'workspaces', 'tmp.cell', 'x.cell', 'y.cell.cell', 'lost-found']],
  [
    'below names that file systems may hold special',
    ['tmp/a', 'index/CURRENT', 'records/a.json', 'workspaces/w/x', 'x.cell/a', 'x.cell/y.cell/1', 'g-0/1'],
  ],
  ['of a user', ['me@example.org/.store/packs/a', 'me@example.org/.store/refs/b', 'user/.store/c']],
  ['that are long', ['n'.repeat(200), `${'d'.repeat(200)}/${'e'.repeat(200)}`, Array(200).fill('a').join('/')]],
];

const bad = [
  '',
  '/',
  'a/',
  '/a',
  'a//b',
  '.',
  '..',
  '../x',
  'a/../b',
  'a/./b',
  'a/..',
  '.hidden',
  'a/.hidden',
  '.stor',
  '.storex',
  'a\0b',
  'a b',
  'a\\b',
  'a~',
  'a:b',
  'a%2fb',
  'a\nb',
  'é',
  'a/\u{1f600}',
  'n'.repeat(201),
  Array(257).fill('a').join('/'),
];

const methods: Record<string, (provider: Provider, key: string) => Promise<unknown>> = {
  put: (provider, key) => provider.put(key, content(1)),
  get: (provider, key) => provider.get(key),
  read: (provider, key) => provider.read(key),
  'swap that creates': (provider, key) => provider.swap(key, content(1), null),
  'swap that replaces': (provider, key) => provider.swap(key, content(1), 'version'),
  delete: (provider, key) => provider.delete(key),
};

const objectsNamed = (what: string, named: string[]): Draft => ({
  name: `objects with names ${what}`,
  run: async (provider) => {
    for (const [i, key] of named.entries()) await provider.put(key, content(10 + i, i));
    for (const [i, key] of named.entries()) same(await provider.get(key), content(10 + i, i));
    assert.deepEqual(await keys(provider), [...named].sort());
    for (const key of named) assert.ok((await keys(provider, key)).includes(key));
    for (const key of named) await provider.delete(key);
    assert.deepEqual(await keys(provider), []);
  },
});

const cellsNamed = (what: string, named: string[]): Draft => ({
  name: `cells with names ${what}`,
  run: async (provider) => {
    for (const key of named) await won(provider, key, text('first'), null);
    for (const key of named) await won(provider, key, text(key), (await cellOf(provider, key)).version);
    for (const key of named) same((await cellOf(provider, key)).bytes, text(key));
    assert.deepEqual(await keys(provider), [...named].sort());
    for (const key of named) assert.ok((await keys(provider, key)).includes(key));
  },
});

const refused = (method: string): Draft => ({
  name: `${method}: what is no key is USAGE`,
  run: async (provider) => {
    for (const key of bad) await rejects((methods[method] as (typeof methods)['put'])(provider, key), 'USAGE');
    assert.deepEqual(await listed(provider), []);
  },
});

export const names: Draft[] = [
  ...good.map(([what, named]) => objectsNamed(what, named)),
  ...good.map(([what, named]) => cellsNamed(what, named)),
  ...Object.keys(methods).map(refused),
  {
    name: 'list: an invalid prefix is USAGE',
    run: async (provider) => {
      await provider.put('a/b', content(1));
      const prefixes = bad.filter((key) => key !== '' && key !== 'a/').concat('a//', './', '../', '.store//');
      for (const prefix of prefixes) await rejects(listed(provider, prefix), 'USAGE');
    },
  },
  {
    name: 'a key of 512 bytes works, or is USAGE if the provider needs some of them for its own prefix',
    run: async (provider) => {
      const longest = `${'d'.repeat(200)}/${'e'.repeat(200)}/${'f'.repeat(110)}`;
      try {
        await provider.put(longest, content(10));
      } catch (error) {
        assert.ok(isError(error, 'USAGE'), `expected USAGE, found ${String(error)}`);
        await rejects(provider.swap(longest, content(10), null), 'USAGE');
        return;
      }
      same(await provider.get(longest), content(10));
      assert.deepEqual(await keys(provider), [longest]);
    },
  },
  {
    name: 'an object and keys below its name keep apart, or the second is USAGE and the first stays',
    run: async (provider) => {
      await provider.put('one', text('object'));
      await provider.put('two/below', text('object'));
      const second = [provider.put('one/below', text('below')), provider.put('two', text('above'))];
      const outcomes = await Promise.allSettled(second);
      for (const outcome of outcomes) {
        assert.ok(outcome.status === 'fulfilled' || isError(outcome.reason, 'USAGE'), `expected USAGE, found ${JSON.stringify(outcome)}`);
      }
      same(await provider.get('one'), text('object'));
      same(await provider.get('two/below'), text('object'));
      for (const [i, key] of ['one/below', 'two'].entries()) {
        if (outcomes[i]?.status === 'fulfilled') same(await provider.get(key), text(i === 0 ? 'below' : 'above'));
        else await rejects(provider.get(key), 'NOT_FOUND');
      }
    },
  },
  {
    name: 'a cell and keys below its name keep apart',
    run: async (provider) => {
      await won(provider, 'refs/a', text('a'), null);
      await won(provider, 'refs/a/b', text('b'), null);
      await provider.put('refs/a/c', text('c'));
      same((await cellOf(provider, 'refs/a')).bytes, text('a'));
      same((await cellOf(provider, 'refs/a/b')).bytes, text('b'));
      same(await provider.get('refs/a/c'), text('c'));
      assert.deepEqual(await keys(provider, 'refs/a'), ['refs/a', 'refs/a/b', 'refs/a/c']);
    },
  },
];
