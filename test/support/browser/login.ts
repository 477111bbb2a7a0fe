/** A site with a login on several loopback origins, and browsers that visit it. */
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser } from 'puppeteer-core';
import { findChromium } from './find-chromium.js';

const page = `<!doctype html><title>site</title><script>
const open = () => new Promise((resolve, reject) => {
  const request = indexedDB.open('site', 1);
  request.onupgradeneeded = () => request.result.createObjectStore('state');
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
const settled = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
const cookie = (name) => new RegExp(name + '=([^;]*)').exec(document.cookie)?.[1] ?? null;
window.login = async (user) => {
  document.cookie = 'user=' + user + '; max-age=86400; path=/';
  document.cookie = 'session=' + user + '; path=/';
  localStorage.setItem('user', user);
  const store = (await open()).transaction('state', 'readwrite').objectStore('state');
  await settled(store.put(user, 'user'));
  const controlled = new Promise((resolve) => navigator.serviceWorker.addEventListener('controllerchange', resolve, { once: true }));
  await navigator.serviceWorker.register('/worker.js?user=' + user);
  await controlled;
};
window.who = async () => ({
  cookie: cookie('user'),
  session: cookie('session'),
  localStorage: localStorage.getItem('user'),
  indexedDB: (await settled((await open()).transaction('state').objectStore('state').get('user'))) ?? null,
  serviceWorker: await (await fetch('/worker')).json(),
});
</script>`;

/** A service worker that answers instead of the server, which knows no user. */
const worker = `
addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('fetch', (event) => {
  if (new URL(event.request.url).pathname !== '/worker') return;
  event.respondWith(Response.json(new URL(location.href).searchParams.get('user')));
});`;

const origins = ['shop', 'mail', 'bank'];

/** The answer of every part of the site for an unknown visitor. */
export const nobody = { cookie: null, session: null, localStorage: null, indexedDB: null, serviceWorker: null };
/**
 * Returns the answer for a visitor who logged in and whose browser was restarted since. A cookie
 * without an expiry is gone.
 */
export const known = (user: string) => ({ cookie: user, session: null, localStorage: user, indexedDB: user, serviceWorker: user });

export interface Site {
  port: number;
  close(): Promise<void>;
}

export async function startSite(): Promise<Site> {
  const server: Server = createServer(({ url = '' }, response) => {
    const [type, body] = url.startsWith('/worker.js')
      ? ['text/javascript', worker]
      : url === '/worker'
        ? ['application/json', 'null']
        : ['text/html', page];
    response.setHeader('content-type', type).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** The common part of Playwright's contexts and Puppeteer's browsers. */
export interface Browsing {
  newPage(): Promise<{ goto(url: string): Promise<unknown>; evaluate(script: string): Promise<unknown> }>;
  close(): Promise<void>;
}

/**
 * Opens every origin, or the given ones, and evaluates `script` there. Returns the value of each
 * page.
 */
export async function ask(browser: Pick<Browsing, 'newPage'>, { port }: Site, script: string, visited = origins): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (const origin of visited) {
    const tab = await browser.newPage();
    await tab.goto(`http://${origin}.localhost:${port}/`);
    answers.push(await tab.evaluate(script));
  }
  return answers;
}

/** Evaluates a script in a browser, then closes the browser. Returns the value of each page. */
export async function askAndClose(browser: Browsing, site: Site, script: string): Promise<unknown[]> {
  try {
    return await ask(browser, site, script);
  } finally {
    await browser.close();
  }
}

/** Returns the same answer for every origin. */
export function everywhere<T>(answer: T): T[] {
  return origins.map(() => answer);
}

export function chromiumPath(): string {
  const executable = findChromium();
  if (executable === undefined) throw new Error('expected a Chromium on PATH, found none');
  return executable;
}

export function firefoxPath(): string {
  for (const place of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of ['firefox-esr', 'firefox']) {
      try {
        accessSync(join(place, name), constants.X_OK);
        return join(place, name);
      } catch {}
    }
  }
  throw new Error('expected a Firefox on PATH, found none');
}

/** Arguments for tests: the browser runs as root, and fetches nothing by itself. */
export const quietArguments = [
  '--no-sandbox',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
  '--no-first-run',
];

/**
 * Opens every origin in a Chromium on `profile`, evaluates `script` there, and closes the browser.
 * Returns the value of each page.
 */
export async function visit(profile: string, site: Site, script: string): Promise<unknown[]> {
  const options = { executablePath: chromiumPath(), headless: true, args: quietArguments };
  return askAndClose(await chromium.launchPersistentContext(profile, options), site, script);
}

/** Kills the browser like a machine that runs out of memory. Resolves when the browser is gone. */
export async function kill(browser: Browser): Promise<void> {
  const child = browser.process();
  if (child === null) throw new Error('expected a browser of this process');
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await gone;
}
