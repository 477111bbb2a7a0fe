/**
 * Bytes that a cold mount fetches after a long history, and the cost of compaction
 * (docs/design.md). One profile changes like a browser's and is pushed to two remotes. Only one of
 * the remotes is compacted.
 *
 *     node dist/bench/compaction.js [--commits 500] [--pages N]
 *
 * With --pages, each commit changes only N random pages of one database, the worst case for
 * compaction.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { allowedRanges } from '../src/repository/read/fetch-plan.js';
import { zstd } from '../test/support/measure/codecs.js';
import { changeBetween, type Generation, scan } from '../test/support/measure/scan.js';
import { RemoteStore } from './_remote-store.js';
import { changeSynthetic, editPages, makeLargeSynthetic } from './_synthetic.js';
import { printTable } from './_table.js';

const MILESTONES = [1, 2, 10, 50, 100, 200, 500, 1000, 2000];

const kib = (bytes: number): string => (bytes / 1024).toFixed(1);

interface Row {
  name: string;
  store: RemoteStore;
  data: number;
  manifests: number;
}

async function milestone(commits: number, floor: number, dir: string, rows: readonly Row[]): Promise<string[][]> {
  const fresh = await RemoteStore.create({ compacts: false });
  const { data } = await fresh.push(dir);
  const lines: string[][] = [];
  for (const { name, store, ...sent } of rows) {
    const { ranges, fetched, live } = await store.coldRead();
    const isWithin = ranges <= allowedRanges(live) && fetched <= 1.5 * live;
    const times = (bytes: number) => (floor === 0 ? '' : (bytes / floor).toFixed(2));
    lines.push([
      `${commits} ${name}`,
      `${ranges} / ${allowedRanges(live)}`,
      kib(fetched),
      kib(live),
      (fetched / live).toFixed(2),
      kib(data),
      (fetched / data).toFixed(2),
      isWithin ? 'yes' : 'no',
      kib(sent.data),
      times(sent.data),
      kib(sent.manifests),
      times(sent.data + sent.manifests),
    ]);
  }
  return lines;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { commits: { type: 'string', default: '500' }, pages: { type: 'string' } } });
  const count = Number(values.commits);
  const folder = mkdtempSync(join(tmpdir(), 'browserstate-bench-'));
  try {
    const dir = join(folder, 'profile');
    makeLargeSynthetic(dir, 'base');
    const rows: Row[] = [];
    for (const compacts of [true, false]) {
      rows.push({ name: compacts ? 'compacted' : 'left alone', store: await RemoteStore.create({ compacts }), data: 0, manifests: 0 });
    }
    const lines: string[][] = [];
    let before: Generation | undefined;
    let floor = 0;
    for (let commit = 1; commit <= count; commit++) {
      const generation = scan(commit, dir, false);
      if (before !== undefined) floor += zstd().storedSize(changeBetween(before, generation).pages);
      before = generation;
      for (const row of rows) {
        const { data, manifest } = await row.store.push(dir);
        if (commit === 1) continue;
        row.data += data;
        row.manifests += manifest;
      }
      if (MILESTONES.includes(commit) || commit === count) lines.push(...(await milestone(commit, floor, dir, rows)));
      if (values.pages === undefined) changeSynthetic(dir, `run ${commit}`);
      else editPages(join(dir, 'Default', 'History'), Number(values.pages), `run ${commit}`);
    }
    const cold = ['commits', 'ranges / allowed', 'fetched', 'live', '× live', 'fresh', '× fresh', 'within'];
    console.log(`A profile of ${before?.files.length} files; KiB; sent in commits 2 to ${count}; floor ${kib(floor)}`);
    printTable([...cold, 'packs sent', '× floor', 'manifests', 'all × floor'], lines);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

await main();
