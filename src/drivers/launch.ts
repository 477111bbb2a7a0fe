/**
 * A browser on a mounted session, for any driver. The session is mounted before the launch and
 * unmounted once after the browser ends. A browser ends by `close`, by a signal to this process or
 * by itself.
 */
import type { BrowserState } from '../api/browser-state.js';
import type { MountOptions } from '../api/browser-state-options.js';
import { whileBusy } from '../base/concurrency.js';
import { isError } from '../base/errors.js';
import { systemHost } from '../base/host.js';
import { checkArgument, kind } from '../base/option-check.js';
import { versionOf } from './browser-version.js';

/** The methods of `BrowserState` that a launch needs. */
export type Mounting = Pick<BrowserState, 'mount' | 'unmount' | 'getCurrentSessionPath'>;

/** A driver's object that can be closed. */
interface Closable {
  close(...options: never[]): Promise<void>;
}

export interface Driver<Launched extends Closable> {
  /**
   * The program to be launched, if known. The preparation compares its version with the profile's.
   */
  executable: string | undefined;
  /** Launches the browser on a directory. */
  start(dir: string): Promise<Launched>;
  /** Calls `ended` when the browser has ended for any reason. */
  watch(launched: Launched, ended: () => void): void;
}

/**
 * Mounts the session and launches a browser in its directory. Replaces `close` by a function that
 * unmounts afterwards, and that rejects if unmounting fails. Repeated calls of `close` return the
 * same promise. A browser that ends by itself is unmounted too, and `close` reports the result. If
 * the launch fails, discards the browser's changes and rejects with the launch's error.
 */
export async function launchMounted<Launched extends Closable>(
  state: Mounting,
  session: string,
  options: MountOptions,
  { executable, start, watch }: Driver<Launched>,
): Promise<Launched> {
  const dir = await state.mount(session, { ...withVersion(options, executable), browser: true });
  let launched: Launched;
  try {
    launched = await start(dir);
  } catch (error) {
    await state.unmount({ discard: true });
    throw error;
  }
  const close = launched.close.bind(launched);
  const endSignals = options.handleSignals === false ? () => undefined : closeOnStop(close);
  let closed: Promise<void> | undefined;
  const end = async (closing: Promise<void>): Promise<void> => {
    try {
      await closing;
    } finally {
      endSignals();
      await unmountWhenEnded(state, dir);
    }
  };
  launched.close = (...args) => {
    closed ??= end(close(...args));
    return closed;
  };
  watch(launched, () => {
    if (closed !== undefined) return;
    closed = end(Promise.resolve());
    // A rejection is reported by `close()`.
    closed.catch(() => undefined);
  });
  return launched;
}

/**
 * Splits the options of a launch into those of the mount and those of the driver. If the state
 * handles signals, disables the driver's handlers, which end the process at once. Throws USAGE for
 * values that are not objects.
 */
export function splitOptions<Options extends { mount?: MountOptions | undefined }>(given: Options) {
  checkArgument('launch', 'options', given, kind.object);
  const { mount = {}, ...options } = given;
  checkArgument('launch', 'mount', mount, kind.object);
  const { handleSignals = true, prepare = {} } = mount;
  const signals: { handleSIGINT?: boolean; handleSIGTERM?: boolean } = handleSignals ? { handleSIGINT: false, handleSIGTERM: false } : {};
  return { mount, options, signals, keepsCookies: prepare !== false && prepare.keepSessionCookies === true };
}

/**
 * Closes the browser on a signal, so that the state can unmount. Listens for only one signal:
 * without listeners, a second signal ends the process.
 */
function closeOnStop(close: () => Promise<void>): () => void {
  const endSignals = systemHost.onStop(() => {
    endSignals();
    // A browser that did not close keeps using its directory. Unmounting reports that.
    close().catch(() => undefined);
  });
  return endSignals;
}

/**
 * Passes the browser's version to the preparation. The version is queried while the session is
 * mounted.
 */
function withVersion(options: MountOptions, executable: string | undefined): MountOptions {
  const { prepare = {} } = options;
  if (executable === undefined || prepare === false || prepare.warnings === false || prepare.browserVersion !== undefined) return options;
  return { ...options, prepare: { ...prepare, browserVersion: versionOf(executable) } };
}

/**
 * Unmounts the directory if it is still mounted. A driver may report the end of its browser before
 * the process has exited.
 */
async function unmountWhenEnded(state: Mounting, dir: string): Promise<void> {
  const isMounted = (): boolean => state.getCurrentSessionPath() === dir;
  try {
    await whileBusy(async () => {
      if (isMounted()) await state.unmount();
    });
  } catch (error) {
    // The directory was already being unmounted.
    if (!isError(error, 'USAGE') || isMounted()) throw error;
  }
}
