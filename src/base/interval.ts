/** Work that is repeated in the background until it is stopped. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Ends the repetition. Resolves when the last run has ended. */
export type Stop = () => Promise<void>;

/**
 * Runs `work` every `ms` milliseconds, counted from the end of the last run, never twice at once.
 * An error of `work` ends the repetition and rejects the returned function. Does not keep the
 * process alive.
 */
export function repeat(ms: number, work: (signal: AbortSignal) => Promise<void>): Stop {
  const controller = new AbortController();
  const { signal } = controller;
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      // Rejects only if the signal fires, which the next line checks.
      await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);
      if (!signal.aborted) await work(signal);
    }
  };
  const running = run();
  // A rejection is reported by the returned function.
  running.catch(() => undefined);
  return async () => {
    controller.abort();
    await running;
  };
}
