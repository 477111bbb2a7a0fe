/**
 * Preparation of a mounted profile before a browser opens it. Preparation removes stale locks,
 * mends traces of a crash, and reports expected problems. Directories of running browsers are not
 * changed, nor are files without a problem.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../base/host.js';
import { ifSeen } from '../fs/paths.js';
import { unportablePrefix } from './cookie-key.js';
import type { SampledCookies } from './cookie-samples.js';
import { type DirectoryFacts, readFacts } from './excludes.js';
import { removeLocks } from './locks.js';
import { samplePlain } from './plain-cookies.js';
import { mendChromium, mendFirefox } from './preferences.js';
import { liveBrowser } from './running-browser.js';
import { newerVersion } from './version.js';

export interface PrepareOptions {
  /** Removes the locks of browsers that exited or ran on another machine. Default: true. */
  locks?: boolean | undefined;
  /** Mends the crash traces of a killed browser in its preferences. Default: true. */
  exitType?: boolean | undefined;
  /** Looks for expected problems. Default: true. */
  warnings?: boolean | undefined;
  /**
   * Keeps session cookies over restarts, by making the browser restore its last session including
   * tabs. The preference is committed with the profile, so later mounts keep it. Default: false.
   */
  keepSessionCookies?: boolean | undefined;
  /**
   * The version of the browser to be launched, such as `156.0.8078.79` or `Chrome/156.0.8078.79`. A
   * promise is awaited last.
   */
  browserVersion?: string | Promise<string | undefined> | undefined;
}

export interface Warning {
  /**
   * NEWER_PROFILE: a newer browser wrote the profile. KEY_DOES_NOT_TRAVEL: its cookies can be
   * decrypted only on the machine that wrote them. COOKIES_NOT_READ: its cookies could not be
   * examined.
   */
  code: 'NEWER_PROFILE' | 'KEY_DOES_NOT_TRAVEL' | 'COOKIES_NOT_READ';
  message: string;
}

/**
 * Prepares the profile in `dir` for a browser, and resolves to warnings for its user. A directory
 * without a profile needs no preparation. Each file is changed atomically; repeated calls change
 * nothing. Throws NOT_FOUND, USAGE or UNREADABLE if `dir` is no readable directory. Throws the
 * library errors of failed writes, and CANCELLED.
 */
export async function prepareProfile(dir: string, options: PrepareOptions, host: Host, signal?: AbortSignal): Promise<Warning[]> {
  const { locks = true, exitType = true, warnings = true, keepSessionCookies = false, browserVersion } = options;
  const facts = readFacts(dir);
  if (liveBrowser(dir, host) === undefined) {
    // Chromium takes its lock before it writes the files that identify a profile directory.
    if (locks) removeLocks(dir, facts.browser ?? 'chromium');
    for (const profile of facts.profiles) mendChromium(join(dir, profile), { exitType, keepSessionCookies });
    if (facts.browser === 'firefox') mendFirefox(dir, { keepSessionCookies });
  }
  if (!warnings) return [];
  const [version, keys] = await Promise.all([browserVersion, findKeys(dir, facts, host, signal)]);
  return [...findNewer(dir, facts, version), ...keys];
}

function findNewer(dir: string, { browser }: DirectoryFacts, browserVersion: string | undefined): Warning[] {
  const found = browser && browserVersion && newerVersion(dir, browser, browserVersion);
  if (!found) return [];
  const message = `the profile was written by version ${found}, the browser to be launched is ${browserVersion}: an older browser may lose what a newer one wrote`;
  return [{ code: 'NEWER_PROFILE', message }];
}

async function findKeys(dir: string, { profiles }: DirectoryFacts, host: Host, signal: AbortSignal | undefined): Promise<Warning[]> {
  const stores = [...profiles].flatMap((profile) => [`${profile}/Cookies`, `${profile}/Network/Cookies`]);
  const found = stores.filter((store) => ifSeen(() => lstatSync(join(dir, store)))?.isFile());
  const sampled = await sampleAll(
    found.map((store) => join(dir, store)),
    signal,
  );
  return found.flatMap((store): Warning[] => {
    const cookies = sampled.get(join(dir, store));
    if (cookies !== undefined && 'problem' in cookies) {
      const message = `${store}: its cookies were not looked at: ${cookies.problem}; whether they can be decrypted on this machine is not known`;
      return [{ code: 'COOKIES_NOT_READ', message }];
    }
    const prefix = cookies?.sample && unportablePrefix(cookies.sample, host.platform());
    if (prefix === undefined) return [];
    const message = `${store}: cookies are encrypted with a key of the machine that wrote them (${prefix}), and are lost on another; launch with --password-store=basic and log in again`;
    return [{ code: 'KEY_DOES_NOT_TRAVEL', message }];
  });
}

/** Returns a sample of each database. Only a database that is not plain needs the thread. */
async function sampleAll(paths: readonly string[], signal: AbortSignal | undefined): Promise<Map<string, SampledCookies>> {
  const sampled = new Map<string, SampledCookies>();
  for (const path of paths) {
    const sample = samplePlain(path);
    if (sample !== undefined) sampled.set(path, { sample });
  }
  if (sampled.size === paths.length) return sampled;
  const { sampleCookies } = await import('./cookie-samples.js');
  const others = await sampleCookies(
    paths.filter((path) => !sampled.has(path)),
    { signal },
  );
  return new Map([...sampled, ...others]);
}
