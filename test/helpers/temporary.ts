/** Directories that live as long as one test. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';

/** A fresh directory's real path; it and all below it is removed after the test. */
export function temporary(t: ExecutionContext): string {
  const dir = freshDirectory();
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Runs `work` with a fresh directory and removes it: for the many runs of one property. */
export async function withTemporary<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = freshDirectory();
  try {
    return await work(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function freshDirectory(): string {
  return realpathSync(mkdtempSync(join(tmpdir(), 'browserstate-test-')));
}
