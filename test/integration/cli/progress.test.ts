/**
 * The progress bar: its text, its width, its rate, and its removal. Also the conditions for colors.
 */
import test from 'ava';
import { ProgressBar, renderProgress } from '../../../cli/output/progress-bar.js';
import { Report } from '../../../cli/output/report.js';

const MiB = 1024 * 1024;
const half = { label: 'reading', done: 50 * MiB, total: 100 * MiB, unit: 'bytes' } as const;
const quiet = { json: false, quiet: false, verbose: false, color: true };

/** Returns a terminal that records its output. */
function terminal({ columns = 100, isTTY = true, colors = true } = {}) {
  const written: string[] = [];
  const write = (text: string | Uint8Array) => written.push(String(text)) > 0;
  return { written, columns, isTTY, write: write as NodeJS.WriteStream['write'], hasColors: () => colors };
}

test('it shows percentage, bytes, speed and time left', (t) => {
  t.is(
    renderProgress(half, 10 * MiB, 100),
    `reading   50%  50.0 MiB of 100 MiB  10.0 MiB/s  0:05 left  [${'#'.repeat(15)}${'-'.repeat(15)}]`,
  );
  t.is(
    renderProgress({ label: 'checking', done: 3, total: 7, unit: 'objects' }, undefined, 60),
    `checking   42%  3 of 7 objects  [${'#'.repeat(10)}${'-'.repeat(15)}]`,
  );
  t.regex(renderProgress({ ...half, done: 0, total: 0 }, undefined, 80), / 100% {2}0 B of 0 B/);
});

test('it fits every width', (t) => {
  for (let columns = 1; columns < 200; columns++) {
    for (const speed of [undefined, 1, 1e12]) t.true(renderProgress(half, speed, columns).length < columns || columns === 1, `${columns}`);
  }
  t.is(renderProgress(half, undefined, 0), renderProgress(half, undefined, 80), 'a terminal without a known width');
});

test('it is drawn at most ten times a second, and erased', (t) => {
  const stream = terminal();
  let now = 1000;
  const bar = new ProgressBar(stream, () => now);
  bar.clear();
  t.deepEqual(stream.written, [], 'nothing to wipe');
  for (let i = 0; i <= 100; i++, now += 10) bar.update({ ...half, done: i * MiB });
  t.is(stream.written.length, 11);
  t.true(stream.written.every((text) => text.startsWith('\r') && text.endsWith('\u001b[K') && !text.includes('\n')));
  t.regex(stream.written.at(-1) ?? '', /100% .* 100 MiB\/s {2}0:00 left/);
  bar.clear();
  bar.clear();
  t.deepEqual(stream.written.slice(11), ['\r\u001b[K']);
});

test('another phase starts anew', (t) => {
  const stream = terminal();
  let now = 0;
  const bar = new ProgressBar(stream, () => now);
  bar.update(half);
  now = 1;
  bar.update({ ...half, label: 'writing', done: 0 });
  t.is(stream.written.length, 2);
  t.notRegex(stream.written[1] ?? '', /left/);
});

test('the bar is for terminals, and not with --quiet, --json or --verbose', (t) => {
  const drawn = (options: Partial<typeof quiet>, isTTY = true) => {
    const stderr = terminal({ isTTY });
    new Report({ ...quiet, ...options }, terminal(), stderr).progress(half);
    return stderr.written.length;
  };
  t.is(drawn({}), 1);
  t.deepEqual([drawn({}, false), drawn({ quiet: true }), drawn({ json: true }), drawn({ verbose: true })], [0, 0, 0, 0]);
});

test('the bar is erased before any other output', (t) => {
  const [stdout, stderr] = [terminal(), terminal({ colors: false })];
  const report = new Report(quiet, stdout, stderr);
  report.progress(half);
  report.warn('careful');
  report.progress({ ...half, label: 'writing' });
  report.result({}, () => [['done']]);
  t.deepEqual([stderr.written[1], stderr.written[2], stderr.written[4]], ['\r\u001b[K', 'warning: careful\n', '\r\u001b[K']);
  t.deepEqual([stderr.written.length, stdout.written], [5, ['done\n']]);
});

test('colors are for terminals that have them and people who want them', (t) => {
  const written = (color: boolean, options: Parameters<typeof terminal>[0] = {}) => {
    const stderr = terminal(options);
    new Report({ ...quiet, color }, terminal(), stderr).warn('careful');
    return stderr.written.join('');
  };
  t.is(written(true), '\u001b[33mwarning:\u001b[39m careful\n');
  for (const plain of [written(false), written(true, { isTTY: false }), written(true, { colors: false })])
    t.is(plain, 'warning: careful\n');
});
