/** `status`: what a commit of a directory would change. */
import { defineCommand } from '../command.js';
import { describeDifference } from '../difference.js';
import { dir, offline, rules, session } from '../options.js';

export const status = defineCommand({
  usage: 'status <dir>',
  summary: 'Show the paths in which a directory differs from the newest version.',
  details: 'It writes nothing. What a snapshot would leave out does not count.',
  positionals: dir('The profile to look at'),
  options: { ...session, ...rules, ...offline },
  examples: [['status ~/profile -s work', 'What a snapshot would commit']],
  async run(context, { session: id, dir, exclude, keepCaches, offline }) {
    const session = await context.session(id);
    const difference = await session.status(dir, { exclude, keepCaches, offline, signal: context.signal });
    context.report.result(difference, () => describeDifference(difference));
  },
});
