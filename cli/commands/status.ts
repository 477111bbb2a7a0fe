/** `status`: what a commit of a directory would change. */
import { defineCommand } from '../command.js';
import { describeDifference } from '../difference.js';
import { dir, rules, session } from '../options.js';

export const status = defineCommand({
  usage: 'status <dir>',
  summary: 'Show the paths in which a directory differs from the newest version.',
  details: 'It writes nothing. What a snapshot would leave out does not count.',
  positionals: dir('The profile to look at'),
  options: { ...session, ...rules },
  examples: [['status ~/profile -s work', 'What a snapshot would commit']],
  async run(context, { session: id, dir, exclude, keepCaches }) {
    const session = await context.session(id);
    const difference = await session.status(dir, { exclude, keepCaches, signal: context.signal });
    context.report.result(difference, () => describeDifference(difference));
  },
});
