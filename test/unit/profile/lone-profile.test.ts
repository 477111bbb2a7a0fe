/**
 * Profile directories of Chromium without their parent directory (R-CAP-19, A4). They are not
 * committed by mistake.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import test from 'ava';
import { rejects } from '../../support/errors.js';
import { freshStore } from '../../support/store.js';

function write(dir: string, ...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), `{"path":"${path}"}`);
  }
}

const lone: [dir: string, files: string[]][] = [
  ['chromium/Default', ['Default/Preferences', 'Default/Cookies', 'Default/History', 'Default/Cache/data_0', 'Local State']],
  ['chromium/Profile 7', ['Profile 7/Preferences', 'Local State']],
  ['copied/Default', ['Default/Cookies', 'Default/Cache/data_0']],
  ['copied/Guest Profile', ['Guest Profile/History']],
  ['chromium/work', ['work/Network/Cookies', 'Local State']],
  ['copied/another name', ['another name/Preferences', 'another name/Cookies', 'another name/GPUCache/index']],
  ['copied/on windows', ['on windows/Preferences', 'on windows/Network/Cookies']],
];

for (const [path, files] of lone) {
  test(`A4: ${path} with ${files.join(', ')}`, async (t) => {
    const { session, folder } = await freshStore(t);
    const dir = join(folder, path);
    write(dirname(dir), ...files);
    const { hint, message, details } = await rejects(t, () => session.commit(dir), 'SHRUNK');
    t.true(message.includes(dir));
    t.true(hint?.includes(dirname(dir)) && hint.includes('--allow-partial-profile'));
    t.is(details['parent'], dirname(dir));
    const { stats, warnings, changed } = await session.commit(dir, { allowPartialProfile: true });
    t.true(changed);
    t.regex(warnings.join(), /Local State/);
    const own = files.filter((file) => file.startsWith(`${basename(dir)}/`));
    const caches = own.filter((file) => /Cache\//.test(file));
    t.deepEqual([stats.files, stats.excluded.files], [own.length - caches.length, caches.length]);
    // The previous version was allowed, so the next version needs no option, at any path.
    const elsewhere = join(folder, 'elsewhere');
    await session.checkout(elsewhere);
    write(elsewhere, 'Preferences', 'Bookmarks');
    t.true((await session.commit(elsewhere)).changed);
  });
}

const others: [dir: string, files: string[], isProfile: boolean][] = [
  ['chromium', ['Local State', 'Default/Preferences', 'Default/Cookies'], true],
  ['chromium without its state', ['Default/Preferences', 'Default/Cookies'], true],
  ['firefox', ['prefs.js', 'cookies.sqlite', 'Preferences', 'Cookies'], true],
  ['a directory', ['Preferences'], false],
  ['another directory', ['History', 'Cookies'], false],
  ['a third directory', ['Network/Cookies', 'a file'], false],
];

for (const [path, files, isProfile] of others) {
  test(`A4: ${path} with ${files.join(', ')} is no profile alone`, async (t) => {
    const { session, folder } = await freshStore(t);
    write(join(folder, path), ...files);
    const { stats, warnings } = await session.commit(join(folder, path));
    t.is(stats.files, files.length);
    t.deepEqual(
      warnings.map((text) => text.split(' in ')[0]),
      isProfile ? [] : ['no browser profile found'],
    );
  });
}
