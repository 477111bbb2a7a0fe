/** Cases about one caller of cells: read, swap, versions. */
import assert from 'node:assert/strict';
import { isError } from '../../base/errors.js';
import { cellOf, content, type Draft, same, text, times, won } from './support.js';

/**
 * Returns versions that no provider has returned, similar to `version`. Some have special meanings
 * in HTTP conditions or as numbers.
 */
const invented = (version: string): string[] => [
  ...['', '0', '1', '-1', 'x', '../../etc', 'f'.repeat(300), '*', '"*"', 'null', 'x\r\nX-Y: z', '\u{1f600}'],
  ...[`${version}0`, version.slice(0, -1), ` ${version}`, `${version}.0`, `"${version}"`, `W/${version}`, `${version}, ${version}`],
];

const swaps: Draft[] = [
  {
    name: 'a cell that was never written is undefined',
    run: async (provider) => {
      assert.equal(await provider.read('refs/a'), undefined);
      await won(provider, 'refs/a1', text('x'), null);
      await provider.put('packs/a', text('x'));
      assert.equal(await provider.read('refs/a'), undefined);
      assert.equal(await provider.read('refs'), undefined);
    },
  },
  {
    name: 'a created cell reads back with the version that its swap returned',
    run: async (provider) => {
      const version = await won(provider, 'refs/a', text('one'), null);
      assert.deepEqual(await cellOf(provider, 'refs/a'), { bytes: text('one'), version });
    },
  },
  {
    name: 'creating a cell that exists loses and changes nothing',
    run: async (provider) => {
      const version = await won(provider, 'refs/a', text('one'), null);
      assert.equal(await provider.swap('refs/a', text('two'), null), undefined);
      assert.equal(await provider.swap('refs/a', text('one'), null), undefined);
      assert.deepEqual(await cellOf(provider, 'refs/a'), { bytes: text('one'), version });
    },
  },
  {
    name: 'a swap replaces the cell and its version',
    run: async (provider) => {
      const first = await won(provider, 'refs/a', text('one'), null);
      const second = await won(provider, 'refs/a', text('two'), first);
      assert.notEqual(second, first);
      assert.deepEqual(await cellOf(provider, 'refs/a'), { bytes: text('two'), version: second });
    },
  },
  {
    name: 'a swap goes by the version that a read returned',
    run: async (provider) => {
      await won(provider, 'refs/a', text('one'), null);
      await won(provider, 'refs/a', text('two'), (await cellOf(provider, 'refs/a')).version);
      same((await cellOf(provider, 'refs/a')).bytes, text('two'));
    },
  },
  {
    name: 'a stale swap loses and changes nothing',
    run: async (provider) => {
      const first = await won(provider, 'refs/a', text('one'), null);
      const second = await won(provider, 'refs/a', text('two'), first);
      assert.equal(await provider.swap('refs/a', text('three'), first), undefined);
      assert.deepEqual(await cellOf(provider, 'refs/a'), { bytes: text('two'), version: second });
    },
  },
  {
    name: 'a swap by any of 150 older versions loses',
    run: async (provider) => {
      let version = await won(provider, 'refs/a', text('start'), null);
      const older: string[] = [];
      for (let i = 0; i < 150; i++) {
        older.push(version);
        version = await won(provider, 'refs/a', text(`${i}`), version);
      }
      await times(older.length, 8, async (i) => assert.equal(await provider.swap('refs/a', text('late'), older[i] as string), undefined));
      assert.deepEqual(await cellOf(provider, 'refs/a'), { bytes: text('149'), version });
    },
  },
  {
    name: 'a swap of a cell that does not exist loses and makes none',
    run: async (provider) => {
      const version = await won(provider, 'refs/a', text('one'), null);
      assert.equal(await provider.swap('refs/b', text('two'), version), undefined);
      assert.equal(await provider.read('refs/b'), undefined);
    },
  },
  {
    name: 'a swap by a version that was never returned loses',
    run: async (provider) => {
      const version = await won(provider, 'refs/a', text('one'), null);
      for (const expected of invented(version)) assert.equal(await provider.swap('refs/a', text('two'), expected), undefined, expected);
      assert.deepEqual(await cellOf(provider, 'refs/a'), { bytes: text('one'), version });
    },
  },
];

const versions: Draft[] = [
  {
    name: 'versions never repeat, not even for equal bytes',
    run: async (provider) => {
      const first = await won(provider, 'refs/a', text('A'), null);
      const second = await won(provider, 'refs/a', text('B'), first);
      const third = await won(provider, 'refs/a', text('A'), second);
      assert.notEqual(third, first);
      assert.equal(await provider.swap('refs/a', text('C'), first), undefined);
    },
  },
  {
    name: 'two hundred swaps have two hundred versions, and the last value stands',
    run: async (provider) => {
      const seen = new Set<string>();
      let version: string | null = null;
      for (let i = 0; i < 200; i++) {
        version = await won(provider, 'refs/a', text(`${i % 3}`), version);
        seen.add(version);
      }
      assert.equal(seen.size, 200);
      assert.deepEqual(await cellOf(provider, 'refs/a'), { bytes: text('1'), version });
    },
  },
  {
    name: "a read with the current version is 'unchanged', where the provider supports it, and the cell where not",
    run: async (provider) => {
      const version = await won(provider, 'refs/a', text('one'), null);
      const again = await provider.read('refs/a', { unless: version });
      assert.deepEqual(again, provider.supports.conditionalRead ? 'unchanged' : { bytes: text('one'), version });
    },
  },
  {
    name: 'a read with an older version is the cell',
    run: async (provider) => {
      const first = await won(provider, 'refs/a', text('one'), null);
      const version = await won(provider, 'refs/a', text('one'), first);
      assert.deepEqual(await provider.read('refs/a', { unless: first }), { bytes: text('one'), version });
    },
  },
  {
    name: 'a read with a version that was never returned is the cell',
    run: async (provider) => {
      const version = await won(provider, 'refs/a', text('one'), null);
      for (const unless of invented(version))
        assert.deepEqual(await provider.read('refs/a', { unless }), { bytes: text('one'), version }, unless);
    },
  },
  {
    name: 'a read with any version of a cell that does not exist is undefined',
    run: async (provider) => {
      const version = await won(provider, 'refs/a', text('one'), null);
      assert.equal(await provider.read('refs/b', { unless: version }), undefined);
    },
  },
];

const body = (what: string, bytes: () => Uint8Array): Draft => ({
  name: `a cell of ${what} comes back as it was written`,
  run: async (provider) => {
    const first = await won(provider, 'refs/a', bytes(), null);
    same((await cellOf(provider, 'refs/a')).bytes, bytes());
    await won(provider, 'refs/a', text('between'), first);
    await won(provider, 'refs/a', bytes(), (await cellOf(provider, 'refs/a')).version);
    same((await cellOf(provider, 'refs/a')).bytes, bytes());
  },
});

const bodies: Draft[] = [
  body('no bytes', () => content(0)),
  body('every byte value', () => Uint8Array.from({ length: 256 }, (_, i) => i)),
  body('64 KiB', () => content(64 * 1024)),
  body('4 MiB', () => content(4 * 1024 * 1024)),
  {
    name: 'a cell of 8 MiB comes back, or is USAGE and changes nothing',
    run: async (provider) => {
      const version = await won(provider, 'refs/a', text('small'), null);
      const bytes = content(8 * 1024 * 1024);
      try {
        await won(provider, 'refs/a', bytes, version);
        same((await cellOf(provider, 'refs/a')).bytes, bytes);
      } catch (error) {
        assert.ok(isError(error, 'USAGE'), `expected USAGE, found ${String(error)}`);
        assert.deepEqual(await cellOf(provider, 'refs/a'), { bytes: text('small'), version });
      }
    },
  },
  {
    name: "a cell's bytes are copied on the way in and on the way out",
    run: async (provider) => {
      const bytes = content(100);
      await won(provider, 'refs/a', bytes, null);
      bytes.fill(0);
      const first = await cellOf(provider, 'refs/a');
      same(first.bytes, content(100));
      first.bytes.fill(0);
      same((await cellOf(provider, 'refs/a')).bytes, content(100));
    },
  },
  {
    name: 'fifty cells are swapped at once and keep apart',
    run: async (provider) => {
      await times(50, 50, async (i) => {
        const version = await won(provider, `refs/${i}`, text(`first ${i}`), null);
        await won(provider, `refs/${i}`, text(`second ${i}`), version);
      });
      await times(50, 50, async (i) => same((await cellOf(provider, `refs/${i}`)).bytes, text(`second ${i}`)));
    },
  },
];

export const cells: Draft[] = [...swaps, ...versions, ...bodies];
