/** `snapshot`: commits a directory to a session. */
import type { CommitResult } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { dir, noPush, onConflict, onConflictDetails, parseLabels, rules, session } from '../args/options.js';
import { type Line, styled } from '../output/lines.js';
import { count, shortId, size } from '../output/text.js';
import { describePush, noteCreation } from '../output/transfers.js';

export const snapshot = defineCommand({
  usage: 'snapshot <dir>',
  summary: 'Commit a directory to a session, and push the commit if there is a remote.',
  details: `No commit is made if only modification times changed. Caches and the paths in the directory's .browserstateignore are excluded. If the remote has other commits, ${onConflictDetails}`,
  positionals: dir("The profile: the browser's user data directory"),
  options: {
    ...session,
    message: { type: 'string', alias: 'm', requiresArg: true, describe: 'Commit message' },
    label: { type: 'array', string: true, requiresArg: true, describe: 'Label of the form KEY=VALUE (repeatable)' },
    tag: { type: 'string', requiresArg: true, describe: 'Tag the commit; tagged commits are never removed' },
    ...rules,
    'allow-shrink': { type: 'boolean', describe: 'Commit even if cookies or most files are gone' },
    'allow-partial-profile': { type: 'boolean', describe: 'Commit a profile without its user data directory' },
    compression: { choices: ['auto', 'max', 'off'], default: 'auto', requiresArg: true, describe: 'Compression of new data' },
    ...noPush,
    ...onConflict,
  },
  examples: [
    ['snapshot ~/profile -s work -m "logged in"', 'Commit a profile'],
    ['snapshot DIR -s work --label run=42 --tag good', 'Commit with a label and a tag'],
    ['snapshot DIR -s work --no-push', 'Commit now, push later'],
    ["snapshot DIR -s work --exclude '*.log' --json", 'Exclude files; print JSON'],
  ],
  async run(context, args) {
    const { report, signal } = context;
    const { message, tag, exclude, keepCaches, allowShrink, allowPartialProfile, compression } = args;
    const labels = parseLabels(args.label);
    const session = await context.session(args.session);
    const options = { message, labels, tag, exclude, keepCaches, allowShrink, allowPartialProfile, compression, signal };
    const onWarning = (text: string): void => report.warn(text);
    const saving = { ...options, push: !args.noPush, onConflict: args.onConflict, onWarning };
    const { push: sent, ...result } = await session.save(args.dir, saving);
    const { commit, tree, parent = null, changed, stats, warnings } = result;
    noteCreation(report, sent?.created);
    const { pushed = false, ...push } = sent ?? {};
    const value = { commit, tree, parent, changed, ...stats, warnings, tag: tag ?? null, pushed, push: sent ? push : null };
    report.result(value, () => [
      ...describe(args.session, result, tag),
      ...(sent?.pushed || sent?.forkedTo !== undefined ? [describePush(sent)] : []),
    ]);
  },
});

function describe(session: string, { commit, changed, stats }: CommitResult, tag: string | undefined): Line[] {
  const { files, bytes, newBytes, storedBytes, excluded } = stats;
  const content = `${count(files, 'file')}, ${size(bytes)}`;
  const what = changed ? ` to ${session}: ${content}; ${size(newBytes)} new, stored in ${size(storedBytes)}` : ` of ${session}: ${content}`;
  const lines: Line[] = [
    [
      changed ? 'committed ' : 'nothing changed since ',
      styled('yellow', shortId(commit)),
      ...(tag ? [' (', styled('green', tag), ')'] : []),
      what,
    ],
  ];
  if (excluded.files > 0) lines.push([styled('dim', `left out ${count(excluded.files, 'file')}, ${size(excluded.bytes)}`)]);
  return lines;
}
