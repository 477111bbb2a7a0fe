/** Texts for people: sizes, ages, escapes, and the lines made of them. */
import test from 'ava';
import { render, styled, table } from '../../../../cli/output/lines.js';
import { age, count, duration, firstLine, number, safe, size, toJson } from '../../../../cli/output/text.js';

test('sizes', (t) => {
  const expected: [number, string][] = [
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [99.94 * 1024, '99.9 KiB'],
    [100 * 1024, '100 KiB'],
    [1023.9 * 1024, '1.0 MiB'],
    [186 * 1024 ** 2, '186 MiB'],
    [2 ** 53, '8.0 PiB'],
    [2 ** 62, '4096 PiB'],
  ];
  for (const [bytes, text] of expected) t.is(size(bytes), text);
});

test('numbers', (t) => {
  t.deepEqual([0, 999, 1000, 1_234_567].map(number), ['0', '999', '1,000', '1,234,567']);
  t.deepEqual([count(0, 'file'), count(1, 'file'), count(1716, 'file')], ['0 files', '1 file', '1,716 files']);
});

test('ages', (t) => {
  const now = Date.UTC(2026, 10, 20);
  const day = 86_400;
  const expected: [seconds: number, text: string][] = [
    [0, 'just now'],
    [-30, 'just now'],
    [42, '42 seconds ago'],
    [180, '3 minutes ago'],
    [5400, '2 hours ago'],
    [5 * day, '5 days ago'],
    [21 * day, '3 weeks ago'],
    [122 * day, '4 months ago'],
    [730 * day, '2 years ago'],
    [-3600, '2026-11-20T01:00:00.000Z'],
  ];
  for (const [seconds, text] of expected) t.is(age(new Date(now - seconds * 1000), now), text);
  t.is(age(new Date(Number.NaN), now), 'at an unknown time');
});

test('durations', (t) => {
  t.deepEqual([0, 42, 60, 3599.7, 3723].map(duration), ['0:00', '0:42', '1:00', '1:00:00', '1:02:03']);
});

test('escapes', (t) => {
  t.is(safe('plain ünïcödé 日本 👩‍🚀 \\'), 'plain ünïcödé 日本 👩‍🚀 \\');
  t.is(safe('\u0000\t\n\r\u001b\u007f\u0085\u009b'), '\\x00\\t\\n\\r\\x1b\\x7f\\x85\\x9b');
  t.is(safe('\u2028\u2029\u202e\u2066\u200e\ud800'), '\\u{2028}\\u{2029}\\u{202e}\\u{2066}\\u{200e}\\u{d800}');
  const value = { text: '\u001b\u009b\u202e\u2028\ud800"ü' };
  t.deepEqual(JSON.parse(toJson(value)), value);
  t.regex(toJson(value), /^[\x20-\x7eü]*$/);
});

test('first lines', (t) => {
  t.deepEqual(['', 'one', '\none \ntwo', 'one\r\ntwo\nthree'].map(firstLine), ['', 'one', 'one …', 'one …']);
});

test('cells are escaped, and colored on request', (t) => {
  const line = ['a\u001b ', styled('red', 'b\n')];
  t.is(render(line, false), 'a\\x1b b\\n');
  t.is(render(line, true), 'a\\x1b \u001b[31mb\\n\u001b[39m');
});

test('tables align their columns and end without blanks', (t) => {
  const rows = [
    ['a', '1', 'x'],
    ['long', styled('green', '100'), ''],
    ['\n', '', ''],
  ];
  const lines = table(rows, { right: [1] }).map((line) => render(line, false));
  t.deepEqual(lines, ['a       1  x', 'long  100', '\\n']);
});
