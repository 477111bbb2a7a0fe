/** `recover`: commits or discards abandoned mounts. */
import type { AbandonedMount, RecoverAction, Recovered, Store } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { offline } from '../args/options.js';
import type { Context } from '../context.js';
import { CliError, describeFailure, exitStatus } from '../failure.js';
import { headings, type Line, styled, table } from '../output/lines.js';
import { type Screen, shortId, when } from '../output/text.js';

export const recover = defineCommand({
  usage: 'recover',
  summary: 'List abandoned mounts, or commit or discard them.',
  details:
    'The next mount of a session commits its abandoned mounts too. A question mark means that the mount belongs to another host name (a container that shares this home), so its process may still run. Such mounts are kept unless they are named. If the session has newer commits, the mount is committed as a conflict session. Unexpectedly small directories are kept.',
  positionals: {},
  options: {
    commit: { type: 'string', describe: 'Commit the mount of this name, or all with --all' },
    discard: { type: 'string', describe: 'Discard the mount of this name, or all with --all' },
    all: { type: 'boolean', describe: 'All abandoned mounts' },
    'allow-shrink': { type: 'boolean', describe: 'Commit even if cookies or most files are gone' },
    ...offline,
  },
  examples: [
    ['recover', 'List abandoned mounts'],
    ['recover --commit work.0123456789ab', 'Commit one mount'],
    ['recover --commit --all', 'Commit all mounts'],
    ['recover --discard work.0123456789ab', 'Discard one mount'],
  ],
  async run(context, args) {
    const { report } = context;
    const store = await context.store();
    const left = await store.abandonedMounts();
    const how = howOf(args);
    if (how === undefined) {
      if (args.all) throw new CliError('USAGE', 'expected --commit or --discard with --all, found neither', 'Add --commit or --discard.');
      const checkouts = await store.unfinishedCheckouts();
      report.result([...left, ...checkouts], (screen) => [...describeLeft(left, screen), ...checkouts.flatMap(describeCheckout)]);
      if (left.length + checkouts.length === 0) report.note('There are no abandoned mounts.');
      return;
    }
    const chosen = choose(left, args[how] ?? '', args.all ?? false);
    const options = { allowShrink: args.allowShrink, offline: args.offline, signal: context.signal };
    if (!args.all) {
      const result = toJson(await store.recover(chosen[0] as AbandonedMount, how, options));
      report.result(result, () => [describe(result)]);
      return;
    }
    await recoverAll(context, store, chosen, how, options);
  },
});

type Result = Omit<Recovered, 'commit'> & { commit: string | null };

function howOf({ commit, discard }: { commit?: string | undefined; discard?: string | undefined }): RecoverAction | undefined {
  if (commit !== undefined && discard !== undefined)
    throw new CliError('USAGE', 'expected --commit or --discard, found both', 'Omit one of them.');
  if (commit !== undefined) return 'commit';
  return discard === undefined ? undefined : 'discard';
}

function choose(left: readonly AbandonedMount[], id: string, all: boolean): readonly AbandonedMount[] {
  if (all === (id !== '')) {
    const hint = 'Run `browserstate recover` to list the names.';
    throw new CliError('USAGE', `expected the name of a mount or --all, found ${all ? 'both' : 'neither'}`, hint);
  }
  const chosen = all ? left.filter(({ isCertain }) => isCertain) : left.filter((each) => each.id === id);
  if (all || chosen.length > 0) return chosen;
  throw new CliError(
    'NOT_FOUND',
    `abandoned mount ${JSON.stringify(id)} not found`,
    'Run `browserstate recover` to list the abandoned mounts.',
  );
}

/**
 * Recovers each mount, continuing after a failure. The exit status is that of the first failure.
 */
async function recoverAll(
  context: Context,
  store: Store,
  left: readonly AbandonedMount[],
  how: RecoverAction,
  options: Parameters<Store['recover']>[2],
): Promise<void> {
  const { report } = context;
  const outcomes: unknown[] = [];
  const lines: Line[] = [];
  for (const each of left) {
    try {
      const result = toJson(await store.recover(each, how, options));
      outcomes.push(result);
      lines.push(describe(result));
    } catch (error) {
      const failure = describeFailure(error, context.signal.aborted);
      if (failure.code === 'CANCELLED') throw error;
      outcomes.push({ id: each.id, session: each.session, error: failure });
      context.status ||= exitStatus[failure.code];
      if (!report.options.json) report.error(failure, error);
    }
  }
  report.result(outcomes, () => lines);
  if (left.length === 0) report.note('There are no abandoned mounts.');
}

function toJson({ commit = '', ...rest }: Recovered): Result {
  return { ...rest, commit: commit || null };
}

function describe({ id, session, commit, outcome, pushed }: Result): Line {
  const name = styled('bold', id);
  if (outcome === 'discarded') return ['discarded ', name];
  if (outcome === 'unchanged' || commit === null) return [name, ' had no uncommitted changes and was removed'];
  return ['recovered ', name, ' as ', styled('yellow', shortId(commit)), ` of ${session}${pushed ? ', and pushed it' : ''}`];
}

function describeLeft(left: readonly AbandonedMount[], screen: Screen): Line[] {
  if (left.length === 0) return [];
  const rows = left.map(({ id, base, since, dir, isCertain, usedBy }) => [
    styled('bold', id),
    base ? styled('yellow', shortId(base)) : 'new',
    styled('cyan', when(since, screen)),
    `${dir}${isCertain ? '' : ' ?'}${usedBy === undefined ? '' : ` (process ${usedBy} still runs in it)`}`,
  ]);
  return table([...headings(screen, ['MOUNT', 'BASE', 'MOUNTED', 'DIRECTORY']), ...rows]);
}

function describeCheckout({ dir, session, leftovers }: Awaited<ReturnType<Store['unfinishedCheckouts']>>[number]): Line[] {
  const command = `browserstate restore ${dir}${session === undefined ? '' : ` -s ${session}`}`;
  const lines: Line[] = leftovers.map(({ path, holds }) => [`  ${path} holds ${holds}`]);
  return [[styled('bold', dir), `: a restore was interrupted; \`${command}\` finishes or undoes it`], ...lines];
}
