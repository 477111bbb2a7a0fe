/** `log`: shows the history of a session. */
import type { LogEntry, RefEvent } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { offline, parseCount, session } from '../args/options.js';
import type { Context } from '../context.js';
import { drawGraph } from '../output/graph.js';
import { type Cell, type Line, spaced, styled, table } from '../output/lines.js';
import { count, firstLine, type Screen, shortId, size, sizeChange, when } from '../output/text.js';

/** The default number of commits. */
const DEFAULT_LIMIT = 20;

export const log = defineCommand({
  usage: 'log',
  summary: 'Show the history of a session, newest first.',
  details:
    `Shows ${DEFAULT_LIMIT} commits, or all with --json, and marks those that are not pushed yet. The last size is the change since the ` +
    'parent. Checkpoints, made while a browser runs, are hidden below the commit that follows them. HEAD~N follows parents and counts ' +
    'hidden checkpoints too. A terminal also gets lines for forks and merges, and relative times; other output has UTC times.',
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

/** Prints at most `limit` commits. Returns whether there are more. */
async function showCommits(context: Context, id: string, selection: Selection): Promise<boolean> {
  const { report, signal } = context;
  const { checkpoints, offline } = selection;
  const session = await context.session(id);
  const isDrawn = !report.options.json && report.screen.width !== undefined;
  const [{ history, next }, events] = await Promise.all([
    // The lines between commits also lead through hidden checkpoints.
    readHistory(session.log({ checkpoints: checkpoints || !report.options.json, offline, signal }), selection),
    isDrawn ? session.events({ offline, signal }) : [],
  ]);
  report.result(history, (screen) => describeCommits(history, { checkpoints, screen, events, next }));
  return next !== undefined;
}

/** Reads at most `limit` commits, the hidden commits between them, and the commit that follows. */
async function readHistory(
  entries: AsyncIterable<LogEntry>,
  { limit, checkpoints }: Selection,
): Promise<{ history: LogEntry[]; next?: LogEntry }> {
  const history: LogEntry[] = [];
  let shown = 0;
  for await (const entry of entries) {
    if (!isHidden(entry, checkpoints) && ++shown > limit) return { history, next: entry };
    history.push(entry);
  }
  return { history };
}

const isHidden = ({ squashed }: LogEntry, checkpoints: boolean | undefined): boolean => squashed === true && !checkpoints;

async function showOperations(context: Context, id: string, { limit, offline }: Selection): Promise<boolean> {
  const found = await readOperations(context, id, { limit: limit + 1, checkpoints: true, offline });
  const shown = found.slice(0, limit);
  context.report.result(shown, (screen) => describeOperations(shown, screen));
  return found.length > limit;
}

/** A change of the session, with or without a commit. */
interface Operation {
  op: LogEntry['op'] | RefEvent['op'];
  time: Date;
  author: string;
  /** The commit that the operation made, or null if there is none. */
  commit: string | null;
  /** The commit's message, or the name of the tag or fork. */
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

interface LogView {
  checkpoints?: boolean | undefined;
  screen: Screen;
  events?: readonly RefEvent[];
  /** The commit that follows the shown ones. */
  next?: LogEntry | undefined;
}

/** Returns a line for each commit. On a terminal, the lines also draw the lines of descent. */
export function describeCommits(history: readonly LogEntry[], { checkpoints, screen, events = [], next }: LogView): Line[] {
  const byId = new Map([...history, ...(next ? [next] : [])].map((entry) => [entry.commit as string, entry]));
  const shownAncestor = (id: string): string => {
    let entry = byId.get(id);
    while (entry !== undefined && isHidden(entry, checkpoints)) entry = byId.get(entry.parents[0] ?? '');
    return entry?.commit ?? id;
  };
  const shown = history.filter((entry) => !isHidden(entry, checkpoints));
  const nodes = shown.map(({ commit, parents }) => ({ commit, parents: parents.map(shownAncestor) }));
  const graph = screen.width === undefined ? [] : drawGraph(nodes);
  const isLinear = graph.every((drawing) => drawing === '*');
  const rows = shown.map(({ commit, time, files, bytes }, i) => [
    ...(isLinear ? [] : [graph[i] as string]),
    styled('yellow', shortId(commit)),
    styled('cyan', when(time, screen)),
    count(files, 'file'),
    size(bytes),
    change(bytes, nodes[i]?.parents[0], byId),
  ]);
  const sizes = isLinear ? [2, 3, 4] : [3, 4, 5];
  const sources = new Map(events.flatMap(({ op, detail }) => (op === 'fork' ? [detail.split(' ', 2).reverse() as [string, string]] : [])));
  const tails = shown.map((entry) => remarks(entry, sources.get(entry.commit)));
  return table(rows, { right: sizes, omit: sizes, tails, width: screen.width });
}

/**
 * Formats how much larger a commit is than its parent. Returns an empty text if the parent is not
 * known.
 */
function change(bytes: number, parent: string | undefined, byId: ReadonlyMap<string, LogEntry>): string {
  const before = parent === undefined ? 0 : byId.get(parent)?.bytes;
  return before === undefined ? '' : sizeChange(bytes - before);
}

/** Returns a commit's tags, the session that was forked there, the message and the labels. */
function remarks({ tags, message, labels, pushed, head }: LogEntry, source: string | undefined): Line {
  const names = head ? ['HEAD', ...tags] : tags;
  const cells: Cell[] = names.length > 0 ? [styled('green', `(${names.join(', ')})`)] : [];
  if (pushed === false) cells.push(styled('yellow', 'not pushed'));
  if (source !== undefined) cells.push(styled('green', `forked from ${source}`));
  if (message !== '') cells.push(firstLine(message));
  for (const [key, value] of Object.entries(labels)) cells.push(styled('dim', `${key}=${value}`));
  return spaced(cells);
}

/** Returns a line for each operation. Ids of commits are whole for programs. */
export function describeOperations(operations: readonly Operation[], screen: Screen): Line[] {
  const rows = operations.map(({ op, time, author, commit }) => [
    styled('cyan', when(time, screen)),
    styled('bold', op),
    styled('yellow', commit === null ? '' : shortId(commit)),
    author,
  ]);
  const shortened = (text: string) => (screen.width === undefined ? text : text.replaceAll(/\b[0-9a-f]{64}\b/g, shortId));
  return table(rows, { tails: operations.map(({ detail }) => [firstLine(shortened(detail))]), width: screen.width, omit: [2, 3] });
}
