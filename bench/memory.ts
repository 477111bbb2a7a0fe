/**
 * What the operations on a large profile take at their peak: commit, push, pull on a machine that has nothing, and checkout, each as a process of its own,
 * with a folder as the remote. `npm run bench:memory` makes a profile of 1 GB in 8,500 files, as many for its bytes as the one of `local.ts` has; half of it
 * does not compress. `npm run bench:memory -- MB FILES` makes another. Ends with status 1 where a process took more than 250 MB.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { noise, text } from './_content.js';
import { assertSame } from './_stage.js';
import { printTable } from './_table.js';
import { runTimed } from './_timed.js';

const MIB = 2 ** 20;
const LIMIT_KIB = 250_000_000 / 1024;
const [megabytes = 1000, files = 8500] = process.argv.slice(2).map(Number);
const place = mkdtempSync(join(tmpdir(), 'browserstate-memory-'));
const [profile, remote] = [join(place, 'profile'), join(place, 'remote')];

/** Files of 16 MiB with small ones of 4 KiB beside each, as profiles have few large files and many small ones. */
async function makeProfile(): Promise<void> {
  const large = Math.max(1, Math.round((megabytes * 1e6 - files * 4096) / (16 * MIB)));
  for (let i = 0; i < large; i++) {
    const dir = join(profile, `part-${i}`);
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'large'), i % 2 === 0 ? noise(`large ${i}`, 16 * MIB) : text('json', `large ${i}`, 16 * MIB));
    for (let j = 0; j < files / large - 1; j++) await writeFile(join(dir, `small-${j}`), text('html', `small ${i} ${j}`, 4096));
  }
}

const step = fileURLToPath(new URL('_memory-step.js', import.meta.url));
const run = (name: string, home: string, dir: string) => ({
  name,
  ...runTimed(process.execPath, [step, name, join(place, home), remote, dir]),
});

try {
  await makeProfile();
  const restored = join(place, 'restored');
  const steps = [run('commit', 'one', profile), run('push', 'one', ''), run('pull', 'two', ''), run('checkout', 'two', restored)];
  assertSame(profile, restored);
  console.log(`${megabytes} MB in ${files} files`);
  printTable(
    ['', 'peak RSS, MB', 'wall, s', 'CPU, s'],
    steps.map(({ name, maxRssKiB, wallMs, cpuMs }) => [
      name,
      ((maxRssKiB * 1024) / 1e6).toFixed(0),
      (wallMs / 1000).toFixed(1),
      (cpuMs / 1000).toFixed(1),
    ]),
  );
  process.exitCode = steps.some(({ maxRssKiB }) => maxRssKiB > LIMIT_KIB) ? 1 : 0;
} finally {
  rmSync(place, { recursive: true });
}
