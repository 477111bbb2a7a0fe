/** `sessions`: what is in the store. */
import type { BrowserStateError, SessionInfo } from '../../src/index.js';
import { defineCommand } from '../command.js';
import { type Line, styled, table } from '../lines.js';
import { offline } from '../options.js';
import { age, count, firstLine, shortId, size } from '../text.js';

export const sessions = defineCommand({
  usage: 'sessions',
  summary: 'List the sessions, here and on the remote, each with its newest commit.',
  positionals: {},
  options: offline,
  examples: [
    ['sessions', 'Those of the default user'],
    ['sessions --user alice --json', 'Those of another, as a JSON array'],
  ],
  async run(context, { offline }) {
    const store = await context.store();
    const found: SessionInfo[] = [];
    const problems: BrowserStateError[] = [];
    const onProblem = (_session: string, problem: BrowserStateError) => problems.push(problem);
    for await (const info of store.sessions({ offline, signal: context.signal, onProblem })) found.push(info);
    context.report.result(found, () => describe(found));
    for (const problem of problems) context.report.error(context.failed(problem), problem);
    const places = [context.home, offline ? undefined : context.remote].filter(Boolean);
    const absence = offline ? undefined : context.absence;
    if (absence !== undefined) context.report.warn(absence);
    if (found.length === 0 && problems.length === 0)
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
