/**
 * The cost of each operation on a bucket: requests, dependent round trips and bytes. A proxy before
 * a real S3 gateway (Ceph's) counts them, and delays every request by a round trip. The first part
 * measures the budget of SPEC.md 11.5 at several lengths of history, in process. The second part
 * compares ours with common tools, as whole processes. The program ends with status 1 if a row
 * exceeds its budget or a target is missed.
 *
 *     node dist/bench/remote.js [--rtt 25] [--lengths 1,50,500] [--runs 3]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openStore, type Store } from '../src/index.js';
import { s3Provider } from '../src/provider/s3/s3.js';
import { type HttpProxy, startProxy } from '../test/support/faults/http-proxy.js';
import { zstd } from '../test/support/measure/codecs.js';
import { listFiles, totalBytes } from '../test/support/measure/files.js';
import { changeBetween, type Generation, scan } from '../test/support/measure/scan.js';
import { startGateway } from '../test/support/servers/radosgw.js';
import { type Bucket, remotePeers } from './_remote-peers.js';
import { assertSame, become, stage } from './_stage.js';
import { changeSynthetic, makeLargeSynthetic, makeSynthetic } from './_synthetic.js';
import { printTable } from './_table.js';

/**
 * The promises of SPEC.md 11.5: round trips and requests. A cold mount makes 1 or 2 requests, and
 * one for each of its ranges.
 */
const BUDGET: Record<string, { rounds: number; requests: number }> = {
  'cold mount': { rounds: 3, requests: 2 },
  'mount, nothing changed': { rounds: 1, requests: 1 },
  'save with a change': { rounds: 2, requests: 3 },
  'save with no change': { rounds: 0, requests: 0 },
  'first commit of a session': { rounds: 3, requests: 4 },
  'the same, most of it known': { rounds: 3, requests: 5 },
  fork: { rounds: 3, requests: 5 },
  tag: { rounds: 3, requests: 3 },
  rollback: { rounds: 3, requests: 3 },
  'log of the last 50': { rounds: 1, requests: 1 },
};

interface Cost {
  rounds: number;
  requests: number;
  connections: number;
  sent: number;
  received: number;
  ms: number;
}

async function costOf(proxy: HttpProxy, work: () => Promise<unknown>): Promise<Cost> {
  proxy.reset();
  const start = performance.now();
  await work();
  const ms = performance.now() - start;
  const { total, connections, sent, received } = proxy.counts();
  return { rounds: proxy.rounds(), requests: total, connections, sent, received, ms };
}

const kib = (bytes: number): string => (bytes / 1024).toFixed(1);

/** One profile with a growing history, which one machine saves. Other machines start empty. */
class Line {
  readonly #proxy: HttpProxy;
  readonly #folder: string;
  readonly #bucket: Bucket;
  readonly #store: Promise<Store>;
  readonly dir: string;
  readonly #other: string;
  #commits = 0;
  #machines = 0;
  #generation: Generation | undefined;
  /** Bytes sent by commits after the first, and zstd of the pages that they changed. */
  sent = 0;
  floor = 0;

  constructor(proxy: HttpProxy, bucket: Bucket, folder: string) {
    this.#proxy = proxy;
    this.#bucket = bucket;
    this.#folder = folder;
    this.#store = this.#machine();
    this.dir = join(folder, 'profile');
    this.#other = join(folder, 'another profile');
    makeLargeSynthetic(this.dir, 'base');
  }

  #machine(): Promise<Store> {
    const remote = s3Provider({ ...this.#bucket, prefix: 'budget', region: 'us-east-1', pathStyle: true });
    return openStore({ home: join(this.#folder, `home-${this.#machines++}`), remote });
  }

  async #save(): Promise<Cost> {
    const session = (await this.#store).session('main');
    await session.commit(this.dir, { keepCaches: true });
    return costOf(this.#proxy, () => session.push());
  }

  /**
   * Saves until the history has that length, without the round-trip delay, since nothing is timed
   * here.
   */
  async growTo(length: number, roundTripMs: number): Promise<void> {
    this.#proxy.delayBy(0);
    for (; this.#commits < length; this.#commits++) {
      if (this.#commits > 0) changeSynthetic(this.dir, `run ${this.#commits}`);
      const generation = scan(this.#commits, this.dir, true);
      if (this.#generation !== undefined) this.floor += zstd().storedSize(changeBetween(this.#generation, generation).pages);
      this.#generation = generation;
      const { sent } = await this.#save();
      if (this.#commits > 0) this.sent += sent;
      if (this.#commits % 50 === 49) console.error(`${this.#commits + 1} commits`);
    }
    this.#proxy.delayBy(roundTripMs);
  }

  async measure(): Promise<Record<string, Cost>> {
    const store = await this.#store;
    const session = store.session('main');
    const length = this.#commits;
    const costs: Record<string, Cost> = {};
    const fresh = await this.#machine();
    const mounted = fresh.session('main');
    const out = join(this.#folder, `mounted-${length}`);
    costs['cold mount'] = await costOf(this.#proxy, () => mounted.checkout(out));
    assertSame(this.dir, out);
    costs['mount, nothing changed'] = await costOf(this.#proxy, () => mounted.pull());
    await fresh.close();
    changeSynthetic(this.dir, `run of ${length}`);
    costs['save with a change'] = await this.#save();
    costs['save with no change'] = await this.#save();
    for (const [path, seed] of [
      ['first commit of a session', `another ${length}`],
      ['the same, most of it known', `one more ${length}`],
    ] as const) {
      const other = store.session(seed.replaceAll(' ', '-'));
      makeSynthetic(this.#other, path === 'first commit of a session' ? seed : `another ${length}`);
      if (path !== 'first commit of a session') changeSynthetic(this.#other, seed);
      await other.commit(this.#other, { keepCaches: true });
      costs[path] = await costOf(this.#proxy, () => other.push());
      rmSync(this.#other, { recursive: true });
    }
    costs['fork'] = await costOf(this.#proxy, () => session.fork(`fork-${length}`));
    costs['tag'] = await costOf(this.#proxy, () => session.tag(`tag-${length}`));
    costs['rollback'] = await costOf(this.#proxy, () => session.rollback('HEAD~1'));
    costs['log of the last 50'] = await costOf(this.#proxy, async () => {
      for await (const entry of session.log({ limit: 50 })) void entry;
    });
    return costs;
  }
}

/** Measures the budget. Returns false if a row exceeds its budget. */
async function measureBudget(
  proxy: HttpProxy,
  bucket: Bucket,
  { lengths, roundTripMs }: { lengths: readonly number[]; roundTripMs: number },
  folder: string,
): Promise<boolean> {
  mkdirSync(folder);
  const line = new Line(proxy, bucket, folder);
  let held = true;
  for (const length of lengths) {
    const lines: string[][] = [];
    await line.growTo(length, roundTripMs);
    const { live, ranges } = await liveOf(line.dir);
    for (const [path, cost] of Object.entries(await line.measure())) {
      const budget = BUDGET[path] as { rounds: number; requests: number };
      const requests = budget.requests + (path === 'cold mount' ? ranges : 0);
      const isWithin =
        cost.rounds <= budget.rounds && cost.requests <= requests && (path !== 'cold mount' || cost.received <= 1.5 * live + 65_536);
      held &&= isWithin;
      lines.push([
        `${path} at ${length}`,
        `${cost.rounds} / ${budget.rounds}`,
        `${cost.requests} / ${requests}`,
        String(cost.connections),
        kib(cost.sent),
        kib(cost.received),
        path === 'cold mount' ? (cost.received / live).toFixed(2) : '',
        cost.ms.toFixed(0),
        isWithin ? 'yes' : 'NO',
      ]);
    }
    held &&= line.sent <= 3 * line.floor;
    console.log(
      `after ${length} commits: sent ${kib(line.sent)} KiB, ${line.floor === 0 ? '–' : (line.sent / line.floor).toFixed(2)} x the changed pages`,
    );
    printTable(
      ['path at length of history', 'round trips', 'requests', 'new conn.', 'sent KiB', 'received KiB', 'x live', 'ms', 'within'],
      lines,
    );
  }
  console.log(held ? 'every row is within its budget' : 'NOT every row is within its budget');
  return held;
}

/**
 * Returns the compressed bytes of a directory as a single commit stores them, and the maximum
 * ranges of a cold mount of that many bytes.
 */
async function liveOf(dir: string): Promise<{ live: number; ranges: number }> {
  const home = mkdtempSync(join(tmpdir(), 'browserstate-bench-'));
  try {
    const store = await openStore({ home });
    await store.session('fresh').commit(dir, { keepCaches: true });
    const { packs, manifests } = (await store.usage()).objects;
    return { live: packs.bytes + manifests.bytes, ranges: Math.ceil(packs.bytes / (8 * 2 ** 20)) + 8 };
  } finally {
    rmSync(home, { recursive: true });
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] as number;
}

/** Compares ours with common tools. Returns false if a target is missed. */
async function comparePeers(proxy: HttpProxy, bucket: Bucket, runs: number, folder: string): Promise<boolean> {
  const [before, after] = [join(folder, 'before'), join(folder, 'after')];
  mkdirSync(folder);
  makeLargeSynthetic(before, 'base');
  execFileSync('cp', ['-a', before, after]);
  changeSynthetic(after, 'small run');
  const files = listFiles(before, { keepCaches: true });
  console.log(`\n${files.length} files, ${(totalBytes(files) / 1e6).toFixed(1)} MB; whole processes; medians of ${runs}`);
  const steps = ['first save', 'save after a small run', 'save of nothing', 'cold restore'] as const;
  const results = new Map<string, Record<(typeof steps)[number], Cost[]>>();
  for (let i = 0; i < runs; i++) {
    for (const peer of remotePeers) {
      const reason = peer.missing();
      if (reason !== undefined) {
        if (i === 0) console.log(`${peer.name}: ${reason}`);
        continue;
      }
      const place = { ...bucket, bucket: await bucketFor(bucket, `${peer.name.replaceAll(/[^a-z]/g, '')}-${i}`) };
      const root = join(folder, `${peer.name} ${i}`);
      const work = join(root, 'work');
      mkdirSync(root);
      stage(before, files, work);
      await peer.init?.(place, root);
      const costs = results.get(peer.name) ?? { 'first save': [], 'save after a small run': [], 'save of nothing': [], 'cold restore': [] };
      results.set(peer.name, costs);
      costs['first save'].push(await costOf(proxy, () => peer.save(place, root, work)));
      become(work, after);
      costs['save after a small run'].push(await costOf(proxy, () => peer.save(place, root, work)));
      costs['save of nothing'].push(await costOf(proxy, () => peer.save(place, root, work)));
      let at = '';
      const bare = join(root, 'bare');
      mkdirSync(bare);
      const restore = await peer.restorer(place, bare, work, join(root, 'out'));
      costs['cold restore'].push(
        await costOf(proxy, async () => {
          at = await restore();
        }),
      );
      assertSame(after, at);
      rmSync(root, { recursive: true });
    }
  }
  const lines = [...results].flatMap(([name, costs]) =>
    steps.map((step) => {
      const of = (key: keyof Cost) => median(costs[step].map((cost) => cost[key]));
      return [
        `${name}: ${step}`,
        String(of('rounds')),
        String(of('requests')),
        String(of('connections')),
        kib(of('sent')),
        kib(of('received')),
        of('ms').toFixed(0),
      ];
    }),
  );
  printTable(['', 'in a row', 'requests', 'new conn.', 'sent KiB', 'received KiB', 'ms'], lines);
  const of = (name: string, step: (typeof steps)[number], key: keyof Cost): number =>
    median((results.get(name)?.[step] ?? []).map((cost) => cost[key]));
  const ratio = (ours: string, key: keyof Cost, step: (typeof steps)[number], peer: string) => of(ours, step, key) / of(peer, step, key);
  const [shell, library] = ['browserstate', 'browserstate in a worker'];
  const targets: [string, found: number, most: number][] = [
    ["cold restore ÷ restic's", ratio(shell, 'ms', 'cold restore', 'restic'), 0.5],
    ["the same in a process that runs already ÷ restic's", ratio(library, 'ms', 'cold restore', 'restic'), 0.5],
    ["cold restore ÷ the tar's get", ratio(shell, 'ms', 'cold restore', 'tar.zst by hand'), 1.3],
    ["the same in a process that runs already ÷ the tar's get", ratio(library, 'ms', 'cold restore', 'tar.zst by hand'), 1.3],
    ["bytes of a small save ÷ the tar's", ratio(shell, 'sent', 'save after a small run', 'tar.zst by hand'), 0.1],
  ];
  printTable(
    ['', 'found', 'target', 'met'],
    targets.map(([what, found, most]) => [what, found.toFixed(2), `<= ${most}`, found <= most ? 'yes' : 'NO']),
  );
  return targets.every(([, found, most]) => found <= most);
}

/** Creates a new bucket at the endpoint of the given bucket. */
async function bucketFor({ endpoint, credentials }: Bucket, name: string): Promise<string> {
  const { CreateBucketCommand, S3Client } = await import('@aws-sdk/client-s3');
  const client = new S3Client({ region: 'us-east-1', endpoint, credentials, forcePathStyle: true });
  await client.send(new CreateBucketCommand({ Bucket: name }));
  client.destroy();
  return name;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rtt: { type: 'string', default: '25' },
      lengths: { type: 'string', default: '1,50,500' },
      runs: { type: 'string', default: '3' },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), 'browserstate-bench-'));
  const gateway = await startGateway();
  const proxy = await startProxy({ target: new URL(gateway.options.endpoint as string), roundTripMs: Number(values.rtt) });
  try {
    const bucket: Bucket = {
      endpoint: proxy.url,
      bucket: gateway.options.bucket,
      credentials: gateway.options.credentials as Bucket['credentials'],
    };
    console.log(`${values.rtt} ms a round trip, RADOS Gateway`);
    const lengths = values.lengths.split(',').map(Number);
    const settings = { lengths, roundTripMs: Number(values.rtt) };
    const isWithin = lengths.includes(0) || (await measureBudget(proxy, bucket, settings, join(folder, 'budget')));
    const isMet = Number(values.runs) === 0 || (await comparePeers(proxy, bucket, Number(values.runs), join(folder, 'peers')));
    process.exitCode = isWithin && isMet ? 0 : 1;
  } finally {
    await proxy.close();
    await gateway.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
