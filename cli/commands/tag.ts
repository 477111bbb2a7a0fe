/** `tag`: a name for a commit. */
import { defineCommand } from '../command.js';
import { styled } from '../lines.js';
import { at, noPush, session } from '../options.js';
import { shortId } from '../text.js';

export const tag = defineCommand({
  usage: 'tag <name>',
  summary: 'Give a commit of a session a name, which keeps it for ever.',
  details: 'A tag of that name moves.',
  positionals: { name: { type: 'string', demandOption: true, describe: 'The tag' } },
  options: { ...session, ...at, ...noPush },
  examples: [
    ['tag good -s work', 'The newest commit'],
    ['tag before-update -s work --at HEAD~3', 'An older one'],
  ],
  async run(context, { session: id, name, at, noPush }) {
    const session = await context.session(id);
    const { commit } = await session.tag(name, { at, offline: noPush, signal: context.signal });
    context.report.result({ tag: name, commit }, () => [
      [styled('green', name), ' names ', styled('yellow', shortId(commit)), ` of ${id}`],
    ]);
  },
});
