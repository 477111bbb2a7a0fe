/** `log`: shows the history of a session. */
import type { LogEntry, RefEvent } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { offline, parseCount, session } from '../args/options.js';
import type { Context } from '../context.js';
import { type Cell, type Line, styled, table } from '../output/lines.js';
import { age, count, firstLine, shortId, size } from '../output/text.js';

/** The default number of commits. */
const DEFAULT_LIMIT = 20;

export const log = defineCommand({
  usage: 'log',
  summary: 'Show the history of a session, newest first.',
  details:
    `Shows ${DEFAULT_LIMIT} commits, or all with --json, and marks those that are not pushed yet. Checkpoints, made while a browser runs, are ` +
    'hidden below the commit that follows them. HEAD~N follows parents and counts hidden checkpoints too.',
  positionals: {},
  options: {
    ...session,
    number: { type: 'string', alias: 'n', requiresArg: true, describe: 'Number of commits to show' },
    checkpoints: { type: 'boolean', describe: 'Include all checkpoints' },
    ops: { type: 'boolean', describe: 'Show operations (commits, tags, forks) with authors' },
    ...offline,
  },
  examples: [
    ['log -s work -n 5', 'Show the five newest commits'],
    ['log -s work --ops', 'Show all operations with authors and times'],
    ['log -s work --json', 'Print all commits as a JSON array'],
  ],
  async run(context, args) {
    const { report } = context;
    const wanted = args.number === undefined ? undefined : parseCount('-n', args.number);
    const limit = wanted ?? (report.options.json ? Number.POSITIVE_INFINITY : DEFAULT_LIMIT);
    const show = args.ops ? showOperations : showCommits;
    const more = await show(context, args.session, { limit, checkpoints: args.checkpoints, offline: args.offline });
    if (more && wanted === undefined) report.note('There are older commits: -n N shows N of them.');
  },
});

interface Selection {
  limit: number;
  checkpoints: boolean | undefined;
  offline: boolean | undefined;
}

/** Prints at most `limit` commits; returns whether there are more. */
async function showCommits(context: Context, id: string, { limit, ...selection }: Selection): Promise<boolean> {
  const found = await readCommits(context, id, { ...selection, limit: limit + 1 });
  const shown = found.slice(0, limit);
  context.report.result(shown, () => describeCommits(shown));
  return found.length > limit;
}

async function showOperations(context: Context, id: string, { limit, offline }: Selection): Promise<boolean> {
  const found = await readOperations(context, id, { limit: limit + 1, checkpoints: true, offline });
  const shown = found.slice(0, limit);
  context.report.result(shown, () => describeOperations(shown));
  return found.length > limit;
}

/** A change of the session, with or without a commit. */
interface Operation {
  op: LogEntry['op'] | RefEvent['op'];
  time: Date;
  author: string;
  /** The commit that it made; null if none. */
  commit: string | null;
  /** The commit's message, or what was tagged or forked. */
  detail: string;
}

async function readCommits(context: Context, id: string, selection: Selection): Promise<LogEntry[]> {
  const session = await context.session(id);
  const entries: LogEntry[] = [];
  for await (const entry of session.log({ ...selection, signal: context.signal })) entries.push(entry);
  return entries;
}

async function readOperations(context: Context, id: string, selection: Selection): Promise<Operation[]> {
  const commits = await readCommits(context, id, selection);
  const session = await context.session(id);
  const events = await session.events({ offline: selection.offline, signal: context.signal });
  const operations: Operation[] = [
    ...commits.map(({ op, time, author, commit, message }) => ({ op, time, author, commit, detail: message })),
    ...events.map(({ op, time, author, detail }) => ({ op, time: new Date(time), author, commit: null, detail })),
  ];
  return operations.sort((a, b) => b.time.getTime() - a.time.getTime());
}

function describeCommits(entries: readonly LogEntry[]): Line[] {
  const now = Date.now();
  const columns = entries.map(({ commit, time, files, bytes }) => [
    styled('yellow', shortId(commit)),
    styled('cyan', age(time, now)),
    count(files, 'file'),
    size(bytes),
  ]);
  return table(columns, { right: [2, 3] }).map((line, i) => [...line, ...remarks(entries[i] as LogEntry)]);
}

/** Returns a commit's tags, message and labels. */
function remarks({ tags, message, labels, pushed, head }: LogEntry): Cell[] {
  const names = head ? ['HEAD', ...tags] : tags;
  const cells: Cell[] = names.length > 0 ? ['  ', styled('green', `(${names.join(', ')})`)] : [];
  if (pushed === false) cells.push('  ', styled('yellow', 'not pushed'));
  if (message !== '') cells.push(`  ${firstLine(message)}`);
  for (const [key, value] of Object.entries(labels)) cells.push('  ', styled('dim', `${key}=${value}`));
  return cells;
}

function describeOperations(operations: readonly Operation[]): Line[] {
  const now = Date.now();
  return table(
    operations.map(({ op, time, author, commit, detail }) => [
      styled('cyan', age(time, now)),
      styled('bold', op),
      styled('yellow', commit === null ? '' : shortId(commit)),
      author,
      firstLine(detail),
    ]),
  );
}
