/** `fork`: creates a session from a version of another one. */
import { defineCommand } from '../args/command.js';
import { at, noPush, noPushDetails, offline, session } from '../args/options.js';
import { styled } from '../output/lines.js';
import { shortId } from '../output/text.js';

export const fork = defineCommand({
  usage: 'fork <new>',
  summary: 'Create a session that starts with the history of another one.',
  details: `No data is copied. Later commits to one session do not affect the other. The new session is on the remote too, if there is one. ${noPushDetails}`,
  positionals: { new: { type: 'string', demandOption: true, describe: 'Name of the new session' } },
  options: { ...session, ...at, ...noPush, ...offline },
  examples: [
    ['fork experiment -s work', 'Fork from the newest version'],
    ['fork experiment -s work --at good', 'Fork from a tag'],
    ['fork private -s work --no-push', 'Fork on this machine only'],
  ],
  async run(context, args) {
    const { report, signal } = context;
    const session = await context.session(args.session);
    const { commit } = await session.fork(args.new, { at: args.at, push: !args.noPush, offline: args.offline, signal });
    report.result({ session: args.new, commit }, () => [
      [styled('bold', args.new), ` begins at `, styled('yellow', shortId(commit)), ` of ${args.session}`],
    ]);
  },
});
