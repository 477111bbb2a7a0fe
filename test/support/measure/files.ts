/**
 * The list of a profile's files by the default rules, so that every tool in a benchmark handles the
 * same files.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { defaultExclude, readFacts } from '../../../src/profile/excludes.js';
import { ifLeft } from '../living.js';

export interface ProfileFile {
  /** The path relative to the profile, `/`-separated. */
  readonly path: string;
  readonly size: number;
  readonly mode: number;
  readonly mtimeNs: bigint;
}

/**
 * Lists regular files in path order. `keepCaches` excludes only locks. Tolerates files that a
 * browser still removes after it was closed.
 */
export function listFiles(root: string, { keepCaches }: { keepCaches: boolean }): ProfileFile[] {
  const facts = readFacts(root);
  const found: ProfileFile[] = [];
  const walk = (folder: string): void => {
    for (const entry of ifLeft(() => readdirSync(join(root, folder), { withFileTypes: true })) ?? []) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      const group = defaultExclude(facts, path, entry.isDirectory());
      if (group === 'locks' || (group !== undefined && !keepCaches)) continue;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) {
        const stat = ifLeft(() => lstatSync(join(root, path), { bigint: true }));
        if (stat !== undefined) found.push({ path, size: Number(stat.size), mode: Number(stat.mode & 0o7777n), mtimeNs: stat.mtimeNs });
      }
    }
  };
  walk('');
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export const totalBytes = (files: readonly ProfileFile[]): number => files.reduce((sum, file) => sum + file.size, 0);
