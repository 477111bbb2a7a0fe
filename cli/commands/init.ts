/** `init`: creates the repository before anything is put into it. */
import type { Initialised } from '../../src/index.js';
import { defineCommand } from '../command.js';
import { CliError } from '../failure.js';
import { type Line, styled } from '../lines.js';
import { shortId } from '../text.js';

export const init = defineCommand({
  usage: 'init',
  summary: 'Create the repository on this machine, and on the remote, where there is none.',
  details:
    'The first snapshot and the first push do so by themselves. A remote is tried before: one that does not honour conditional writes is refused.',
  positionals: {},
  options: { encrypt: { type: 'boolean', hidden: true } },
  examples: [
    ['init', 'In the default place'],
    ['init --home /srv/profiles --user alice', 'In another place, for another user'],
    ['init --remote s3://bucket/profiles?region=eu-central-1', 'Also in a bucket'],
  ],
  async run(context, { encrypt }) {
    if (encrypt) throw new CliError('UNSUPPORTED', '--encrypt: this version does not encrypt', 'Encryption comes with a later version.');
    const { report, signal, home, userId, remote: url } = context;
    const store = await context.store();
    const { remote, ...here } = await store.init({ signal });
    const there = remote && { url, ...remote };
    report.result({ ...here, home, user: userId, remote: there ?? null }, () => [
      describe(here, userId, home),
      ...(there ? [describe(there, userId, `the remote ${url}`)] : []),
    ]);
  },
});

function describe({ repository, created }: Initialised, user: string, place: string): Line {
  return [created ? 'created' : 'there is already', ' repository ', styled('yellow', shortId(repository)), ` of user ${user} in ${place}`];
}
