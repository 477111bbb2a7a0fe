/**
 * Our CLI compared with restic, borg and tar on one real profile and this machine's disk. The steps
 * are the first snapshot, a snapshot without changes, a snapshot after a short run of the browser,
 * and restore. The page cache is warm, the results are medians, and the tools take turns at running
 * first.
 *
 *     node dist/bench/local.js [--mb 200] [--files N] [--runs 3] [--profile DIR] [--only NAME,NAME]
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { listFiles, totalBytes } from '../test/support/measure/files.js';
import type { Timed } from '../test/support/measure/timed.js';
import { assertSame, become, stage } from './_stage.js';
import { printTable } from './_table.js';
import { type Peer, peers } from './peers.js';
import { makeBig, smallRun } from './profiles.js';

const STEPS = ['first', 'unchanged', 'small run', 'restore'] as const;
type Step = (typeof STEPS)[number];

interface Outcome {
  readonly timed: Record<Step, Timed>;
  /**
   * Stored bytes after the first snapshot, the unchanged snapshot and the snapshot after the short
   * run.
   */
  readonly stored: readonly number[];
}

/** The same files before and after a short run, in one directory each. */
interface Stages {
  readonly before: string;
  readonly after: string;
}

const settled = <T>(step: () => T): T => {
  execFileSync('sync');
  return step();
};

function measure(peer: Peer, { before, after }: Stages, folder: string): Outcome {
  const [root, work, out] = [join(folder, 'tool'), join(folder, 'work'), join(folder, 'out')];
  mkdirSync(root, { recursive: true });
  stage(before, listFiles(before, { keepCaches: true }), work);
  peer.init(root);
  const stored: number[] = [];
  const snapshot = (): Timed => {
    const timed = settled(() => peer.snapshot(root, work));
    stored.push(peer.storedBytes(root));
    return timed;
  };
  const first = snapshot();
  const unchanged = snapshot();
  become(work, after);
  const small = snapshot();
  const restored = settled(() => peer.restore(root, work, out));
  assertSame(after, restored.at);
  rmSync(folder, { recursive: true });
  return { timed: { first, unchanged, 'small run': small, restore: restored }, stored };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

type Measure = (outcome: Outcome) => number;
const wall =
  (step: Step): Measure =>
  (outcome) =>
    outcome.timed[step].wallMs / 1000;
const cpu =
  (step: Step): Measure =>
  (outcome) =>
    outcome.timed[step].cpuMs / 1000;
const peak =
  (step: Step): Measure =>
  (outcome) =>
    outcome.timed[step].maxRssKiB / 1024;
const storedMiB =
  (i: number): Measure =>
  (outcome) =>
    (outcome.stored[i] as number) / 2 ** 20;
const of = (outcomes: readonly Outcome[], measured: Measure): number => median(outcomes.map(measured));

function report(results: ReadonlyMap<string, Outcome[]>): void {
  const columns: [string, Measure, number][] = [
    ...STEPS.flatMap((step): [string, Measure, number][] => [
      [`${step} s`, wall(step), 2],
      ['cpu s', cpu(step), 2],
      ['peak MiB', peak(step), 0],
    ]),
    ...['first', 'unchanged', 'small run'].map((name, i): [string, Measure, number] => [`stored ${name} MiB`, storedMiB(i), 2]),
  ];
  const lines = [...results].map(([name, outcomes]) => [
    name,
    ...columns.map(([, measured, digits]) => of(outcomes, measured).toFixed(digits)),
  ]);
  printTable(['', ...columns.map(([title]) => title)], lines);
}

/** Prints the project's targets: ratios of our medians to a peer's. */
function reportTargets(results: ReadonlyMap<string, Outcome[]>): void {
  const own = results.get('browserstate');
  if (!own) return;
  const ratio = (peer: string, measured: Measure, digits = 2): string => {
    const theirs = results.get(peer);
    return theirs ? (of(own, measured) / of(theirs, measured)).toFixed(digits) : '–';
  };
  const time = (name: string, peer: string, step: Step, target: string) => [name, ratio(peer, wall(step)), ratio(peer, cpu(step)), target];
  printTable(
    ['', 'wall', 'cpu', 'target'],
    [
      time('first snapshot ÷ borg', 'borg', 'first', '≤ 0.6'),
      time('nothing changed ÷ restic', 'restic', 'unchanged', '≤ 0.5'),
      time('restore ÷ restic', 'restic', 'restore', '≤ 1'),
      ['stored ÷ restic', ratio('restic', storedMiB(2), 4), '', '< 1'],
      ['stored ÷ borg', ratio('borg', storedMiB(2), 4), '', '< 1'],
      ['our peak, MiB', Math.max(...STEPS.map((step) => of(own, peak(step)))).toFixed(0), '', '< 200'],
    ],
  );
}

function compare(tools: readonly Peer[], stages: Stages, runs: number, folder: string): void {
  const results = new Map<string, Outcome[]>(tools.map((tool) => [tool.name, []]));
  for (let run = 0; run < runs; run++) {
    for (let i = 0; i < tools.length; i++) {
      const tool = tools[(i + run) % tools.length] as Peer;
      results.get(tool.name)?.push(measure(tool, stages, join(folder, 'measured')));
    }
  }
  report(results);
  reportTargets(results);
}

/**
 * Stages the profile before and after a short run, with its caches and by the default exclusions.
 */
async function stageBoth(profile: string, folder: string): Promise<(Stages & { title: string })[]> {
  const variants = [true, false].map((keepCaches) => {
    const title = keepCaches ? 'Caches kept' : 'Default excludes';
    return { title, keepCaches, before: join(folder, `${title} before`), after: join(folder, `${title} after`) };
  });
  for (const { keepCaches, before } of variants) stage(profile, listFiles(profile, { keepCaches }), before);
  await smallRun(profile, 1);
  for (const { keepCaches, after } of variants) stage(profile, listFiles(profile, { keepCaches }), after);
  return variants;
}

/** Returns the requested peers that can run here. Prints which peers cannot. */
function able(names: readonly string[] | undefined): Peer[] {
  return peers.filter((peer) => {
    if (names?.includes(peer.name) === false) return false;
    const reason = peer.missing();
    if (reason !== undefined) console.log(`${peer.name}: ${reason}`);
    return reason === undefined;
  });
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      mb: { type: 'string', default: '200' },
      files: { type: 'string' },
      runs: { type: 'string', default: '3' },
      profile: { type: 'string' },
      only: { type: 'string' },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), 'browserstate-bench-'));
  try {
    const profile = join(folder, 'profile');
    const mb = Number(values.mb);
    if (values.profile !== undefined) cpSync(values.profile, profile, { recursive: true, preserveTimestamps: true });
    else await makeBig(profile, { bytes: mb * 1e6, files: Number(values.files ?? mb * 8.5) });
    const tools = able(values.only?.split(','));
    for (const { title, ...stages } of await stageBoth(profile, folder)) {
      const files = listFiles(stages.before, { keepCaches: true });
      console.log(`\n${title}: ${files.length} files, ${(totalBytes(files) / 1e6).toFixed(1)} MB; medians of ${values.runs}`);
      compare(tools, stages, Number(values.runs), folder);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
