/** Directories that live as long as one test. */
import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { removeLiving } from './living.js';

/**
 * Returns the real path of a fresh directory. The directory and everything below it are removed
 * after the test.
 */
export function temporary(t: ExecutionContext): string {
  const dir = freshDirectory();
  t.teardown(() => removeLiving(dir));
  return dir;
}

/**
 * Runs `work` with a fresh directory and removes the directory. Suits the many runs of one
 * property.
 */
export async function withTemporary<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = freshDirectory();
  try {
    return await work(dir);
  } finally {
    removeLiving(dir);
  }
}

function freshDirectory(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'browserstate-test-')));
}
