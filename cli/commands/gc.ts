/** `gc`: deletes the data that no session needs. */
import type { GcResult, GcStep } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { on } from '../args/options.js';
import { canAsk, confirm } from '../confirm.js';
import { exitStatus } from '../failure.js';
import type { Line } from '../output/lines.js';
import { count, size } from '../output/text.js';

const labels: Readonly<Record<GcStep, string>> = { mark: 'looking', fence: 'checking', delete: 'deleting' };

export const gc = defineCommand({
  usage: 'gc',
  summary: 'Delete data that no session needs, such as that of deleted sessions.',
  details:
    'Every commit of every session stays, and so does each pack that a commit needs in part. On a terminal it shows what it would delete and asks, unless --yes or --json is given; any answer ' +
    'but yes keeps it, with exit status 130. Without a terminal it deletes at once. Other processes may read and write the store meanwhile; ' +
    'a save that is under way starts over. If it is interrupted, run it again. It deletes nothing if a session is unreadable.',
  positionals: {},
  options: {
    'dry-run': { type: 'boolean', describe: 'Show what would be deleted, and delete nothing' },
    yes: { type: 'boolean', alias: 'y', describe: 'Delete without asking' },
    ...on,
  },
  examples: [
    ['gc', 'Clean up the local store'],
    ['gc --on remote --yes', 'Clean up the remote without asking'],
    ['gc --dry-run --json', 'Count the data that can be deleted; print JSON'],
  ],
  async run(context, { dryRun, yes, on }) {
    if (on === 'remote') context.requireRemote();
    const { report, signal } = context;
    const onProgress = (step: GcStep, done: number, total: number) =>
      report.progress({ label: labels[step], done, total, unit: step === 'delete' ? 'objects' : 'sessions' });
    const store = await context.store();
    const collect = (dryRun: boolean | undefined) => store.gc({ on, dryRun, onProgress, signal });
    if (!dryRun && !yes && canAsk(report.options)) {
      const planned = await collect(true);
      report.clearProgress();
      if (planned.deleted.objects > 0 || planned.leftoverBytes > 0) {
        report.note(amount('would delete', planned));
        if (!(await confirm(`Delete it ${on === 'remote' ? `on ${context.remote}` : 'locally'}?`, signal))) {
          report.note('nothing was deleted');
          context.status = exitStatus.CANCELLED;
          return;
        }
      }
    }
    const result = await collect(dryRun);
    report.result({ dryRun: dryRun ?? false, ...result }, () => describe(result, dryRun ? 'would delete' : 'deleted'));
  },
});

function describe(result: GcResult, verb: string): Line[] {
  const { kept, sessions, commits } = result;
  const whose = `${count(sessions, 'session')} with ${count(commits.kept, 'commit')}`;
  return [[amount(verb, result)], [`kept ${count(kept.objects, 'object')}, ${size(kept.bytes)}, of ${whose}`]];
}

/** Returns the number of objects by kind, with their sizes. */
function amount(verb: string, { deleted, leftoverBytes }: GcResult): string {
  const kinds = Object.entries(deleted.kinds).filter(([, { objects }]) => objects > 0);
  const parts = kinds.map(([kind, { objects, bytes }]) => `${count(objects, kind.slice(0, -1))} ${size(bytes)}`);
  const leftovers = leftoverBytes > 0 ? `, and ${size(leftoverBytes)} that killed processes left` : '';
  const total = `${count(deleted.objects, 'object')}, ${size(deleted.bytes)}`;
  return `${verb} ${total}${parts.length > 1 ? ` (${parts.join(', ')})` : ''}${leftovers}`;
}
