/** Arguments of browsers that are launched in a mounted directory. */
import type { Browser } from '../profile/excludes.js';
import { firefoxDefaults } from '../profile/first-start.js';

/**
 * Returns the arguments that make a profile of Chromium portable. Drivers pass the same arguments;
 * if an argument is repeated, the last one counts.
 */
export function portableArguments(): string[] {
  return [
    // Encrypts cookies and passwords with the same key everywhere, instead of a key from this
    // machine's keyring.
    '--password-store=basic',
    // Has the same effect for Keychain on macOS.
    '--use-mock-keychain',
  ];
}

/** Returns environment variables of a browser for a person. */
export function launchEnvironment(kind: Browser): Readonly<Record<string, string>> {
  if (kind !== 'firefox') return {};
  const lines = Object.entries(firefoxDefaults).map(([name, value]) => `pref("${name}", ${value});`);
  return { MOZ_DEFAULT_PREFS: lines.join('\n') };
}

export interface LaunchSettings {
  url?: string | undefined;
  headless?: boolean | undefined;
  /**
   * True if the user is root. As root, Chromium cannot use its sandbox, and does not start with it.
   */
  isRoot?: boolean | undefined;
}

/** Returns the arguments of a browser for a person, on the profile in `dir`. */
export function launchArguments(kind: Browser, dir: string, { url, headless = false, isRoot = false }: LaunchSettings): string[] {
  const page = url === undefined ? [] : [url];
  // A Firefox profile contains its keys, so the profile is portable without further arguments.
  if (kind === 'firefox') return ['--profile', dir, '--new-instance', ...(headless ? ['--headless'] : []), ...page];
  const more = [...(headless ? ['--headless=new'] : []), ...(isRoot ? ['--no-sandbox'] : [])];
  return [`--user-data-dir=${dir}`, ...portableArguments(), '--no-first-run', '--no-default-browser-check', ...more, ...page];
}
