/** `sync`: pulls or pushes sessions, as needed. */
import { defineCommand } from '../args/command.js';
import { onConflict, onConflictDetails, sessionOrAll } from '../args/options.js';
import { describePull, describePush, forSessions, noteCreation } from '../output/transfers.js';

export const sync = defineCommand({
  usage: 'sync',
  summary: 'Bring the local store and the remote to the same version of a session.',
  details: `Pulls if the remote is ahead, and pushes if the local store is ahead. If both have new commits, ${onConflictDetails}`,
  positionals: {},
  options: { ...sessionOrAll, ...onConflict },
  examples: [
    ['sync -s work', 'Synchronize one session'],
    ['sync --all --on-conflict fork', 'Synchronize all sessions; fork those in conflict'],
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
