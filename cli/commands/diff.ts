/** `diff`: compares two versions. */
import { defineCommand } from '../args/command.js';
import { offline, session } from '../args/options.js';
import { describeDifference } from '../output/diff.js';

export const diff = defineCommand({
  usage: 'diff <a> [b]',
  summary: 'List the paths that differ between two versions.',
  details: 'Added paths are only in B, removed paths only in A. Modification times are ignored.',
  positionals: {
    a: { type: 'string', demandOption: true, describe: 'First revision; SESSION:REV for another session' },
    b: { type: 'string', default: 'HEAD', describe: 'Second revision' },
  },
  options: { ...session, ...offline },
  examples: [
    ['diff -s work HEAD~1', 'Show the changes of the newest commit'],
    ['diff -s work good HEAD~2', 'Compare a tag with an older version'],
    ['diff -s work HEAD other:HEAD', 'Compare two sessions'],
  ],
  async run(context, { session: id, a, b, offline }) {
    const session = await context.session(id);
    const difference = await session.diff(a, b, { offline, signal: context.signal });
    context.report.result(difference, () => describeDifference(difference));
  },
});
