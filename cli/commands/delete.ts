/** `delete`: removes a session and its history. */
import type { LogEntry, Session } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { noPush, session } from '../args/options.js';
import { canAsk, confirm } from '../confirm.js';
import type { Context } from '../context.js';
import { describeFailure, exitStatus } from '../failure.js';
import { styled } from '../output/lines.js';
import { age, count, size } from '../output/text.js';

export const deleteSession = defineCommand({
  usage: 'delete',
  summary: 'Delete a session and its history, locally and on the remote.',
  details:
    'On a terminal it asks first, unless --yes or --json is given; any answer but yes keeps the session, with exit status 130. Without a ' +
    'terminal it deletes at once. Its data stays in both stores until `gc` deletes it. Everyone who can read a store can read it until ' +
    'then. A pack stays whole if another session needs a part. --no-push deletes the local copy only.',
  positionals: {},
  options: { ...session, yes: { type: 'boolean', alias: 'y', describe: 'Delete without asking' }, ...noPush },
  examples: [
    ['delete -s experiment', 'Delete a session; its name can be used again'],
    ['delete -s experiment --no-push --yes', 'Delete the local copy only, without asking'],
  ],
  async run(context, { session: id, yes, noPush }) {
    const { report, signal } = context;
    const session = await context.session(id);
    const used = await session.openIn({ signal });
    if (used !== undefined) report.warn(`session ${id} is open in process ${used.pid}; its changes will go to a conflict session`);
    if (!yes && canAsk(report.options) && !(await agrees(context, session, noPush))) {
      report.note(`${id} was not deleted`);
      context.status = exitStatus.CANCELLED;
      return;
    }
    await session.delete({ offline: noPush, signal });
    report.result({ deleted: id }, () => [['deleted ', styled('bold', id)]]);
    const remotely = context.remote === undefined || noPush ? '' : ' and `browserstate gc --on remote`';
    report.note(`Its data stays in the store until \`browserstate gc\`${remotely}.`);
  },
});

/** Resolves to whether a person agrees to the deletion. Throws NOT_FOUND if there is no session. */
async function agrees({ report, remote, signal }: Context, session: Session, noPush: boolean | undefined): Promise<boolean> {
  report.note(`${session.id}: ${await summary(session.log({ offline: noPush, signal }))}`);
  const places = remote === undefined || noPush ? 'locally' : `locally and on ${remote}`;
  return confirm(`Delete ${session.id} ${places}?`, signal);
}

/** Describes the history that is about to be deleted. A damaged history can be deleted too. */
async function summary(log: AsyncIterable<LogEntry>): Promise<string> {
  const entries: LogEntry[] = [];
  try {
    for await (const entry of log) entries.push(entry);
  } catch (error) {
    if (describeFailure(error, false).code !== 'INTEGRITY') throw error;
    return 'its history is damaged';
  }
  const head = entries.find((entry) => entry.head) as LogEntry;
  const unsent = entries.filter(({ pushed }) => pushed === false).length;
  const newest = `${count(entries.length, 'commit')}, the newest ${age(head.time, Date.now())} with ${size(head.bytes)}`;
  return unsent === 0 ? newest : `${newest}; ${count(unsent, 'commit')} not pushed`;
}
