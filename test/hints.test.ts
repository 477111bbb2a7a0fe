/** C16: every error that src makes has a hint. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = fileURLToPath(new URL('../../src/', import.meta.url));

/**
 * Files with errors that lack a hint today, most of them about arguments of a provider. A file may
 * only be taken out.
 */
const known = new Set([
  'format/object-id.ts',
  'codec/node.ts',
  'codec/portable.ts',
  'provider/arguments.ts',
  'provider/shared/body.ts',
  'provider/shared/bucket-names.ts',
  'provider/gcs/connection.ts',
  'provider/gcs/gcs.ts',
  'provider/http/http.ts',
  'provider/key.ts',
  'provider/memory.ts',
  'provider/s3/s3.ts',
  'repository/refs.ts',
  'session/lease.ts',
]);

/** Errors that a person can do nothing about but what they say. */
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

function errorsIn(source: string): string[] {
  return [...source.matchAll(/new BrowserStateError\(/g)].map((match) => inParentheses(source, match.index + match[0].length - 1).trim());
}

/** Returns the errors without a hint, by file. */
function faults(sources: ReadonlyMap<string, string>): string[] {
  return [...sources].flatMap(([name, source]) =>
    errorsIn(source)
      .filter((text) => !without.test(text) && !/\bhint\b|, (?:options|more)\b/.test(text))
      .map((text) => `${name}: ${text.replaceAll(/\s+/g, ' ')}`),
  );
}

const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

test('C16: every error of the library has a hint, but for those of known files', (t) => {
  t.true(files.length > 100);
  const found = faults(new Map(files.map((name) => [name, readFileSync(root + name, 'utf8')])));
  const isKnown = (fault: string): boolean => known.has(fault.slice(0, fault.indexOf(':')));
  t.deepEqual(
    found.filter((fault) => !isKnown(fault)),
    [],
  );
  t.deepEqual(
    [...known].filter((name) => !found.some((fault) => fault.startsWith(`${name}:`))),
    [],
  );
});

test('C16: an error without a hint is found', (t) => {
  t.is(faults(new Map([['a.ts', "throw new BrowserStateError('USAGE', f('x'), { cause });"]])).length, 1);
  t.is(faults(new Map([['a.ts', "throw new BrowserStateError('USAGE', f('x'), { hint: 'Do y.' });"]])).length, 0);
});
