/**
 * `open` with a real browser and a window. A login is kept after a person closes the window, after
 * Ctrl-C, and after `open` was killed.
 */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { type Display, startDisplay } from '../support/browser/display.js';
import { chromiumPath, firefoxPath } from '../support/browser/login.js';
import { Desk, type Outcome, outcome } from '../support/cli.js';

const TITLE = 'a site with a login';
/** Titles of windows to close. A first start of Firefox may open a page in a window of its own. */
const WINDOW = `${TITLE}|Mozilla Firefox`;

interface Site {
  url: string;
  /** Resolves to the user of the next visit of the page. */
  visit(): Promise<string | undefined>;
}

/** Starts a site that logs a visitor in at `/login/USER`. */
async function startSite(t: ExecutionContext): Promise<Site> {
  const waiting: ((user: string | undefined) => void)[] = [];
  const server = createServer(({ url = '', headers }, response) => {
    const [, user] = /^\/login\/(\w+)$/.exec(url) ?? [];
    if (user !== undefined) response.writeHead(302, { location: '/', 'set-cookie': `user=${user}; max-age=86400; path=/` }).end();
    else if (url === '/') {
      response.setHeader('content-type', 'text/html').end(`<!doctype html><link rel="icon" href="data:,"><title>${TITLE}</title>`);
      for (const resolve of waiting.splice(0)) resolve(/user=(\w+)/.exec(headers.cookie ?? '')?.[1]);
    } else response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, visit: () => new Promise((resolve) => waiting.push(resolve)) };
}

let display: Display;
test.before(async () => {
  display = await startDisplay();
});
test.after.always(() => display?.stop());

const browsers = { Chromium: chromiumPath, Firefox: firefoxPath };

for (const [name, path] of Object.entries(browsers)) {
  const begin = async (t: ExecutionContext) => {
    const desk = new Desk(t);
    desk.env['DISPLAY'] = display.name;
    desk.env['BROWSERSTATE_BROWSER'] = path();
    return { desk, site: await startSite(t) };
  };

  /** Opens a page. Resolves when the site is visited, to the user and the running command. */
  const open = async (t: ExecutionContext, desk: Desk, site: Site, page: string, ...words: string[]) => {
    const visit = site.visit();
    const child = desk.start(['open', 'work', site.url + page, ...words]);
    // A failed assertion leaves the browser open.
    t.teardown(() => void child.kill('SIGINT'));
    const ended = outcome(child);
    const user = await Promise.race([visit, ended.then(({ stderr }) => Promise.reject(new Error(stderr)))]);
    return { child, ended, user };
  };

  const closed = (t: ExecutionContext, { status, stderr }: Outcome): void => {
    t.is(status, 0, stderr);
    t.regex(stderr, /^(?:committed [0-9a-f]{12} to work: |nothing changed)/m);
  };

  test.serial(`${name}: a login is there again after its window was closed`, async (t) => {
    const { desk, site } = await begin(t);
    const first = await open(t, desk, site, '/login/ada');
    await display.close(WINDOW, first.ended);
    closed(t, await first.ended);
    const second = await open(t, desk, site, '/');
    t.is(second.user, 'ada');
    await display.close(WINDOW, second.ended);
    closed(t, await second.ended);
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test.serial(`${name}: a login is there again after ${signal}, and without a window`, async (t) => {
      const { desk, site } = await begin(t);
      const first = await open(t, desk, site, '/login/ada');
      // At a signal, Firefox exits with the data that it has written until then.
      while (name === 'Firefox' && !hasWritten(desk)) await sleep(50);
      first.child.kill(signal);
      closed(t, await first.ended);
      const second = await open(t, desk, site, '/', '--headless');
      t.is(second.user, 'ada');
      second.child.kill(signal);
      closed(t, await second.ended);
    });
  }

  test.serial(`${name}: after kill -9, the browser is left alone while it runs, and its login is recovered`, async (t) => {
    const { desk, site } = await begin(t);
    const first = await open(t, desk, site, '/login/ada');
    first.child.kill('SIGKILL');
    await once(first.child, 'exit');
    const busy = await desk.run('open', 'work', '--json');
    t.is(busy.status, 7, busy.stderr);
    const { error } = JSON.parse(busy.stderr) as { error: { details: { pid: number } } };
    // Only closing its window ends the browser.
    await display.close(WINDOW, ending(error.details.pid));
    const next = await open(t, desk, site, '/');
    t.is(next.user, 'ada');
    await display.close(WINDOW, next.ended);
    const done = await next.ended;
    closed(t, done);
    t.regex(done.stderr, /^warning: abandoned mount .* was recovered$/m);
    t.deepEqual(await desk.json(t, 'recover'), []);
  });
}

/** Returns whether a Firefox in a mounted directory has written cookies. */
function hasWritten(desk: Desk): boolean {
  return readdirSync(desk.path('home/default/.store/workspaces'), { recursive: true, encoding: 'utf8' }).some((path) =>
    path.endsWith('/cookies.sqlite-wal'),
  );
}

/** Resolves when a process that is not a child has ended. */
async function ending(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await sleep(50);
  }
}
