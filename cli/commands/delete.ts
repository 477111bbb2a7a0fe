/** `delete`: removes a session and its history. */
import { defineCommand } from '../command.js';
import { styled } from '../lines.js';
import { noPush, session } from '../options.js';

export const deleteSession = defineCommand({
  usage: 'delete',
  summary: 'Delete a session with all its history, here and on the remote. It does not ask.',
  details:
    'Its bytes stay in the store, here and on the remote, until they are collected: whoever can read the store can read them until then.',
  positionals: {},
  options: { ...session, ...noPush },
  examples: [['delete -s experiment', 'Its name can be used again']],
  async run(context, { session: id, noPush }) {
    const session = await context.session(id);
    await session.delete({ offline: noPush, signal: context.signal });
    context.report.result({ deleted: id }, () => [['deleted ', styled('bold', id)]]);
    context.report.note('Its bytes stay in the store until they are collected.');
  },
});
