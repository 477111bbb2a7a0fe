/**
 * The comparison of the version that last wrote a profile with the version of the browser to be
 * launched. An older browser may lose data of a newer one.
 */
import { join } from 'node:path';
import type { Browser } from './excludes.js';
import { readProfileFile } from './profile-file.js';

/**
 * Returns the version that wrote the profile if it is newer than `browserVersion`, a text such as
 * `156.0.1.2` or `Chrome/156.0.1.2`. Returns undefined if either version is unknown.
 */
export function newerVersion(dir: string, browser: Browser, browserVersion: string): string | undefined {
  const written = versionIn(browser === 'chromium' ? textOf(dir, 'Last Version') : firefoxVersion(dir));
  const opening = versionIn(browserVersion);
  if (written === undefined || opening === undefined) return undefined;
  const differs = opening.findIndex((part, i) => part !== (written[i] ?? part));
  return differs !== -1 && (written[differs] ?? 0) > (opening[differs] ?? 0) ? written.join('.') : undefined;
}

function firefoxVersion(dir: string): string | undefined {
  return /^LastVersion=(.*)$/m.exec(textOf(dir, 'compatibility.ini') ?? '')?.[1];
}

function textOf(dir: string, name: string): string | undefined {
  return readProfileFile(join(dir, name))?.text;
}

function versionIn(text = ''): number[] | undefined {
  return /\d{1,9}(?:\.\d{1,9}){0,7}/.exec(text)?.[0].split('.').map(Number);
}
