/** `tag`: names commits. */
import type { Session } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { at, noPush, noPushDetails, offline, session } from '../args/options.js';
import type { Context } from '../context.js';
import { CliError } from '../failure.js';
import { type Line, styled, table } from '../output/lines.js';
import { shortId } from '../output/text.js';

export const tag = defineCommand({
  usage: 'tag [name]',
  summary: 'Tag a commit, list the tags, or remove one. Tagged commits are never removed.',
  details: `An existing tag of that name is moved. Tags are set and removed locally and on the remote; --list shows those of both. ${noPushDetails}`,
  positionals: { name: { type: 'string', describe: 'Name of the tag' } },
  options: {
    ...session,
    ...at,
    list: { type: 'boolean', describe: 'List the tags with their commits' },
    delete: { type: 'string', requiresArg: true, describe: 'Remove this tag; its commit is kept' },
    ...noPush,
    ...offline,
  },
  examples: [
    ['tag good -s work', 'Tag the newest commit'],
    ['tag before-update -s work --at HEAD~3', 'Tag an older commit'],
    ['tag -s work --list', 'List all tags'],
    ['tag -s work --delete good', 'Remove a tag'],
  ],
  async run(context, { session: id, name, at, list, delete: removed, noPush, offline }) {
    const ways = [name !== undefined, list === true, removed !== undefined].filter(Boolean).length;
    const { signal } = context;
    if (ways !== 1 || (at !== undefined && name === undefined)) {
      const hint = 'Use one of `tag NAME [--at REV]`, `tag --list` and `tag --delete NAME`.';
      throw new CliError('USAGE', `expected one of a tag, --list and --delete, found ${ways === 1 ? '--at as well' : ways}`, hint);
    }
    if (list && noPush) throw new CliError('USAGE', '--list pushes nothing, found --no-push', 'Omit --no-push.');
    if (removed !== undefined && offline)
      throw new CliError(
        'USAGE',
        '--delete reads nothing of the remote, found --offline',
        'Write --no-push to keep the tag on the remote.',
      );
    const session = await context.session(id);
    if (list) return listTags(context, session, { offline, signal });
    if (removed !== undefined) {
      const commit = await session.untag(removed, { offline: noPush, signal });
      return context.report.result({ deleted: removed, commit }, () => [
        ['removed the tag ', styled('green', removed), ', which named ', styled('yellow', shortId(commit)), ` of ${id}`],
      ]);
    }
    const tagged = name as string;
    const { commit } = await session.tag(tagged, { at, push: !noPush, offline, signal });
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
