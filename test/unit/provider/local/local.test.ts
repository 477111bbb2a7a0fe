/**
 * The local folder on disk (SPEC.md "Local folder"): its files, the files of others, and the errors
 * of the file system.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { concat, fromHex, utf8 } from '../../../../src/base/bytes.js';
import { localProvider } from '../../../../src/provider/local/local.js';
import type { Listed, Provider, Version } from '../../../../src/provider/provider.js';
import { freshFolder, host } from '../../../support/provider/folders.js';

async function listed(provider: Provider): Promise<string[]> {
  const all: Listed[] = [];
  for await (const entry of provider.list('')) all.push(entry);
  return all.map((entry) => entry.key).sort();
}

/** Writes a cell `count` times. */
async function written(provider: Provider, key: string, count: number): Promise<Version> {
  let version: Version | null = null;
  for (let i = 1; i <= count; i++) version = (await provider.swap(key, utf8(`value ${i}`), version)) as Version;
  return version as Version;
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

test('R-LOCAL-1: reads create nothing, and the first write creates a private folder with private files', async (t) => {
  const root = join(await freshFolder(t), 'deep', 'home');
  const provider = localProvider(root, host);
  t.deepEqual(await listed(provider), []);
  t.is(await provider.read('refs/a'), undefined);
  await t.throwsAsync(provider.get('packs/a'), { code: 'NOT_FOUND' });
  await provider.delete('packs/a');
  t.is(await provider.swap('refs/a', utf8('x'), 'v'), undefined);
  await t.throwsAsync(stat(join(root, '..')), { code: 'ENOENT' });

  await provider.put('packs/a', utf8('pack'));
  await written(provider, 'refs/a', 1);
  const entries = await readdir(join(root, '..'), { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const { mode } = await stat(join(entry.parentPath, entry.name));
    t.is(mode & 0o777, entry.isDirectory() ? 0o700 : 0o600, entry.name);
  }
});

test('R-LOCAL-2: an object is the file of its name, and a taken name has a tilde', async (t) => {
  const root = await freshFolder(t);
  const provider = localProvider(root, host);
  const places = {
    'packs/a': 'packs/a',
    tmp: 'tmp~',
    'index/x': 'index~/x',
    'a/tmp': 'a/tmp',
    'x.cell': 'x.cell~',
    'y.cell/z': 'y.cell~/z',
  };
  for (const [key, place] of Object.entries(places)) {
    await provider.put(key, utf8(key));
    t.is(await readFile(join(root, place), 'utf8'), key);
  }
  t.deepEqual(await listed(provider), Object.keys(places).sort());
});

test('R-LOCAL-4: a list has only objects of the provider', async (t) => {
  const root = await freshFolder(t);
  const provider = localProvider(root, host);
  await provider.put('packs/a', utf8('a'));
  await written(provider, 'refs/a', 1);
  const others = [
    'index/CURRENT',
    'index/000001.log',
    'records/ab.json',
    'workspaces/w/Default/Cookies',
    'tmp/left',
    '.lock',
    'packs/.part',
    'packs/b~',
    'a b',
    'packs/é',
  ];
  for (const other of others) {
    await mkdir(join(root, other, '..'), { recursive: true });
    await writeFile(join(root, other), 'other');
  }
  await symlink('a', join(root, 'packs/link'));
  await writeFile(join(root, 'packs/file.cell'), 'other');
  t.deepEqual(await listed(provider), ['packs/a', 'refs/a']);
});

test('R-LOCAL-3: the temporary directory is empty afterwards', async (t) => {
  const root = await freshFolder(t);
  const provider = localProvider(root, host, { entriesPerGeneration: 3 });
  await provider.put('packs/a', utf8('a'));
  await provider.put('packs/a', utf8('a'));
  await t.throwsAsync(provider.put('packs/a', utf8('b')), { code: 'INTERNAL' });
  await written(provider, 'refs/a', 20);
  t.is(await provider.swap('refs/a', utf8('x'), null), undefined);
  t.deepEqual(await readdir(join(root, 'tmp')), []);
});

test('R-LOCAL-5, R-LOCAL-6: a cell is a generation of numbered entries with their hash', async (t) => {
  const root = await freshFolder(t);
  const provider = localProvider(root, host);
  const version = await written(provider, 'refs/a', 2);
  const [directory] = (await readdir(join(root, 'refs/a.cell'))) as [string];
  t.regex(directory, /^g-[0-9a-f]{32}$/);
  t.deepEqual((await readdir(join(root, 'refs/a.cell', directory))).sort(), ['1', '2']);
  const generation = directory.slice(2);
  for (const number of [1, 2]) {
    const body = concat([Uint8Array.of(0), utf8(`value ${number}`)]);
    const hash = sha256(concat([utf8(`refs/a\0${generation}\0${number}\0`), body]));
    t.deepEqual(new Uint8Array(await readFile(join(root, 'refs/a.cell', directory, String(number)))), concat([body, hash]));
    if (number === 2) t.is(version, `${generation}/2/${hash.toString('hex').slice(0, 16)}`);
  }
});

test('R-LOCAL-8: the last entry names a generation that is nested until the next swap', async (t) => {
  const root = await freshFolder(t);
  const provider = localProvider(root, host, { entriesPerGeneration: 3 });
  const version = await written(provider, 'refs/a', 3);
  const cell = join(root, 'refs/a.cell');
  const [old] = (await readdir(cell)) as [string];
  const [next] = version.split('/') as [string];
  t.deepEqual((await readdir(join(cell, old))).sort(), ['1', '2', '3', `next-${next}`]);
  const last = new Uint8Array(await readFile(join(cell, old, '3')));
  t.deepEqual(last.subarray(0, 17), concat([Uint8Array.of(1), fromHex(next) as Uint8Array]));
  t.deepEqual(last.slice(17, -32), utf8('value 3'));
  t.deepEqual(await provider.read('refs/a'), { bytes: utf8('value 3'), version });
  await provider.swap('refs/a', utf8('value 4'), version);
  t.deepEqual(await readdir(cell), [`g-${next}`]);
  t.deepEqual((await readdir(join(cell, `g-${next}`))).sort(), ['1', '2']);
});

test('a default generation has 64 entries', async (t) => {
  const root = await freshFolder(t);
  const provider = localProvider(root, host);
  const version = await written(provider, 'refs/a', 63);
  t.regex(version, /\/63\//);
  t.regex((await provider.swap('refs/a', utf8('next'), version)) as string, /^[0-9a-f]{32}\/1\//);
});

test('a version from before the restore of a backup is not valid after it', async (t) => {
  const root = await freshFolder(t);
  const provider = localProvider(root, host);
  const first = await written(provider, 'refs/a', 1);
  const lost = (await provider.swap('refs/a', utf8('lost'), first)) as Version;
  const [generation] = first.split('/') as [string];
  await rm(join(root, 'refs/a.cell', `g-${generation}`, '2'));
  t.is(await provider.swap('refs/a', utf8('on what is gone'), lost), undefined);
  const restored = (await provider.swap('refs/a', utf8('kept'), first)) as Version;
  t.deepEqual(await provider.read('refs/a', { unless: lost }), { bytes: utf8('kept'), version: restored });
  t.is(await provider.swap('refs/a', utf8('stale'), lost), undefined);
});

test('removed directories are created again', async (t) => {
  const root = await freshFolder(t);
  const provider = localProvider(root, host);
  const version = await written(provider, 'refs/a', 1);
  await provider.put('packs/a', utf8('a'));
  await rm(join(root, 'packs'), { recursive: true });
  await rm(join(root, 'tmp'), { recursive: true });
  await provider.put('packs/a', utf8('a'));
  await rm(join(root, 'tmp'), { recursive: true });
  t.is(typeof (await provider.swap('refs/a', utf8('b'), version)), 'string');
  await rm(root, { recursive: true });
  t.is(typeof (await provider.swap('refs/a', utf8('b'), null)), 'string');
});
