/** A watch on the calls of a program that may change the file system. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const changes = ['mkdirSync', 'renameSync', 'unlinkSync', 'rmdirSync', 'chmodSync', 'lutimesSync', 'openSync', 'linkSync'];

type Change = (...parameters: unknown[]) => unknown;

/**
 * Runs `work`, and calls `before` with the number of each step. A step is one call that may change
 * the file system. The call throws an error of `before`.
 */
export async function watched<T>(work: () => Promise<T>, before: (step: number) => void): Promise<T> {
  const functions = fs as unknown as Record<string, Change>;
  const originals = changes.map((name) => [name, functions[name] as Change] as const);
  let step = 0;
  let isInside = false;
  for (const [name, original] of originals) {
    functions[name] = (...parameters) => {
      if (!isInside) {
        isInside = true;
        try {
          before(++step);
        } finally {
          isInside = false;
        }
      }
      return original.apply(fs, parameters);
    };
  }
  syncBuiltinESMExports();
  try {
    return await work();
  } finally {
    for (const [name, original] of originals) functions[name] = original;
    syncBuiltinESMExports();
  }
}
