/** A site with a login on several loopback origins, and a Chromium that visits it. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chromium } from 'playwright-core';
import { findChromium } from '../../bench/profiles.js';

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
window.login = async (user) => {
  document.cookie = 'user=' + user + '; max-age=86400; path=/';
  localStorage.setItem('user', user);
  const store = (await open()).transaction('state', 'readwrite').objectStore('state');
  await settled(store.put(user, 'user'));
};
window.who = async () => ({
  cookie: /user=([^;]*)/.exec(document.cookie)?.[1] ?? null,
  localStorage: localStorage.getItem('user'),
  indexedDB: (await settled((await open()).transaction('state').objectStore('state').get('user'))) ?? null,
});
</script>`;

export const origins = ['shop', 'mail', 'bank'];

export interface Site {
  port: number;
  close(): Promise<void>;
}

export async function startSite(): Promise<Site> {
  const server: Server = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(page));
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

/** Opens every origin in a browser on `profile`, evaluates `script` there, closes the browser, and returns what each page said. */
export async function visit(profile: string, { port }: Site, script: string): Promise<unknown[]> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error('expected a Chromium on PATH, found none');
  const args = [
    '--no-sandbox',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-quic',
    '--no-first-run',
  ];
  const context = await chromium.launchPersistentContext(profile, { executablePath, headless: true, args });
  try {
    const answers: unknown[] = [];
    for (const origin of origins) {
      const tab = await context.newPage();
      await tab.goto(`http://${origin}.localhost:${port}/`);
      answers.push(await tab.evaluate(script));
    }
    return answers;
  } finally {
    await context.close();
  }
}
