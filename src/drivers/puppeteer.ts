/**
 * Puppeteer on a mounted session (`browserstate/puppeteer`), with Chromium or Firefox. The caller
 * passes Puppeteer; this module imports only its types.
 */
import type { Browser, PuppeteerNode, LaunchOptions as PuppeteerOptions } from 'puppeteer-core';
import type { MountOptions } from '../api/browser-state-options.js';
import { firefoxRestores } from '../profile/preferences.js';
import { portableArguments } from './flags.js';
import { launchMounted, type Mounting, splitOptions } from './launch.js';

/** The driver's options, and the options of the mount. */
export type LaunchOptions = PuppeteerOptions & { mount?: MountOptions | undefined };

/**
 * Mounts a session of `state` and launches a browser there. Chromium gets the arguments that make
 * the profile portable. `options` are those of `puppeteer.launch`, and `mount` has the options of
 * `state.mount`; `userDataDir` is the mounted directory. Chromium is driven by a pipe unless `pipe:
 * false` or a port is given.
 *
 * `browser.close()` resolves when the session is unmounted, and rejects with the error of
 * unmounting. A browser that crashes or is closed otherwise is unmounted as well, with the data
 * that it had written. `close()` then reports the result. `browser.disconnect()` leaves the browser
 * running and the session mounted. If the launch fails, the session is unmounted, and nothing is
 * committed. SIGINT and SIGTERM close the browser and unmount. If `mount.handleSignals` is false,
 * the driver handles them.
 *
 * @example
 * const options = { executablePath: '/usr/bin/chromium' };
 * const browser = await launch(puppeteer, new BrowserState(), 'linkedin', options);
 * await browser.newPage();
 * await browser.close();
 */
export async function launch(
  puppeteer: Pick<PuppeteerNode, 'launch'>,
  state: Mounting,
  session: string,
  given: LaunchOptions = {},
): Promise<Browser> {
  const { mount, options, signals, keepsCookies } = splitOptions(given);
  // A Chromium that is driven by a pipe ends with the process that drives it. After that process is
  // killed, the browser does not keep the profile locked.
  const pipe = options.browser !== 'firefox' && (options.debuggingPort ?? null) === null;
  const settings = { ...signals, ...(pipe && { pipe }), ...options };
  if (options.browser !== 'firefox') settings.args = [...portableArguments(), ...(options.args ?? [])];
  else if (keepsCookies) settings.extraPrefsFirefox = { ...firefoxRestores, ...options.extraPrefsFirefox };
  return launchMounted(state, session, mount, {
    executable: options.executablePath,
    start: (userDataDir) => puppeteer.launch({ ...settings, userDataDir }),
    watch: (browser, ended) => browser.process()?.once('exit', ended),
  });
}
