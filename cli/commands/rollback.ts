/** `rollback`: commits the content of an older version. */
import type { LogEntry, OfflineOptions, Session } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { noPush, noPushDetails, offline, session } from '../args/options.js';
import { describeFailure } from '../failure.js';
import { styled } from '../output/lines.js';
import { count, shortId, size } from '../output/text.js';

/**
 * Returns the head if its content is that of the revision. Returns undefined if the revision or the
 * session is not found: the rollback looks further, and reports it.
 */
async function headWith(session: Session, revision: string, options: OfflineOptions): Promise<LogEntry | undefined> {
  try {
    const [head, wanted] = [await session.resolve('HEAD', options), await session.resolve(revision, options)];
    return head.tree === wanted.tree ? head : undefined;
  } catch (error) {
    if (describeFailure(error, false).code !== 'NOT_FOUND') throw error;
    return undefined;
  }
}

export const rollback = defineCommand({
  usage: 'rollback',
  summary: 'Go back to an older version by committing its content again.',
  details: `History is kept: a rollback can be rolled back. Nothing is committed if the session has that content already. The commit is pushed if there is a remote. ${noPushDetails}`,
  positionals: {},
  options: {
    ...session,
    to: {
      type: 'string',
      requiresArg: true,
      demandOption: true,
      describe: 'Revision, such as HEAD~1, a tag or a commit id',
    },
    message: { type: 'string', alias: 'm', requiresArg: true, describe: 'Commit message' },
    ...noPush,
    ...offline,
  },
  examples: [
    ['rollback -s work --to HEAD~1', 'Undo the newest commit'],
    ['rollback -s work --to good', 'Go back to a tag'],
    ['rollback -s work --to good --no-push', 'Go back now, push later'],
  ],
  async run(context, { session: id, to, message, noPush, offline }) {
    const { report, signal } = context;
    const session = await context.session(id);
    const head = await headWith(session, to, { offline: offline || noPush, signal });
    if (head !== undefined) {
      const { commit, tree, parents, files, bytes } = head;
      return report.result({ commit, tree, parent: parents[0] ?? null, files, bytes, changed: false }, () => [
        [`${id} has the content of ${to} already: `, styled('yellow', shortId(commit)), '; nothing was committed'],
      ]);
    }
    const { commit, tree, parents, files, bytes } = await session.rollback(to, { message, push: !noPush, offline, signal });
    report.result({ commit, tree, parent: parents[0] ?? null, files, bytes, changed: true }, () => [
      [`rolled ${id} back to ${to}: `, styled('yellow', shortId(commit)), ` with ${count(files, 'file')}, ${size(bytes)}`],
    ]);
  },
});
