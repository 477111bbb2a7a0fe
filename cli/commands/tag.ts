/** `tag`: names for commits. */
import type { Session } from '../../src/index.js';
import { defineCommand } from '../command.js';
import type { Context } from '../context.js';
import { CliError } from '../failure.js';
import { type Line, styled, table } from '../lines.js';
import { at, noPush, session } from '../options.js';
import { shortId } from '../text.js';

export const tag = defineCommand({
  usage: 'tag [name]',
  summary: 'Name a commit, list the names, or remove one. A named commit is never dropped.',
  details: 'A tag of that name moves.',
  positionals: { name: { type: 'string', describe: 'The tag' } },
  options: {
    ...session,
    ...at,
    list: { type: 'boolean', describe: 'List the tags and the commits that they name' },
    delete: { type: 'string', requiresArg: true, describe: 'Remove this tag; its commit stays' },
    ...noPush,
  },
  examples: [
    ['tag good -s work', 'The newest commit'],
    ['tag before-update -s work --at HEAD~3', 'An older one'],
    ['tag -s work --list', 'All tags; with --json an array'],
    ['tag -s work --delete good', 'Remove one'],
  ],
  async run(context, { session: id, name, at, list, delete: removed, noPush }) {
    const ways = [name !== undefined, list === true, removed !== undefined].filter(Boolean).length;
    const options = { offline: noPush, signal: context.signal };
    if (ways !== 1 || (at !== undefined && name === undefined)) {
      const hint = 'Write one of `tag NAME [--at REV]`, `tag --list` and `tag --delete NAME`.';
      throw new CliError('USAGE', `expected one of a tag, --list and --delete, found ${ways === 1 ? '--at besides' : ways}`, hint);
    }
    const session = await context.session(id);
    if (list) return listTags(context, session, options);
    if (removed !== undefined) {
      const commit = await session.untag(removed, options);
      return context.report.result({ deleted: removed, commit }, () => [
        ['removed the tag ', styled('green', removed), ', which named ', styled('yellow', shortId(commit)), ` of ${id}`],
      ]);
    }
    const tagged = name as string;
    const { commit } = await session.tag(tagged, { ...options, at });
    context.report.result({ tag: tagged, commit }, () => [
      [styled('green', tagged), ' names ', styled('yellow', shortId(commit)), ` of ${id}`],
    ]);
  },
});

async function listTags(context: Context, session: Session, options: Parameters<Session['tags']>[0]): Promise<void> {
  const tags = [...(await session.tags(options))].map(([tag, commit]) => ({ tag, commit })).sort((a, b) => (a.tag < b.tag ? -1 : 1));
  const lines = (): Line[] => table(tags.map(({ tag, commit }) => [styled('green', tag), styled('yellow', shortId(commit))]));
  context.report.result(tags, lines);
  if (tags.length === 0) context.report.note(`Session ${session.id} has no tags.`);
}
