/**
 * The guards of a commit on the command line (A2, A3, A4): exit status 7, its hint, and the option
 * that allows the commit.
 */
import { symlinkSync, truncateSync } from 'node:fs';
import test from 'ava';
import { Desk, writeProfile } from '../../support/cli.js';

test('A2: 7 if the cookies became empty, and --allow-shrink', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  await desk.json(t, 'snapshot', 'profile', '-s', 'work');
  truncateSync(desk.path('profile/Default/Cookies'));
  const { code, message, hint, details } = await desk.failure(t, 7, 'snapshot', 'profile', '-s', 'work');
  t.is(code, 'SHRUNK');
  t.regex(message, /Default\/Cookies is empty/);
  t.regex(hint ?? '', /--allow-shrink/);
  t.deepEqual((details as { files?: string[] } | undefined)?.files, ['Default/Cookies']);
  t.true((await desk.json<{ changed: boolean }>(t, 'snapshot', 'profile', '-s', 'work', '--allow-shrink')).changed);
});

test('A3, L1: a lock of a container that is gone gets a warning', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  symlinkSync('c0ffee123456-32', desk.path('profile/SingletonLock'));
  const { status, stderr } = await desk.run('snapshot', 'profile', '-s', 'work');
  t.is(status, 0);
  t.regex(stderr, /^warning: .*SingletonLock -> c0ffee123456-32/m);
  const { warnings } = await desk.json<{ warnings: string[] }>(t, 'snapshot', 'profile', '-s', 'work');
  t.regex(warnings.join(), /c0ffee123456-32/);
});

test('A4: 7 for a profile directory alone, and --allow-partial-profile', async (t) => {
  const desk = new Desk(t);
  writeProfile(desk);
  const { code, hint, details } = await desk.failure(t, 7, 'snapshot', 'profile/Default', '-s', 'work');
  t.is(code, 'SHRUNK');
  t.true(hint?.includes(desk.path('profile')) && hint.includes('--allow-partial-profile'));
  t.is((details as { parent?: string } | undefined)?.parent, desk.path('profile'));
  const { status, stderr } = await desk.run('snapshot', 'profile/Default', '-s', 'work', '--allow-partial-profile');
  t.is(status, 0);
  t.regex(stderr, /^warning: .*Local State/m);
  const { changed, excluded } = await desk.json<{ changed: boolean; excluded: { files: number } }>(
    t,
    'snapshot',
    'profile/Default',
    '-s',
    'work',
  );
  t.deepEqual([changed, excluded.files], [false, 1]);
});
