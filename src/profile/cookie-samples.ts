/**
 * Samples of the cookies in hostile databases. A thread reads them, and is ended if it takes too
 * long.
 */
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { throwIfAborted } from '../base/errors.js';
import { COOKIE_READER_HEAP_MB, COOKIE_READER_TIMEOUT_MS } from '../base/limits.js';
import type { CookieAnswer, CookieSample } from './cookie-reader.js';

export type SampledCookies = { sample: CookieSample | undefined } | { problem: string };

interface SampleOptions {
  signal?: AbortSignal | undefined;
  /** Milliseconds for all databases together. */
  timeoutMs?: number | undefined;
  /** The program of the thread. */
  reader?: URL | undefined;
}

/**
 * Reads a few cookies of each database. Each path's result is a sample, undefined if there is
 * nothing to examine, or the problem that prevented reading. Does not write to or copy the files.
 * Throws CANCELLED.
 */
export async function sampleCookies(
  paths: readonly string[],
  { signal, timeoutMs = COOKIE_READER_TIMEOUT_MS, reader }: SampleOptions = {},
): Promise<Map<string, SampledCookies>> {
  const found = new Map<string, SampledCookies>();
  if (paths.length === 0) return found;
  throwIfAborted(signal);
  let ended: string;
  try {
    ended = await runReader(
      reader ?? new URL('./cookie-reader.js', import.meta.url ?? pathToFileURL(__filename)),
      paths,
      { signal, timeoutMs },
      (answer) => found.set(answer.path, answer),
    );
  } catch (error) {
    // A program that was bundled without the thread's file cannot find it.
    ended = `the thread that reads it did not start: ${(error as Error).message}`;
  }
  throwIfAborted(signal);
  for (const path of paths) if (!found.has(path)) found.set(path, { problem: ended });
  return found;
}

/** Resolves to the reason why there are no more answers. */
function runReader(
  program: URL,
  paths: readonly string[],
  { signal, timeoutMs }: SampleOptions,
  onAnswer: (answer: CookieAnswer) => void,
): Promise<string> {
  // The thread gets nothing of this process: no environment variables, command-line options or
  // streams.
  const worker = new Worker(program, {
    workerData: paths,
    env: {},
    argv: [],
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: COOKIE_READER_HEAP_MB, maxYoungGenerationSizeMb: COOKIE_READER_HEAP_MB / 4 },
  });
  return new Promise((resolve) => {
    let reason: string | undefined;
    const end = (because: string): void => {
      reason ??= because;
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
      void worker.terminate().then(() => resolve(reason ?? because));
    };
    const cancel = (): void => end('cancelled');
    const timer = setTimeout(end, timeoutMs ?? 0, `reading took longer than ${(timeoutMs ?? 0) / 1000} s`);
    signal?.addEventListener('abort', cancel, { once: true });
    worker.on('message', onAnswer);
    worker.once('error', (error: Error) => end(error.message));
    worker.once('exit', () => end('the thread that reads it ended'));
  });
}
