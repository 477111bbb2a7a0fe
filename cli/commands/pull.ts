/** `pull`: brings what the remote has. */
import { defineCommand } from '../command.js';
import { sessionOrAll } from '../options.js';
import { describePull, forSessions } from '../transfer.js';

export const pull = defineCommand({
  usage: 'pull',
  summary: 'Bring the newest version of a session from the remote to this machine.',
  details: 'No directory is changed: restore does that, and pulls by itself. Older versions come when they are asked for.',
  positionals: {},
  options: sessionOrAll,
  examples: [
    ['pull -s work', 'To have it when there is no network'],
    ['pull --all --json', 'Every session; a JSON array'],
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
