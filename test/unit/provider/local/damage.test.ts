/**
 * Damage to the cells of a local folder. No read returns damage as a value, and check finds it
 * everywhere (SPEC.md R-LOCAL-6, R-LOCAL-11).
 */
import { cp, mkdir, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { utf8 } from '../../../../src/base/bytes.js';
import { encodeEntry } from '../../../../src/provider/local/entry.js';
import { localProvider } from '../../../../src/provider/local/local.js';
import type { Cell, Provider, Version } from '../../../../src/provider/provider.js';
import { freshFolder, host } from '../../../support/provider/folders.js';

const LIMIT = 3;

interface Damaged {
  provider: Provider;
  /** Returns the directory of the cell. */
  cell: string;
  /** Returns the only current generation. */
  generation: string;
  version: Version;
}

/** Returns the cell `refs/a` after `count` swaps. */
async function cellAfter(t: ExecutionContext, count: number): Promise<Damaged> {
  const root = await freshFolder(t);
  const provider = localProvider(root, host, { entriesPerGeneration: LIMIT });
  let version: Version | null = null;
  for (let i = 1; i <= count; i++) version = (await provider.swap('refs/a', utf8(`value ${i}`), version)) as Version;
  const cell = join(root, 'refs/a.cell');
  const [name] = (await readdir(cell)) as [string];
  return { provider, cell, generation: join(cell, name), version: version as Version };
}

async function findings(provider: Provider): Promise<string[]> {
  const all: string[] = [];
  for await (const { key, message } of provider.check?.() ?? []) all.push(`${key}: ${message}`);
  return all;
}

for (const count of [1, 2, 3]) {
  test(`every byte of the newest entry, flipped, after ${count}`, async (t) => {
    const { provider, generation } = await cellAfter(t, count);
    const path = join(generation, String(count));
    const sound = await readFile(path);
    for (let at = 0; at < sound.length; at++) {
      const flipped = Buffer.from(sound);
      flipped[at] = (flipped[at] ?? 0) ^ 1;
      await writeFile(path, flipped);
      await t.throwsAsync(provider.read('refs/a'), { code: 'INTEGRITY' });
      t.is((await findings(provider)).length, 1);
    }
    await writeFile(path, sound);
    t.deepEqual(await findings(provider), []);
  });

  test(`every length of the newest entry, cut short or longer, after ${count}`, async (t) => {
    const { provider, generation, version } = await cellAfter(t, count);
    const path = join(generation, String(count));
    const sound = await readFile(path);
    for (let length = 0; length <= sound.length + 1; length++) {
      if (length === sound.length) continue;
      await writeFile(path, Buffer.concat([sound, Buffer.alloc(1)]).subarray(0, length));
      await t.throwsAsync(provider.read('refs/a'), { code: 'INTEGRITY' });
      if (count < LIMIT) await t.throwsAsync(provider.swap('refs/a', utf8('on it'), version), { code: 'INTEGRITY' });
      t.is((await findings(provider)).length, 1);
    }
  });
}

test('a superseded entry that is damaged does not stop reads, and is found', async (t) => {
  const { provider, generation } = await cellAfter(t, 2);
  await writeFile(join(generation, '1'), 'damaged');
  t.deepEqual((await provider.read('refs/a')) !== undefined, true);
  t.regex((await findings(provider)).join('\n'), /^refs\/a: entry 1 of cell refs\/a: expected /);
});

test('the nested first entry of the next generation is verified', async (t) => {
  const { provider, generation } = await cellAfter(t, 3);
  const [nest] = (await readdir(generation)).filter((name) => name.startsWith('next-')) as [string];
  await writeFile(join(generation, nest, '1'), 'damaged');
  t.is((await findings(provider)).length, 1);
  await rm(join(generation, nest), { recursive: true });
  t.regex((await findings(provider)).join('\n'), /expected the next generation [0-9a-f]{32}, found none$/);
});

test('an entry in place of another is no value', async (t) => {
  const { provider, generation } = await cellAfter(t, 2);
  await cp(join(generation, '1'), join(generation, '2'));
  await t.throwsAsync(provider.read('refs/a'), { code: 'INTEGRITY' });
  const other = await cellAfter(t, 2);
  await cp(join(other.generation, '2'), join(generation, '2'));
  await t.throwsAsync(provider.read('refs/a'), { code: 'INTEGRITY' });
});

test('a cell in place of another is no value', async (t) => {
  const { provider, cell } = await cellAfter(t, 2);
  await rename(cell, join(cell, '../b.cell'));
  t.is(await provider.read('refs/a'), undefined);
  await t.throwsAsync(provider.read('refs/b'), { code: 'INTEGRITY' });
});

test('two generations that do not follow each other are no value', async (t) => {
  const { provider, cell } = await cellAfter(t, 2);
  const other = await cellAfter(t, 2);
  await cp(other.cell, cell, { recursive: true });
  await t.throwsAsync(provider.read('refs/a'), { code: 'INTEGRITY', message: /expected one current generation/ });
  t.regex((await findings(provider)).join('\n'), /expected one current generation/);
});

test('a cell without a generation, and a generation without an entry, are no empty cell', async (t) => {
  const { provider, cell, generation } = await cellAfter(t, 1);
  await rm(join(generation, '1'));
  await t.throwsAsync(provider.read('refs/a'), { code: 'INTEGRITY' });
  t.regex((await findings(provider)).join('\n'), /\/1: expected a file, found none/);
  await rm(generation, { recursive: true });
  await t.throwsAsync(provider.read('refs/a'), { code: 'INTEGRITY' });
  t.regex((await findings(provider)).join('\n'), /expected one current generation/);
  await mkdir(join(cell, 'g-x'));
  await t.throwsAsync(provider.read('refs/a'), { code: 'INTEGRITY' });
});

test('a gap in the numbers, and unknown names, are found', async (t) => {
  const { provider, cell, generation } = await cellAfter(t, 2);
  await rm(join(generation, '1'));
  await writeFile(join(generation, '02'), '');
  await writeFile(join(cell, 'notes.txt'), '');
  const found = (await findings(provider)).join('\n');
  t.regex(found, /\/1: expected a file, found none/);
  t.regex(found, /expected no .*\/02/);
  t.regex(found, /expected no .*\/notes\.txt/);
});

test('R-LOCAL-11: a gap is reported once, whatever its length', async (t) => {
  const { provider, generation } = await cellAfter(t, 1);
  for (const number of [999_999_998, 999_999_999]) await writeFile(join(generation, String(number)), '');
  const found = await findings(provider);
  t.is(found.length, 3);
  t.regex(found.join('\n'), /\/2: expected a file, found none/);
  await t.throwsAsync(provider.read('refs/a'), { code: 'INTEGRITY' });
});

test('R-LOCAL-9: nothing is appended to the greatest number, since no reader would see it', async (t) => {
  const { provider, generation } = await cellAfter(t, 1);
  const place = { key: 'refs/a', generation: basename(generation).slice(2), number: 999_999_999 };
  await writeFile(join(generation, String(place.number)), encodeEntry(place, utf8('last')));
  const { version } = (await provider.read('refs/a')) as Cell;
  await t.throwsAsync(provider.swap('refs/a', utf8('more'), version), { code: 'INTEGRITY', message: /expected a lower number/ });
});

test('R-LOCAL-12: a root that is a symlink to nothing is INTEGRITY, never an empty folder', async (t) => {
  const root = join(await freshFolder(t), 'link');
  await symlink('nowhere', root);
  const provider = localProvider(root, host);
  const list = async () => {
    for await (const _ of provider.list(''));
  };
  await t.throwsAsync(provider.read('refs/a'), { code: 'INTEGRITY', message: /expected a directory, found a symbolic link/ });
  await t.throwsAsync(list, { code: 'INTEGRITY' });
  await t.throwsAsync(findings(provider), { code: 'INTEGRITY' });
});

test('an entry that claims to be huge is rejected before it is read', async (t) => {
  const { provider, generation } = await cellAfter(t, 1);
  await truncate(join(generation, '1'), 2 ** 40);
  await t.throwsAsync(provider.read('refs/a'), { code: 'INTEGRITY', message: /expected at most \d+ bytes, found 1099511627776/ });
});

test('an object that claims to be huge is rejected before it is read, and a range of it is served', async (t) => {
  const root = await freshFolder(t);
  const provider = localProvider(root, host);
  await provider.put('packs/a', utf8('small'));
  await truncate(join(root, 'packs/a'), 2 ** 33);
  await t.throwsAsync(provider.get('packs/a'), { code: 'INTEGRITY' });
  await truncate(join(root, 'packs/a'), 128 * 2 ** 20 + 1);
  await t.throwsAsync(provider.get('packs/a'), { code: 'INTEGRITY', message: /expected at most 134217728 bytes, found 134217729/ });
  t.deepEqual(await provider.get('packs/a', { range: { start: 0, end: 5 } }), utf8('small'));
});

test('a directory in place of the newest entry, or a file in place of a cell, is INTEGRITY with a hint', async (t) => {
  const { provider, cell, generation } = await cellAfter(t, 1);
  await rm(join(generation, '1'));
  await mkdir(join(generation, '1'));
  const read = () => provider.read('refs/a');
  t.regex((await t.throwsAsync<Error & { hint: string }>(read, { code: 'INTEGRITY' })).hint, /browserstate verify/);
  await rm(cell, { recursive: true });
  await writeFile(cell, '');
  t.regex((await t.throwsAsync<Error & { hint: string }>(read, { code: 'INTEGRITY' })).hint, /browserstate verify/);
});
