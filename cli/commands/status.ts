/** `status`: compares a directory with the newest version. */
import { defineCommand } from '../args/command.js';
import { dir, offline, rules, session } from '../args/options.js';
import { describeDifference } from '../output/diff.js';

export const status = defineCommand({
  usage: 'status <dir>',
  summary: 'List the paths of a directory that differ from the newest version.',
  details: 'Nothing is written. Excluded paths are not compared.',
  positionals: dir('The profile directory'),
  options: { ...session, ...rules, ...offline },
  examples: [['status ~/profile -s work', 'Show the changes that a snapshot would commit']],
  async run(context, { session: id, dir, exclude, keepCaches, offline }) {
    const session = await context.session(id);
    const difference = await session.status(dir, { exclude, keepCaches, offline, signal: context.signal });
    context.report.result(difference, () => describeDifference(difference));
  },
});
