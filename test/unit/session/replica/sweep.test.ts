/**
 * The sweep by the first operation that writes to the local store (C13). The sweep removes
 * everything that exited processes have left, and nothing else.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import type { Owners } from '../../../../src/base/owners.js';
import { memoryProvider, openStore, type Store } from '../../../../src/index.js';
import { noise } from '../../../support/content.js';
import { fakeHost } from '../../../support/host.js';
import { temporary } from '../../../support/temporary.js';

const DIGITS = '0123456789abcdef';
const PACK = (owner: string): string => `packs/0-${Buffer.from(owner.padEnd(16)).toString('hex')}`;
const NOTED = 3000;

/**
 * Returns everything that a killed process leaves, by path below the store. A path that ends with a
 * slash is a directory with a file in it.
 */
const leftovers = (owner: string): string[] => [
  `tmp/${DIGITS}${DIGITS}.${owner}`,
  `tmp/${'f'.repeat(32)}.${owner}/`,
  `records/${DIGITS}${DIGITS}.json.${DIGITS}.${owner}`,
  `records/${DIGITS}${DIGITS}.stat.${DIGITS}.${owner}`,
  `records/${DIGITS}${DIGITS}.lock.${DIGITS}.${owner}/`,
  `records/checkpoints/${DIGITS}.${owner}/`,
  `records/mounts/main.0123456789ab~${owner}~${DIGITS}`,
  `records/remotes/${DIGITS}${DIGITS}/main.ref.${DIGITS}.${owner}`,
  `workspaces/.migrate-${DIGITS}.${owner}/`,
  `records/${DIGITS}.draft.${owner}`,
  PACK(owner),
];

function plant(root: string, owner: string): void {
  for (const path of leftovers(owner)) {
    const at = join(root, path.endsWith('/') ? `${path}file` : path);
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, path.includes('.draft.') ? `${PACK(owner)}\n../outside\n` : noise(NOTED, path));
  }
}

const left = (root: string, owner: string): string[] => leftovers(owner).filter((path) => existsSync(join(root, path)));

/** The states of the owners of leftovers. The process of the test is `test`. */
const states = { dead: 'gone', strange: 'unknown', living: 'running', test: 'running' } as const;

const operations: Record<string, (store: Store, folder: string) => Promise<unknown>> = {
  commit: (store, folder) => store.session('main').commit(join(folder, 'profile')),
  'commit of nothing new': (store, folder) => store.session('pushed').commit(join(folder, 'profile')),
  checkpoint: (store, folder) => store.session('main').checkpoint(join(folder, 'profile')),
  checkout: (store, folder) => store.session('pushed').checkout(join(folder, 'out')),
  mount: async (store) => (await store.mount('pushed')).discard(),
  pull: (store) => store.session('remote').pull(),
  push: (store) => store.session('unsent').push(),
  migrate: (store) => store.migrate('old'),
};

for (const [name, run] of Object.entries(operations)) {
  test(`C13, R-LOCAL-13: a ${name} removes the leftovers of exited processes, and nothing of any other`, async (t) => {
    const folder = temporary(t);
    const home = join(folder, 'home');
    const root = join(home, 'tester/.store');
    const provider = memoryProvider();
    const owners: Owners = { ...fakeHost().owners(''), state: async (owner) => states[owner as keyof typeof states] ?? 'unknown' };
    const open = (at: string, remote = provider): Promise<Store> =>
      openStore({ home: at, userId: 'tester', remote, host: { ...fakeHost(`${at} ${name}`), owners: () => owners } });
    const profile = join(folder, 'profile');
    mkdirSync(profile);
    writeFileSync(join(profile, 'file'), 'content');
    const other = await open(join(folder, 'elsewhere'));
    await other.session('remote').commit(profile);
    await other.session('remote').push();
    const before = await open(home);
    await before.session('pushed').commit(profile);
    await before.session('pushed').push();
    await before.session('unsent').commit(profile);
    mkdirSync(join(home, 'tester/old'));
    writeFileSync(join(home, 'tester/old/file'), 'of v0');
    const needed = (await before.usage()).reclaimableBytes ?? Number.NaN;
    for (const owner of Object.keys(states)) plant(root, owner);
    const planted = Object.keys(states).length * NOTED;
    const { reclaimableBytes } = await before.usage();
    // Temporary files and objects of any owner count.
    const counted = 3 * planted + 7 * NOTED + `${PACK('dead')}\n../outside\n`.length;
    t.is((reclaimableBytes ?? Number.NaN) - needed, counted);
    const store = await open(home);
    for await (const _ of store.session('pushed').log()) t.deepEqual(left(root, 'dead'), leftovers('dead'), 'a look removes nothing');
    await run(store, folder);
    t.deepEqual(left(root, 'dead'), []);
    for (const owner of ['strange', 'living', 'test']) t.deepEqual(left(root, owner), leftovers(owner), owner);
    t.deepEqual(
      (await store.verify({ readData: true })).findings.filter(({ key }) => !key?.startsWith('packs/')),
      [],
    );
  });
}

test('C13: gc removes the leftovers of exited processes, and reports their bytes; a dry run counts them', async (t) => {
  const folder = temporary(t);
  const home = join(folder, 'home');
  const root = join(home, 'tester/.store');
  const owners: Owners = { ...fakeHost().owners(''), state: async (owner) => states[owner as keyof typeof states] ?? 'unknown' };
  const open = (): Promise<Store> => openStore({ home, userId: 'tester', host: { ...fakeHost('gc'), owners: () => owners } });
  const profile = join(folder, 'profile');
  mkdirSync(profile);
  writeFileSync(join(profile, 'file'), 'content');
  await (await open()).session('main').commit(profile);
  for (const owner of Object.keys(states)) plant(root, owner);
  const store = await open();
  const { leftoverBytes, deleted } = await store.gc({ dryRun: true });
  t.deepEqual(left(root, 'dead'), leftovers('dead'));
  t.is(leftoverBytes, 9 * NOTED + `${PACK('dead')}\n../outside\n`.length);
  t.is(deleted.objects, Object.keys(states).length);
  t.is((await store.gc()).leftoverBytes, leftoverBytes);
  t.deepEqual(left(root, 'dead'), []);
  // The objects of a commit that is being made are garbage too: it loses its swap, and starts over.
  for (const owner of ['strange', 'living', 'test'])
    t.deepEqual(
      left(root, owner),
      leftovers(owner).filter((path) => path !== PACK(owner)),
      owner,
    );
  t.deepEqual((await store.verify({ readData: true })).findings, []);
});
