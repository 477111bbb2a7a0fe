/**
 * B1, B3: manifests made by hand, well sealed and with ids that agree, that break a rule. Verify, with and without the data, a pull and a checkout say so, of a remote and of a
 * home, before a byte of the profile is written. A case is one line: the rule, and what is done to the newest version.
 */
import { existsSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import test from 'ava';
import { memoryProvider, type Provider } from '../../src/index.js';
import type { Commit } from '../../src/object/commit.js';
import type { TreeEntry } from '../../src/object/tree.js';
import { objectId } from '../../src/object-id.js';
import { type Frame, NO_PATCHES } from '../../src/pack/locator.js';
import { rejects } from '../helpers/errors.js';
import { contents, fileEntry, forged, retree, seal, type Version } from '../helpers/forge.js';
import { fromHex } from '../helpers/hex.js';
import { file as profileFile, readListing } from '../helpers/profile.js';
import { contentOf, providerOf } from '../helpers/provider-content.js';
import { machine } from './_machines.js';

const [oldest, , newest] = contents as [Uint8Array, Uint8Array, Uint8Array];
const file = (path: string, content = newest, parts: Partial<TreeEntry> = {}): TreeEntry =>
  ({ ...fileEntry(path, content), ...parts }) as TreeEntry;
const link = (path: string): TreeEntry => ({ kind: 'symlink', path, mode: 0o777, mtime: 0n, target: '/etc' });
const tree =
  (...entries: TreeEntry[]) =>
  (version: Version): void =>
    retree(version, entries);
const commit =
  (parts: Partial<Commit>) =>
  (version: Version): void => {
    version.commit = { ...version.commit, ...parts };
  };
const frame =
  (parts: Partial<Frame>) =>
  (version: Version): void => {
    version.locations = version.locations.map((location) => ({ ...location, frame: { ...location.frame, ...parts } }));
  };

const cases: [string, (version: Version) => void][] = [
  ['R-BLOB: one id for 1,800 bytes and for 5', tree(file('a'), file('b', newest, { size: 5 }))],
  ['R-BLOB: one id for 1,800 bytes and for 65,536', tree(file('a'), file('b', newest, { size: 65_536 }))],
  [
    'R-BLOB: one id twice in a file, whole and as its end',
    tree(file('a', newest, { size: 65_541, ids: fromHex(objectId('blob', newest).repeat(2)) })),
  ],
  ['R-LOC-2: a base shorter than its blob', tree(file('a', newest, { size: 1_801 }))],
  ['R-PATH: a line feed', tree(file('a'), file('b\n'))],
  ['R-PATH: U+007F', tree(file('a'), file('b\u007f'))],
  ['R-PATH: U+0085', tree(file('a'), file('b\u0085'))],
  ['R-PATH: ..', tree(file('..'), file('a'))],
  ['R-PATH: a backslash', tree(file('..\\a'), file('a'))],
  ['R-TREE-1: one path twice', tree(file('a'), file('a'))],
  ['R-TREE-1: paths out of order', tree(file('b'), file('a'))],
  ['R-TREE-2: below a symlink', tree(link('a'), file('a/passwd'))],
  ['R-TREE-3: setuid', tree(file('a', newest, { mode: 0o4755 }))],
  ['R-COMMIT: another number of files', commit({ files: 2 })],
  ['R-COMMIT: another number of bytes', commit({ bytes: 5 })],
  ['R-MAN-1: another tree', commit({ tree: '0'.repeat(64) })],
  ['R-LOC-3: a frame in the header of its pack', frame({ offset: 20 })],
  ['R-LOC-3: a frame beyond the longest pack', frame({ offset: 2 ** 23 })],
  ['R-PACK-2: a frame of 262,145 bytes', frame({ codec: 'brotli', length: 262_145 })],
  ['R-LOC-2: a base that reaches out of its frame', frame({ length: 1_799, storedLength: 1_799 })],
];

async function hostile(alter: (version: Version) => void): Promise<() => Promise<Provider>> {
  const repository = forged();
  alter(repository.versions[0]);
  const content = await seal(repository);
  return () => providerOf(content);
}

for (const [rule, alter] of cases) {
  test(`B1: ${rule} is refused before a byte is written`, async (t) => {
    const provider = await hostile(alter);
    const home = memoryProvider();
    const near = await machine(t, await provider(), 'main', home);
    for (const readData of [false, true])
      t.true((await near.store.verify({ on: 'remote', readData })).findings.some(({ code }) => code === 'DAMAGED'));
    await rejects(t, () => near.session.pull(), 'INTEGRITY');
    const target = near.directory();
    await rejects(t, () => near.session.checkout(target), 'INTEGRITY');
    t.false(existsSync(target));
    t.deepEqual(
      [...(await contentOf(home)).keys()].filter((key) => /packs|manifests/.test(key)),
      [],
    );
    // The same as the store of this machine.
    const there = await machine(t, memoryProvider(), 'main', await provider());
    for (const readData of [false, true]) t.true((await there.store.verify({ readData })).findings.some(({ code }) => code === 'DAMAGED'));
    const other = there.directory();
    await rejects(t, () => there.session.checkout(other, { offline: true }), 'INTEGRITY');
    t.false(existsSync(other));
    t.deepEqual(
      readdirSync(dirname(other)).filter((name) => name.startsWith('.browserstate-')),
      [],
    );
  });
}

test('B1: two manifests that give one blob two lengths make no home of both: the version that lies is refused, the other one stands', async (t) => {
  const repository = forged();
  const [first] = repository.versions;
  // The content of the oldest version, said to have 5 bytes.
  retree(first, [file('a', oldest, { size: 5 })]);
  first.locations = (repository.versions[2] as Version).locations.map((location) => ({ ...location, baseLength: 5, patches: NO_PATCHES }));
  first.lengths = [5];
  const remote = await providerOf(await seal(repository));
  const { session, store, directory } = await machine(t, remote);
  await rejects(t, () => session.pull({ at: 'good' }), 'INTEGRITY');
  t.deepEqual((await store.verify({ readData: true })).findings, []);
  t.true((await store.verify({ on: 'remote', readData: true })).findings.length > 0);
  t.false(existsSync(directory()));
});

test('B1: what home is told of a blob by a damaged manifest is not believed by a commit', async (t) => {
  const repository = forged();
  const [first] = repository.versions;
  retree(first, [file('a', oldest, { size: 5 })]);
  first.locations = first.locations.map((location) => ({ ...location, baseLength: 5 }));
  first.lengths = [5];
  const { session, profile, directory } = await machine(t, memoryProvider(), 'main', await providerOf(await seal(repository)));
  const dir = profile(new Map([['a', profileFile(oldest)]]));
  await session.commit(dir, { offline: true });
  const out = directory();
  await session.checkout(out, { offline: true });
  t.deepEqual(readListing(out), readListing(dir));
});
