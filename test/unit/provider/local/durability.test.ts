/**
 * The order of syncs in the local folder (SPEC.md R-LOCAL-10). Content is synced before its name
 * appears, and every step is synced before the next step that needs it. The tests run one at a
 * time, since they listen to the file system.
 */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { utf8 } from '../../../../src/base/bytes.js';
import { localProvider } from '../../../../src/provider/local/local.js';
import type { Provider, Version } from '../../../../src/provider/provider.js';
import { freshFolder, host } from '../../../support/provider/folders.js';

type Call = (this: unknown, ...args: unknown[]) => Promise<unknown>;

const CALLS = ['mkdir', 'link', 'rename', 'unlink', 'rm'] as const;

/**
 * Returns every change and sync of `body` below `root`. Names of 32 digits are A, B, C … in order
 * of appearance.
 */
async function traced(root: string, body: () => Promise<unknown>): Promise<string[]> {
  const steps: string[] = [];
  const letters = new Map<string, string>();
  const named = (path: unknown): string =>
    String(path)
      .replace(root, '')
      .replaceAll(/[0-9a-f]{32}/g, (name) => {
        if (!letters.has(name)) letters.set(name, String.fromCharCode(65 + letters.size));
        return letters.get(name) as string;
      });
  const calls = fs as unknown as Record<string, Call>;
  const originals = Object.fromEntries([...CALLS, 'open'].map((name) => [name, calls[name] as Call]));
  for (const name of CALLS) {
    calls[name] = async (...args) => {
      const paths = args.filter((arg) => typeof arg === 'string').map(named);
      steps.push([name, ...paths].join(' '));
      return await originals[name]?.apply(fs, args);
    };
  }
  calls['open'] = async (...args) => {
    const handle = (await originals['open']?.apply(fs, args)) as fs.FileHandle;
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      steps.push(`sync ${named(args[0])}`);
      await sync();
    };
    return handle;
  };
  try {
    await body();
  } finally {
    Object.assign(calls, originals);
  }
  return steps;
}

async function swapped(provider: Provider, count: number): Promise<Version> {
  let version: Version | null = null;
  for (let i = 0; i < count; i++) version = (await provider.swap('refs/a', utf8(`${i}`), version)) as Version;
  return version as Version;
}

test.serial('R-LOCAL-10: a first put', async (t) => {
  const root = join(await freshFolder(t), 'home');
  const steps = await traced(root, () => localProvider(root, host).put('packs/a', utf8('a')));
  t.deepEqual(steps, [
    'mkdir ',
    `sync ${join(root, '..')}`,
    'mkdir /tmp',
    'sync ',
    'sync /tmp/A',
    'mkdir /packs',
    'sync ',
    'link /tmp/A /packs/a',
    'sync /packs',
    'unlink /tmp/A',
  ]);
});

test.serial('R-LOCAL-10: a put of an existing object', async (t) => {
  const root = await freshFolder(t);
  const provider = localProvider(root, host);
  await provider.put('packs/a', utf8('a'));
  const steps = await traced(root, () => provider.put('packs/a', utf8('a')));
  t.deepEqual(steps, ['sync /tmp/A', 'link /tmp/A /packs/a', 'unlink /tmp/A', 'sync /packs']);
});

test.serial('R-LOCAL-10: a delete', async (t) => {
  const root = await freshFolder(t);
  const provider = localProvider(root, host);
  await provider.put('packs/a', utf8('a'));
  t.deepEqual(await traced(root, () => provider.delete('packs/a')), ['unlink /packs/a', 'sync /packs']);
});

test.serial('R-LOCAL-10: a create', async (t) => {
  const root = await freshFolder(t);
  const provider = localProvider(root, host);
  await provider.swap('refs/b', utf8('b'), null);
  const steps = await traced(root, () => provider.swap('refs/a', utf8('a'), null));
  t.deepEqual(steps, [
    'mkdir /tmp/A/g-B',
    'sync /tmp/A/g-B/1',
    'sync /tmp/A/g-B',
    'sync /tmp/A',
    'rename /tmp/A /refs/a.cell',
    'sync /refs',
    'rm /tmp/A',
  ]);
});

test.serial('R-LOCAL-10: an append, a roll, and the append that finishes it', async (t) => {
  const root = await freshFolder(t);
  const provider = localProvider(root, host, { entriesPerGeneration: 3 });
  let version: Version | undefined = await swapped(provider, 1);
  const next = async (): Promise<void> => {
    version = await provider.swap('refs/a', utf8('next'), version as Version);
  };
  t.deepEqual(await traced(root, next), ['sync /tmp/A', 'link /tmp/A /refs/a.cell/g-B/2', 'sync /refs/a.cell/g-B', 'unlink /tmp/A']);
  t.deepEqual(await traced(root, next), [
    'sync /tmp/A',
    'mkdir /tmp/B',
    'sync /tmp/B/1',
    'sync /tmp/B',
    'rename /tmp/B /refs/a.cell/g-C/next-D',
    'sync /refs/a.cell/g-C',
    'link /tmp/A /refs/a.cell/g-C/3',
    'sync /refs/a.cell/g-C',
    'rm /tmp/B',
    'unlink /tmp/A',
  ]);
  t.deepEqual(await traced(root, next), [
    'sync /refs/a.cell/g-A',
    'rename /refs/a.cell/g-A/next-B /refs/a.cell/g-B',
    'sync /refs/a.cell',
    'mkdir ',
    'mkdir /tmp',
    'sync ',
    'rename /refs/a.cell/g-A /tmp/C',
    'sync /refs/a.cell',
    'rm /tmp/C',
    'sync /tmp/D',
    'link /tmp/D /refs/a.cell/g-B/2',
    'sync /refs/a.cell/g-B',
    'unlink /tmp/D',
  ]);
  t.is(version?.split('/')[1], '2');
});
