/**
 * Content that is stored once: content of another session, renamed content, and files that a
 * partial directory does not hold.
 */
import { cpSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { memoryProvider } from '../../../src/index.js';
import { noise, prose } from '../../support/content.js';
import { counting } from '../../support/faults/providers.js';
import { directory, file, type Listing, type ProfileEntry, readListing, symlink, writeProfile } from '../../support/profile.js';
import { profile } from '../../support/profile-changes.js';
import { holds } from '../../support/property.js';
import { freshStore, storeIn } from '../../support/store.js';
import { withTemporary } from '../../support/temporary.js';

const heavy = new Map<string, ProfileEntry>([
  ['big', file(noise(3_000_001, 'big'))],
  ['nested', directory()],
  ['nested/other', file(noise(1_000_000, 'other'))],
  ['text', file(prose(2_000_000, 'text'))],
  ['zeros', file(new Uint8Array(1_000_000))],
]);

test('the same content in a second session adds less than one percent', async (t) => {
  const provider = counting(memoryProvider());
  const { store, folder, session } = await freshStore(t, provider);
  const dir = join(folder, 'profile');
  writeProfile(dir, heavy);
  await session.commit(dir);
  const first = provider.counts.sent;

  const second = await store.session('second').commit(dir);
  t.is(second.stats.newBytes, 0);
  t.true(provider.counts.sent - first < first / 100, `${provider.counts.sent - first} of ${first}`);

  const copy = join(folder, 'copy');
  cpSync(dir, copy, { recursive: true });
  renameSync(join(copy, 'big'), join(copy, 'nested', 'renamed'));
  const before = provider.counts.sent;
  const again = await storeIn(folder, provider, 'another process');
  const third = await again.session('third').commit(copy);
  t.is(third.stats.newBytes, 0);
  t.true(provider.counts.sent - before < first / 100);
  await again.session('third').checkout(join(folder, 'out'));
  t.deepEqual(readListing(join(folder, 'out')), readListing(copy));
});

test('repeated content of one profile is stored once', async (t) => {
  const { folder, session } = await freshStore(t);
  const dir = join(folder, 'profile');
  writeProfile(
    dir,
    new Map([
      ['a', file(noise(300_000, 1))],
      ['b', file(noise(300_000, 1))],
      ['zeros', file(new Uint8Array(10 * 65_536))],
    ]),
  );
  t.is((await session.commit(dir)).stats.newBytes, 300_000 + 65_536);
});

const whole = new Map<string, ProfileEntry>([
  ['Default', directory(0o750)],
  ['Default/Cookies', file(prose(30_000, 'cookies'))],
  ['Default/Empty', directory()],
  ['Default/History', file(noise(150_000, 'history'))],
  ['Default/Local Storage', directory()],
  ['Default/Local Storage/1.log', file(prose(5000, 'log'))],
  ['Default/link', symlink('History')],
  ['Local State', file('{}')],
]);

/** Returns the lines of the paths that satisfy `matches`. */
function part(listing: Listing, matches: (path: string) => boolean): string[] {
  return [...listing].filter(([path]) => matches(path)).map(([path, line]) => `${path} ${line}`);
}

test('a partial checkout holds what it names and the directories above, and its commit keeps the rest', async (t) => {
  const { folder, session } = await freshStore(t);
  writeProfile(join(folder, 'profile'), whole);
  const first = await session.commit(join(folder, 'profile'));
  const dir = join(folder, 'part');
  await session.checkout(dir, { only: ['Default/Cookies', 'Default/Local Storage'] });
  t.deepEqual([...readListing(dir).keys()], ['Default', 'Default/Cookies', 'Default/Local Storage', 'Default/Local Storage/1.log']);
  t.deepEqual(await session.status(dir), { added: [], removed: [], changed: [] });
  t.false((await session.commit(dir)).changed);

  writeFileSync(join(dir, 'Default/Cookies'), 'changed');
  rmSync(join(dir, 'Default/Local Storage/1.log'));
  writeFileSync(join(dir, 'Default/Local Storage/2.log'), 'new');
  writeFileSync(join(dir, 'Default/elsewhere'), 'not part of it');
  const second = await session.commit(dir);
  t.is(second.parent, first.commit);
  t.deepEqual(await session.diff('HEAD~1', 'HEAD'), {
    added: ['Default/Local Storage/2.log'],
    removed: ['Default/Local Storage/1.log'],
    changed: ['Default/Cookies'],
  });
  await session.checkout(join(folder, 'out'));
  const touched = (path: string): boolean => /Cookies|Local Storage/.test(path);
  const [now, before] = [readListing(join(folder, 'out')), readListing(join(folder, 'profile'))];
  t.deepEqual(
    part(now, (path) => !touched(path)),
    part(before, (path) => !touched(path)),
  );
  t.deepEqual(part(now, touched), part(readListing(dir), touched));
});

test('a partial directory whose session moved on is a conflict', async (t) => {
  const { folder, session } = await freshStore(t);
  const full = join(folder, 'profile');
  writeProfile(full, whole);
  await session.commit(full);
  const dir = join(folder, 'part');
  await session.checkout(dir, { only: ['Default/Cookies'] });
  writeFileSync(join(full, 'Local State'), '{"moved":true}');
  const { commit } = await session.commit(full);
  writeFileSync(join(dir, 'Default/Cookies'), 'changed');
  await t.throwsAsync(session.commit(dir), { code: 'CONFLICT' });
  t.is((await session.resolve('HEAD')).commit, commit);
});

test('R-TREE-2: a file that became a directory in a partial checkout is a directory in the next version', async (t) => {
  const { folder, session } = await freshStore(t);
  writeProfile(
    join(folder, 'profile'),
    new Map([
      ['x', file('a file')],
      ['z', file('z')],
    ]),
  );
  await session.commit(join(folder, 'profile'));
  const dir = join(folder, 'part');
  await session.checkout(dir, { only: ['x/y', 'z'] });
  writeProfile(join(dir, 'x'), new Map([['y', file('below')]]));
  await session.commit(dir);
  await session.checkout(join(folder, 'out'));
  t.deepEqual([...readListing(join(folder, 'out')).keys()], ['x', 'x/y', 'z']);
});

test('only: any top-level name of any profile, taken out and committed again, changes nothing', async (t) => {
  const law = fc.asyncProperty(profile, fc.nat(), async (made, pick) => {
    const names = [...made.keys()].filter((path) => !/[/\\*?[\]!#\s]/.test(path));
    fc.pre(names.length > 0);
    const name = names[pick % names.length] as string;
    await withTemporary(async (folder) => {
      const session = (await storeIn(folder)).session('main');
      writeProfile(join(folder, 'profile'), made);
      await session.commit(join(folder, 'profile'), { allowShrink: true });
      await session.checkout(join(folder, 'part'), { only: [name] });
      const expected = part(readListing(join(folder, 'profile')), (path) => path === name || path.startsWith(`${name}/`));
      t.deepEqual(
        part(readListing(join(folder, 'part')), () => true),
        expected,
      );
      t.false((await session.commit(join(folder, 'part'), { allowShrink: true })).changed);
    });
  });
  await holds(t, law, { numRuns: 25 });
});
