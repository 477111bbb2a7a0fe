/**
 * Cancellation by signals. The first signal cancels the command, which then cleans up; the second
 * signal ends the process at once.
 */
import { exitStatus } from './failure.js';

const signals = ['SIGINT', 'SIGTERM'] as const;

export type StopSignal = (typeof signals)[number] | 'SIGHUP';

export interface Interrupts {
  /** Fires when the process receives a stop signal. */
  signal: AbortSignal;
  /** Passes stop signals to `handler` instead, until the returned function is called. */
  takeOver: (handler: (name: StopSignal) => void) => () => void;
}

export function cancelOnSignals(): Interrupts {
  const controller = new AbortController();
  let handler: ((name: StopSignal) => void) | undefined;
  for (const name of signals) {
    process.on(name, () => {
      if (handler !== undefined) return handler(name);
      if (controller.signal.aborted) process.exit(exitStatus.CANCELLED);
      controller.abort(new Error(`received ${name}`));
    });
  }
  const takeOver = (taken: (name: StopSignal) => void) => {
    handler = taken;
    // A closed terminal ends every other command at once.
    process.on('SIGHUP', taken);
    return () => {
      handler = undefined;
      process.off('SIGHUP', taken);
    };
  };
  return { signal: controller.signal, takeOver };
}
