/** `sessions`: lists the sessions of the stores. */
import type { BrowserStateError, SessionInfo } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { offline } from '../args/options.js';
import type { Failure } from '../failure.js';
import { type Cell, headings, type Line, spaced, styled, table } from '../output/lines.js';
import { count, firstLine, number, type Screen, shortId, size, when } from '../output/text.js';

export const sessions = defineCommand({
  usage: 'sessions',
  summary: 'List the sessions of the local store and the remote, each with its newest commit.',
  positionals: {},
  options: offline,
  examples: [
    ['sessions', 'List the sessions of the default user'],
    ['sessions --user alice --json', "Print another user's sessions as JSON"],
  ],
  async run(context, { offline }) {
    const store = await context.store();
    const found: SessionInfo[] = [];
    const failures: { session: string; error: Failure }[] = [];
    const onProblem = (session: string, problem: BrowserStateError) => {
      const error = context.failed(problem);
      failures.push({ session, error });
      if (!context.report.options.json) context.report.error(error, problem);
    };
    for await (const info of store.sessions({ offline, signal: context.signal, onProblem })) found.push(info);
    context.report.result([...found, ...failures], (screen) => describe(found, screen));
    const places = [context.home, offline ? undefined : context.remote].filter(Boolean);
    if (found.length === 0 && failures.length === 0)
      context.report.note(`There are no sessions of user ${context.userId} in ${places.join(' or ')} yet.`);
  },
});

export function describe(found: readonly SessionInfo[], screen: Screen): Line[] {
  if (found.length === 0) return [];
  // On a terminal, the headings name the counted things.
  const amount = screen.width === undefined ? count : number;
  const rows = found.map(({ session, commit, time, commits, files, bytes }) => [
    styled('bold', session),
    styled('yellow', shortId(commit)),
    styled('cyan', when(time, screen)),
    amount(commits, 'commit'),
    amount(files, 'file'),
    size(bytes),
  ]);
  const names = headings(screen, ['SESSION', 'COMMIT', 'CHANGED', 'COMMITS', 'FILES', 'SIZE', 'MESSAGE']);
  const tails = [...names.map((row) => row.slice(-1)), ...found.map(remarks)];
  return table([...names.map((row) => row.slice(0, -1)), ...rows], { right: [3, 4, 5], tails, width: screen.width, omit: [1, 4, 3, 5] });
}

/** Returns the state of a session, and the message of its newest commit. */
function remarks({ pushed, lease, message }: SessionInfo): Line {
  const parts: Cell[] = [];
  if (pushed === false) parts.push(styled('yellow', 'not pushed'));
  if (lease !== undefined) parts.push(styled('yellow', `in use by ${lease.owner}`));
  if (message !== '') parts.push(firstLine(message));
  return spaced(parts);
}
