/**
 * Thirty rounds of one session. The bytes that each round sends are in proportion to its changes,
 * regardless of the number of rounds before.
 */
import { join } from 'node:path';
import test from 'ava';
import { chromium } from 'playwright-core';
import { launch } from '../../src/drivers/playwright.js';
import { BrowserState, openStore } from '../../src/index.js';
import { ask, chromiumPath, known, nobody, quietArguments, startSite } from '../support/browser/login.js';
import { brotli } from '../support/measure/codecs.js';
import { changeBetween, type Generation, scan } from '../support/measure/scan.js';
import { temporary } from '../support/temporary.js';

const ROUNDS = 30;
/**
 * Maximum ratio of the bytes sent by all rounds to their changed pages. The pages are compressed as
 * well as the store compresses small commits (SPEC.md 13: sends, amortized).
 */
const MOST_SENT = 3;

test.serial(`${ROUNDS} rounds of mounting, browsing and unmounting send what they changed, and the profile works each time`, async (t) => {
  t.timeout(600_000);
  const folder = temporary(t);
  const places = { home: join(folder, 'home'), remote: `file://${join(folder, 'remote')}` };
  const site = await startSite();
  const state = new BrowserState(places);
  const store = await openStore(places);
  const codec = brotli(5);
  const rows: string[] = [];
  let before: Generation | undefined;
  let stored = 0;
  let sentBytes = 0;
  let changedBytes = 0;
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const began = performance.now();
      const context = await launch(chromium, state, 'rounds', { executablePath: chromiumPath(), args: quietArguments });
      const mounted = performance.now();
      const [who] = await ask(context, site, `who().then((seen) => login("visitor-${round}").then(() => seen))`, ['shop']);
      const browsed = performance.now();
      await context.close();
      const ended = performance.now();
      t.deepEqual(who, round === 0 ? nobody : known(`visitor-${round - 1}`));

      const dir = join(folder, `round ${round}`);
      await store.session('rounds').checkout(dir);
      const after = scan(round, dir, false);
      const changed = codec.storedSize(changeBetween(before, after).pages);
      before = after;
      const { storedBytes } = await store.usage({ on: 'remote' });
      const sent = storedBytes - stored;
      stored = storedBytes;
      if (round > 0) {
        sentBytes += sent;
        changedBytes += changed;
      }
      const ms = [mounted - began, browsed - mounted, ended - browsed].map((time) => String(Math.round(time)).padStart(7));
      rows.push(`${String(round + 1).padStart(5)} ${ms.join(' ')} ${String(sent).padStart(9)} ${String(changed).padStart(9)}`);
    }
    t.log(['round   mount  browse unmount      sent   changed   (ms; bytes, changed: brotli 5 of the changed pages)', ...rows].join('\n'));
    t.log(`sent ${(sentBytes / changedBytes).toFixed(2)} times what changed`);
    t.true(sentBytes <= MOST_SENT * changedBytes, `${sentBytes} sent, ${changedBytes} changed`);
    t.deepEqual((await store.verify({ readData: true, on: 'remote' })).findings, []);
  } finally {
    await state.cleanup();
    await store.close();
    await site.close();
  }
});
