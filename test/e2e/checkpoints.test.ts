/**
 * Background checkpoints of a real Chromium that writes all the time (SPEC.md 11.7). Each
 * checkpoint restores to a profile that opens, and its databases are whole.
 */
import { execFile } from 'node:child_process';
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { openStore } from '../../src/index.js';
import { findChromium } from '../support/browser/find-chromium.js';
import { temporary } from '../support/temporary.js';

const CHECKPOINTS = 20;
/** One of this many checkpoints is opened in a browser. */
const SAMPLE = 5;

const page = `<!doctype html><title>site</title><script>
const settled = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
const database = () => {
  const request = indexedDB.open('site', 1);
  request.onupgradeneeded = () => request.result.createObjectStore('state');
  return settled(request);
};
const state = async (mode) => (await database()).transaction('state', mode).objectStore('state');
window.read = async () => (await settled((await state('readonly')).get('n'))) ?? 0;
window.write = async (n) => {
  document.cookie = 'n' + (n % 50) + '=' + n + '; max-age=86400; path=/';
  localStorage.setItem('n' + (n % 50), String(n).repeat(200));
  await settled((await state('readwrite')).put(crypto.getRandomValues(new Uint8Array(4000)), 'noise' + (n % 50)));
  await settled((await state('readwrite')).put(n, 'n'));
};
// The page writes until it is left. The pauses leave time for other work on a small machine.
window.busy = async () => {
  for (let n = (await read()) + 1; ; n++) await write(n).then(() => new Promise((resolve) => setTimeout(resolve, 5)));
};
</script>`;

async function startSite(t: ExecutionContext): Promise<(path: string) => string> {
  const server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(page));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return (path) => `http://shop.localhost:${(server.address() as AddressInfo).port}/${path}`;
}

async function launch(t: ExecutionContext, profile: string): Promise<BrowserContext> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('expected a Chromium on PATH, found none');
  const args = [
    '--no-sandbox',
    '--password-store=basic',
    '--disable-background-networking',
    '--disable-component-update',
    '--no-first-run',
  ];
  const context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args });
  t.teardown(() => context.close());
  return context;
}

/**
 * Visits further pages, which become entries of the browser's history, and begins to write on the
 * last page.
 */
async function browse(tab: Page, url: (path: string) => string, round: number): Promise<number> {
  for (let i = 0; i < 4; i++) await tab.goto(url(`${round}/${i}`));
  const n = await tab.evaluate<number>('read()');
  await tab.evaluate('void busy()');
  return n;
}

function databasesIn(dir: string): string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .filter((path) => {
      const file = openSync(path, 'r');
      const magic = Buffer.alloc(16);
      readSync(file, magic, 0, 16, 0);
      closeSync(file);
      return magic.toString('latin1') === 'SQLite format 3\0';
    });
}

const run = promisify(execFile);

test('20 checkpoints under write load restore to profiles that open, with databases that pass the integrity check', async (t) => {
  const folder = temporary(t);
  const url = await startSite(t);
  const store = await openStore({ home: join(folder, 'home') });
  const session = store.session('live');
  const profile = join(folder, 'profile');
  const live = await launch(t, profile);
  const tab = await live.newPage();
  const taken: { commit: string; before: number; ms: number; bytes: number }[] = [];
  let skipped = 0;
  await browse(tab, url, 0);
  for (let round = 1; taken.length < CHECKPOINTS && skipped < CHECKPOINTS; round++) {
    const before = await browse(tab, url, round);
    const began = performance.now();
    const done = await session.checkpoint(profile);
    const ms = performance.now() - began;
    if (done === undefined) skipped++;
    else taken.push({ commit: done.commit, before, ms, bytes: done.stats.newBytes });
  }
  t.is(taken.length, CHECKPOINTS, `${skipped} were skipped`);
  await live.close();
  await session.commit(profile, { message: 'final' });
  const shown: string[] = [];
  for await (const { message } of session.log()) shown.push(message);
  t.deepEqual(shown, ['final']);
  let databases = 0;
  for (const [i, { commit, before }] of taken.entries()) {
    const out = join(folder, `out-${i}`);
    await session.checkout(out, { at: commit });
    for (const path of databasesIn(out)) {
      const { stdout } = await run('sqlite3', [path, 'pragma integrity_check']);
      t.is(stdout.trim(), 'ok', `${path} of checkpoint ${i}`);
      databases++;
    }
    if (i % SAMPLE !== 0) continue;
    const restored = await launch(t, out);
    const there = await restored.newPage();
    await there.goto(url('again'));
    const n = await there.evaluate<number>('read()');
    t.true(n >= before, `checkpoint ${i} has ${n}, ${before} was written before it`);
    await restored.close();
  }
  t.true(databases > 5 * CHECKPOINTS, `${databases} databases`);
  const times = taken.map(({ ms }) => ms).sort((a, b) => a - b);
  const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? 0;
  t.log(`${databases} databases, ${skipped} skipped; ms median ${median(times).toFixed(0)}, most ${times.at(-1)?.toFixed(0)}`);
  t.log(`new bytes median ${median(taken.map(({ bytes }) => bytes))}`);
});
