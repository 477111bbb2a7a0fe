/** Mount points: directories that cannot be renamed, and that may belong to another file system. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { BrowserStateError } from '../base/errors.js';
import { ifSeen } from './paths.js';

/** Entries that the file system itself keeps in its root. */
export const systemEntries: ReadonlySet<string> = new Set([
  'lost+found',
  '.Spotlight-V100',
  '.Trashes',
  '.fseventsd',
  'System Volume Information',
]);

/** Returns whether `dir` is a mount point, including a bind mount within a file system. */
export function isMountPoint(dir: string): boolean {
  if (statSync(dir).dev !== statSync(dirname(dir)).dev) return true;
  return mountPoints().includes(dir);
}

/** Returns the mount points below a directory with the real path `dir`. */
function mountPointsBelow(dir: string): string[] {
  return mountPoints().filter((path) => path.startsWith(dir === '/' ? dir : `${dir}/`));
}

/**
 * Throws USAGE if a mount point below the real path `dir` satisfies `isTouched`. Names the mount
 * point.
 */
export function rejectMountsBelow(dir: string, fate: 'removed' | 'changed', isTouched: (path: string) => boolean = () => true): void {
  const below = mountPointsBelow(dir).find((path) => isTouched(relative(dir, path)));
  if (below === undefined) return;
  throw new BrowserStateError('USAGE', `${dir}: ${below} is a mount point, whose content would be ${fate}`, {
    hint: 'Unmount it, or choose another directory.',
    details: { dir, path: below },
  });
}

/**
 * Returns whether the file system itself keeps the entry in `parent`. Such an entry belongs to root
 * and lies in the root of a mount.
 */
export function isSystemEntry(parent: string, name: string, { uid }: { uid: bigint }): boolean {
  return systemEntries.has(name) && uid === 0n && isMountPoint(parent);
}

/**
 * Returns the path of the directory within its file system, and other paths that reach it through
 * other mounts. `dir` is a real path. Returns undefined if this system does not list mounts.
 */
export function placesOf(dir: string): { inFileSystem: string; others: string[] } | undefined {
  const mounts = mountTable();
  // Of several mounts at one path, the last one is visible.
  const own = mounts
    .filter(({ path }) => isWithin(path, dir))
    .sort((a, b) => a.path.length - b.path.length)
    .at(-1);
  if (own === undefined) return undefined;
  const inFileSystem = join(own.root, relative(own.path, dir));
  const paths = mounts
    .filter(({ device, root }) => device === own.device && isWithin(root, inFileSystem))
    .map(({ path, root }) => join(path, relative(root, inFileSystem)));
  return { inFileSystem, others: [...new Set(paths)].filter((path) => path !== dir && isSameDirectory(path, dir)) };
}

/** Returns whether two paths are the same directory, including by bind mounts. */
export function isSameDirectory(a: string, b: string): boolean {
  const [one, other] = [a, b].map((path) => ifSeen(() => statSync(path, { bigint: true, throwIfNoEntry: false })));
  return one !== undefined && one.dev === other?.dev && one.ino === other.ino;
}

function isWithin(above: string, path: string): boolean {
  return path === above || path.startsWith(above === '/' ? above : `${above}/`);
}

function mountPoints(): string[] {
  return mountTable().map(({ path }) => path);
}

interface MountEntry {
  device: string;
  /** The path of the mounted directory within its file system. */
  root: string;
  path: string;
}

/** Returns the mounts of this process. Returns none on systems without /proc. */
function mountTable(): MountEntry[] {
  const table = ifSeen(() => readFileSync('/proc/self/mountinfo', 'utf8')) ?? '';
  const lines = table.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [, , device = '', root = '', path = ''] = line.split(' ');
    return { device, root: unescaped(root), path: unescaped(path) };
  });
}

function unescaped(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
