/**
 * `browserstate/reader` in a page of a real Chromium: the package's file as a module, and a store
 * of another origin.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { chromium, type Page } from 'playwright-core';
import type { Expected } from '../format/fixtures/expected.js';
import { chromiumPath } from '../support/browser/login.js';
import { bundle, frozen, type PlaceOptions, serve, v1 } from '../support/reader/place.js';

const expected = JSON.parse(readFileSync(join(v1, 'expected.json'), 'utf8')) as Expected;

/** Opens an empty page of an origin that serves the package's file. */
async function openPage(t: ExecutionContext): Promise<Page> {
  const server = createServer(({ url }, response) => {
    const isFile = url === '/reader.js';
    response.setHeader('content-type', isFile ? 'text/javascript' : 'text/html');
    response.end(isFile ? readFileSync(bundle) : '<!doctype html><link rel="icon" href="data:,"><title>reader</title>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: ['--no-sandbox'] });
  t.teardown(async () => {
    await browser.close();
    server.closeAllConnections();
    server.close();
  });
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return page;
}

/**
 * Reads all versions of a session in the page. Returns the hash of every file of each version, by
 * path.
 */
const readInPage = (page: Page, url: string, session: string): Promise<Record<string, Record<string, string>>> =>
  page.evaluate(`(async () => {
    const { openReader } = await import('/reader.js');
    const session = openReader({ url: ${JSON.stringify(url)} }).session(${JSON.stringify(session)});
    const found = {};
    for await (const { commit } of session.log()) {
      found[commit] = {};
      for await (const { path, bytes } of (await session.version({ at: commit })).readAll()) {
        const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
        found[commit][path] = bytes.length + ' bytes ' + [...hash].map((byte) => byte.toString(16).padStart(2, '0')).join('');
      }
    }
    return found;
  })()`);

/** Returns the same hashes from expected.json. */
const hashes = (session: 'main' | 'fork'): Record<string, Record<string, string>> =>
  Object.fromEntries(
    expected[session].map(({ commit, entries }) => {
      const files = Object.entries(entries).filter(([, entry]) => entry.startsWith('file '));
      return [commit, Object.fromEntries(files.map(([path, entry]) => [path, entry.split(' ').slice(3).join(' ')]))];
    }),
  );

const servers: [string, PlaceOptions][] = [
  ['a bucket', { cors: true }],
  ['a server that ignores ranges', { cors: true, ignoresRanges: true }],
];
for (const [title, options] of servers) {
  test.serial(`a page reads every version of the frozen repository from ${title} of another origin`, async (t) => {
    const page = await openPage(t);
    const { url } = await serve(t, await frozen(), options);
    t.deepEqual(await readInPage(page, url, 'main'), hashes('main'));
    t.deepEqual(await readInPage(page, url, 'fork'), hashes('fork'));
  });
}

test.serial('a page learns of damage, and of a server that does not let it read', async (t) => {
  const page = await openPage(t);
  const names = await frozen();
  const pack = [...names.keys()].filter((name) => name.includes('/packs/'));
  for (const name of pack)
    names.set(
      name,
      (names.get(name) as Uint8Array).map((byte, i) => (i < 200 ? byte : byte ^ 1)),
    );
  const code = (url: string): Promise<string> => readInPage(page, url, 'main').then(String, (error: Error) => error.message);
  t.regex(await code((await serve(t, names, { cors: true })).url), /packs\//);
  t.regex(await code((await serve(t, await frozen())).url), /cannot read default\/\.store\/refs\/main~/);
});

test.serial('R-HTTP-4: a page that is shown a new ref is not served the old one by its cache', async (t) => {
  const page = await openPage(t);
  const names = await frozen();
  const { url } = await serve(t, names, {
    cors: true,
    answer: (name) =>
      name.includes('refs/')
        ? { status: 200, headers: { 'cache-control': 'max-age=3600' }, body: names.get(name) as Uint8Array }
        : undefined,
  });
  const head = (): Promise<string> =>
    page.evaluate(
      `import('/reader.js').then(({ openReader }) => openReader({ url: ${JSON.stringify(url)} }).session('main').resolve('HEAD')).then(({ commit }) => commit)`,
    );
  t.is(await head(), expected.main[0]?.commit as string);
  const damaged = (names.get('default/.store/refs/main~') as Uint8Array).slice();
  damaged[100] = (damaged[100] as number) ^ 1;
  names.set('default/.store/refs/main~', damaged);
  await t.throwsAsync(head(), { message: /digest/ });
});

test.serial('R-HTTP-2: a page does not follow a redirect of a request that it signed', async (t) => {
  const page = await openPage(t);
  const place = await serve(t, await frozen(), {
    cors: true,
    answer: (name) => (name.includes('elsewhere') ? undefined : { status: 302, headers: { location: '/elsewhere' } }),
  });
  const reads = page.evaluate(`import('/reader.js').then(({ openReader }) => {
    const sign = () => ({ headers: { authorization: 'Bearer secret' } });
    return openReader({ url: ${JSON.stringify(place.url)}, sign }).session('main').exists();
  })`);
  const { message } = (await t.throwsAsync(reads)) as Error;
  t.regex(message, /the server answered a redirect/);
  t.notRegex(message, /secret/);
  t.false(place.requests.some((name) => name.includes('elsewhere')));
});
