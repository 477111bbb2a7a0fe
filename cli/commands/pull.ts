/** `pull`: fetches sessions from the remote. */
import { defineCommand } from '../args/command.js';
import { sessionOrAll } from '../args/options.js';
import { describePull, forSessions } from '../output/transfers.js';

export const pull = defineCommand({
  usage: 'pull',
  summary: 'Fetch the newest version of a session from the remote into the local store.',
  details: 'No directory is changed: restore does that, and pulls first. Older versions are fetched when they are used.',
  positionals: {},
  options: sessionOrAll,
  examples: [
    ['pull -s work', 'Make a session available offline'],
    ['pull --all --json', 'Pull every session; print JSON'],
  ],
  async run(context, choice) {
    const { signal } = context;
    await forSessions(context, choice, {
      one: (session) => session.pull({ signal }),
      all: (store) => store.pullAll({ signal }),
      toJson: (result) => ({ ...result, ref: result.commit, bytes: result.fetchedBytes }),
      describe: describePull,
    });
  },
});
