/** Cancelling from outside: the first signal asks the command to stop and tidy up, a second one ends the process at once. */
import { exitStatus } from './failure.js';

// Not SIGHUP: to listen to it would undo nohup.
const signals = ['SIGINT', 'SIGTERM'] as const;

/** A signal that fires when the process is told to stop. */
export function cancelOnSignals(): AbortSignal {
  const controller = new AbortController();
  for (const name of signals) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(exitStatus.CANCELLED);
      controller.abort(new Error(`received ${name}`));
    });
  }
  return controller.signal;
}
