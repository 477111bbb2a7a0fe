/** `init`: creates the stores before their first use. */
import type { Initialized } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { CliError } from '../failure.js';
import { type Line, styled } from '../output/lines.js';
import { shortId } from '../output/text.js';

export const init = defineCommand({
  usage: 'init',
  summary: 'Create the local store and the store on the remote.',
  details:
    'Optional: the first snapshot and the first push create them too. A remote must support conditional writes, which is tested first.',
  positionals: {},
  options: { encrypt: { type: 'boolean', hidden: true } },
  examples: [
    ['init', 'Create the default local store'],
    ['init --home /srv/profiles --user alice', 'Create another store, for another user'],
    ['init --remote s3://bucket/profiles?region=eu-central-1', 'Create a store in a bucket too'],
  ],
  async run(context, { encrypt }) {
    if (encrypt) throw new CliError('UNSUPPORTED', '--encrypt: this version does not encrypt', 'Omit --encrypt.');
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

function describe({ repository, created }: Initialized, user: string, place: string): Line {
  return [created ? 'created' : 'there is already', ' repository ', styled('yellow', shortId(repository)), ` of user ${user} in ${place}`];
}
