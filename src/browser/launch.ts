/**
 * A browser on a mounted session, whatever drives it: mounted before it is launched, and unmounted once when it has ended, by its user's
 * `close` or by itself.
 */
import { setTimeout } from 'node:timers/promises';
import { isError } from '../errors.js';
import { LIVE_BROWSER_RETRIES, LIVE_BROWSER_WAIT_MS } from '../limits.js';
import type { HygieneOptions } from './hygiene.js';
import { versionOf } from './version-of.js';

/** What a launch needs of a `BrowserState`. */
export interface Mounting<MountOptions> {
  mount(session: string, options?: MountOptions): Promise<string>;
  unmount(): Promise<void>;
}

export interface MountHygiene {
  hygiene?: false | HygieneOptions | undefined;
}

/** What a driver gives: something that is closed. */
interface Closable {
  close(...options: never[]): Promise<void>;
}

export interface Driver<Launched extends Closable> {
  /** The program that will be launched, where it is known: its version is compared with the profile's. */
  executable: string | undefined;
  /** Launches the browser on a directory. */
  start(dir: string): Promise<Launched>;
  /** Calls `ended` when the browser has ended, whoever ended it. */
  watch(launched: Launched, ended: () => void): void;
}

/**
 * Mounts the session and launches a browser there. Its `close` is replaced by one that unmounts thereafter and rejects with what unmounting rejects with; called
 * again it gives the same answer. A browser that ends by itself is unmounted too: `close` then tells what became of it. A launch that fails is unmounted
 * and rejects with the launch's error.
 */
export async function launchMounted<Launched extends Closable, MountOptions extends MountHygiene>(
  state: Mounting<MountOptions>,
  session: string,
  options: MountOptions,
  { executable, start, watch }: Driver<Launched>,
): Promise<Launched> {
  const dir = await state.mount(session, withVersion(options, executable));
  let launched: Launched;
  try {
    launched = await start(dir);
  } catch (error) {
    // What kept it from being unmounted, unmounting again will tell.
    await unmountWhenEnded(state).catch(() => {});
    throw error;
  }
  const close = launched.close.bind(launched);
  let closed: Promise<void> | undefined;
  const end = async (closing: Promise<void>): Promise<void> => {
    try {
      await closing;
    } finally {
      await unmountWhenEnded(state);
    }
  };
  launched.close = (...args) => {
    closed ??= end(close(...args));
    return closed;
  };
  watch(launched, () => {
    if (closed !== undefined) return;
    closed = end(Promise.resolve());
    // Whoever calls close is told.
    closed.catch(() => {});
  });
  return launched;
}

/** Lets hygiene know the browser's version, which is asked for while the session is mounted. */
function withVersion<MountOptions extends MountHygiene>(options: MountOptions, executable: string | undefined): MountOptions {
  const { hygiene = {} } = options;
  if (executable === undefined || hygiene === false || hygiene.warnings === false || hygiene.browserVersion !== undefined) return options;
  return { ...options, hygiene: { ...hygiene, browserVersion: versionOf(executable) } };
}

/** A driver may know that its browser is gone before the process has ended. */
async function unmountWhenEnded(state: Pick<Mounting<never>, 'unmount'>): Promise<void> {
  for (let retries = LIVE_BROWSER_RETRIES; ; retries--) {
    try {
      return await state.unmount();
    } catch (error) {
      if (retries === 0 || !isError(error, 'BUSY')) throw error;
    }
    await setTimeout(LIVE_BROWSER_WAIT_MS);
  }
}
