/** `sessions`: lists the sessions of the stores. */
import type { BrowserStateError, SessionInfo } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { offline } from '../args/options.js';
import type { Failure } from '../failure.js';
import { type Line, styled, table } from '../output/lines.js';
import { age, count, firstLine, shortId, size } from '../output/text.js';

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
    context.report.result([...found, ...failures], () => describe(found));
    const places = [context.home, offline ? undefined : context.remote].filter(Boolean);
    if (found.length === 0 && failures.length === 0)
      context.report.note(`There are no sessions of user ${context.userId} in ${places.join(' or ')} yet.`);
  },
});

function describe(found: readonly SessionInfo[]): Line[] {
  const now = Date.now();
  const rows = found.map(({ session, commit, time, commits, files, bytes, message }) => [
    styled('bold', session),
    styled('yellow', shortId(commit)),
    styled('cyan', age(time, now)),
    count(commits, 'commit'),
    count(files, 'file'),
    size(bytes),
    firstLine(message),
  ]);
  return table(rows, { right: [3, 4, 5] });
}
