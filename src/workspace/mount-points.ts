/** Mount points: directories that cannot be renamed, and whose content may be another file system's. */
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { ifSeen } from './directory.js';

/** Entries that the file system itself keeps in its root. */
export const systemEntries: ReadonlySet<string> = new Set([
  'lost+found',
  '.Spotlight-V100',
  '.Trashes',
  '.fseventsd',
  'System Volume Information',
]);

/** Returns whether something is mounted at `dir`, be it a directory of the same file system. */
export function isMountPoint(dir: string): boolean {
  if (statSync(dir).dev !== statSync(dirname(dir)).dev) return true;
  return mountPoints().includes(dir);
}

/** Returns the mount points below a directory with the real path `dir`. */
export function mountPointsBelow(dir: string): string[] {
  return mountPoints().filter((path) => path.startsWith(dir === '/' ? dir : `${dir}/`));
}

/** Systems without /proc report none. */
function mountPoints(): string[] {
  const table = ifSeen(() => readFileSync('/proc/self/mountinfo', 'utf8')) ?? '';
  return table
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => unescaped(line.split(' ')[4] ?? ''));
}

function unescaped(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
