/** Directories on disk for the tests of the layer `workspace`. */
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { readFacts } from '../../../src/profile/excludes.js';
import { buildFilter, type CaptureRules, type Filter, readRules } from '../../../src/workspace/capture/filter.js';
import type { Scan } from '../../../src/workspace/capture/scan.js';

export const keepAll: Filter = { excludes: () => false };

/** Returns the filter of a capture of the current `dir`. */
export function openFilter(dir: string, rules: Partial<CaptureRules> = {}): Filter {
  return buildFilter({ facts: readFacts(dir), ...readRules(dir, rules) });
}

/** Returns a new directory, which is removed after the test. */
export function temporary(t: ExecutionContext): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'workspace-')));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/**
 * Returns a new directory with these entries. `a/b/` is a directory, `a/b -> c` a symlink to `c`,
 * and any other text a file of one byte.
 */
export function layout(t: ExecutionContext, entries: readonly string[]): string {
  const dir = temporary(t);
  for (const entry of entries) {
    const [path, target] = entry.split(' -> ') as [string, string?];
    const absolute = join(dir, path);
    mkdirSync(path.endsWith('/') ? absolute : dirname(absolute), { recursive: true });
    if (target !== undefined) symlinkSync(target, absolute);
    else if (!path.endsWith('/')) writeFileSync(absolute, 'x');
  }
  return dir;
}

export function paths(scan: Scan): string[] {
  return scan.entries.map(({ path }) => path);
}

/** Returns the paths of all entries except directories. */
export function leaves(scan: Scan): string[] {
  return scan.entries.filter(({ kind }) => kind !== 'directory').map(({ path }) => path);
}
