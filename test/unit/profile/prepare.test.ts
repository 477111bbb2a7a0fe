import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import test, { type ExecutionContext } from 'ava';
import { prepareProfile } from '../../../src/profile/prepare.js';
import { fakeHost } from '../../support/host.js';
import { basic, encrypted, keychain, writeCookies } from '../../support/profile/cookies.js';
import { temporary } from '../../support/temporary.js';

const host = fakeHost();

/** Returns a directory with those files. */
function profile(t: ExecutionContext, files: Record<string, string>): string {
  const dir = temporary(t);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), content);
  }
  return dir;
}

const chromium = {
  'Local State': '{}',
  'Default/Preferences': '{"a":1.0,"profile":{"exit_type":"Crashed","exited_cleanly":false,"name":"x"}}',
};
const firefox = { 'prefs.js': 'user_pref("a", 1);\n', 'times.json': '{}' };

test('locks of browsers that exited or ran elsewhere are removed, and locks of a running browser are not', async (t) => {
  for (const target of ['elsewhere-4', `machine-${process.pid}`, 'nonsense']) {
    const dir = profile(t, chromium);
    symlinkSync(target, join(dir, 'SingletonLock'));
    symlinkSync('/nowhere/SingletonSocket', join(dir, 'SingletonSocket'));
    symlinkSync('123', join(dir, 'SingletonCookie'));
    await prepareProfile(dir, {}, host);
    t.deepEqual(readdirSync(dir).sort(), ['Default', 'Local State']);
  }
  const dir = profile(t, chromium);
  symlinkSync(`machine-${process.pid}`, join(dir, 'SingletonLock'));
  // This process has a file of the directory open, like a browser.
  const file = openSync(join(dir, 'Local State'), 'r');
  try {
    await prepareProfile(dir, { keepSessionCookies: true }, { ...host, isAlive: (pid) => pid === process.pid });
  } finally {
    closeSync(file);
  }
  t.true(lstatSync(join(dir, 'SingletonLock')).isSymbolicLink());
  t.is(readFileSync(join(dir, 'Default/Preferences'), 'utf8'), chromium['Default/Preferences']);
});

test('a lock in a directory that holds nothing else yet is removed', async (t) => {
  const dir = temporary(t);
  symlinkSync('elsewhere-4', join(dir, 'SingletonLock'));
  t.deepEqual(await prepareProfile(dir, {}, host), []);
  t.deepEqual(readdirSync(dir), []);
});

test('locks of Firefox are removed from its profiles alone', async (t) => {
  const locked = (files: Record<string, string>): string => {
    const dir = profile(t, { ...files, '.parentlock': '', 'parent.lock': '' });
    symlinkSync('192.0.2.1:+4', join(dir, 'lock'));
    return dir;
  };
  const dir = locked(firefox);
  await prepareProfile(dir, {}, host);
  t.deepEqual(readdirSync(dir).sort(), ['prefs.js', 'times.json']);
  const other = locked({ 'a file': '' });
  await prepareProfile(other, {}, host);
  t.deepEqual(readdirSync(other).sort(), ['.parentlock', 'a file', 'lock', 'parent.lock']);
});

test('a crash is mended in every profile, and nothing but its traces is changed', async (t) => {
  const dir = profile(t, {
    ...chromium,
    'Profile 2/Preferences': '{"profile":{"exit_type":"Crashed"}}',
    'Other/Preferences': '{"profile":{"exit_type":"Crashed"}}',
  });
  chmodSync(join(dir, 'Default/Preferences'), 0o640);
  await prepareProfile(dir, {}, host);
  const expected = chromium['Default/Preferences'].replace('"Crashed"', '"Normal"').replace('false', 'true');
  t.is(readFileSync(join(dir, 'Default/Preferences'), 'utf8'), expected);
  t.is(statSync(join(dir, 'Default/Preferences')).mode & 0o777, 0o640);
  for (const name of ['Profile 2', 'Other'])
    t.is(readFileSync(join(dir, name, 'Preferences'), 'utf8'), '{"profile":{"exit_type":"Normal"}}');
  t.deepEqual(readdirSync(join(dir, 'Default')), ['Preferences']);
});

test('each part can be turned off', async (t) => {
  const dir = profile(t, { ...chromium, 'Last Version': '200.0.0.0' });
  symlinkSync('elsewhere-4', join(dir, 'SingletonLock'));
  t.deepEqual(await prepareProfile(dir, { locks: false, exitType: false, warnings: false, browserVersion: '156.0.1.2' }, host), []);
  t.true(lstatSync(join(dir, 'SingletonLock')).isSymbolicLink());
  t.is(readFileSync(join(dir, 'Default/Preferences'), 'utf8'), chromium['Default/Preferences']);
});

test('session cookies are kept on request, and a profile that keeps them already is not written', async (t) => {
  const dir = profile(t, { ...chromium, 'Default/Preferences': '{"session":{"startup_urls":[]}}', 'Profile 1/Preferences': '{}' });
  await prepareProfile(dir, {}, host);
  t.is(readFileSync(join(dir, 'Profile 1/Preferences'), 'utf8'), '{}');
  await prepareProfile(dir, { keepSessionCookies: true }, host);
  t.is(readFileSync(join(dir, 'Default/Preferences'), 'utf8'), '{"session":{"restore_on_startup":1,"startup_urls":[]}}');
  t.is(readFileSync(join(dir, 'Profile 1/Preferences'), 'utf8'), '{"session":{"restore_on_startup":1}}');
  for (const name of ['Default', 'Profile 1']) utimesSync(join(dir, name, 'Preferences'), 1, 1);
  await prepareProfile(dir, { keepSessionCookies: true }, host);
  for (const name of ['Default', 'Profile 1']) t.is(statSync(join(dir, name, 'Preferences')).mtimeMs, 1000);
});

test('Firefox keeps session cookies by user.js, which counts before prefs.js, and the last line before the others', async (t) => {
  const restores = 'user_pref("browser.startup.page", 3);\n';
  const cases: [prefs: string, user: string | undefined, expected: string | undefined][] = [
    ['', undefined, restores],
    [restores, undefined, undefined],
    [restores, 'user_pref("browser.startup.page", 0);', `user_pref("browser.startup.page", 0);\n${restores}`],
    ['', `user_pref("browser.startup.page",1);\n${restores}`, `user_pref("browser.startup.page",1);\n${restores}`],
    ['', `// ${restores}`, `// ${restores}${restores}`],
  ];
  for (const [prefs, user, expected] of cases) {
    const dir = profile(t, { ...firefox, 'prefs.js': prefs, ...(user === undefined ? {} : { 'user.js': user }) });
    await prepareProfile(dir, {}, host);
    t.is(existsSync(join(dir, 'user.js')), user !== undefined);
    for (let i = 0; i < 2; i++) await prepareProfile(dir, { keepSessionCookies: true }, host);
    t.is(existsSync(join(dir, 'user.js')) ? readFileSync(join(dir, 'user.js'), 'utf8') : undefined, expected);
  }
});

test('preferences that are none are left to the browser', async (t) => {
  for (const content of [
    '',
    '{"profile":{"exit_type":"Crashed"}',
    '[]',
    '{"profile":"Crashed","session":[]}',
    Buffer.from('7b22c3', 'hex'),
  ]) {
    const dir = profile(t, { 'Local State': '{}' });
    mkdirSync(join(dir, 'Default'));
    writeFileSync(join(dir, 'Default/Preferences'), content);
    utimesSync(join(dir, 'Default/Preferences'), 1, 1);
    t.deepEqual(await prepareProfile(dir, { keepSessionCookies: true }, host), []);
    t.is(statSync(join(dir, 'Default/Preferences')).mtimeMs, 1000, String(content));
  }
});

test('no link in a profile is followed', async (t) => {
  const outside = profile(t, { Preferences: '{"profile":{"exit_type":"Crashed"}}', target: 'kept' });
  const dir = profile(t, chromium);
  mkdirSync(join(dir, 'Profile 1'));
  symlinkSync(join(outside, 'Preferences'), join(dir, 'Profile 1/Preferences'));
  symlinkSync(join(outside, 'target'), join(dir, 'Default/Preferences.browserstate-new'));
  await prepareProfile(dir, { keepSessionCookies: true }, host);
  t.is(readFileSync(join(outside, 'Preferences'), 'utf8'), '{"profile":{"exit_type":"Crashed"}}');
  t.is(readFileSync(join(outside, 'target'), 'utf8'), 'kept');
  t.false(lstatSync(join(dir, 'Default/Preferences')).isSymbolicLink());
});

test('an empty directory needs nothing, and one that is not there is an error', async (t) => {
  const dir = temporary(t);
  t.deepEqual(await prepareProfile(dir, { keepSessionCookies: true, browserVersion: '156' }, host), []);
  t.deepEqual(readdirSync(dir), []);
  await t.throwsAsync(prepareProfile(join(dir, 'nothing'), {}, host), { code: 'NOT_FOUND' });
});

test('a profile of a newer browser is reported, with any form of the version', async (t) => {
  const told = async (files: Record<string, string>, browserVersion: string): Promise<boolean> => {
    const warnings = await prepareProfile(profile(t, files), { browserVersion }, host);
    return warnings.some(({ code }) => code === 'NEWER_PROFILE');
  };
  const of = (version: string) => ({ ...chromium, 'Last Version': version });
  t.true(await told(of('157.0.1.2'), '156.0.9.9'));
  t.true(await told(of('156.0.1.10'), 'Chrome/156.0.1.9'));
  t.true(await told(of('1000.0.0.0'), 'HeadlessChrome/999.0.0.0'));
  t.true(
    await told({ ...firefox, 'compatibility.ini': '[Compatibility]\nLastVersion=154.0_20261116/20261116\n' }, 'Mozilla Firefox 153.7.0esr'),
  );
  t.false(await told(of('156.0.1.2'), '156.0.1.2'));
  t.false(await told(of('156.0.1.2'), '156'));
  t.false(await told(of('155.9.9.9'), 'Chromium 156.0.0.0 built on Debian'));
  t.false(await told(of('no version'), '156.0.0.0'));
  t.false(await told(chromium, '156.0.0.0'));
  t.false(await told(firefox, '153.0'));
  t.false(await told(of('157.0.1.2'), 'unknown'));
});

test('cookies that only one machine can read are reported for each profile, and portable ones are not', async (t) => {
  const dir = profile(t, chromium);
  const site = '.example.org';
  writeCookies(join(dir, 'Default/Cookies'), [[site, encrypted('v10', site, 'ada', basic)]]);
  t.deepEqual(await prepareProfile(dir, {}, host), []);
  writeCookies(join(dir, 'Default/Network/Cookies'), [[site, encrypted('v10', site, 'ada', keychain)]]);
  writeCookies(join(dir, 'Profile 1/Cookies'), [[site, encrypted('v11', site, 'ada', keychain)]]);
  writeFileSync(join(dir, 'Profile 1/Preferences'), '{}');
  const warnings = await prepareProfile(dir, {}, host);
  t.deepEqual(warnings.map(({ code, message }) => [code, message.split(':')[0]]).sort(), [
    ['KEY_DOES_NOT_TRAVEL', 'Default/Network/Cookies'],
    ['KEY_DOES_NOT_TRAVEL', 'Profile 1/Cookies'],
  ]);
});
