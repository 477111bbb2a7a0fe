/**
 * Peak memory of operations on a large profile: commit, push, pull on an empty machine and
 * checkout, each as its own process. The remote is a folder and, if Ceph's gateway is installed, a
 * bucket. The program ends with status 1 if a process used more than 250 MB.
 *
 * `npm run bench:memory` makes a profile of 1 GB in 8,500 files, the same bytes per file as in
 * `local.ts`; half of it does not compress. `npm run bench:memory -- MB FILES` makes another size.
 *
 * Then follows a profile of 200,000 small files (`npm run bench:memory -- MB FILES SMALL` for
 * another number); its bounds are in test/long. A small database with a wal of 200 MB is committed
 * within the same 250 MB, also while a browser runs (case D3).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { measureSmallFiles } from '../test/support/measure/small-files.js';
import { installed, runTimed } from '../test/support/measure/timed.js';
import { startGateway } from '../test/support/servers/radosgw.js';
import { noise, text } from './_content.js';
import { awsEnv, type Bucket, remoteOf } from './_remote-peers.js';
import { assertSame } from './_stage.js';
import { printTable } from './_table.js';

const MIB = 2 ** 20;
const WAL_HEADER = 32;
const WAL_PAGES = Math.round(200e6 / 4120);
const PAGES_AT_ONCE = 1001;
const LIMIT_KIB = 250_000_000 / 1024;
const [megabytes = 1000, files = 8500, small = 200_000] = process.argv.slice(2).map(Number);
const place = mkdtempSync(join(tmpdir(), 'browserstate-memory-'));
const [profile, remote] = [join(place, 'profile'), join(place, 'remote')];

/**
 * Writes files of 16 MiB, and small files of 4 KiB with each: profiles have few large and many
 * small files.
 */
async function makeProfile(): Promise<void> {
  const large = Math.max(1, Math.round((megabytes * 1e6 - files * 4096) / (16 * MIB)));
  for (let i = 0; i < large; i++) {
    const dir = join(profile, `part-${i}`);
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'large'), i % 2 === 0 ? noise(`large ${i}`, 16 * MIB) : text('json', `large ${i}`, 16 * MIB));
    for (let j = 0; j < files / large - 1; j++) await writeFile(join(dir, `small-${j}`), text('html', `small ${i} ${j}`, 4096));
  }
}

/**
 * Writes the wal of a Firefox database that was never merged: pages of 4 KiB, each after a header
 * of 24 bytes.
 */
async function makeWal(dir: string, pages: number): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'prefs.js'), '');
  await writeFile(join(dir, 'places.sqlite'), `SQLite format 3\0${text('json', 'places', 8 * 4096)}`);
  const header = Buffer.alloc(WAL_HEADER);
  header.writeUInt32BE(0x377f0682);
  header.writeUInt32BE(4096, 8);
  await writeFile(join(dir, 'places.sqlite-wal'), header);
  const frame = 24 + 4096;
  for (let page = 0; page < pages; page += PAGES_AT_ONCE) {
    const count = Math.min(PAGES_AT_ONCE, pages - page);
    await appendFile(
      join(dir, 'places.sqlite-wal'),
      page % 2 === 0 ? noise(`wal ${page}`, count * frame) : text('json', `wal ${page}`, count * frame),
    );
  }
}

interface Step {
  name: string;
  maxRssKiB: number;
  wallMs: number;
  cpuMs: number;
}

function print(steps: readonly Step[]): void {
  printTable(
    ['', 'peak RSS, MB', 'wall, s', 'CPU, s'],
    steps.map(({ name, maxRssKiB, wallMs, cpuMs }) => [
      name,
      ((maxRssKiB * 1024) / 1e6).toFixed(0),
      (wallMs / 1000).toFixed(1),
      (cpuMs / 1000).toFixed(1),
    ]),
  );
}

const program = fileURLToPath(new URL('../test/support/programs/memory-step.js', import.meta.url));
const home = (name: string): string => join(place, name);
const run = (name: string, step: string, args: readonly string[], env: Record<string, string> = {}): Step => ({
  name,
  ...runTimed(process.execPath, [program, step, ...args], { env }),
});

async function transfersWithBucket(): Promise<Step[]> {
  if (!installed('radosgw')) {
    console.log('radosgw not installed: no bucket');
    return [];
  }
  const gateway = await startGateway();
  try {
    const bucket = gateway.options as Bucket;
    const [remote, env] = [remoteOf(bucket), awsEnv(bucket)];
    return [run('push to a bucket', 'push', [home('one'), remote], env), run('pull from a bucket', 'pull', [home('three'), remote], env)];
  } finally {
    await gateway.stop();
  }
}

try {
  await makeProfile();
  await mkdir(remote);
  const restored = join(place, 'restored');
  const folder = pathToFileURL(remote).href;
  const steps = [
    run('commit', 'commit', [home('one'), folder, profile]),
    run('push', 'push', [home('one'), folder]),
    run('pull', 'pull', [home('two'), folder]),
    run('checkout', 'checkout', [home('two'), folder, restored]),
  ];
  assertSame(profile, restored);
  steps.push(...(await transfersWithBucket()));
  const wal = join(place, 'firefox');
  await makeWal(wal, WAL_PAGES);
  steps.push(run('commit, wal of 200 MB', 'commit', [home('four'), folder, wal]));
  await appendFile(join(wal, 'places.sqlite-wal'), noise('more', 4120));
  steps.push(run('commit, wal that grew', 'commit', [home('four'), folder, wal]));
  steps.push(run('checkpoint, wal of 200 MB', 'checkpoint', [home('five'), folder, wal]));
  console.log(`${megabytes} MB in ${files} files`);
  print(steps);
  console.log(`${small} small files`);
  print(Object.entries(await measureSmallFiles(home('small'), small)).map(([name, step]) => ({ name, ...step })));
  process.exitCode = steps.some(({ maxRssKiB }) => maxRssKiB > LIMIT_KIB) ? 1 : 0;
} finally {
  rmSync(place, { recursive: true });
}
