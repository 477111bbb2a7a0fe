/** The mounts and unmounts of a launch, with drivers and a state that only record their calls. */
import { EventEmitter, once } from 'node:events';
import process from 'node:process';
import { setImmediate } from 'node:timers/promises';
import test from 'ava';
import type { BrowserType } from 'playwright-core';
import type { LaunchOptions as PuppeteerOptions } from 'puppeteer-core';
import type { MountOptions } from '../../../src/api/browser-state-options.js';
import { BrowserStateError } from '../../../src/base/errors.js';
import { portableArguments } from '../../../src/drivers/flags.js';
import type { Mounting } from '../../../src/drivers/launch.js';
import { launch as launchPlaywright } from '../../../src/drivers/playwright.js';
import { launch as launchPuppeteer } from '../../../src/drivers/puppeteer.js';

/** A state that records its calls, and fails to unmount with the given errors in turn. */
class FakeState {
  readonly asked: string[] = [];
  readonly events = new EventEmitter();
  mountOptions: MountOptions | undefined;
  #mounted: string | undefined;

  constructor(readonly failures: Error[] = []) {}

  async mount(session: string, options: MountOptions): Promise<string> {
    this.asked.push(`mount ${session}`);
    this.mountOptions = options;
    this.#mounted = `/of/${session}`;
    return this.#mounted;
  }

  async unmount({ discard = false } = {}): Promise<void> {
    this.asked.push(discard ? 'discard' : 'unmount');
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    this.#mounted = undefined;
    this.events.emit('unmounted');
  }

  getCurrentSessionPath(): string | undefined {
    return this.#mounted;
  }
}

interface Fake {
  state: FakeState;
  browser: { close(): Promise<void> };
  die(): void;
  launchedWith: Record<string, unknown>;
}

/** The calls of both drivers, which differ in names alone. */
const drivers: Record<string, (state: FakeState, options?: object, failure?: Error) => Promise<Fake>> = {
  playwright: async (state, options = {}, failure) => {
    const context = Object.assign(new EventEmitter(), { close: async () => void state.asked.push('close') });
    let launchedWith: Record<string, unknown> = {};
    const type = {
      name: () => 'chromium',
      executablePath: () => process.execPath,
      launchPersistentContext: async (dir: string, settings: object) => {
        launchedWith = { dir, ...settings };
        if (failure !== undefined) throw failure;
        return context;
      },
    };
    const browser = await launchPlaywright(type as unknown as BrowserType, state as unknown as Mounting, 's', options);
    return { state, browser, die: () => context.emit('close'), launchedWith };
  },
  puppeteer: async (state, options = {}, failure) => {
    const child = new EventEmitter();
    let launchedWith: Record<string, unknown> = {};
    const puppeteer = {
      launch: async ({ userDataDir, ...settings }: PuppeteerOptions) => {
        launchedWith = { dir: userDataDir, ...settings };
        if (failure !== undefined) throw failure;
        return { close: async () => void state.asked.push('close'), process: () => child };
      },
    };
    const browser = await launchPuppeteer(puppeteer as never, state as unknown as Mounting, 's', options);
    return { state, browser, die: () => child.emit('exit'), launchedWith };
  },
};

for (const [name, start] of Object.entries(drivers)) {
  test(`${name}: close unmounts once, whatever follows`, async (t) => {
    const { state, browser, die, launchedWith } = await start(new FakeState());
    t.is(launchedWith['dir'], '/of/s');
    await Promise.all([browser.close(), browser.close()]);
    die();
    await browser.close();
    t.deepEqual(state.asked, ['mount s', 'close', 'unmount']);
  });

  test(`${name}: close rejects with the error of unmounting, each time`, async (t) => {
    const conflict = new BrowserStateError('CONFLICT', 'another writer updated it first');
    const { state, browser } = await start(new FakeState([conflict]));
    await t.throwsAsync(browser.close(), { is: conflict });
    await t.throwsAsync(browser.close(), { is: conflict });
    t.deepEqual(state.asked, ['mount s', 'close', 'unmount']);
  });

  test(`${name}: a browser that dies is unmounted after its process is really gone, and close returns the result`, async (t) => {
    const { state, browser, die } = await start(new FakeState([new BrowserStateError('BUSY', 'a browser is live')]));
    const unmounted = once(state.events, 'unmounted');
    die();
    await unmounted;
    await browser.close();
    t.deepEqual(state.asked, ['mount s', 'unmount', 'unmount']);
    const failure = new BrowserStateError('NO_SPACE', 'full');
    const other = await start(new FakeState([failure]));
    other.die();
    await setImmediate();
    await t.throwsAsync(other.browser.close(), { is: failure });
    t.deepEqual(other.state.asked, ['mount s', 'unmount']);
  });

  test(`${name}: what is unmounted otherwise, or mounted since, is left alone`, async (t) => {
    const { state, browser } = await start(new FakeState());
    await state.unmount();
    await state.mount('other', {});
    await browser.close();
    t.deepEqual(state.asked, ['mount s', 'unmount', 'mount other', 'close']);
  });

  test(`${name}: a launch that fails commits nothing`, async (t) => {
    const failure = new Error('no such browser');
    const state = new FakeState();
    await t.throwsAsync(start(state, {}, failure), { is: failure });
    t.deepEqual(state.asked, ['mount s', 'discard']);
  });

  test(`${name}: options go where they belong, and the caller's arguments come last`, async (t) => {
    const mount = { offline: true, prepare: { keepSessionCookies: true, browserVersion: '156' } };
    const { state, browser, launchedWith } = await start(new FakeState(), { headless: false, args: ['--password-store=gnome'], mount });
    t.deepEqual(state.mountOptions, { ...mount, browser: true });
    t.deepEqual(launchedWith, {
      dir: '/of/s',
      headless: false,
      args: [...portableArguments(), '--password-store=gnome'],
      handleSIGINT: false,
      handleSIGTERM: false,
      ...(name === 'puppeteer' && { pipe: true }),
    });
    await browser.close();
    const other = await start(new FakeState(), { executablePath: process.execPath, mount: { handleSignals: false } });
    t.false('handleSIGINT' in other.launchedWith);
    const { prepare } = other.state.mountOptions ?? {};
    t.is(prepare && (await prepare.browserVersion), process.version);
    const unknown = await start(new FakeState(), { executablePath: '/nowhere/chromium' });
    const { prepare: withoutVersion } = unknown.state.mountOptions ?? {};
    t.is(withoutVersion && (await withoutVersion.browserVersion), undefined);
    await unknown.browser.close();
    await other.browser.close();
  });
}

test('Firefox is given what keeps session cookies, and no argument of Chromium', async (t) => {
  let launchedWith: PuppeteerOptions = {};
  const puppeteer = {
    launch: async (settings: PuppeteerOptions) => {
      launchedWith = settings;
      return { close: async () => undefined, process: () => null };
    },
  };
  const options = {
    browser: 'firefox',
    extraPrefsFirefox: { a: 1 },
    mount: { prepare: { keepSessionCookies: true }, handleSignals: false },
  } as const;
  await launchPuppeteer(puppeteer as never, new FakeState() as unknown as Mounting, 's', options);
  t.deepEqual(launchedWith, { browser: 'firefox', extraPrefsFirefox: { a: 1, 'browser.startup.page': 3 }, userDataDir: '/of/s' });
});
