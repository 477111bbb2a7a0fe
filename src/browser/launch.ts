/**
 * A browser on a mounted session, whatever drives it: mounted before it is launched, and unmounted once when it has ended, by its user's
 * `close`, by a signal to this process or by itself.
 */
import { setTimeout } from 'node:timers/promises';
import type { BrowserState } from '../browser-state.js';
import { isError } from '../errors.js';
import { systemHost } from '../host.js';
import { STOP_ATTEMPTS, STOP_WAIT_MS } from '../limits.js';
import type { MountOptions } from '../state-options.js';
import { versionOf } from './version-of.js';

/** What a launch needs of a `BrowserState`. */
export type Mounting = Pick<BrowserState, 'mount' | 'unmount' | 'getCurrentSessionPath'>;

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
 * again it gives the same answer. A browser that ends by itself is unmounted too: `close` then tells what became of it. A launch that fails gives up what the
 * browser may have written, and rejects with the launch's error.
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
    // Whoever calls close is told.
    closed.catch(() => undefined);
  });
  return launched;
}

/** Drivers end the process at once on a signal: they leave it to the state where that handles signals. */
export function signalsOf({ handleSignals = true }: MountOptions): { handleSIGINT?: boolean; handleSIGTERM?: boolean } {
  return handleSignals ? { handleSIGINT: false, handleSIGTERM: false } : {};
}

/** A signal has the state unmount, for which the browser must be closed. Listens once: the process ends when nobody listens any more. */
function closeOnStop(close: () => Promise<void>): () => void {
  const endSignals = systemHost.onStop(() => {
    endSignals();
    // A browser that did not close keeps its directory: the state, which unmounts, tells of that.
    close().catch(() => undefined);
  });
  return endSignals;
}

/** Lets hygiene know the browser's version, which is asked for while the session is mounted. */
function withVersion(options: MountOptions, executable: string | undefined): MountOptions {
  const { hygiene = {} } = options;
  if (executable === undefined || hygiene === false || hygiene.warnings === false || hygiene.browserVersion !== undefined) return options;
  return { ...options, hygiene: { ...hygiene, browserVersion: versionOf(executable) } };
}

/** Unmounts what is mounted there, if it is still. A driver may know that its browser is gone before the process has ended. */
async function unmountWhenEnded(state: Mounting, dir: string): Promise<void> {
  for (let attempt = 1; state.getCurrentSessionPath() === dir; attempt++) {
    try {
      await state.unmount();
      return;
    } catch (error) {
      // It was being unmounted already.
      if (isError(error, 'USAGE') && state.getCurrentSessionPath() !== dir) return;
      if (!isError(error, 'BUSY') || attempt === STOP_ATTEMPTS) throw error;
    }
    await setTimeout(STOP_WAIT_MS);
  }
}
