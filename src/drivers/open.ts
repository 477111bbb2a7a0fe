/** A session that is mounted for a browser of a person. The caller launches the browser. */

import type { MountOptions } from '../api/browser-state-options.js';
import { BrowserStateError } from '../base/errors.js';
import { systemHost } from '../base/host.js';
import { quote } from '../fs/paths.js';
import type { Unmounted } from '../mount/mount.js';
import { type Browser, readFacts } from '../profile/excludes.js';
import { prepareProfile } from '../profile/prepare.js';
import { versionOf } from './browser-version.js';
import { type LaunchSettings, launchArguments, launchEnvironment } from './flags.js';
import { findBrowser, type InstalledBrowser, type Machine } from './installed.js';
import type { Mounting } from './launch.js';

export interface OpenOptions extends LaunchSettings {
  /** The browser's name, its program in PATH, or the path of its program. */
  browser?: string | undefined;
  keepSessionCookies?: boolean | undefined;
  mount: MountOptions;
  /** Called with warnings for a person. */
  onWarning: (message: string) => void;
}

export interface OpenedSession {
  dir: string;
  browser: InstalledBrowser;
  /** The program and its arguments. */
  words: string[];
  /** Environment variables that the program gets, unless they are set already. */
  env: Readonly<Record<string, string>>;
}

/**
 * Finds a browser and mounts the session for it. Throws the errors of a mount. Throws BUSY if a
 * browser or a command of this machine uses the session, and NOT_FOUND if there is no such browser.
 * Throws USAGE if the browser's window has no display, or the browser cannot read the session's
 * profile.
 */
export async function mountForBrowser(
  state: Mounting,
  session: string,
  { browser: named, keepSessionCookies, mount, onWarning, ...settings }: OpenOptions,
  machine: Machine,
): Promise<OpenedSession> {
  if (settings.url?.startsWith('-')) throw notUrl(settings.url);
  if (!settings.headless) requireDisplay(machine);
  // Warnings depend on the browser, and the browser may depend on the profile.
  const mountFor = ({ folder }: InstalledBrowser): Promise<string> =>
    state.mount(session, { ...mount, folder, alone: true, browser: true, prepare: { warnings: false } });
  const first = findBrowser(machine, named);
  let dir = await mountFor(first);
  try {
    const kind = readFacts(dir).browser;
    const browser = kind === undefined || kind === first.kind ? first : otherBrowser(machine, session, named, first, kind);
    if (browser.folder !== first.folder) {
      await state.unmount({ discard: true });
      dir = await mountFor(browser);
    }
    const warnings = await prepareProfile(dir, { keepSessionCookies, browserVersion: versionOf(browser.path) }, systemHost, mount.signal);
    for (const { message } of warnings) onWarning(message);
    if (settings.isRoot && browser.kind === 'chromium') onWarning(`${browser.title} runs without its sandbox, which it cannot use as root`);
    return { dir, browser, words: [browser.path, ...launchArguments(browser.kind, dir, settings)], env: launchEnvironment(browser.kind) };
  } catch (error) {
    if (state.getCurrentSessionPath() !== undefined) await state.unmount({ discard: true });
    throw error;
  }
}

/** Returns a browser for a profile that the first browser cannot read. */
function otherBrowser(
  machine: Machine,
  session: string,
  named: string | undefined,
  { title }: InstalledBrowser,
  kind: Browser,
): InstalledBrowser {
  if (named === undefined) return findBrowser(machine, undefined, kind);
  const theirs = kind === 'firefox' ? 'Firefox' : 'Chromium';
  throw new BrowserStateError('USAGE', `session ${quote(session)} is a profile of ${theirs}, which ${title} cannot read`, {
    hint: 'Omit --browser and BROWSERSTATE_BROWSER, or use another session for this browser.',
    details: { session },
  });
}

function requireDisplay({ platform, env }: Machine): void {
  if (platform === 'darwin' || platform === 'win32' || env['DISPLAY'] || env['WAYLAND_DISPLAY']) return;
  throw new BrowserStateError('USAGE', 'no display found: neither DISPLAY nor WAYLAND_DISPLAY is set', {
    hint: 'Run it on a desktop or with `xvfb-run`, or add --headless for a browser without a window.',
  });
}

function notUrl(text: string): BrowserStateError {
  return new BrowserStateError('USAGE', `expected a URL, found the option ${quote(text)}`, {
    hint: 'Write the address of a page, such as https://example.org/.',
  });
}

/** The signals of another process that end a browser, by the exit status that shells report. */
const KILLED: ReadonlyMap<number, string> = new Map([
  [129, 'SIGHUP'],
  [130, 'SIGINT'],
  [137, 'SIGKILL'],
  [143, 'SIGTERM'],
]);

/**
 * Returns a warning for a browser that another process killed, or undefined for any other exit.
 */
export function killedWarning({ title }: InstalledBrowser, status: number, { session, changed }: Unmounted): string | undefined {
  const signal = KILLED.get(status);
  if (signal === undefined) return undefined;
  const kept = changed ? `its changes until then were committed to ${session}` : 'it had changed nothing';
  return `${title} was killed by ${signal} (status ${status}); ${kept}`;
}

/** Lines of a browser's stderr in an error, and the characters of each line. */
const SHOWN_LINES = 3;
const SHOWN_CHARACTERS = 200;

/**
 * Returns the error for a browser that crashed or did not start, after the session was unmounted.
 * `errors` is the end of its stderr.
 */
export function exitFailure({ title, path }: InstalledBrowser, status: number, errors: string, done: Unmounted): BrowserStateError {
  const said = shownErrors(errors);
  const { session, commit = null, changed } = done;
  return new BrowserStateError('USAGE', `${title} exited with status ${status}${said === '' ? '' : `: ${said}`}`, {
    hint: `${changed ? 'Its changes were committed. ' : ''}Check that ${path} starts by itself, or name another browser with --browser.`,
    details: { path, status, session, commit, changed },
  });
}

/** Returns the last lines of a browser's stderr, without secrets of URLs and of assignments. */
function shownErrors(errors: string): string {
  const lines = errors.split('\n').map((line) => withoutSecrets(line.replace(/^\[[\d:/.]+:(?=[A-Z]+:)/, '[').trim()));
  return [...new Set(lines.filter((line) => line !== ''))]
    .slice(-SHOWN_LINES)
    .map((line) => (line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}…` : line))
    .join('; ');
}

function withoutSecrets(line: string): string {
  return line
    .replaceAll(/([a-z][a-z0-9+.-]*:\/\/)(?:[^\s/@]*@)?([^\s?#]*)[?#]?\S*/gi, '$1$2')
    .replaceAll(/([\w-]*(?:token|secret|passw|cookie|auth|key)[\w-]*["']?\s*[=:]\s*)(?:bearer\s+|basic\s+)?\S+/gi, '$1…');
}
