/** `push`: sends commits to the remote. */
import { defineCommand } from '../args/command.js';
import { onConflict, onConflictDetails, sessionOrAll } from '../args/options.js';
import { describePush, forSessions, noteCreation } from '../output/transfers.js';

export const push = defineCommand({
  usage: 'push',
  summary: 'Send the commits of a session to the remote.',
  details: `If the remote has other commits, ${onConflictDetails}`,
  positionals: {},
  options: { ...sessionOrAll, ...onConflict },
  examples: [
    ['push -s work', 'Send commits that were not pushed yet'],
    ['push -s work --on-conflict ours', 'Keep the local content; the other stays in the history'],
    ['push --all --json', 'Push every local session; print JSON'],
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
