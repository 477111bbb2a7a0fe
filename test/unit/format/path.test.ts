/** The paths that a tree may hold (SPEC.md R-PATH). */
import test from 'ava';
import fc from 'fast-check';
import { parentPath, pathProblem } from '../../../src/format/path.js';
import { component } from '../../support/arbitraries.js';

const hostile = [
  '',
  '.',
  '..',
  '/',
  '/etc/passwd',
  'a/',
  'a//b',
  './a',
  'a/.',
  'a/../b',
  '../a',
  'a/..',
  'a\\b',
  '..\\a',
  'C:\\a',
  'a\0b',
  'a/\0',
  // B3: control characters of terminals (R-CAP-10).
  ...[0x01, 0x0a, 0x1f, 0x7f, 0x80, 0x85, 0x9f].map((code) => `a${String.fromCharCode(code)}b`),
];
for (const path of hostile) test(`R-PATH: rejects ${JSON.stringify(path)}`, (t) => t.not(pathProblem(path), undefined));

const harmless = [
  'a',
  '...',
  '.hidden',
  '..a',
  'a..',
  'a b',
  'a:b',
  '~',
  '-',
  'CON',
  'x/.git/y',
  '\u202e',
  '\u{1f600}',
  'A\u0308',
  '\u00a0',
];
for (const path of harmless) test(`R-PATH: takes ${JSON.stringify(path)}`, (t) => t.is(pathProblem(path), undefined));

test('R-PATH: a component has at most 255 bytes, not characters', (t) => {
  t.is(pathProblem('x'.repeat(255)), undefined);
  t.not(pathProblem('x'.repeat(256)), undefined);
  t.is(pathProblem('é'.repeat(127)), undefined);
  t.not(pathProblem('é'.repeat(128)), undefined);
  t.is(pathProblem(`${'\u{1f600}'.repeat(63)}xyz`), undefined);
  t.not(pathProblem('\u{1f600}'.repeat(64)), undefined);
  t.not(pathProblem(`ok/${'x'.repeat(256)}/ok`), undefined);
});

test('R-PATH: a path has at most 3,840 bytes and 128 components', (t) => {
  const wide = `${`${'x'.repeat(239)}/`.repeat(15)}${'x'.repeat(240)}`;
  t.is(wide.length, 3840);
  t.is(pathProblem(wide), undefined);
  t.not(pathProblem(`${wide}x`), undefined);
  t.not(pathProblem(`${'é'.repeat(120)}/`.repeat(16).slice(0, -1)), undefined);
  t.is(pathProblem('a/'.repeat(127).concat('a')), undefined);
  t.not(pathProblem('a/'.repeat(128).concat('a')), undefined);
});

test('R-PATH: any path of valid names is accepted, and its parent is the path above', (t) => {
  fc.assert(
    fc.property(fc.array(component, { minLength: 1, maxLength: 12 }), (parts) => {
      t.is(pathProblem(parts.join('/')), undefined);
      t.is(parentPath(parts.join('/')), parts.slice(0, -1).join('/'));
    }),
  );
});
