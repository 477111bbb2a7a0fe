/** `log`: the history of a session. */
import type { LogEntry, RefEvent } from '../../src/index.js';
import { defineCommand } from '../command.js';
import type { Context } from '../context.js';
import { type Cell, type Line, styled, table } from '../lines.js';
import { offline, parseCount, session } from '../options.js';
import { age, count, firstLine, shortId, size } from '../text.js';

/** Commits that a person is shown unless they ask for more. */
const DEFAULT_LIMIT = 20;

export const log = defineCommand({
  usage: 'log',
  summary: 'Show the history of a session, newest first.',
  details:
    `It shows ${DEFAULT_LIMIT} commits, or with --json all, and marks those that are not on the remote yet. Checkpoints, which are made while a browser is at ` +
    'work, are left out below the commit that came after them. HEAD~N counts them nevertheless: it follows parents, shown or not.',
  positionals: {},
  options: {
    ...session,
    number: { type: 'string', alias: 'n', requiresArg: true, describe: 'How many to show' },
    checkpoints: { type: 'boolean', describe: 'Show all checkpoints as well' },
    ops: { type: 'boolean', describe: 'Show the operations instead: commits, tags, forks and who did them' },
    ...offline,
  },
  examples: [
    ['log -s work -n 5', 'The five newest commits'],
    ['log -s work --ops', 'Who did what, and when'],
    ['log -s work --json', 'Everything, as a JSON array'],
  ],
  async run(context, args) {
    const { report } = context;
    const wanted = args.number === undefined ? undefined : parseCount('-n', args.number);
    const limit = wanted ?? (report.options.json ? Number.POSITIVE_INFINITY : DEFAULT_LIMIT);
    const show = args.ops ? showOperations : showCommits;
    const more = await show(context, args.session, { limit, checkpoints: args.checkpoints, offline: args.offline });
    if (more && wanted === undefined) report.note('There are older ones: -n N shows N of them.');
  },
});

interface Selection {
  limit: number;
  checkpoints: boolean | undefined;
  offline: boolean | undefined;
}

/** Shows at most `limit` commits; tells whether there are more. */
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

/** A change of the session, whether it made a commit or not. */
interface Operation {
  op: LogEntry['op'] | RefEvent['op'];
  time: Date;
  who: string;
  /** The commit that it made, null if it made none. */
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
    ...commits.map(({ op, time, who, commit, message }) => ({ op, time, who, commit, detail: message })),
    ...events.map(({ op, time, who, detail }) => ({ op, time: new Date(time), who, commit: null, detail })),
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

/** The names of a commit, its message and its labels. */
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
    operations.map(({ op, time, who, commit, detail }) => [
      styled('cyan', age(time, now)),
      styled('bold', op),
      styled('yellow', commit === null ? '' : shortId(commit)),
      who,
      firstLine(detail),
    ]),
  );
}
