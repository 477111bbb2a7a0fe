/** `stats`: shows the contents and the size of a store. */
import type { Usage } from '../../src/index.js';
import { defineCommand } from '../args/command.js';
import { on } from '../args/options.js';
import { type Line, styled, table } from '../output/lines.js';
import { number, size } from '../output/text.js';

export const stats = defineCommand({
  usage: 'stats',
  summary: 'Show the contents and the size of a store.',
  positionals: {},
  options: on,
  examples: [
    ['stats', 'Count sessions, commits, objects and bytes'],
    ['stats --on remote', 'Count those of the remote'],
  ],
  async run(context, { on }) {
    if (on === 'remote') context.requireRemote();
    const store = await context.store();
    const usage = await store.usage({ on, signal: context.signal });
    const ratio = usage.storedBytes > 0 ? usage.logicalBytes / usage.storedBytes : null;
    context.report.result({ ...usage, ratio }, () => describe(usage, ratio));
  },
});

/** Describes how many times smaller the stored bytes are. */
function compared(ratio: number): string {
  if (ratio < 1) return `${(1 / ratio).toFixed(1)} times larger`;
  return `${ratio < 100 ? ratio.toFixed(1) : number(Math.round(ratio))} times smaller`;
}

function describe({ sessions, commits, objects, storedBytes, logicalBytes, reclaimableBytes }: Usage, ratio: number | null): Line[] {
  const rows: Line[] = [
    [styled('bold', 'sessions'), number(sessions)],
    [styled('bold', 'commits'), number(commits), size(logicalBytes), 'if each were stored separately'],
  ];
  for (const [kind, { count, bytes }] of Object.entries(objects)) rows.push([styled('bold', kind), number(count), size(bytes)]);
  const total = Object.values(objects).reduce((sum, { count }) => sum + count, 0);
  rows.push([styled('bold', 'stored'), number(total), size(storedBytes), ratio === null ? '' : compared(ratio)]);
  const needless = reclaimableBytes === null ? 'unknown: `browserstate verify` lists the damage' : size(reclaimableBytes);
  rows.push([styled('bold', 'reclaimable'), '', needless, 'not needed by any commit']);
  return table(rows, { right: [1, 2] });
}
