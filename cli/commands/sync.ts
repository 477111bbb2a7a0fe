/** `sync`: pulls or pushes, whichever is needed. */
import { defineCommand } from '../command.js';
import { onConflict, sessionOrAll } from '../options.js';
import { describePull, describePush, forSessions, noteCreation } from '../transfer.js';

export const sync = defineCommand({
  usage: 'sync',
  summary: 'Make this machine and the remote have the same of a session.',
  details: 'It pulls where the remote has more, and pushes where this machine has. Where both have, --on-conflict decides.',
  positionals: {},
  options: { ...sessionOrAll, ...onConflict },
  examples: [
    ['sync -s work', 'One session'],
    ['sync --all --on-conflict fork', 'Every session; what cannot follow the remote goes on as a session of its own'],
  ],
  async run(context, { onConflict, ...choice }) {
    const { signal } = context;
    await forSessions(context, choice, {
      one: (session) => session.sync({ onConflict, signal }),
      all: (store) => store.syncAll({ onConflict, signal }),
      toJson: ({ session, commit, pull, push }) => {
        noteCreation(context.report, push?.created);
        const sum = (name: 'commits' | 'objects') => (pull?.[name] ?? 0) + (push?.[name] ?? 0);
        const moved = { commits: sum('commits'), objects: sum('objects'), bytes: (pull?.fetchedBytes ?? 0) + (push?.bytes ?? 0) };
        const done = { pulled: pull?.pulled ?? false, pushed: push?.pushed ?? false, ...moved };
        return { session, commit, ref: commit, ...done, pull: pull ?? null, push: push ?? null };
      },
      describe: ({ session, commit, pull, push }) =>
        push ? describePush(push) : describePull(pull ?? { session, commit, pulled: false, commits: 0, fetchedBytes: 0 }),
    });
  },
});
