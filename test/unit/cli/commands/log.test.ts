/** The lines that `log` prints: on terminals of several widths, and for programs. */
import test from 'ava';
import { describeCommits, describeOperations } from '../../../../cli/commands/log.js';
import { render } from '../../../../cli/output/lines.js';
import type { LogEntry, RefEvent } from '../../../../src/index.js';

const now = Date.UTC(2026, 10, 20, 12);
const MiB = 1024 ** 2;

type Given = Partial<Omit<LogEntry, 'commit' | 'parents'>> & { parents?: string };

/** Returns the entry of a commit. Digits name its id and parents. */
function entry(digit: string, { parents = '', ...given }: Given): LogEntry {
  const id = (each: string) => each.repeat(64) as LogEntry['commit'];
  const time = new Date(now - 60_000 * Number(digit));
  const facts = { message: '', author: 'ada@desk', labels: {}, files: 3, bytes: MiB, op: 'commit', tags: [] } as const;
  return { ...facts, tree: id(digit), time, ...given, commit: id(digit), parents: [...parents].map(id) } as LogEntry;
}

const history: readonly LogEntry[] = [
  entry('2', { parents: '34', op: 'merge', message: 'Merge of 4, keeping ours', head: true, pushed: false, bytes: 3 * MiB }),
  entry('3', { parents: '5', message: 'bought a hat\nand shoes', labels: { run: '42' }, bytes: 3 * MiB, pushed: false }),
  entry('4', { parents: '5', message: '買い物をした', bytes: 2 * MiB - 512, tags: ['good', 'v1'], pushed: true }),
  entry('5', { parents: '6', squashed: true, labels: { checkpoint: 'live' }, bytes: 9 * MiB, pushed: true }),
  entry('6', { parents: '7', message: 'logged in', files: 1200, bytes: 2 * MiB, pushed: true }),
  entry('7', { message: '', bytes: 186 * 1024, pushed: true }),
];
const events = [{ op: 'fork', time: 0, author: '', nonce: new Uint8Array(0), detail: `work ${'7'.repeat(64)}` }] satisfies RefEvent[];

const screens: readonly (readonly [name: string, width: number | undefined, lines: string])[] = [
  [
    'a terminal of 120 columns',
    120,
    `
*─┐  222222222222  2 minutes ago      3 files  3.0 MiB      +0 B  (HEAD)  not pushed  Merge of 4, keeping ours
* │  333333333333  3 minutes ago      3 files  3.0 MiB  +1.0 MiB  not pushed  bought a hat …  run=42
│ *  444444444444  4 minutes ago      3 files  2.0 MiB    -512 B  (good, v1)  買い物をした
*─┘  666666666666  6 minutes ago  1,200 files  2.0 MiB  +1.8 MiB  logged in
*    777777777777  7 minutes ago      3 files  186 KiB  +186 KiB  forked from work`,
  ],
  [
    'a terminal of 80 columns',
    80,
    `
*─┐  222222222222  2 minutes ago  3.0 MiB      +0 B  (HEAD)  not pushed  Merge…
* │  333333333333  3 minutes ago  3.0 MiB  +1.0 MiB  not pushed  bought a hat …
│ *  444444444444  4 minutes ago  2.0 MiB    -512 B  (good, v1)  買い物をした
*─┘  666666666666  6 minutes ago  2.0 MiB  +1.8 MiB  logged in
*    777777777777  7 minutes ago  186 KiB  +186 KiB  forked from work`,
  ],
  [
    'a terminal of 60 columns',
    60,
    `
*─┐  222222222222  2 minutes ago  (HEAD)  not pushed  Merge…
* │  333333333333  3 minutes ago  not pushed  bought a hat…
│ *  444444444444  4 minutes ago  (good, v1)  買い物をした
*─┘  666666666666  6 minutes ago  logged in
*    777777777777  7 minutes ago  forked from work`,
  ],
  [
    'a pipe',
    undefined,
    `
222222222222  2026-11-20T11:58:00.000Z      3 files  3.0 MiB      +0 B  (HEAD)  not pushed  Merge of 4, keeping ours
333333333333  2026-11-20T11:57:00.000Z      3 files  3.0 MiB  +1.0 MiB  not pushed  bought a hat …  run=42
444444444444  2026-11-20T11:56:00.000Z      3 files  2.0 MiB    -512 B  (good, v1)  買い物をした
666666666666  2026-11-20T11:54:00.000Z  1,200 files  2.0 MiB  +1.8 MiB  logged in
777777777777  2026-11-20T11:53:00.000Z      3 files  186 KiB  +186 KiB`,
  ],
];
for (const [name, width, lines] of screens) {
  test(`log on ${name}`, (t) => {
    const screen = { width, now };
    const found = describeCommits(history, { screen, events: width === undefined ? [] : events });
    t.is(found.map((line) => `\n${render(line, false)}`).join(''), lines);
  });
}

test('all checkpoints are drawn on request, and a history of one line has no lines between its commits', (t) => {
  const line = history.slice(3).map((each) => ({ ...each, labels: {} }));
  const found = describeCommits(line, { checkpoints: true, screen: { width: 70, now } });
  t.is(
    found.map((each) => `\n${render(each, false)}`).join(''),
    `
555555555555  5 minutes ago      3 files  9.0 MiB  +7.0 MiB
666666666666  6 minutes ago  1,200 files  2.0 MiB  +1.8 MiB  logged in
777777777777  7 minutes ago      3 files  186 KiB  +186 KiB`,
  );
});

test('a parent that is not listed leaves the change of the size open', (t) => {
  const found = describeCommits(history.slice(4, 5), { screen: { width: 80, now } });
  t.is(found.map((each) => render(each, false)).join(), '666666666666  6 minutes ago  1,200 files  2.0 MiB    logged in');
});

test('operations show short ids of commits on a terminal, and whole ones to programs', (t) => {
  const id = '7'.repeat(64);
  const tagged = { op: 'tag', time: new Date(now), author: 'ada@desk', commit: null, detail: `good ${id}` } as const;
  const print = (width: number | undefined) => describeOperations([tagged], { width, now }).map((line) => render(line, false));
  t.deepEqual(print(80), [`just now  tag    ada@desk  good ${'7'.repeat(12)}`]);
  t.deepEqual(print(undefined), [`2026-11-20T12:00:00.000Z  tag    ada@desk  good ${id}`]);
});

test('the last line shows its change of size too', (t) => {
  const [first, second] = [entry('6', { parents: '7', bytes: 2 * MiB }), entry('7', { bytes: MiB })];
  const lines = (next: LogEntry | undefined) =>
    describeCommits([first], { screen: { now, width: undefined }, next })
      .map((line) => render(line, false))
      .join();
  t.regex(lines(second), /\+1\.0 MiB/);
  t.notRegex(lines(undefined), /\+/);
});
