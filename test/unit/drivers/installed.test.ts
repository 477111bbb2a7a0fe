/** The search for browsers on machines that a list of files describes. */
import test from 'ava';
import { type Files, findBrowser, installedBrowsers, type Machine } from '../../../src/drivers/installed.js';
import { rejects } from '../../support/errors.js';

/** Returns a machine with these programs. A value is the text of a script. */
function machine(platform: string, programs: Record<string, string> | string[], env: Record<string, string> = {}): Machine {
  const texts = Array.isArray(programs) ? Object.fromEntries(programs.map((path) => [path, ''])) : programs;
  const separator = platform === 'win32' ? '\\' : '/';
  const files: Files = {
    isProgram: (path) => path in texts,
    names: (folder) => [
      ...new Set(
        Object.keys(texts)
          .filter((path) => path.startsWith(folder + separator))
          .map((path) => path.slice(folder.length + 1).split(separator)[0] as string),
      ),
    ],
    script: (path) => (texts[path]?.startsWith('#!') ? texts[path] : undefined),
  };
  const home = platform === 'win32' ? 'C:\\Users\\ada' : '/home/ada';
  return { platform, env: { PATH: '/usr/local/bin:/usr/bin:/snap/bin', ...env }, home, files };
}

const cft = 'Google Chrome for Testing';
const windows = { PATH: 'C:\\Windows', PROGRAMFILES: 'C:\\Program Files', LOCALAPPDATA: 'C:\\Users\\ada\\AppData\\Local' };
const playwright = '/home/ada/.cache/ms-playwright';

const places: [what: string, platform: string, path: string, name: string, env?: Record<string, string>][] = [
  ['PATH', 'linux', '/usr/bin/chromium', 'chromium'],
  ['another name in PATH', 'linux', '/usr/local/bin/google-chrome-stable', 'chrome'],
  ['PATH', 'linux', '/usr/bin/microsoft-edge', 'edge'],
  ['PATH', 'linux', '/usr/bin/brave-browser', 'brave'],
  ['PATH', 'linux', '/usr/bin/firefox-esr', 'firefox'],
  ['its own folder', 'linux', '/opt/google/chrome/chrome', 'chrome'],
  ['a snap', 'linux', '/var/lib/snapd/snap/bin/chromium', 'chromium'],
  ['a flatpak', 'linux', '/var/lib/flatpak/exports/bin/com.google.Chrome', 'chrome'],
  ['a flatpak of the user', 'linux', '/home/ada/.local/share/flatpak/exports/bin/org.mozilla.firefox', 'firefox'],
  ['Playwright', 'linux', `${playwright}/chromium-1193/chrome-linux/chrome`, 'chromium'],
  ['Playwright', 'linux', `${playwright}/firefox-1490/firefox/firefox`, 'firefox'],
  ['Playwright by its variable', 'linux', '/pw/chromium-1/chrome-linux64/chrome', 'chromium', { PLAYWRIGHT_BROWSERS_PATH: '/pw' }],
  ['Puppeteer', 'linux', '/home/ada/.cache/puppeteer/chrome/linux-131.0.1/chrome-linux64/chrome', 'chrome'],
  ['Puppeteer by its variable', 'linux', '/pp/firefox/linux-stable_153.0/firefox/firefox', 'firefox', { PUPPETEER_CACHE_DIR: '/pp' }],
  ['/Applications', 'darwin', '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome', 'chrome'],
  ['Applications of the user', 'darwin', '/home/ada/Applications/Firefox.app/Contents/MacOS/firefox', 'firefox'],
  [
    'Playwright',
    'darwin',
    `/home/ada/Library/Caches/ms-playwright/chromium-1/chrome-mac-arm64/${cft}.app/Contents/MacOS/${cft}`,
    'chromium',
  ],
  ['programs', 'win32', 'C:\\Program Files\\Microsoft\\Edge\\Application\\msedge.exe', 'edge', windows],
  ['programs of the user', 'win32', 'C:\\Users\\ada\\AppData\\Local\\Google\\Chrome\\Application\\chrome.exe', 'chrome', windows],
  ['Playwright', 'win32', 'C:\\Users\\ada\\AppData\\Local\\ms-playwright\\firefox-1\\firefox\\firefox.exe', 'firefox', windows],
];

for (const [what, platform, path, name, env] of places) {
  test(`${name} of ${what} on ${platform} is found: ${path}`, (t) => {
    const { name: found, path: program } = findBrowser(machine(platform, [path], env), undefined);
    t.deepEqual([found, program], [name, path]);
  });
}

test('an installed browser comes before a sandboxed one, that before a downloaded one, and each in the order of the table', (t) => {
  const paths = [
    `${playwright}/chromium-999/chrome-linux/chrome`,
    `${playwright}/chromium-1193/chrome-linux/chrome`,
    '/snap/bin/chromium',
    '/usr/bin/firefox',
    '/usr/bin/google-chrome',
  ];
  const found = installedBrowsers(machine('linux', paths)).map(({ path }) => path);
  t.deepEqual(
    [...new Set(found)],
    [
      '/usr/bin/google-chrome',
      '/usr/bin/firefox',
      '/snap/bin/chromium',
      `${playwright}/chromium-1193/chrome-linux/chrome`,
      `${playwright}/chromium-999/chrome-linux/chrome`,
    ],
  );
});

const snapScript = '#!/bin/sh\nexec /snap/bin/firefox "$@"\n';
const sandboxes: [what: string, programs: Record<string, string>, folder: string | undefined][] = [
  ['a snap', { '/snap/bin/chromium': '' }, '/home/ada/snap/chromium/common/browserstate'],
  [
    'a script that starts a snap',
    { '/usr/bin/firefox': snapScript, '/snap/bin/firefox': '' },
    '/home/ada/snap/firefox/common/browserstate',
  ],
  [
    'a flatpak',
    { '/var/lib/flatpak/exports/bin/org.chromium.Chromium': '#!/bin/sh\n' },
    '/home/ada/.var/app/org.chromium.Chromium/browserstate',
  ],
  ['no sandbox', { '/usr/bin/chromium': '#!/bin/sh\nexec /usr/lib/chromium/chromium "$@"\n' }, undefined],
];

for (const [what, programs, folder] of sandboxes) {
  test(`the folder that the browser can read: ${what}`, (t) => {
    const found = findBrowser(machine('linux', programs), undefined);
    t.is(found.folder, folder);
    t.is(findBrowser(machine('linux', programs), found.path).folder, folder);
  });
}

test('a script that starts an absent snap is no browser', (t) => {
  t.deepEqual(installedBrowsers(machine('linux', { '/usr/bin/firefox': snapScript })), []);
});

const named: [named: string, path: string, kind: string][] = [
  ['firefox', '/usr/bin/firefox', 'firefox'],
  ['Firefox', '/usr/bin/firefox', 'firefox'],
  ['firefox-esr', '/usr/bin/firefox-esr', 'firefox'],
  ['google-chrome', '/usr/bin/google-chrome', 'chromium'],
  ['chrome', '/usr/bin/google-chrome', 'chromium'],
  ['vivaldi', '/usr/bin/vivaldi', 'chromium'],
  ['librewolf', '/usr/bin/librewolf', 'firefox'],
  ['/opt/my/firefox-nightly', '/opt/my/firefox-nightly', 'firefox'],
];

for (const [name, path, kind] of named) {
  test(`--browser ${name} is ${path}, a ${kind}`, (t) => {
    const programs = ['chromium', 'firefox', 'firefox-esr', 'google-chrome', 'vivaldi', 'librewolf'].map((each) => `/usr/bin/${each}`);
    const found = findBrowser(machine('linux', [...programs, '/opt/my/firefox-nightly']), name);
    t.deepEqual([found.path, found.kind as string], [path, kind]);
  });
}

test('a kind of profile chooses the browser unless one is named', (t) => {
  const both = machine('linux', ['/usr/bin/chromium', '/usr/bin/firefox']);
  t.is(findBrowser(both, undefined).name, 'chromium');
  t.is(findBrowser(both, undefined, 'firefox').name, 'firefox');
});

const absent: [what: string, named: string | undefined, kind: 'firefox' | undefined, message: RegExp, hint: RegExp][] = [
  [
    'none at all',
    undefined,
    undefined,
    /^no browser found: looked for chromium, .*, firefox-esr in PATH, in the usual places, /,
    /^Install /,
  ],
  ['no Firefox', undefined, 'firefox', /^no Firefox found: looked for firefox, firefox-esr in PATH, /, /^Install one of Firefox/],
  ['a known one', 'edge', undefined, /^browser "edge" not found in PATH, the usual places/, /^Use one of those on this machine: brave\.$/],
  ['a mistyped one', 'bravo', undefined, /^browser "bravo" not found in PATH$/, /^Did you mean brave\? /],
  ['a path', '/x/chromium', undefined, /^browser "\/x\/chromium" not found: there is no program/, /^Name the program itself/],
];

for (const [what, name, kind, message, hint] of absent) {
  test(`${what}: NOT_FOUND, with all that was looked for`, async (t) => {
    const programs = name === undefined ? [] : ['/usr/bin/brave'];
    const error = await rejects(t, async () => findBrowser(machine('linux', programs), name, kind), 'NOT_FOUND');
    t.regex(error.message, message);
    t.regex(error.hint ?? '', hint);
    const searched = error.details['searched'] as string[] | undefined;
    t.is(searched?.includes('/usr/bin/firefox') ?? false, name === undefined);
  });
}
