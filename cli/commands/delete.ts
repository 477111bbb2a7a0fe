/** `delete`: removes a session and its history. */
import { defineCommand } from '../args/command.js';
import { noPush, session } from '../args/options.js';
import { styled } from '../output/lines.js';

export const deleteSession = defineCommand({
  usage: 'delete',
  summary: 'Delete a session and its history, locally and on the remote, without confirmation.',
  details:
    'Its data stays in both stores until garbage collection. Everyone who can read a store can read it until then. --no-push deletes the local copy only.',
  positionals: {},
  options: { ...session, ...noPush },
  examples: [
    ['delete -s experiment', 'Delete a session; its name can be used again'],
    ['delete -s experiment --no-push', 'Delete the local copy only'],
  ],
  async run(context, { session: id, noPush }) {
    const session = await context.session(id);
    await session.delete({ offline: noPush, signal: context.signal });
    context.report.result({ deleted: id }, () => [['deleted ', styled('bold', id)]]);
    context.report.note('Its data stays in the store until garbage collection.');
  },
});
