/** `recover`: workspaces that a crash left. */
import type { LeftMount, Recovered, RecoverHow, Store } from '../../src/index.js';
import { defineCommand } from '../command.js';
import type { Context } from '../context.js';
import { CliError, describeFailure, exitStatus } from '../failure.js';
import { type Line, styled, table } from '../lines.js';
import { offline } from '../options.js';
import { age, shortId } from '../text.js';

export const recover = defineCommand({
  usage: 'recover',
  summary: 'List what processes that died left mounted, or commit or discard it.',
  details:
    'What is left of a session is committed when it is mounted next, too. Of a process of another machine name (a container that shares this home) it cannot be known whether it is gone: what it has is listed with a question mark, and left alone unless it is named. Where the session has moved since, it becomes a session of its own. What lost its cookies or nearly all files is left alone.',
  positionals: {},
  options: {
    commit: { type: 'string', describe: 'Commit the workspace of this name, or all with --all' },
    discard: { type: 'string', describe: 'Remove the workspace of this name, or all with --all' },
    all: { type: 'boolean', describe: 'Every workspace that is left' },
    'allow-shrink': { type: 'boolean', describe: 'Commit even if the cookies or nearly all files are gone' },
    ...offline,
  },
  examples: [
    ['recover', 'What is left'],
    ['recover --commit work.0123456789ab', 'Commit one'],
    ['recover --commit --all', 'Commit all of it'],
    ['recover --discard work.0123456789ab', 'Give one up'],
  ],
  async run(context, args) {
    const { report } = context;
    const store = await context.store();
    const left = await store.leftMounts();
    const how = howOf(args);
    if (how === undefined) {
      if (args.all) throw new CliError('USAGE', 'expected --commit or --discard with --all, found neither');
      const checkouts = await store.unfinishedCheckouts();
      report.result([...left, ...checkouts], () => [...describeLeft(left), ...checkouts.flatMap(describeCheckout)]);
      if (left.length + checkouts.length === 0) report.note('Nothing is left.');
      return;
    }
    const chosen = choose(left, args[how] ?? '', args.all ?? false);
    const options = { allowShrink: args.allowShrink, offline: args.offline, signal: context.signal };
    if (!args.all) {
      const result = toJson(await store.recover(chosen[0] as LeftMount, how, options));
      report.result(result, () => [describe(result)]);
      return;
    }
    await recoverAll(context, store, chosen, how, options);
  },
});

type Result = Omit<Recovered, 'commit'> & { commit: string | null };

function howOf({ commit, discard }: { commit?: string | undefined; discard?: string | undefined }): RecoverHow | undefined {
  if (commit !== undefined && discard !== undefined) throw new CliError('USAGE', 'expected --commit or --discard, found both');
  if (commit !== undefined) return 'commit';
  return discard === undefined ? undefined : 'discard';
}

function choose(left: readonly LeftMount[], id: string, all: boolean): readonly LeftMount[] {
  if (all === (id !== '')) {
    const hint = '`browserstate recover` lists their names.';
    throw new CliError('USAGE', `expected the name of a workspace or --all, found ${all ? 'both' : 'neither'}`, hint);
  }
  const chosen = all ? left.filter(({ isCertain }) => isCertain) : left.filter((each) => each.id === id);
  if (all || chosen.length > 0) return chosen;
  throw new CliError('NOT_FOUND', `expected a workspace ${id} that was left, found none`, '`browserstate recover` lists what is left.');
}

/** One that fails does not keep the others from it; the exit status is that of the first failure. */
async function recoverAll(
  context: Context,
  store: Store,
  left: readonly LeftMount[],
  how: RecoverHow,
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
  if (left.length === 0) report.note('Nothing is left.');
}

function toJson({ commit = '', ...rest }: Recovered): Result {
  return { ...rest, commit: commit || null };
}

function describe({ id, session, commit, outcome, pushed }: Result): Line {
  const name = styled('bold', id);
  if (outcome === 'discarded') return ['discarded ', name];
  if (outcome === 'unchanged' || commit === null) return [name, ' held nothing that is not committed, and is removed'];
  return ['recovered ', name, ' as ', styled('yellow', shortId(commit)), ` of ${session}${pushed ? ', and pushed it' : ''}`];
}

function describeLeft(left: readonly LeftMount[]): Line[] {
  const now = Date.now();
  if (left.length === 0) return [];
  return table([
    ['WORKSPACE', 'MADE FROM', 'MOUNTED', 'DIRECTORY'].map((heading) => styled('dim', heading)),
    ...left.map(({ id, base, since, dir, isCertain, usedBy }) => [
      styled('bold', id),
      base ? styled('yellow', shortId(base)) : 'new',
      styled('cyan', age(since, now)),
      `${dir}${isCertain ? '' : ' ?'}${usedBy === undefined ? '' : ` (process ${usedBy} still runs in it)`}`,
    ]),
  ]);
}

function describeCheckout({ dir, session, leftovers }: Awaited<ReturnType<Store['unfinishedCheckouts']>>[number]): Line[] {
  const command = `browserstate restore ${dir}${session === undefined ? '' : ` -s ${session}`}`;
  const lines: Line[] = leftovers.map(({ path, holds }) => [`  ${path} holds ${holds}`]);
  return [[styled('bold', dir), `: a restore was cut off; \`${command}\` finishes or undoes it`], ...lines];
}
