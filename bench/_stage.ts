/**
 * Directories that hold exactly a list of a profile's files, so that tools with different
 * exclusions are compared fairly.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { listFiles, type ProfileFile } from '../test/support/measure/files.js';

/** Copies the listed files of `from`, with modes and times, into a new directory. */
export function stage(from: string, files: readonly ProfileFile[], to: string): void {
  mkdirSync(to, { recursive: true, mode: 0o700 });
  const input = files.map((file) => `${file.path}\0`).join('');
  execFileSync('xargs', ['-0', 'cp', '-a', '--parents', '-t', to, '--'], { cwd: from, input });
}

const sameFile = (a: string, b: string): boolean =>
  existsSync(b) && statSync(a).mtimeMs === statSync(b).mtimeMs && readFileSync(a).equals(readFileSync(b));

/**
 * Makes the staged directory `to` equal to `from`. Writes changed files in place and touches no
 * others, like a browser.
 */
export function become(to: string, from: string): void {
  const wanted = new Set(listFiles(from, { keepCaches: true }).map((file) => file.path));
  for (const { path } of listFiles(to, { keepCaches: true })) {
    if (!wanted.has(path)) rmSync(join(to, path));
  }
  for (const path of wanted) {
    const [source, target] = [join(from, path), join(to, path)];
    if (sameFile(source, target)) continue;
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(source, target);
    const { atime, mtime } = statSync(source);
    utimesSync(target, atime, mtime);
  }
}

/** Throws unless both directories hold the same files with the same bytes. */
export function assertSame(a: string, b: string): void {
  execFileSync('diff', ['-rq', a, b], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/**
 * Returns the total length of all files below a directory, except for `skipped` directories. Block
 * sizes are ignored.
 */
export function storedIn(dir: string, skipped: readonly string[] = []): number {
  return readdirSync(dir, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return skipped.includes(entry.name) ? sum : sum + storedIn(path, skipped);
    return sum + lstatSync(path).size;
  }, 0);
}
