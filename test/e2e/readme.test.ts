/** The examples of README.md, run as they are printed. */
import { execFile } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import { temporary } from '../support/temporary.js';

const run = promisify(execFile);

function examples(title: string): string[] {
  const text = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith(`${title}\n`)) ?? '';
  return [...section.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code = '']) => code);
}

test('the examples for Playwright and Puppeteer run as printed, and the second finds what the first left', async (t) => {
  const home = temporary(t);
  const server = createServer(({ headers }, response) => {
    const visits = Number(/visits=(\d+)/.exec(headers.cookie ?? '')?.[1] ?? 0) + 1;
    response.setHeader('set-cookie', `visits=${visits}; max-age=86400`).setHeader('content-type', 'text/html');
    response.end(`<!doctype html><link rel="icon" href="data:,"><title>visit ${visits}</title>`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const printed: string[] = [];
  const found = examples('Playwright and Puppeteer');
  for (const [i, code] of found.entries()) {
    // In the package, so that its own name leads to it.
    const file = fileURLToPath(new URL(`readme-example-${i}.mjs`, import.meta.url));
    t.teardown(() => rmSync(file, { force: true }));
    writeFileSync(file, code);
    const { stdout } = await run(process.execPath, [file, `http://127.0.0.1:${port}/`], { env: { ...process.env, HOME: home } });
    printed.push(stdout.trim());
    t.true(code.trim().split('\n').length <= 10, code);
  }
  t.deepEqual(printed, ['visit 1', 'visit 2']);
});
