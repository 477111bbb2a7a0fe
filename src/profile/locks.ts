/**
 * Locks that browsers leave in their directories. A lock of an exited browser or another machine
 * prevents a start. Chromium exits with "the profile appears to be in use", and Firefox shows a
 * dialog.
 */
import { lstatSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { errno, writeFailure } from '../fs/errors.js';
import { ifSeen } from '../fs/paths.js';
import type { Browser } from './excludes.js';

const locks: Readonly<Record<Browser, readonly string[]>> = {
  chromium: ['SingletonLock', 'SingletonSocket', 'SingletonCookie'],
  firefox: ['lock', '.parentlock', 'parent.lock'],
};

/** Removes the locks of a directory without a running browser. */
export function removeLocks(dir: string, browser: Browser): void {
  for (const name of locks[browser]) {
    const path = join(dir, name);
    const stat = ifSeen(() => lstatSync(path));
    if (stat === undefined || stat.isDirectory()) continue;
    try {
      unlinkSync(path);
    } catch (error) {
      if (errno(error) !== 'ENOENT') throw writeFailure(path, error);
    }
  }
}
