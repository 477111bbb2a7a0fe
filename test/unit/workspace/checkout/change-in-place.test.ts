/**
 * Names that differ only in case or normalization (B3). They are legal, and a target that cannot
 * hold both stays unchanged. The file system below the target's parent treats such names as one,
 * like those of macOS and Windows: every call gets the existing name.
 */
import fs, { existsSync, readdirSync, realpathSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { isError } from '../../../../src/index.js';
import { rejects } from '../../../support/errors.js';
import { directory, file, type Listing, type Profile, readListing, writeProfile } from '../../../support/profile.js';
import { freshStore } from '../../../support/store.js';
import { temporary } from '../../../support/temporary.js';

const roots: string[] = [];
const folded = (name: string): string => name.normalize('NFD').toUpperCase().toLowerCase();
const { readdirSync: list, realpathSync: real } = fs;

/**
 * Returns the path under which a folding file system has `path`. Returns `path` itself outside of
 * the roots.
 */
function found(path: unknown): unknown {
  if (typeof path !== 'string' || dirname(path) === path) return path;
  const above = found(dirname(path)) as string;
  if (!existsSync(above)) return path;
  const parent = real(above);
  if (!roots.some((root) => parent.startsWith(root))) return path;
  const name = list(parent).find((each) => folded(each) === folded(basename(path))) ?? basename(path);
  return join(parent, name);
}

type Call = (...args: unknown[]) => unknown;
for (const name of [
  'openSync',
  'mkdirSync',
  'symlinkSync',
  'renameSync',
  'lstatSync',
  'statSync',
  'chmodSync',
  'unlinkSync',
  'rmdirSync',
] as const) {
  const original = fs[name] as unknown as Call;
  const takesTwo = name === 'renameSync' || name === 'symlinkSync';
  const folding: Call = (first, second, ...rest) =>
    takesTwo ? original(name === 'renameSync' ? found(first) : first, found(second), ...rest) : original(found(first), second, ...rest);
  Object.assign(fs, { [name]: folding });
}
syncBuiltinESMExports();

/** Returns the directories that hold the paths of the profile. */
function profileOf(...paths: string[]): Profile {
  const above = paths.flatMap((path) =>
    path
      .split('/')
      .slice(0, -1)
      .map((_, i, parts) => parts.slice(0, i + 1).join('/')),
  );
  const parents = new Set(above);
  return new Map([
    ...[...parents].map((path) => [path, directory()] as const),
    ...paths.map((path) => [path, file(`content of ${path}`)] as const),
  ]);
}

async function versions(t: ExecutionContext, ...profiles: Profile[]) {
  const { folder, session } = await freshStore(t);
  for (const [i, profile] of profiles.entries()) {
    writeProfile(join(folder, `profile-${i}`), profile);
    await session.commit(join(folder, `profile-${i}`));
  }
  const root = realpathSync(temporary(t));
  roots.push(root);
  return { session, root, target: join(root, 'target') };
}

const twins: [string, string, string][] = [
  ['files that differ in case', 'Cookies', 'cookies'],
  ['files that differ in normalization', 'e\u0301', '\u00e9'],
  ['files in directories that differ in case', 'Default/a', 'default/b'],
  ['a directory and a file', 'Default/a', 'default'],
];
for (const [what, one, other] of twins) {
  test(`B3: ${what}: a new directory is not made`, async (t) => {
    const { session, root, target } = await versions(t, profileOf(one, other));
    await rejects(t, () => session.checkout(target), 'UNSUPPORTED');
    t.deepEqual(readdirSync(root), []);
  });

  test(`B3: ${what}: a directory with other content stays`, async (t) => {
    const { session, root, target } = await versions(t, profileOf(one, other));
    writeProfile(target, profileOf('mine'));
    const before = readListing(target);
    await rejects(t, () => session.checkout(target, { force: true }), 'UNSUPPORTED');
    t.deepEqual(readListing(target), before);
    t.deepEqual(readdirSync(root), ['target']);
  });

  test(`B3: ${what}: a directory in which one of them stays as it is stays`, async (t) => {
    const { session, root, target } = await versions(t, profileOf(one), profileOf(one, other));
    await session.checkout(target, { at: 'HEAD~1' });
    const before: Listing = readListing(target);
    // A directory instead of the file is found before the names are tried.
    const error = await t.throwsAsync(session.checkout(target));
    t.true(isError(error, 'UNSUPPORTED', 'DIRTY'), error.stack);
    t.deepEqual(readListing(target), before);
    t.deepEqual(readdirSync(root), ['target']);
    roots.splice(roots.indexOf(root), 1);
    await session.checkout(target);
    t.is(readListing(target).size, new Set([...profileOf(one, other).keys()]).size);
  });
}
