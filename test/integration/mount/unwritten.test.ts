/**
 * Browsers that were launched on a mounted directory and never wrote to it, because they used
 * another profile (L4).
 */
import { EventEmitter } from 'node:events';
import { mkdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { PuppeteerNode } from 'puppeteer-core';
import { launch } from '../../../src/drivers/puppeteer.js';
import { BrowserState, type MountOptions } from '../../../src/index.js';
import { temporary } from '../../support/temporary.js';

const NEVER = /^session work: the browser never wrote to .*; it may have used another profile/;

function begin(dir: string): void {
  mkdirSync(join(dir, 'Default'));
  writeFileSync(join(dir, 'Local State'), '{}');
  writeFileSync(join(dir, 'Default/Preferences'), '{}');
}

const lock = (dir: string, name: string): void => {
  symlinkSync('machine-1', join(dir, name));
  unlinkSync(join(dir, name));
};

const cases: [what: string, mount: MountOptions, work: (dir: string) => void, isTold: boolean][] = [
  ['a browser that writes nothing', { browser: true }, () => undefined, true],
  ['a browser that writes nothing, without preparation of the profile', { browser: true, prepare: false }, () => undefined, true],
  ['a Chromium that only takes its lock', { browser: true }, (dir) => lock(dir, 'SingletonLock'), false],
  ['a Firefox that only takes its lock', { browser: true }, (dir) => lock(dir, 'lock'), false],
  ['a browser that removes a file', { browser: true }, (dir) => rmSync(join(dir, 'Local State')), false],
  ['a file below that changes', { browser: true }, (dir) => writeFileSync(join(dir, 'Default/Preferences'), '{"a":1}'), false],
  ['no browser', {}, () => undefined, false],
];

for (const [what, mount, work, isTold] of cases) {
  test(`L4: ${what}: ${isTold ? 'reported' : 'nothing is reported'}`, async (t) => {
    const warnings: string[] = [];
    const state = new BrowserState({ home: join(temporary(t), 'home'), onWarning: (warning) => warnings.push(warning) });
    begin(await state.mount('work', mount));
    await state.unmount();
    // The mount changed because of work that began in the first mount.
    t.deepEqual(warnings.splice(0), ['new session work']);
    work(await state.mount('work', mount));
    await state.unmount();
    t.is(warnings.length, isTold ? 1 : 0, warnings.join());
    if (isTold) t.regex(warnings[0] ?? '', NEVER);
    await state.mount('work', mount);
    await state.unmount({ discard: true });
    t.is(warnings.length, isTold ? 1 : 0, 'a launch that failed has its own error');
    await state.cleanup();
  });
}

test('L4: launch reports it', async (t) => {
  const warnings: string[] = [];
  const state = new BrowserState({ home: join(temporary(t), 'home'), onWarning: (warning) => warnings.push(warning) });
  const puppeteer = {
    launch: async () => ({ process: () => new EventEmitter(), close: async () => undefined }),
  } as unknown as Pick<PuppeteerNode, 'launch'>;
  const browser = await launch(puppeteer, state, 'work');
  await browser.close();
  t.is(warnings.length, 2);
  t.regex(warnings[1] ?? '', NEVER);
  await state.cleanup();
});
