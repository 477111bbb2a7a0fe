/**
 * README.md, the recipes and the examples of other guides with a browser, with the Chromium of this
 * machine. They run as printed, except for addresses. A browser that a command starts has no
 * window, and closes when it has shown its page.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { findChromium } from '../support/browser/find-chromium.js';
import { type Block, blocksOf, guides } from '../support/docs/blocks.js';
import { Story } from '../support/docs/story.js';

/** Returns a port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const chromium = findChromium() ?? 'chromium';

async function play(t: ExecutionContext, blocks: readonly Block[]): Promise<void> {
  const port = await freePort();
  const story = new Story(t, {
    port,
    replaced: {
      8080: String(port),
      '(/usr/bin/chromium)': '(DIR/bin/chromium)',
      '/srv/profiles': 'DIR/srv/profiles',
      '/usr/bin/chromium': chromium,
    },
    packages: ['playwright-core', 'puppeteer-core', 'selenium-webdriver', '@playwright/test', '.bin'],
    programs: { chromium: `exec '${chromium}' --headless --no-sandbox --dump-dom "$@" 2>/dev/null` },
  });
  await story.play(blocks);
}

test.serial('the commands and programs of README.md run as printed', async (t) => {
  await play(
    t,
    blocksOf('README.md').filter(({ section }) => section !== 'Install'),
  );
});

test.serial('the recipes run as printed', async (t) => {
  const site = blocksOf('README.md').filter(({ file }) => file === 'site.mjs');
  await play(t, [...site, ...blocksOf('docs/recipes.md')]);
});

test.serial('the examples of the other guides for Playwright and Puppeteer run as printed', async (t) => {
  for (const path of guides().filter((guide) => guide !== 'README.md'))
    await play(
      t,
      blocksOf(path).filter(({ section }) => section === 'Playwright and Puppeteer'),
    );
  t.pass();
});

test('commands in files of the recipes are commands that they run', (t) => {
  const blocks = blocksOf('docs/recipes.md');
  const commands = blocks.filter(({ lang }) => lang === 'console').flatMap(({ code }) => code.match(/(?<=^\$ ).*$/gm) ?? []);
  const files = blocks.filter(({ lang }) => lang === 'dockerfile' || lang === 'yaml');
  const named = files.flatMap(({ code }) => [
    ...[...code.matchAll(/^CMD (\[.*\])$|^ *command: (\[.*\])$/gm)].map(([, cmd, command]) =>
      (JSON.parse((cmd ?? command) as string) as string[]).join(' '),
    ),
    ...[...code.matchAll(/- run: (?:npx )?(.*)$/gm)].map(([, command]) => command as string),
  ]);
  t.is(named.length, 4);
  for (const command of named) t.true(command === 'npm ci' || commands.includes(command), command);
});
