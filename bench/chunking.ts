/**
 * Bytes sent per commit for several ways of chunking, over many real generations of one profile.
 * The lower bound is zstd of the changed 4 KiB pages. The results decided the format's chunk size
 * and its patches (see docs/design.md).
 *
 *     node dist/bench/chunking.js [--generations 30] [--profiles DIR] [--verbose] [--variants]
 *
 * DIR holds gen-00, gen-01 and so on, as made by bench/profiles.ts. Without it, they are made in a
 * temporary directory.
 */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CHUNK_SIZE } from '../src/base/limits.js';
import { brotli, zstd } from '../test/support/measure/codecs.js';
import { changeBetween, type Generation, scan } from '../test/support/measure/scan.js';
import { type Policy, policies, type Sent, SimulatedStore, type Store } from './_chunk-store.js';
import { RealStore } from './_real-store.js';
import { printTable } from './_table.js';
import { generations } from './profiles.js';

type NewStore = () => Store;

/** Returns the rows of the table: simulated policies, and the product measured at its provider. */
const rows = (keepCaches: boolean): NewStore[] => [
  ...policies(zstd()).map((policy) => () => new SimulatedStore(policy)),
  () => new RealStore(keepCaches),
];

/** Returns variants of the design's open choices, each with one change. */
function variants(): NewStore[] {
  const design: Policy = { name: '64 KiB + pages', chunkSize: CHUNK_SIZE, codec: zstd(), patches: {} };
  const change = (name: string, fields: Partial<Policy>) => () => new SimulatedStore({ ...design, ...fields, name });
  return [
    change(design.name, {}),
    ...[brotli(1), brotli(4), brotli(5)].map((codec) => change(`codec ${codec.name}`, { codec })),
    ...[64, 128, 512].map((kib) => change(`frames of ${kib} KiB`, { frameSize: kib * 1024 })),
    ...[1 / 4, 1 / 2, 1].map((whole) => change(`whole above ${whole}`, { patches: { whole } })),
    ...[1, 4, 16].map((most) => change(`at most ${most} patches`, { patches: { most } })),
    change('16 KiB + pages', { chunkSize: 16 * 1024 }),
  ];
}

interface Tally {
  readonly sent: Sent[];
  readonly first: number;
  readonly cold: { readonly bytes: number; readonly packs: number };
  /**
   * Data of the last generation as the first commit of an empty store: a cold read without
   * fragmentation.
   */
  readonly live: number;
}

interface Result {
  /** One entry for each of the runs 1 to N. */
  readonly floors: number[];
  readonly changes: { readonly files: number; readonly fileBytes: number; readonly pageBytes: number }[];
  readonly tallies: Map<string, Tally>;
}

/**
 * Commits every generation to every store in turn. The first generation is the base, and is not
 * counted as a run.
 */
async function measure(dirs: readonly string[], keepCaches: boolean, rows: readonly NewStore[]): Promise<Result> {
  const stores = rows.map((open) => open());
  const result: Result = { floors: [], changes: [], tallies: new Map() };
  const sent = new Map<string, Sent[]>(stores.map((store) => [store.name, []]));
  let before: Generation | undefined;
  for (const [number, dir] of dirs.entries()) {
    const generation = scan(number, dir, keepCaches);
    for (const store of stores) sent.get(store.name)?.push(await store.commit(generation));
    if (before) {
      const { files, fileBytes, pages } = changeBetween(before, generation);
      result.floors.push(zstd().storedSize(pages));
      result.changes.push({ files, fileBytes, pageBytes: pages.length });
    }
    before = generation;
  }
  for (const [i, store] of stores.entries()) {
    const fresh = await (rows[i] as NewStore)().commit(before as Generation);
    const [base, ...runs] = sent.get(store.name) as [Sent, ...Sent[]];
    result.tallies.set(store.name, { sent: runs, first: total(base), cold: await store.coldRead(), live: fresh.data });
  }
  return result;
}

const total = (sent: Sent): number => sent.data + sent.manifest + sent.ref;
const sum = <T>(items: readonly T[], of: (item: T) => number): number => items.reduce((all, item) => all + of(item), 0);
const kib = (bytes: number): string => (bytes / 1024).toFixed(1);

function report(result: Result): void {
  const floor = sum(result.floors, (bytes) => bytes);
  const header = [
    'policy',
    'data',
    'manifest',
    'of it ids',
    'ref',
    'total',
    '× floor',
    'data × floor',
    'first',
    'cold read',
    '× live',
    'packs',
  ];
  const lines = [...result.tallies].map(([name, { sent, first, cold, live }]) => {
    const [data, manifest, ids, ref] = [
      sum(sent, (s) => s.data),
      sum(sent, (s) => s.manifest),
      sum(sent, (s) => s.ids),
      sum(sent, (s) => s.ref),
    ];
    const all = data + manifest + ref;
    const times = [all, data].map((bytes) => (bytes / floor).toFixed(2));
    return [
      name,
      ...[data, manifest, ids, ref, all].map(kib),
      ...times,
      kib(first),
      kib(cold.bytes),
      (cold.bytes / live).toFixed(2),
      String(cold.packs),
    ];
  });
  printTable(header, [['floor', kib(floor), '', '', '', kib(floor), '1.00', '1.00'], ...lines]);
}

function reportRuns(result: Result): void {
  const names = [...result.tallies.keys()];
  const lines = result.floors.map((floor, i) => {
    const { files, fileBytes, pageBytes } = result.changes[i] as Result['changes'][number];
    const totals = names.map((name) => kib(total(result.tallies.get(name)?.sent[i] as Sent)));
    return [String(i + 1), String(files), kib(fileBytes), kib(pageBytes), kib(floor), ...totals];
  });
  printTable(['run', 'files', 'file KiB', 'page KiB', 'floor', ...names], lines);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      generations: { type: 'string', default: '30' },
      profiles: { type: 'string' },
      verbose: { type: 'boolean', default: false },
      variants: { type: 'boolean', default: false },
    },
  });
  const count = Number(values.generations);
  const temporary = values.profiles === undefined ? mkdtempSync(join(tmpdir(), 'browserstate-bench-')) : undefined;
  try {
    if (temporary) await generations(temporary, count);
    const root = values.profiles ?? (temporary as string);
    const names = readdirSync(root).filter((name) => /^gen-\d+$/.test(name));
    const dirs = names
      .sort()
      .slice(0, count + 1)
      .map((name) => join(root, name));
    for (const keepCaches of [false, true]) {
      console.log(`\n${keepCaches ? 'Caches kept' : 'Default excludes'}, KiB, sums of runs 1 to ${dirs.length - 1}`);
      const result = await measure(dirs, keepCaches, values.variants ? variants() : rows(keepCaches));
      if (values.verbose) reportRuns(result);
      report(result);
    }
  } finally {
    if (temporary) rmSync(temporary, { recursive: true });
  }
}

await main();
