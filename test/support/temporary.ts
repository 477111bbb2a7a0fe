/** Directories that live as long as one test. */
import { mkdtempSync, realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { removeLiving } from './living.js';

/** A fresh directory's real path; it and all below it is removed after the test. */
export function temporary(t: ExecutionContext): string {
  const dir = freshDirectory();
  t.teardown(() => removeLiving(dir));
  return dir;
}

/** Runs `work` with a fresh directory and removes it: for the many runs of one property. */
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
