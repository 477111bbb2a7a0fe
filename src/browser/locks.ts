/**
 * The locks by which a browser marks its directory. One that outlived its browser, or came from another machine, keeps the next browser
 * from starting: Chromium ends with "the profile appears to be in use", Firefox with a dialog.
 */
import { lstatSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ifSeen } from '../workspace/directory.js';
import type { Browser } from '../workspace/excludes.js';
import { errno, writeFailure } from '../workspace/files.js';

const locks: Readonly<Record<Browser, readonly string[]>> = {
  chromium: ['SingletonLock', 'SingletonSocket', 'SingletonCookie'],
  firefox: ['lock', '.parentlock', 'parent.lock'],
};

/** Removes the locks of a directory in which no browser lives. */
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
