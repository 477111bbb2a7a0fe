/** The hints of all errors that src creates (C16). */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = fileURLToPath(new URL('../../src/', import.meta.url));

/** Errors that a person can do nothing about. */
const without = /^'(?:INTERNAL|CANCELLED)'/;

/** Returns the text between the parenthesis at `start` and its end. */
function inParentheses(source: string, start: number): string {
  let depth = 0;
  for (let at = start; at < source.length; at++) {
    if (source[at] === '(') depth++;
    else if (source[at] === ')' && --depth === 0) return source.slice(start + 1, at);
  }
  throw new Error('a parenthesis has no end');
}

/** Returns the errors without a hint. */
function faults(name: string, source: string): string[] {
  return [...source.matchAll(/new BrowserStateError\(/g)]
    .map((match) => inParentheses(source, match.index + match[0].length - 1).trim())
    .filter((text) => !without.test(text) && !/\bhint\b/.test(text))
    .map((text) => `${name}: ${text.replaceAll(/\s+/g, ' ')}`);
}

test('C16: every error of the library has a hint', (t) => {
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  t.true(files.length > 100);
  t.deepEqual(
    files.flatMap((name) => faults(name, readFileSync(root + name, 'utf8'))),
    [],
  );
});

test('C16: an error without a hint is found', (t) => {
  t.is(faults('a.ts', "throw new BrowserStateError('USAGE', f('x'), { cause });").length, 1);
  t.is(faults('a.ts', "throw new BrowserStateError('USAGE', f('x'), { hint: 'Do y.' });").length, 0);
});
