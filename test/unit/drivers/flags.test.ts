import test from 'ava';
import { launchArguments, launchEnvironment, portableArguments } from '../../../src/drivers/flags.js';

const begin = ['--user-data-dir=/d', ...portableArguments(), '--no-first-run', '--no-default-browser-check'];
const cases: [what: string, made: string[], expected: string[]][] = [
  ['Chromium', launchArguments('chromium', '/d', {}), begin],
  [
    'a page, without a window, as root',
    launchArguments('chromium', '/d', { url: 'https://a.example/', headless: true, isRoot: true }),
    [...begin, '--headless=new', '--no-sandbox', 'https://a.example/'],
  ],
  ['Firefox', launchArguments('firefox', '/d', { isRoot: true }), ['--profile', '/d', '--new-instance']],
  [
    'Firefox with a page, without a window',
    launchArguments('firefox', '/d', { url: 'a.example', headless: true }),
    ['--profile', '/d', '--new-instance', '--headless', 'a.example'],
  ],
];

for (const [what, made, expected] of cases) test(`arguments: ${what}`, (t) => t.deepEqual(made, expected));

test('Firefox gets default preferences by its environment, and Chromium gets nothing', (t) => {
  t.deepEqual(launchEnvironment('chromium'), {});
  const { MOZ_DEFAULT_PREFS = '', ...rest } = launchEnvironment('firefox');
  t.deepEqual(rest, {});
  for (const line of MOZ_DEFAULT_PREFS.split('\n')) t.regex(line, /^pref\("[\w.]+", false\);$/);
});
