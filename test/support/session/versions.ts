/** Versions of a profile that differ only in content: names, sizes and times are the same. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openStore, type Store } from '../../../src/index.js';
import { directory, file, type ProfileEntry, writeProfile } from '../profile.js';

const paths = ['Local State', 'Default/Cookies', 'Default/Preferences', ...Array.from({ length: 20 }, (_, i) => `Default/file${i}`)];

const contentOf = (mark: string): string => `{"mark": "${mark}"}`;

/** Fills `dir` with the version of a mark of three letters. */
export function writeVersion(dir: string, mark: string): void {
  rmSync(dir, { recursive: true, force: true });
  const files = paths.map((path): [string, ProfileEntry] => [path, file(contentOf(mark))]);
  writeProfile(dir, new Map([['Default', directory()], ...files]));
}

/** Overwrites a directory with the version of a mark, like a browser would. */
export function overwrite(dir: string, mark: string): void {
  mkdirSync(join(dir, 'Default'), { recursive: true });
  for (const path of paths) writeFileSync(join(dir, path), contentOf(mark));
}

/**
 * Returns the marks of the files in a directory. A whole version has exactly one mark. Absent files
 * have none.
 */
export function marksIn(dir: string): string[] {
  const names = readdirSync(dir, { recursive: true, encoding: 'utf8' });
  if (names.length !== paths.length + 1) return [`${names.length} names`];
  return [...new Set(paths.map((path) => /"mark": "(.*)"/.exec(readFileSync(join(dir, path), 'utf8'))?.[1] ?? 'none'))];
}

/** Returns a local store whose session `s` has the versions, with the last one as its head. */
export async function storeWith(home: string, source: string, ...marks: string[]): Promise<Store> {
  const store = await openStore({ home, userId: 'tester' });
  for (const mark of marks) {
    writeVersion(source, mark);
    await store.session('s').commit(source);
  }
  return store;
}
