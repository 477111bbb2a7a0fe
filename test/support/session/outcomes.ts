/**
 * The outcome of an operation, and the bytes that it leaves, for tests and the programs they start.
 */
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isError } from '../../../src/index.js';

/** Returns the bytes of all files below a directory. */
export function bytesBelow(folder: string): number {
  let bytes = 0;
  for (const name of existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: 'utf8' }) : []) {
    const found = lstatSync(join(folder, name), { throwIfNoEntry: false });
    if (found?.isFile()) bytes += found.size;
  }
  return bytes;
}

/** Resolves to the code of a failure, or `done`. */
export const outcomeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'done',
    (error: unknown) => (isError(error) ? error.code : String(error)),
  );
