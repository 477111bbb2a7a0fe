/**
 * What is done to a mounted profile before a browser opens it: locks that nobody holds are removed, traces of a crash are mended, and what will not work is
 * told. A directory in which a browser lives is left alone, and so is every file that is as it should be.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Host } from '../host.js';
import { ifSeen } from '../workspace/directory.js';
import { type DirectoryFacts, readFacts } from '../workspace/excludes.js';
import { liveBrowser } from '../workspace/live.js';
import { unportablePrefix } from './cookie-key.js';
import { sampleCookies } from './cookie-samples.js';
import { removeLocks } from './locks.js';
import { mendChromium, mendFirefox } from './preferences.js';
import { newerVersion } from './versions.js';

export interface HygieneOptions {
  /** Remove the locks of browsers that are gone or were on another machine; true unless said. */
  locks?: boolean | undefined;
  /** Mend what a browser that was killed left in its preferences; true unless said. */
  exitType?: boolean | undefined;
  /** Look for what will not work; true unless said. */
  warnings?: boolean | undefined;
  /** Keep cookies without an expiry over restarts, by having the browser restore its last session, tabs included; false unless said. */
  keepSessionCookies?: boolean | undefined;
  /** The version of the browser to be launched, such as `156.0.8078.79` or `Chrome/156.0.8078.79`; a promise of it is waited for last. */
  browserVersion?: string | Promise<string | undefined> | undefined;
}

export interface Warning {
  /**
   * NEWER_PROFILE: a newer browser wrote the profile. KEY_DOES_NOT_TRAVEL: its cookies can be decrypted
   * only on the machine that wrote them. COOKIES_NOT_READ: its cookies could not be looked at.
   */
  code: 'NEWER_PROFILE' | 'KEY_DOES_NOT_TRAVEL' | 'COOKIES_NOT_READ';
  message: string;
}

/**
 * Makes the profile in `dir` ready for a browser and resolves to what its user should know. A directory that holds no profile yet has nothing to be made ready.
 * Each file is changed whole or not at all; called again it changes nothing. Throws NOT_FOUND, USAGE or UNREADABLE for what is no readable directory, what
 * a failure to write means, and CANCELLED.
 */
export async function prepareProfile(dir: string, options: HygieneOptions, host: Host, signal?: AbortSignal): Promise<Warning[]> {
  const { locks = true, exitType = true, warnings = true, keepSessionCookies = false, browserVersion } = options;
  const facts = readFacts(dir);
  if (liveBrowser(dir, host) === undefined) {
    // Chromium takes its lock before it writes anything by which a directory is known.
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
  const sampled = await sampleCookies(
    found.map((store) => join(dir, store)),
    { signal },
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
