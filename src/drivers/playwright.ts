/**
 * Playwright on a mounted session (`browserstate/playwright`). The caller passes Playwright; this
 * module imports only its types.
 */
import type { BrowserContext, BrowserType } from 'playwright-core';
import type { MountOptions } from '../api/browser-state-options.js';
import { firefoxRestores } from '../profile/preferences.js';
import { portableArguments } from './flags.js';
import { launchMounted, type Mounting, splitOptions } from './launch.js';

type PersistentContextOptions = NonNullable<Parameters<BrowserType['launchPersistentContext']>[1]>;

/** The driver's options, and the options of the mount. */
export type LaunchOptions = PersistentContextOptions & { mount?: MountOptions | undefined };

/**
 * Mounts a session of `state` and launches a persistent context there, with the arguments that make
 * the profile portable. `options` are those of `launchPersistentContext`, and `mount` has the
 * options of `state.mount`.
 *
 * `context.close()` resolves when the session is unmounted, and rejects with the error of
 * unmounting. A browser that crashes or is closed otherwise is unmounted as well, with the data
 * that it had written. `close()` then reports the result. If the launch fails, the session is
 * unmounted, and nothing is committed. SIGINT and SIGTERM close the browser and unmount. If
 * `mount.handleSignals` is false, the driver handles them.
 *
 * @example
 * const context = await launch(chromium, new BrowserState(), 'linkedin', { headless: true });
 * await context.newPage();
 * await context.close();
 */
export async function launch(
  browserType: BrowserType,
  state: Mounting,
  session: string,
  given: LaunchOptions = {},
): Promise<BrowserContext> {
  const { mount, options, signals, keepsCookies } = splitOptions(given);
  const settings = { ...signals, ...options };
  if (browserType.name() === 'chromium') settings.args = [...portableArguments(), ...(options.args ?? [])];
  if (browserType.name() === 'firefox' && keepsCookies) settings.firefoxUserPrefs = { ...firefoxRestores, ...options.firefoxUserPrefs };
  return launchMounted(state, session, mount, {
    executable: options.executablePath || (options.channel === undefined ? browserType.executablePath() : undefined),
    start: (dir) => browserType.launchPersistentContext(dir, settings),
    watch: (context, ended) => context.once('close', ended),
  });
}
