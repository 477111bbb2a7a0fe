/** Cancelling from outside: the first signal asks the command to stop and tidy up, a second one ends the process at once. */
import { exitStatus } from './failure.js';

const signals = ['SIGINT', 'SIGTERM'] as const;

export type StopSignal = (typeof signals)[number] | 'SIGHUP';

export interface Interrupts {
  /** Fires when the process is told to stop. */
  signal: AbortSignal;
  /** From here on `handler` is told instead, until what is returned is called. */
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
    // A terminal that is closed ends every other command at once.
    process.on('SIGHUP', taken);
    return () => {
      handler = undefined;
      process.off('SIGHUP', taken);
    };
  };
  return { signal: controller.signal, takeOver };
}
