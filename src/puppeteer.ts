/**
 * Puppeteer on a mounted session (`browserstate/puppeteer`), with Chromium or Firefox. Puppeteer itself is passed in: this module has its types alone.
 */
import type { Browser, PuppeteerNode, LaunchOptions as PuppeteerOptions } from 'puppeteer-core';
import { portableArguments } from './browser/arguments.js';
import { launchMounted, type MountHygiene, type Mounting } from './browser/launch.js';
import { firefoxRestores } from './browser/preferences.js';

export type LaunchOptions<MountOptions> = PuppeteerOptions & { mount?: MountOptions | undefined };

/**
 * Mounts a session of `state` and launches a browser there, a Chromium with the arguments that make the profile portable. `options` are those of
 * `puppeteer.launch`, and in `mount` those of `state.mount`; `userDataDir` is the mounted directory.
 *
 * `browser.close()` resolves when the session is unmounted, and rejects with the error of unmounting. A browser that crashes or is closed otherwise is unmounted as well, with
 * what it had written: `close()` tells how that went. `browser.disconnect()` leaves it running and mounted. If the launch fails, the session is unmounted.
 *
 * @example
 * const browser = await launch(puppeteer, new BrowserState(), 'linkedin', { executablePath: '/usr/bin/chromium' });
 * await browser.newPage();
 * await browser.close();
 */
export async function launch<MountOptions extends MountHygiene>(
  puppeteer: Pick<PuppeteerNode, 'launch'>,
  state: Mounting<MountOptions>,
  session: string,
  { mount = {} as MountOptions, ...options }: LaunchOptions<MountOptions> = {},
): Promise<Browser> {
  const settings = { ...options };
  const restores = mount.hygiene !== false && mount.hygiene?.keepSessionCookies === true;
  if (options.browser !== 'firefox') settings.args = [...portableArguments(), ...(options.args ?? [])];
  else if (restores) settings.extraPrefsFirefox = { ...firefoxRestores, ...options.extraPrefsFirefox };
  return launchMounted(state, session, mount, {
    executable: options.executablePath,
    start: (userDataDir) => puppeteer.launch({ ...settings, userDataDir }),
    watch: (browser, ended) => browser.process()?.once('exit', ended),
  });
}
