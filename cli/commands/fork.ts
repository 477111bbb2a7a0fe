/** `fork`: a new session that begins as a version of another. */
import { defineCommand } from '../command.js';
import { styled } from '../lines.js';
import { at, noPush, session } from '../options.js';
import { shortId } from '../text.js';

export const fork = defineCommand({
  usage: 'fork <new>',
  summary: 'Make a new session that begins with the history of another.',
  details: 'Nothing is copied; from here on the two go their own ways.',
  positionals: { new: { type: 'string', demandOption: true, describe: 'The name of the new session' } },
  options: { ...session, ...at, ...noPush },
  examples: [
    ['fork experiment -s work', 'From the newest version'],
    ['fork experiment -s work --at good', 'From a tag'],
  ],
  async run(context, args) {
    const { report, signal } = context;
    const session = await context.session(args.session);
    const { commit } = await session.fork(args.new, { at: args.at, offline: args.noPush, signal });
    report.result({ session: args.new, commit }, () => [
      [styled('bold', args.new), ` begins at `, styled('yellow', shortId(commit)), ` of ${args.session}`],
    ]);
  },
});
