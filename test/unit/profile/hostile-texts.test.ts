/**
 * Texts of a profile that were made to hang or to exhaust a program that reads them (C6). A mount
 * continues, and files that no browser has written stay unchanged.
 */
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { MAX_PROFILE_TEXT } from '../../../src/base/limits.js';
import { prepareProfile } from '../../../src/profile/prepare.js';
import { fakeHost } from '../../support/host.js';
import { temporary } from '../../support/temporary.js';

const MOST = MAX_PROFILE_TEXT - 100;
const crashed = '"profile":{"exit_type":"Crashed"}';
/** Returns a text that is nearly as long as the limit of reading. */
const long = (before: string, filler: string, after: string): string => before + filler.repeat(Math.floor(MOST / filler.length)) + after;

const texts: { name: string; path: string; content: string; isMended: boolean }[] = [
  { name: 'escapes in a string', path: 'Default/Preferences', content: long('{"a":"', '\\n', `",${crashed}}`), isMended: true },
  { name: 'a long string', path: 'Default/Preferences', content: long('{"a":"', 'x', `",${crashed}}`), isMended: true },
  { name: 'spaces', path: 'Default/Preferences', content: long('{', ' ', `${crashed}}`), isMended: true },
  { name: 'members', path: 'Default/Preferences', content: long('{', '"a":1,', `${crashed}}`), isMended: true },
  {
    name: 'a text that nests',
    path: 'Default/Preferences',
    content: `{"a":${'['.repeat(1e6)}${']'.repeat(1e6)},${crashed}}`,
    isMended: false,
  },
  { name: 'a text that nests and does not end', path: 'Default/Preferences', content: long('', '[', ''), isMended: false },
  { name: 'a string without an end', path: 'Default/Preferences', content: long('{"a":"', '\\', ''), isMended: false },
  { name: 'lines of spaces', path: 'prefs.js', content: long('', ' \n', ''), isMended: true },
  { name: 'a line of spaces', path: 'prefs.js', content: long('user_pref("browser.startup.page",', ' ', ''), isMended: true },
  {
    name: 'the same line again and again',
    path: 'prefs.js',
    content: long('', 'user_pref("browser.startup.page", 1);\n', ''),
    isMended: true,
  },
  { name: 'a version without an end', path: 'Last Version', content: long('', '1.', '1'), isMended: false },
];

for (const { name, path, content, isMended } of texts) {
  test(`C6: ${path}: ${name}`, async (t) => {
    const dir = temporary(t);
    writeFileSync(join(dir, path === 'prefs.js' ? 'times.json' : 'Local State'), '{}');
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), content);
    const warnings = await prepareProfile(dir, { keepSessionCookies: true, browserVersion: '1.0' }, fakeHost());
    for (const { message } of warnings) t.true(message.length < 1000);
    const mended = path === 'prefs.js' ? join(dir, 'user.js') : join(dir, path);
    t.is(readFileSync(mended, 'utf8') !== content, isMended);
  });
}

test('C6: a text that is larger than any browser writes is left alone', async (t) => {
  const dir = temporary(t);
  mkdirSync(join(dir, 'Default'));
  for (const path of ['Local State', 'Last Version', 'Default/Preferences']) {
    writeFileSync(join(dir, path), `{${crashed}}`);
    // A hole occupies no space on the disk, and would fill all memory.
    truncateSync(join(dir, path), 2 ** 40);
  }
  t.deepEqual(await prepareProfile(dir, { keepSessionCookies: true, browserVersion: '1.0' }, fakeHost()), []);
});
