/** Cases about lists. */
import assert from 'node:assert/strict';
import { content, type Draft, keys, listed, rejects, same, text, times, won } from './support.js';

const lists = (name: string, put: string[], prefix: string, expected: string[]): Draft => ({
  name: `a list ${name}`,
  run: async (provider) => {
    for (const key of put) await provider.put(key, content(3));
    assert.deepEqual(await keys(provider, prefix), [...expected].sort());
  },
});

/** Endings that names may have, and that URLs, XML, command lines or sort orders interpret. */
const oddEndings = ['-', '--', '.', '..', '...x', '@', '@@', '_', '-/', './', '@/', '/a/', '/--/', '/@', '.cell', '.cell/'];

const tree = ['a', 'b/c', 'b/cd', 'b/d/e', 'b/d/f', 'bc/d', 'z'];

export const listing: Draft[] = [
  lists('of nothing is empty', [], '', []),
  lists('of a prefix of nothing is empty', [], 'packs/ab', []),
  lists('of the empty prefix is everything', tree, '', tree),
  lists('of a directory is what is below it, at any depth', tree, 'b/', ['b/c', 'b/cd', 'b/d/e', 'b/d/f']),
  lists('of a prefix that ends within a name goes by characters', tree, 'b', ['b/c', 'b/cd', 'b/d/e', 'b/d/f', 'bc/d']),
  lists('of a prefix within a deeper name', tree, 'b/c', ['b/c', 'b/cd']),
  lists('of a prefix that is a key holds that key', tree, 'b/d/e', ['b/d/e']),
  lists('of a directory deep down', tree, 'b/d/', ['b/d/e', 'b/d/f']),
  lists('of a prefix that nothing has is empty', tree, 'b/x', []),
  lists('of a key as if it were a directory is empty', tree, 'z/', []),
  lists('of a directory that is not there is empty', tree, 'y/x/', []),
  {
    name: 'a list distinguishes s1 from s10',
    run: async (provider) => {
      for (const key of ['refs/s1', 'refs/s10', 'refs/s2', 'refs/s1.x']) await won(provider, key, text(key), null);
      assert.deepEqual(await keys(provider, 'refs/s1'), ['refs/s1', 'refs/s1.x', 'refs/s10']);
      assert.deepEqual(await keys(provider, 'refs/s10'), ['refs/s10']);
      assert.deepEqual(await keys(provider, 'refs/s1/'), []);
    },
  },
  {
    name: 'a list has the sizes of objects and none for cells',
    run: async (provider) => {
      await provider.put('a/empty', content(0));
      await provider.put('a/large', content(100_000));
      let version = await won(provider, 'a/cell', text('one'), null);
      for (let i = 0; i < 5; i++) version = await won(provider, 'a/cell', text('more'), version);
      const found = (await listed(provider, 'a/')).sort((a, b) => (a.key < b.key ? -1 : 1));
      assert.deepEqual(found, [
        { key: 'a/cell', size: undefined },
        { key: 'a/empty', size: 0 },
        { key: 'a/large', size: 100_000 },
      ]);
    },
  },
  {
    name: 'a list of 1,100 objects has each once',
    run: async (provider) => {
      await times(1100, 32, (i) => provider.put(`packs/${i}`, text(`${i}`)));
      const found = await keys(provider, 'packs/');
      assert.deepEqual(found, Array.from({ length: 1100 }, (_, i) => `packs/${i}`).sort());
      assert.equal((await keys(provider, 'packs/1')).length, 1 + 10 + 100 + 100);
    },
  },
  {
    name: 'a list of 1,100 objects and cells with odd names has each once',
    run: async (provider) => {
      const odd = Array.from({ length: 1100 }, (_, i) => `packs/${i % 10}${oddEndings[i % oddEndings.length]}${i}`);
      await times(odd.length, 32, async (i) => {
        const key = odd[i] as string;
        await (i % 20 === 0 ? won(provider, key, text('cell'), null) : provider.put(key, text('object')));
      });
      for (const key of ['packs-/a', 'packs./a', 'packs0']) await provider.put(key, text('beside'));
      assert.deepEqual(await keys(provider, 'packs/'), [...odd].sort());
      for (let digit = 0; digit < 10; digit++) {
        const prefix = `packs/${digit}@`;
        assert.deepEqual(await keys(provider, prefix), odd.filter((key) => key.startsWith(prefix)).sort());
      }
    },
  },
  {
    name: 'a list has each cell once, however often it was swapped',
    run: async (provider) => {
      await times(30, 10, async (i) => {
        let version = await won(provider, `refs/${i}`, text('x'), null);
        for (let n = 0; n < i % 7; n++) version = await won(provider, `refs/${i}`, text('y'), version);
      });
      assert.equal((await keys(provider)).length, 30);
    },
  },
  {
    name: 'a list sees puts and deletes that were acknowledged before',
    run: async (provider) => {
      for (let i = 0; i < 5; i++) {
        await provider.put(`packs/${i}`, content(i));
        assert.equal((await keys(provider)).length, 1);
        await provider.delete(`packs/${i}`);
        assert.equal((await keys(provider)).length, 0);
      }
    },
  },
  {
    name: 'a list during puts and deletes has every key that stays, once',
    run: async (provider) => {
      await times(50, 50, (i) => provider.put(`packs/stays-${i}`, content(10)));
      const changing = times(50, 5, async (i) => {
        await provider.put(`packs/goes-${i}`, content(10));
        await provider.delete(`packs/goes-${i}`);
      });
      for (let i = 0; i < 5; i++) {
        const found = await keys(provider, 'packs/');
        assert.equal(found.filter((key) => key.startsWith('packs/stays-')).length, 50);
      }
      await changing;
    },
  },
  {
    name: 'a list that its caller leaves early does no harm',
    run: async (provider) => {
      await times(40, 40, (i) => provider.put(`packs/${i}`, content(10)));
      for await (const { key } of provider.list('')) {
        assert.ok(key.startsWith('packs/'));
        break;
      }
      assert.equal((await keys(provider)).length, 40);
    },
  },
  {
    name: 'objects of others are listed and read by their names, if the provider has foreign',
    run: async (provider) => {
      const { foreign } = provider;
      if (foreign === undefined) return;
      await times(3, 3, (i) => provider.put(`others/s1/${i}`, content(100 + i, i)));
      await provider.put('others/s10/0', content(5));
      const found: [name: string, size: number][] = [];
      for await (const { name, size, mark } of foreign.list('others/s1/')) {
        assert.equal(typeof mark, 'string');
        found.push([name, size]);
      }
      assert.deepEqual(found.sort(), [
        ['others/s1/0', 100],
        ['others/s1/1', 101],
        ['others/s1/2', 102],
      ]);
      same(await foreign.get('others/s1/1', { start: 1, end: 101 }), content(101, 1).subarray(1));
      await rejects(foreign.get('others/s1/1', { start: 1, end: 102 }), 'INTEGRITY');
      await rejects(foreign.get('others/s1/x', { start: 0, end: 1 }), 'NOT_FOUND');
      await rejects(foreign.get('others/s1/1', { start: 0, end: 1 }, { signal: AbortSignal.abort() }), 'CANCELLED');
    },
  },
];
