/** `push`: sends what the remote has not. */
import { defineCommand } from '../command.js';
import { onConflict, sessionOrAll } from '../options.js';
import { describePush, forSessions, noteCreation } from '../transfer.js';

export const push = defineCommand({
  usage: 'push',
  summary: 'Send the commits of a session that the remote does not have.',
  details:
    'Where the remote has others, --on-conflict decides; with fail they are kept there as a session of their own, which the error names.',
  positionals: {},
  options: { ...sessionOrAll, ...onConflict },
  examples: [
    ['push -s work', 'What was committed with --no-push, or could not be pushed'],
    ['push -s work --on-conflict ours', "Let this machine's version win; the other stays in the history"],
    ['push --all --json', 'Every session of this machine; a JSON array'],
  ],
  async run(context, { onConflict, ...choice }) {
    const { signal } = context;
    await forSessions(context, choice, {
      one: (session) => session.push({ onConflict, ask: true, signal }),
      all: (store) => store.pushAll({ onConflict, signal }),
      toJson: ({ forkedTo = null, ...result }) => {
        noteCreation(context.report, result.created);
        return { ...result, ref: result.commit, forkedTo };
      },
      describe: describePush,
    });
  },
});
