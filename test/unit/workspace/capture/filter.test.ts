/** The user's own rules, which override the default ones, and the globs of partial checkouts. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import type { DirectoryFacts } from '../../../../src/profile/excludes.js';
import { buildFilter, matcher, patternFor, readRules } from '../../../../src/workspace/capture/filter.js';
import { layout, openFilter } from '../../../support/workspace/layout.js';

const none: DirectoryFacts = { browser: undefined, profiles: new Set(), isLevelDb: () => false };
const chromium: DirectoryFacts = { browser: 'chromium', profiles: new Set(['Default']), isLevelDb: (path) => path.endsWith('leveldb') };

const filter = (exclude: string[], facts = none, ignoreFile?: string, keepCaches = false) =>
  buildFilter({ facts, keepCaches, exclude, ignoreFile });

const cases: [string, string[], string, boolean, boolean][] = [
  // The columns are the title, patterns, path, whether it is a directory, and whether it is
  // excluded.
  ['a name matches at any depth', ['*.tmp'], 'a/b/x.tmp', false, true],
  ['an anchored one at the root only', ['/x'], 'a/x', false, false],
  ['case counts', ['cache'], 'Cache', false, false],
  ['a final slash means directories', ['x/'], 'x', false, false],
  ['a final slash means directories', ['x/'], 'x', true, true],
  ['an entry of an excluded directory is excluded', ['x/'], 'x/y/z', false, true],
  ['the last rule that matches wins', ['*.tmp', '!keep.tmp'], 'keep.tmp', false, false],
  ['the last rule that matches wins', ['!keep.tmp', '*.tmp'], 'keep.tmp', false, true],
  ['nothing is included again below an excluded directory', ['x/', '!x/y'], 'x/y', false, true],
  ['a directory is not what begins like it', ['x/'], 'xy/z', false, false],
];
for (const [title, patterns, path, isDirectory, expected] of cases) {
  test(`R-CAP-6 ${title}: ${patterns.join(' ')} and ${path}${isDirectory ? '/' : ''}`, (t) => {
    t.is(filter(patterns).excludes(path, isDirectory), expected);
    t.is(filter([], none, patterns.join('\n')).excludes(path, isDirectory), expected);
    t.is(filter([], none, `# mine\r\n\r\n${patterns.join('\r\n')}\r\n`).excludes(path, isDirectory), expected);
  });
}

test('R-CAP-6 options come after the file', (t) => {
  t.false(filter(['!x'], none, 'x').excludes('x', false));
  t.true(filter(['x'], none, '!x').excludes('x', false));
});

test('R-CAP-6 a rule includes a default exclude again, whole', (t) => {
  const back = filter(['!/Default/Cache/'], chromium);
  t.false(back.excludes('Default/Cache', true));
  t.false(back.excludes('Default/Cache/Cache_Data/index', false));
  t.true(back.excludes('Default/Code Cache', true));
  t.true(filter(['!/Default/Cache/x'], chromium).excludes('Default/Cache/x', false));
  t.false(filter(['!LOG'], chromium).excludes('Default/leveldb/LOG', false));
});

test('R-CAP-5 R-CAP-6 no rule and no option includes a lock again', (t) => {
  for (const keepCaches of [false, true]) {
    const all = filter(['!*', '!SingletonLock', '!LOCK'], chromium, undefined, keepCaches);
    t.true(all.excludes('SingletonLock', false));
    t.true(all.excludes('Default/leveldb/LOCK', false));
    t.false(all.excludes('Default/Cache', true));
  }
});

test('R-CAP-5 keepCaches lifts the default rules, not those of the user', (t) => {
  const kept = filter(['Code Cache/'], chromium, undefined, true);
  t.false(kept.excludes('Default/Cache/x', false));
  t.true(kept.excludes('Default/Code Cache/x', false));
});

test('R-CAP-2 a cache is excluded whole, with any content', (t) => {
  t.true(filter([], chromium).excludes('Default/Cache/Preferences', false));
  t.true(filter([], chromium).excludes('Default/Cache/a/b-wal', false));
});

test('R-CAP-7 the file of rules is kept, even if it excludes itself', (t) => {
  t.false(filter(['*', '.browserstateignore'], none).excludes('.browserstateignore', false));
  t.true(filter(['*'], none).excludes('a/.browserstateignore', false));
});

test('R-CAP-6 the file at the root is read', (t) => {
  const dir = layout(t, ['Default/Cache/x']);
  writeFileSync(join(dir, '.browserstateignore'), '*.tmp\n!/Default/Cache\n');
  const opened = openFilter(dir, { exclude: ['b'] });
  t.true(opened.excludes('a.tmp', false));
  t.true(opened.excludes('b', false));
  t.false(opened.excludes('Default/Cache', true));
  t.deepEqual(readRules(dir, { keepCaches: true }), { keepCaches: true, exclude: [], ignoreFile: '*.tmp\n!/Default/Cache\n' });
});

for (const pattern of [
  '',
  ' ',
  '!',
  '/',
  '!/',
  'a\\',
  '[',
  'a[bc',
  '[]',
  '[!]',
  '[[:alpha:]',
  '[[:nope:]]',
  './a',
  '../a',
  'a/../b',
  '.',
  '#a',
  'a\nb',
  'a\0b',
]) {
  test(`R-CAP-6 a pattern that could never match is rejected: ${JSON.stringify(pattern)}`, (t) => {
    const error = t.throws(() => filter([pattern]), { code: 'USAGE' });
    t.true(error?.message.includes(JSON.stringify(pattern)));
  });
}
for (const pattern of [
  'a',
  '!a',
  '/a/**',
  '[]a]',
  '[!]a]',
  '[[:alpha:]_]x',
  '[a-z]*',
  'a\\ ',
  'a\\\\',
  '\\[',
  '\\#a',
  '...',
  '..a',
  '[\\]]',
  '**/x',
  'a[^/]b',
]) {
  test(`R-CAP-6 a pattern that could match is accepted: ${JSON.stringify(pattern)}`, (t) => {
    t.notThrows(() => filter([pattern]));
    t.notThrows(() => filter([], none, pattern));
  });
}

test('R-CAP-6 a bad line of the file is named by its number', (t) => {
  const error = t.throws(() => filter([], none, '# rules\n\na\nb[\n'), { code: 'USAGE' });
  t.regex(error?.message ?? '', /line 4 of \.browserstateignore/);
});

test('R-CAP-6 enormous rules and rules that are not text are rejected', (t) => {
  const rules = (content: string | Buffer) => {
    const dir = layout(t, []);
    writeFileSync(join(dir, '.browserstateignore'), content);
    return () => openFilter(dir);
  };
  const long = 'a\n'.repeat(32 * 1024);
  t.notThrows(rules(long));
  t.throws(rules(`${long}b`), { code: 'USAGE' });
  t.throws(() => filter([], none, `${long}b`), { code: 'USAGE' });
  t.throws(() => filter(['a'.repeat(64 * 1024)]), { code: 'USAGE' });
  t.throws(rules(Buffer.from([0x61, 0xff])), { code: 'USAGE' });
  const dir = layout(t, []);
  mkdirSync(join(dir, '.browserstateignore'));
  t.throws(() => openFilter(dir), { code: 'USAGE' });
  t.throws(() => openFilter(join(dir, 'none')), { code: 'NOT_FOUND' });
});

test('a link to a file of rules is followed, and a broken one means no rules', (t) => {
  const dir = layout(t, ['rules']);
  symlinkSync('rules', join(dir, '.browserstateignore'));
  t.true(openFilter(dir).excludes('x', false));
  const broken = layout(t, ['.browserstateignore -> none']);
  t.false(openFilter(broken).excludes('x', false));
});

const globs: [string, string[], string[]][] = [
  ['Default/Cookies', ['Default/Cookies'], ['Default', 'Default/Cookies-journal', 'x/Default/Cookies', 'Default/cookies']],
  ['/Default/Cookies', ['Default/Cookies'], ['Default/Cookies2']],
  ['Default/IndexedDB', ['Default/IndexedDB', 'Default/IndexedDB/a/b'], ['Default/IndexedDB2', 'IndexedDB']],
  ['Default/IndexedDB/', ['Default/IndexedDB', 'Default/IndexedDB/a'], ['Default']],
  ['Default/Local Storage/**', ['Default/Local Storage', 'Default/Local Storage/leveldb/1.log'], ['Default', 'Default/Local Storage2']],
  ['Default/Cookies*', ['Default/Cookies', 'Default/Cookies-journal'], ['Default/a/Cookies']],
  ['Cookies', ['Cookies'], ['Default/Cookies']],
  ['*/Cookies', ['Default/Cookies', 'Profile 1/Cookies/x'], ['Cookies', 'a/b/Cookies']],
  ['**/Cookies', ['Cookies', 'Default/Cookies', 'a/b/Cookies/c'], ['a/b']],
  ['**', ['a', 'a/b'], []],
  ['#x', ['#x'], ['x']],
  ['\\!x', ['!x'], ['x']],
];
for (const [glob, inside, outside] of globs) {
  test(`R-CAP-8 ${glob} names a file or a subtree from the root`, (t) => {
    const matches = matcher([glob]);
    for (const path of inside) t.true(matches(path), path);
    for (const path of outside) t.false(matches(path), path);
    t.deepEqual(
      inside.map(matcher(['zzz', glob])),
      inside.map(() => true),
    );
  });
}

for (const bad of [[], [''], ['/'], ['!a'], ['a', 'b['], ['../a'], ['a\\']]) {
  test(`R-CAP-8 no such globs: ${JSON.stringify(bad)}`, (t) => {
    t.throws(() => matcher(bad), { code: 'USAGE' });
  });
}

test('R-CAP-10 the pattern of a hint matches the path, with its special characters escaped', (t) => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[^/\0]{1,6}$/), { minLength: 1, maxLength: 3 }), (parts) => {
      const path = parts.join('/');
      fc.pre(parts.every((part) => part !== '.' && part !== '..'));
      t.true(filter([patternFor(path)]).excludes(path, false), patternFor(path));
    }),
  );
  t.false(filter([patternFor('a*[b]\\c')]).excludes('axx[b]\\c', false));
});

test('R-CAP-6 an entry is excluded exactly if it or a directory above it is', (t) => {
  const name = fc.constantFrom('a', 'b', 'Cache', 'Default', 'leveldb', 'LOG', 'x.tmp');
  const rules = fc.array(fc.constantFrom('a', 'b/', '!a', '*.tmp', '!/Default/Cache', '/Default/b', '!LOG'), { maxLength: 4 });
  fc.assert(
    fc.property(rules, fc.array(name, { minLength: 1, maxLength: 5 }), (patterns, parts) => {
      // Earlier calls do not change the result, which is the same as that of a new filter.
      const used = filter(patterns, chromium);
      const path = parts.join('/');
      const fresh = filter(patterns, chromium).excludes(path, false);
      const above = parts.slice(1).some((_, i) => used.excludes(parts.slice(0, i + 1).join('/'), true));
      t.is(used.excludes(path, false), fresh);
      if (above) t.true(fresh);
    }),
  );
});
