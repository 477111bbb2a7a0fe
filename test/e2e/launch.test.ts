/**
 * The whole workflow: log in through `launch`, push to a real S3 gateway, and mount on machines
 * that hold nothing.
 */
import { join } from 'node:path';
import test from 'ava';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import { launch as launchPlaywright } from '../../src/drivers/playwright.js';
import { launch as launchPuppeteer } from '../../src/drivers/puppeteer.js';
import { BrowserState, openStore } from '../../src/index.js';
import { s3Provider } from '../../src/provider/s3/s3.js';
import { startWorker } from '../support/browser/killed.js';
import {
  askAndClose,
  type Browsing,
  chromiumPath,
  everywhere,
  firefoxPath,
  known,
  nobody,
  quietArguments,
  startSite,
} from '../support/browser/login.js';
import { type Gateway, startGateway } from '../support/servers/radosgw.js';
import { temporary } from '../support/temporary.js';

let gateway: Gateway | undefined;
test.before(async () => {
  gateway = await startGateway();
});
test.after.always(() => gateway?.stop());

const options = { executablePath: chromiumPath(), args: quietArguments };
const drivers: Record<string, (state: BrowserState, session: string) => Promise<Browsing>> = {
  'Playwright with Chromium': (state, session) => launchPlaywright(chromium, state, session, options),
  'Puppeteer with Chromium': (state, session) => launchPuppeteer(puppeteer, state, session, options),
  'Puppeteer with Firefox': (state, session) =>
    launchPuppeteer(puppeteer, state, session, { browser: 'firefox', executablePath: firefoxPath() }),
};

for (const [name, launch] of Object.entries(drivers)) {
  test.serial(`${name}: a login is there on a machine that holds nothing, gone after a rollback, and apart in a fork`, async (t) => {
    if (gateway === undefined) throw new Error('the gateway did not start');
    const folder = temporary(t);
    const { bucket, endpoint, credentials, pathStyle } = gateway.options;
    // The SDK adds notes of its own to the credentials that it was given.
    const { accessKeyId, secretAccessKey } = credentials ?? {};
    const s3Options = { bucketName: bucket, endpoint, pathStyle, accessKeyId, secretAccessKey, prefix: name.replaceAll(' ', '-') };
    const site = await startSite();
    const warnings: string[] = [];
    let machines = 0;
    /** Returns the answer of each origin to the script, on a new machine. */
    const onNewMachine = async (session: string, script: string): Promise<unknown[]> => {
      const home = join(folder, `home ${machines++}`);
      const state = new BrowserState({ storageType: 's3', s3Options, home, onWarning: (warning) => warnings.push(warning) });
      try {
        return await askAndClose(await launch(state, session), site, script);
      } finally {
        await state.cleanup();
      }
    };
    try {
      t.deepEqual(await onNewMachine('work', 'who()'), everywhere(nobody));
      await onNewMachine('work', 'login("ada")');
      t.deepEqual(await onNewMachine('work', 'who()'), everywhere(known('ada')));

      const remote = s3Provider({ ...gateway.options, prefix: s3Options.prefix });
      const store = await openStore({ home: join(folder, 'home of the store'), remote });
      const session = store.session('work');
      const ids: string[] = [];
      for await (const { commit } of session.log()) ids.push(commit);
      await session.pull();
      await session.fork('fork');
      await session.rollback(ids.at(-1) as string);
      t.deepEqual(await onNewMachine('work', 'who()'), everywhere(nobody));
      await onNewMachine('fork', 'login("bob")');
      t.deepEqual(await onNewMachine('work', 'who()'), everywhere(nobody));
      t.deepEqual((await store.verify({ on: 'remote' })).findings, []);
      await store.close();
      t.deepEqual(warnings, ['new session work']);
    } finally {
      await site.close();
    }
  });
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  const driver = signal === 'SIGINT' ? 'playwright' : 'puppeteer';
  test.serial(`a ${driver} worker that gets ${signal} closes its browser, commits, and ends by the signal`, async (t) => {
    const home = join(temporary(t), 'home');
    const site = await startSite();
    try {
      const stopped = startWorker(home, site.port, 1, driver, true, ({ working }) => {
        if (working) stopped.kill(signal);
      });
      t.is(await stopped.ended, signal);
      const next = startWorker(home, site.port, 2, driver);
      t.is(await next.ended, 0);
      t.deepEqual(
        next.said.flatMap(({ round, warning }): unknown[] => [round ?? [], warning ?? []].flat()),
        [1, 1],
      );
    } finally {
      await site.close();
    }
  });
}
