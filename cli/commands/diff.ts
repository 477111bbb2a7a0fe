/** `diff`: what differs between two versions. */
import { defineCommand } from '../command.js';
import { describeDifference } from '../difference.js';
import { offline, session } from '../options.js';

export const diff = defineCommand({
  usage: 'diff <a> [b]',
  summary: 'Show the paths in which two versions differ.',
  details: 'Added are those that B alone has, removed those that A alone has. Times alone make no difference.',
  positionals: {
    a: { type: 'string', demandOption: true, describe: 'A revision; SESSION:REV is one of another session' },
    b: { type: 'string', default: 'HEAD', describe: 'Another one' },
  },
  options: { ...session, ...offline },
  examples: [
    ['diff -s work HEAD~1', 'What the newest commit changed'],
    ['diff -s work good HEAD~2', 'Between a tag and an older version'],
    ['diff -s work HEAD other:HEAD', 'Between two sessions'],
  ],
  async run(context, { session: id, a, b, offline }) {
    const session = await context.session(id);
    const difference = await session.diff(a, b, { offline, signal: context.signal });
    context.report.result(difference, () => describeDifference(difference));
  },
});
