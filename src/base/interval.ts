/** Doing something again and again in the background, until it is told to stop. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Ends the repetition: resolves when nothing of it is under way any more. */
export type Stop = () => Promise<void>;

/**
 * * Runs `work` every `ms` milliseconds, counted from the end of the time before, never twice at
 * once. What it throws is for `work` to handle: a failure that it lets pass ends the repetition and
 * rejects `stop`. It keeps no process alive.
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
