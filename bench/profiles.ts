/**
 * Real Chromium profiles, made on loopback for the other benchmarks, and for tests if a browser is
 * installed. The sites' content derives from seeds; times, keys and layout are Chromium's own.
 *
 *     node dist/bench/profiles.js --out DIR [--generations 30] [--visits 48]
 *     node dist/bench/profiles.js --out DIR --big [--mb 200] [--files 1700]
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium, type Page } from 'playwright-core';
import { findChromium } from '../test/support/browser/find-chromium.js';
import { listFiles, totalBytes } from '../test/support/measure/files.js';
import { between, random } from './_content.js';
import { HOSTS, OFFLINE, origin, startSite } from './_site.js';

export { changeSynthetic, makeSynthetic } from './_synthetic.js';

/**
 * The maximum of --disk-cache-size (an int). The default would shrink the cache of a large profile.
 */
const MOST_CACHE = 2 ** 31 - 1;
const SWITCHES = [
  ...['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  ...['--disable-quic', '--no-first-run', `--disk-cache-size=${MOST_CACHE}`],
];

/**
 * Opens the profile in Chromium with the loopback sites, runs `use`, and returns when the browser
 * has exited.
 */
async function browse(dir: string, use: (page: Page) => Promise<void>): Promise<void> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('no Chromium on PATH');
  const site = await startSite();
  try {
    const args = [...SWITCHES, site.resolverRule];
    const context = await chromium.launchPersistentContext(dir, { executablePath, headless: true, args });
    try {
      await use(context.pages()[0] ?? (await context.newPage()));
    } finally {
      await context.close();
    }
  } finally {
    await site.close();
  }
}

interface Visit {
  readonly host: string;
  readonly page: number;
  readonly run: string;
  readonly records: number;
  readonly recordSize: number;
  readonly routes: number;
}

async function visit(page: Page, { host, ...work }: Visit): Promise<void> {
  await page.goto(`${origin(host)}/page/${work.page}`);
  await page.evaluate(`bench.visit(${JSON.stringify(work)})`);
}

/**
 * Makes a profile like one of some weeks' use: visits every site in turn, some with a service
 * worker, one with much IndexedDB data.
 */
export async function makeBase(dir: string, { visits = 48 }: { visits?: number } = {}): Promise<void> {
  await browse(dir, async (page) => {
    const next = random('base');
    for (let i = 0; i < visits; i++) {
      const host = HOSTS[i % HOSTS.length] as string;
      const heavy = host === 'mail';
      await visit(page, {
        host,
        page: next() % 40,
        run: `base${i}`,
        records: heavy ? 120 : 12,
        recordSize: heavy ? 8000 : 2500,
        routes: 30,
      });
      if (i < HOSTS.length && OFFLINE.includes(host)) await page.evaluate('bench.worker()');
    }
  });
}

/**
 * Runs an agent once, with number `i`: visits three to five pages, old and new, on several origins,
 * and closes the browser properly.
 */
export async function smallRun(dir: string, i: number): Promise<void> {
  await browse(dir, async (page) => {
    const next = random(`run ${i}`);
    for (let left = between(next, 3, 5); left > 0; left--) {
      const host = HOSTS[next() % HOSTS.length] as string;
      const number = next() % 2 === 0 ? next() % 40 : 1000 + i * 10 + left;
      await visit(page, { host, page: number, run: `run${i}`, records: between(next, 4, 8), recordSize: 1500, routes: 3 });
    }
  });
}

/**
 * Makes generations in `outDir/profile`: generation 0 is the base, then `n` short runs follow.
 * Calls `onGeneration` after each run, with the browser closed. Without it, copies the profile to
 * `outDir/gen-NN`.
 */
export async function generations(
  outDir: string,
  n: number,
  onGeneration?: (i: number, profileDir: string) => Promise<void>,
  options: { visits?: number } = {},
): Promise<void> {
  const profile = join(outDir, 'profile');
  mkdirSync(outDir, { recursive: true });
  for (let i = 0; i <= n; i++) {
    if (i === 0) await makeBase(profile, options);
    else await smallRun(profile, i);
    if (onGeneration) await onGeneration(i, profile);
    else execFileSync('cp', ['-a', profile, join(outDir, `gen-${String(i).padStart(2, '0')}`)]);
  }
}

const PER_GALLERY = 40;
/**
 * Bytes requested from the site per stored byte: a fifth of the gallery's bytes is text that is
 * sent gzipped.
 */
const NOMINAL = 1.25;

/**
 * Browses galleries from number `first` on, of about `bytes` in `files` cache entries in total.
 * Returns the next number.
 */
async function browseGalleries(page: Page, first: number, bytes: number, files: number): Promise<number> {
  const mean = Math.round((bytes * NOMINAL) / files);
  let n = first;
  for (let left = files; left > 0; left -= PER_GALLERY, n++) {
    const host = HOSTS[n % HOSTS.length] as string;
    await page.goto(`${origin(host)}/gallery/${n}?count=${Math.min(PER_GALLERY, left)}&mean=${mean}`);
  }
  return n;
}

/**
 * Makes a base profile and browses until its caches reach about `bytes` and `files`. Measures the
 * caches with the browser closed, in a few rounds that each add most of the missing part.
 */
export async function makeBig(dir: string, { bytes, files }: { bytes: number; files: number }): Promise<void> {
  if (bytes * 1.05 > MOST_CACHE) throw new RangeError(`${bytes} bytes are more than Chromium's cache holds`);
  await makeBase(dir);
  for (let next = 0; ; ) {
    const have = listFiles(dir, { keepCaches: true });
    const missing = bytes - totalBytes(have);
    if (missing < bytes / 100) return;
    const part = missing < bytes / 20 ? 1 : 0.9;
    const entries = Math.max(Math.ceil(missing / (bytes / 20)), Math.round((files - have.length) * part));
    await browse(dir, async (page) => {
      next = await browseGalleries(page, next, missing * part, entries);
    });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      generations: { type: 'string', default: '30' },
      visits: { type: 'string', default: '48' },
      big: { type: 'boolean', default: false },
      mb: { type: 'string', default: '200' },
      files: { type: 'string', default: '1700' },
    },
  });
  if (values.out === undefined) throw new Error('--out DIR is missing');
  if (values.big) await makeBig(values.out, { bytes: Number(values.mb) * 1e6, files: Number(values.files) });
  else await generations(values.out, Number(values.generations), undefined, { visits: Number(values.visits) });
  for (const keepCaches of [true, false]) {
    const files = listFiles(values.big ? values.out : join(values.out, 'profile'), { keepCaches });
    console.log(`${keepCaches ? 'all files' : 'default excludes'}: ${files.length} files, ${totalBytes(files)} bytes`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await main();
