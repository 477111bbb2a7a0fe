/**
 * The web sites of the benchmarks: one loopback server behind several origins. Chromium maps every
 * `*.localhost` host to it, so that an origin's name has no port and is the same in every run.
 */
import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { between, noise, png, random, text } from './_content.js';

export const HOSTS = ['news', 'shop', 'mail', 'social', 'docs', 'video', 'bank', 'wiki', 'maps', 'forum'] as const;

/** The sites that work offline, with a service worker and Cache storage. */
export const OFFLINE: readonly string[] = ['news', 'social', 'docs', 'maps'];

export const origin = (host: string): string => `http://${host}.localhost`;

export interface Site {
  /** The Chromium switch that maps every origin to this server. */
  readonly resolverRule: string;
  close(): Promise<void>;
}

const TYPES: Record<string, string> = {
  js: 'text/javascript',
  css: 'text/css',
  html: 'text/html; charset=utf-8',
  json: 'application/json',
  png: 'image/png',
  bin: 'application/octet-stream',
};

/** The script of a visit: writes a cookie, localStorage, IndexedDB records, and history entries. */
const CLIENT = `
const request = (r) => new Promise((ok, no) => { r.onsuccess = () => ok(r.result); r.onerror = () => no(r.error); });
const database = () => { const r = indexedDB.open('app', 1);
  r.onupgradeneeded = () => r.result.createObjectStore('records', { keyPath: 'id' }); return request(r); };
window.bench = {
  async visit({ run, page, records, recordSize, routes }) {
    document.cookie = 'last_page=' + page + '; max-age=31536000; path=/';
    document.cookie = 'seen_' + run + '=' + page + '; max-age=31536000; path=/';
    localStorage.setItem('state', JSON.stringify({ run, page, panels: Array(40).fill('panel-' + page) }));
    localStorage.setItem('draft-' + run, 'draft of run ' + run + ' on page ' + page);
    const items = await (await fetch('/asset/' + records * recordSize + '/records-' + run + '-' + page + '.json')).text();
    const db = await database();
    const tx = db.transaction('records', 'readwrite');
    for (let i = 0; i < records; i++) tx.objectStore('records').put(
      { id: i < 3 ? 'hot-' + i : run + '-' + page + '-' + i, page, body: items.slice(i * recordSize, (i + 1) * recordSize) });
    await new Promise((ok, no) => { tx.oncomplete = ok; tx.onerror = () => no(tx.error); });
    db.close();
    for (let i = 0; i < routes; i++) history.pushState({}, 'Item ' + i, '/page/' + page + '/item/' + run + '-' + i + '?ref=list&position=' + i);
    return items.length;
  },
  async worker() {
    await navigator.serviceWorker.register('/sw.js');
    await navigator.serviceWorker.ready;
  },
};`;

const WORKER = `
const FILES = ['/asset/160000/shell.js', '/asset/40000/shell.css', '/asset/90000/offline.json',
  '/asset/60000/hero.png', '/asset/45000/logo.png', '/asset/30000/offline.html'];
self.addEventListener('install', (e) => e.waitUntil(caches.open('shell-v1').then((c) => c.addAll(FILES)).then(() => self.skipWaiting())));
self.addEventListener('activate', (e) => e.waitUntil(self.clients.claim()));
self.addEventListener('fetch', (e) => { if (FILES.includes(new URL(e.request.url).pathname))
  e.respondWith(caches.match(e.request).then((r) => r || fetch(e.request))); });`;

function pageOf(host: string, n: number): string {
  const next = random(`${host}/${n}`);
  const images = Array.from(
    { length: between(next, 5, 10) },
    (_, i) => `<img src="/asset/${between(next, 4, 70)}000/photo-${n}-${i}.png">`,
  );
  return `<!doctype html><title>${host} page ${n}</title><link rel="stylesheet" href="/asset/50000/site.css">
<script src="/client.js"></script><script src="/asset/260000/framework.js"></script>
<script src="/asset/${between(next, 10, 60)}000/route-${n % 12}.js"></script>
<img src="/asset/9000/logo.png">${images.join('')}<ul>${text('html', `${host}/${n}`, between(next, 8, 60) * 1000)}</ul>`;
}

/**
 * Returns a page of `count` resources for the big profile. The size and kind of a resource derive
 * from its number and `mean`.
 */
function galleryOf(host: string, n: number, count: number, mean: number): string {
  const next = random(`gallery ${host}/${n}`);
  const tags = Array.from({ length: count }, (_, i) => {
    const size = Math.round((mean * between(next, 20, 180)) / 100);
    const draw = next() % 10;
    if (draw < 5) return `<img src="/asset/${size}/g${n}-${i}.png">`;
    if (draw < 7) return `<script src="/asset/${size}/g${n}-${i}.js"></script>`;
    return `<link rel="preload" as="fetch" crossorigin href="/asset/${size}/g${n}-${i}.${draw < 9 ? 'json' : 'bin'}">`;
  });
  return `<!doctype html><title>${host} gallery ${n}</title><script src="/client.js"></script>${tags.join('\n')}`;
}

function bodyOf(host: string, path: string, query: URLSearchParams): { kind: string; body: string | Buffer } {
  const asset = /^\/asset\/(\d+)\/(.+)\.(\w+)$/.exec(path);
  if (asset) {
    const [size, kind, seed] = [Number(asset[1]), asset[3] as string, host + path];
    if (kind === 'png') return { kind, body: png(seed, size) };
    if (kind === 'bin') return { kind, body: noise(seed, size) };
    return { kind, body: text(kind as 'js' | 'css' | 'json' | 'html', seed, size) };
  }
  if (path === '/client.js') return { kind: 'js', body: CLIENT };
  if (path === '/sw.js') return { kind: 'js', body: WORKER };
  if (path === '/favicon.ico') return { kind: 'png', body: png(`${host} icon`, 3000) };
  const n = Number(/^\/\w+\/(\d+)/.exec(path)?.[1] ?? 0);
  if (path.startsWith('/gallery/')) {
    return { kind: 'html', body: galleryOf(host, n, Number(query.get('count')), Number(query.get('mean'))) };
  }
  return { kind: 'html', body: pageOf(host, n) };
}

/**
 * Sends text gzipped, except from two hosts. The browser's cache stores bodies as they were sent.
 */
function send(response: ServerResponse, host: string, kind: string, body: string | Buffer): void {
  const plain = Buffer.from(body as string);
  const zipped = !['png', 'bin'].includes(kind) && host !== 'docs' && host !== 'mail';
  const bytes = zipped ? gzipSync(plain, { level: 4 }) : plain;
  response.setHeader('content-type', TYPES[kind] ?? 'text/plain');
  response.setHeader('etag', `"${createHash('sha256').update(bytes).digest('hex').slice(0, 20)}"`);
  response.setHeader('cache-control', kind === 'html' ? 'no-cache' : 'public, max-age=31536000, immutable');
  if (zipped) response.setHeader('content-encoding', 'gzip');
  response.setHeader('content-length', bytes.length);
  response.end(bytes);
}

export async function startSite(): Promise<Site> {
  const server = createServer((request, response) => {
    const host = (request.headers.host ?? '').split('.')[0] as string;
    const url = new URL(request.url ?? '/', origin(host));
    const { kind, body } = bodyOf(host, url.pathname, url.searchParams);
    if (kind === 'html') {
      const session = createHash('sha256')
        .update(host + url.pathname)
        .digest('base64url');
      response.setHeader('set-cookie', [
        `session=${session}; Max-Age=2592000; Path=/; HttpOnly; SameSite=Lax`,
        `visit=${url.pathname.length}; Max-Age=31536000; Path=/`,
      ]);
    }
    send(response, host, kind, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    resolverRule: `--host-resolver-rules=MAP *.localhost 127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
