/** `init`: creates the repository before anything is put into it. */
import { defineCommand } from '../command.js';
import { CliError } from '../failure.js';
import { styled } from '../lines.js';
import { shortId } from '../text.js';

export const init = defineCommand({
  usage: 'init',
  summary: 'Create the repository on this machine, if there is none.',
  details: 'The first snapshot does so by itself.',
  positionals: {},
  options: { encrypt: { type: 'boolean', hidden: true } },
  examples: [
    ['init', 'In the default place'],
    ['init --home /srv/profiles --user alice', 'In another place, for another user'],
  ],
  async run(context, { encrypt }) {
    if (encrypt) throw new CliError('UNSUPPORTED', '--encrypt: this version does not encrypt', 'Encryption comes with a later version.');
    const { report, signal, home, userId } = context;
    const store = await context.store();
    const { repository, created } = await store.init({ signal });
    report.result({ repository, created, home, user: userId }, () => [
      [created ? 'created' : 'there is already', ' repository ', styled('yellow', shortId(repository)), ` of user ${userId} in ${home}`],
    ]);
  },
});
