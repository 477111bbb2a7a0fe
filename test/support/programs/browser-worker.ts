/**
 * A worker as people run it: it mounts a session, drives a browser, and unmounts. It prints `round`
 * with the content of the page when the browser has started. It prints `working` after it has
 * written, and `committed` after the session is unmounted. With `wait`, it works until it is
 * stopped.
 *
 *     node browser-worker.js HOME PORT COUNT playwright|puppeteer [wait]
 */
import process from 'node:process';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import { launch as launchPlaywright } from '../../../src/drivers/playwright.js';
import { launch as launchPuppeteer } from '../../../src/drivers/puppeteer.js';
import { BrowserState } from '../../../src/index.js';
import { type Browsing, chromiumPath, quietArguments } from '../browser/login.js';

const [home = '', port = '', count = '', driver = '', wait] = process.argv.slice(2);

/** The cookie and the localStorage entry, each with the number of a round. */
const read = `[Number(/count=(\\d+)/.exec(document.cookie)?.[1] ?? 0), Number(localStorage.getItem('count') ?? 0)]`;
const write = `document.cookie = 'count=${count}; max-age=86400'; localStorage.setItem('count', '${count}')`;

function say(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

const state = new BrowserState({ home, onWarning: (warning) => say({ warning }) });
// Playwright notices only by its timeout, of three minutes, that a browser was killed during its
// start.
const options = { executablePath: chromiumPath(), args: quietArguments, timeout: 30_000 };
const browser: Browsing =
  driver === 'playwright'
    ? await launchPlaywright(chromium, state, 'killed', options)
    : await launchPuppeteer(puppeteer, state, 'killed', options);
try {
  const tab = await browser.newPage();
  await tab.goto(`http://shop.localhost:${port}/`);
  say({ round: await tab.evaluate(read), dir: state.getCurrentSessionPath() });
  await tab.evaluate(write);
  say({ working: true });
  if (wait !== undefined) await new Promise((resolve) => setInterval(resolve, 2 ** 31 - 1));
} finally {
  await browser.close();
}
say({ committed: Number(count) });
await state.cleanup();
