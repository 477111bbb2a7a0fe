/**
 * Entries that their owner cannot write, or that belong to another user (A7, R-OUT-11). A version
 * keeps them, a mount makes them writable, and a warning counts them.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { openStore, type Session, type Store } from '../../../src/index.js';
import { runWithoutRights, testWith } from '../../support/machine.js';
import { readListing } from '../../support/profile.js';
import { temporary } from '../../support/temporary.js';

interface Work {
  folder: string;
  profile: string;
  store: Store;
  session: Session;
  /** Reported warnings, including those of mounts. */
  warnings: string[];
  onWarning: (text: string) => void;
}

/** Returns a session whose version has a file of mode 0444 and a directory of mode 0555. */
async function begin(t: ExecutionContext): Promise<Work> {
  const folder = temporary(t);
  const profile = join(folder, 'profile');
  const store = await openStore({ home: join(folder, 'home') });
  mkdirSync(join(profile, 'Default'), { recursive: true });
  writeFileSync(join(profile, 'Local State'), '{}');
  writeFileSync(join(profile, 'Default', 'Cookies'), 'cookies');
  chmodSync(join(profile, 'Default', 'Cookies'), 0o644);
  chmodSync(join(profile, 'Local State'), 0o444);
  chmodSync(join(profile, 'Default'), 0o555);
  const session = store.session('s');
  await session.commit(profile);
  const warnings: string[] = [];
  return { folder, profile, store, session, warnings, onWarning: (text) => void warnings.push(text) };
}

const modeOf = (...path: string[]): number => lstatSync(join(...path)).mode & 0o777;

test('A7: read-only entries are restored as they are, and a warning says how many', async (t) => {
  const { folder, profile, session, warnings, onWarning } = await begin(t);
  await session.checkout(join(folder, 'closed'), { onWarning });
  t.deepEqual(readListing(join(folder, 'closed')), readListing(profile));
  t.is(warnings.length, 1);
  t.regex(warnings[0] ?? '', /^2 entries .* read-only/);
  for (const [name, mode] of Object.entries({ 'Local State': 0o600, Default: 0o700 })) chmodSync(join(profile, name), mode);
  await session.commit(profile);
  await session.checkout(join(folder, 'usual'), { onWarning });
  t.is(warnings.length, 1);
});

test('A7: a mount makes them writable, says how many, and leaves the directory that was committed alone', async (t) => {
  const { profile, store, warnings, onWarning } = await begin(t);
  const mount = await store.mount('s', { onWarning });
  t.is(modeOf(mount.dir, 'Local State'), 0o644);
  t.is(modeOf(mount.dir, 'Default'), 0o755);
  t.is(modeOf(mount.dir, 'Default', 'Cookies'), 0o644);
  t.is(warnings.length, 1);
  t.regex(warnings[0] ?? '', /^2 entries .* read-only.* made writable/);
  t.is(modeOf(profile, 'Local State'), 0o444);
  t.is(modeOf(profile, 'Default'), 0o555);
  await mount.discard();
});

test('A7: modes that a mount set are no change: it commits none of them, also after other changes', async (t) => {
  const { folder, profile, store, session } = await begin(t);
  const unused = await store.mount('s');
  t.deepEqual(await session.status(unused.dir), { added: [], removed: [], changed: [] });
  t.like(await unused.unmount(), { changed: false });
  const used = await store.mount('s');
  writeFileSync(join(used.dir, 'Local State'), '{"a":1}');
  t.like(await used.commit(), { changed: true });
  t.like(await used.unmount(), { changed: false });
  await session.checkout(join(folder, 'after'));
  t.is(modeOf(folder, 'after', 'Local State'), 0o444);
  t.is(readFileSync(join(folder, 'after', 'Local State'), 'utf8'), '{"a":1}');
  t.is(modeOf(folder, 'after', 'Default'), modeOf(profile, 'Default'));
});

test('A7: a mode that is changed in a mount is committed', async (t) => {
  const { folder, store, session } = await begin(t);
  const mount = await store.mount('s');
  writeFileSync(join(mount.dir, 'new'), '{}', { mode: 0o600 });
  renameSync(join(mount.dir, 'new'), join(mount.dir, 'Local State'));
  chmodSync(join(mount.dir, 'Default'), 0o700);
  t.like(await mount.unmount(), { changed: true });
  await session.checkout(join(folder, 'after'));
  t.is(modeOf(folder, 'after', 'Local State'), 0o600);
  t.is(modeOf(folder, 'after', 'Default'), 0o700);
});

const counting = `
  import { countForeign } from ${JSON.stringify(new URL('../../../src/workspace/opened.js', import.meta.url).href)};
  console.log(await countForeign(process.argv[1]));`;
const count = async (dir: string): Promise<string> => (await runWithoutRights('--input-type=module', '-e', counting, dir)).trim();

testWith(['files of two users'])('A7: entries of another user are counted, those of this user are not', async (t) => {
  const dir = join(temporary(t), 'dir');
  mkdirSync(join(dir, 'theirs'), { recursive: true });
  mkdirSync(join(dir, 'mine'));
  for (const name of ['theirs/a', 'theirs/open', 'mine/a', 'mine/closed']) writeFileSync(join(dir, name), '');
  for (const [name, mode] of Object.entries({ '': 0o755, a: 0o644, open: 0o666 })) chmodSync(join(dir, 'theirs', name), mode);
  chmodSync(join(dir, 'mine', 'closed'), 0o444);
  execFileSync('chown', ['-R', '65534:65534', join(dir, 'theirs')]);
  t.is(await count(dir), '2');
});

testWith(['a program without the rights of root', 'immutable files'])('A7: immutable entries are counted', async (t) => {
  const dir = temporary(t);
  const path = join(dir, 'file');
  writeFileSync(path, '');
  t.is(await count(dir), '0');
  execFileSync('chattr', ['+i', path]);
  try {
    t.is(await count(dir), '1');
  } finally {
    execFileSync('chattr', ['-i', path]);
  }
});

testWith(['immutable files'])('A7: a restore in place reports how many entries of the directory cannot be written', async (t) => {
  const { folder, profile, session, warnings, onWarning } = await begin(t);
  const dir = join(folder, 'dir');
  for (const [name, mode] of Object.entries({ 'Local State': 0o600, Default: 0o700 })) chmodSync(join(profile, name), mode);
  await session.commit(profile);
  writeFileSync(join(profile, 'Local State'), '{"a":1}');
  await session.commit(profile);
  await session.checkout(dir, { at: 'HEAD~1' });
  // Caches are excluded from versions, and stay in the directory.
  mkdirSync(join(dir, 'Default', 'Cache'));
  writeFileSync(join(dir, 'Default', 'Cache', 'data'), '');
  execFileSync('chattr', ['+i', join(dir, 'Default', 'Cache', 'data')]);
  try {
    await session.checkout(dir, { onWarning });
    t.is(readFileSync(join(dir, 'Local State'), 'utf8'), '{"a":1}');
    t.is(warnings.length, 1);
    t.regex(warnings[0] ?? '', /^1 entries .* cannot be written by this user/);
  } finally {
    execFileSync('chattr', ['-i', join(dir, 'Default', 'Cache', 'data')]);
  }
});
