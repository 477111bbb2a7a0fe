/**
 * Directories that a living process changes while a test looks at them. Every entry may be gone
 * before the test examines it.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Returns the result of `look`, or undefined if the entry is gone. */
export function ifLeft<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

/**
 * Lists the paths of all entries below `dir`, without entries that vanish meanwhile. `readdirSync`
 * with `recursive` fails if an entry vanishes.
 */
export function livingPaths(dir: string): string[] {
  const entries = ifLeft(() => readdirSync(dir, { withFileTypes: true })) ?? [];
  return entries.flatMap((entry) => {
    if (!entry.isDirectory()) return [entry.name];
    return [entry.name, ...livingPaths(join(dir, entry.name)).map((path) => join(entry.name, path))];
  });
}

const ATTEMPTS = 200;
const WAIT_MS = 50;

/**
 * Removes a directory. Helpers of a browser that was killed may add files to it for another moment.
 */
export function removeLiving(dir: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      rmSync(dir, { recursive: true, force: true });
      return;
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (attempt === ATTEMPTS || !['ENOTEMPTY', 'ENOENT', 'ENOTDIR', 'EBUSY'].includes(code)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAIT_MS);
    }
  }
}
