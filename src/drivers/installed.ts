/**
 * The search for the browsers of this machine. Installed browsers come first, then browsers in a
 * sandbox, then the downloads of Playwright and Puppeteer.
 */
import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs';
import { posix, win32 } from 'node:path';
import { BrowserStateError } from '../base/errors.js';
import { nearest } from '../base/nearest.js';
import { ifSeen, quote } from '../fs/paths.js';
import type { Browser } from '../profile/excludes.js';
import { downloadedPrograms, type KnownBrowser, knownBrowsers } from './known-browsers.js';

/** A machine, as the search sees it. */
export interface Machine {
  /** The platform as Node names it, such as `linux`. */
  platform: string;
  env: Readonly<Record<string, string | undefined>>;
  /** The home directory of the user. */
  home: string;
  /** Files of the machine. The default is the files of this machine. */
  files?: Files;
}

/** Files of a machine. Absent and unreadable files are no error. */
export interface Files {
  isProgram(path: string): boolean;
  /** Returns the names in a folder. */
  names(folder: string): readonly string[];
  /** Returns the text of a script, or undefined for any other file. */
  script(path: string): string | undefined;
}

export interface InstalledBrowser {
  /** Name of the browser for the user's choice, such as `chrome`. */
  name: string;
  title: string;
  kind: Browser;
  /** The path of its program. */
  path: string;
  /**
   * The only folder in which the browser's sandbox can read a mounted directory. Undefined without
   * a sandbox.
   */
  folder?: string;
}

/** The folders of the programs of snaps. */
const SNAPS = ['/snap/bin', '/var/lib/snapd/snap/bin'];
/** A script of a distribution that starts a snap, such as Ubuntu's `firefox`. */
const SNAP_SCRIPT = /\/snap\/bin\/([\w.-]+)/;
/** The name of a program that is Firefox or is derived from Firefox. */
const FIREFOX = /firefox|librewolf|waterfox|floorp/i;
const MAX_SCRIPT = 16_384;

const systemFiles: Files = {
  isProgram: (path) =>
    ifSeen(() => {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    }) ?? false,
  names: (folder) => ifSeen(() => readdirSync(folder)) ?? [],
  script: (path) => {
    const isSmall = ifSeen(() => statSync(path).size <= MAX_SCRIPT) ?? false;
    const text = isSmall ? ifSeen(() => readFileSync(path, 'latin1')) : undefined;
    return text?.startsWith('#!') ? text : undefined;
  },
};

/**
 * Returns the browser to launch. `named` is a name of the table, a program in PATH or a path.
 * Without a name, returns the preferred browser, of the given kind if there is one. Throws
 * NOT_FOUND with the list of everything that was looked for.
 */
export function findBrowser(machine: Machine, named: string | undefined, kind?: Browser): InstalledBrowser {
  const found = installedBrowsers(machine);
  if (named !== undefined) return namedBrowser(machine, named, found);
  const isWanted = (browser: { kind: Browser }): boolean => kind === undefined || browser.kind === kind;
  const first = found.find(isWanted);
  if (first !== undefined) return first;
  const wanted = knownBrowsers.filter(isWanted);
  const commands = wanted.flatMap((known) => known.commands).join(', ');
  const titles = wanted.map(({ title }) => title).join(', ');
  const what = kind === undefined ? 'browser' : titles.replace(/, (?=[^,]*$)/, ' or ');
  throw new BrowserStateError('NOT_FOUND', `no ${what} found: looked for ${commands} in PATH, in ${placesIn(machine)}`, {
    hint: `Install one of ${titles}, or name a program with --browser PATH or BROWSERSTATE_BROWSER.`,
    details: { searched: wanted.flatMap((known) => searchedFor(known, machine)) },
  });
}

function placesIn({ platform }: Machine): string {
  const usual: Readonly<Record<string, string>> = { darwin: 'the folders of applications', win32: 'the folders of programs' };
  return `${usual[platform] ?? 'the usual places, snaps and flatpaks'} and the caches of Playwright and Puppeteer`;
}

function namedBrowser(machine: Machine, named: string, found: readonly InstalledBrowser[]): InstalledBrowser {
  const { isProgram } = machine.files ?? systemFiles;
  const isPath = named.includes('/') || (machine.platform === 'win32' && named.includes('\\'));
  if (isPath) {
    if (isProgram(named)) return browserAt(machine, named);
    throw new BrowserStateError('NOT_FOUND', `browser ${quote(named)} not found: there is no program at that path`, {
      hint: 'Name the program itself, not its folder, with --browser PATH or BROWSERSTATE_BROWSER.',
      details: { browser: named },
    });
  }
  const name = named.toLowerCase();
  const { basename } = pathsOf(machine);
  const isCommand = ({ path }: InstalledBrowser): boolean => basename(path).replace(/\.exe$/, '') === name;
  const best = found.find(isCommand) ?? found.find((browser) => browser.name === name);
  if (best !== undefined) return best;
  const other = inPath(machine, [named]).find(isProgram);
  if (other !== undefined) return browserAt(machine, other);
  const known = knownBrowsers.find((each) => each.name === name || each.commands.includes(name));
  const searched = known === undefined ? inPath(machine, [named]) : searchedFor(known, machine);
  const where = known === undefined ? 'PATH' : `PATH, ${placesIn(machine)}`;
  const meant =
    known === undefined
      ? nearest(
          name,
          knownBrowsers.map((each) => each.name),
        )
      : undefined;
  const titles = [...new Set(found.map(({ name: title }) => title))].join(', ');
  const advice = titles === '' ? 'Name a program with --browser PATH.' : `Use one of those on this machine: ${titles}.`;
  throw new BrowserStateError('NOT_FOUND', `browser ${quote(named)} not found in ${where}`, {
    hint: meant === undefined ? advice : `Did you mean ${meant}? ${advice}`,
    details: { browser: named, searched },
  });
}

/** Returns the browser with that program, which the user has named. */
function browserAt(machine: Machine, path: string): InstalledBrowser {
  const program = pathsOf(machine).basename(path);
  const known = knownBrowsers.find(({ commands }) => commands.includes(program));
  const title = known?.title ?? program;
  const kind = known?.kind ?? (FIREFOX.test(program) ? 'firefox' : 'chromium');
  return { name: known?.name ?? program, title, kind, path, ...sandboxOf(machine, path) };
}

/** Returns the browsers of the machine, with the preferred browser first. */
export function installedBrowsers(machine: Machine): InstalledBrowser[] {
  const { isProgram } = machine.files ?? systemFiles;
  const found = knownBrowsers.flatMap((known) => {
    const { name, title, kind } = known;
    const of = (paths: readonly string[]): InstalledBrowser[] =>
      paths.filter(isProgram).flatMap((path) => {
        const sandbox = sandboxOf(machine, path);
        return sandbox === undefined ? [] : [{ name, title, kind, path, ...sandbox }];
      });
    const downloads = of(downloadsOf(known, machine)).map((browser) => ({ browser, rank: 2 }));
    return [...of(placesOf(known, machine)).map((browser) => ({ browser, rank: browser.folder === undefined ? 0 : 1 })), ...downloads];
  });
  return found.sort((a, b) => a.rank - b.rank).map(({ browser }) => browser);
}

function searchedFor(known: KnownBrowser, machine: Machine): string[] {
  return [...new Set([...placesOf(known, machine), ...cachesOf(machine)])];
}

/** Returns the paths at which an installation of the browser has its program. */
function placesOf({ commands, linux, mac, windows, snap, flatpak }: KnownBrowser, machine: Machine): string[] {
  const { platform, env, home } = machine;
  const { join } = pathsOf(machine);
  const own = inPath(machine, commands);
  if (platform === 'win32') {
    const folders = [env['PROGRAMFILES'], env['PROGRAMFILES(X86)'], env['LOCALAPPDATA']].filter((folder) => folder !== undefined);
    return [...own, ...folders.map((folder) => join(folder, windows))];
  }
  if (platform === 'darwin') return [...own, ...['/Applications', join(home, 'Applications')].map((folder) => join(folder, mac))];
  const snaps = snap === undefined ? [] : SNAPS.map((folder) => join(folder, snap));
  return [...own, ...linux, ...snaps, ...flatpaksOf(machine).map((folder) => join(folder, flatpak))];
}

function inPath(machine: Machine, commands: readonly string[]): string[] {
  const { join, delimiter } = pathsOf(machine);
  const folders = (machine.env['PATH'] ?? machine.env['Path'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const end = machine.platform === 'win32' ? '.exe' : '';
  return folders.flatMap((folder) => commands.map((command) => join(folder, command + end)));
}

function flatpaksOf(machine: Machine): string[] {
  const { join } = pathsOf(machine);
  return ['/var/lib/flatpak/exports/bin', join(machine.home, '.local/share/flatpak/exports/bin')];
}

/**
 * Returns the folder that a program in a sandbox can read, or an empty object for any other
 * program. Returns undefined for a script that starts an absent snap.
 */
function sandboxOf(machine: Machine, path: string): { folder?: string } | undefined {
  const { isProgram, script } = machine.files ?? systemFiles;
  const { basename, dirname, join } = pathsOf(machine);
  if (machine.platform !== 'linux') return {};
  if (flatpaksOf(machine).includes(dirname(path))) return { folder: join(machine.home, '.var/app', basename(path), 'browserstate') };
  const started = SNAPS.includes(dirname(path)) ? basename(path) : SNAP_SCRIPT.exec(script(path) ?? '')?.[1];
  if (started === undefined) return {};
  const isThere = SNAPS.some((folder) => isProgram(join(folder, started)));
  return isThere ? { folder: join(machine.home, 'snap', started, 'common/browserstate') } : undefined;
}

/** Returns the caches of Playwright and Puppeteer. */
function cachesOf(machine: Machine): [playwright: string, puppeteer: string] {
  const { platform, env, home } = machine;
  const { join } = pathsOf(machine);
  const own: Readonly<Record<string, string>> = {
    darwin: join(home, 'Library/Caches'),
    win32: env['LOCALAPPDATA'] ?? join(home, 'AppData/Local'),
  };
  const caches = own[platform] ?? (env['XDG_CACHE_HOME'] || join(home, '.cache'));
  const playwright = env['PLAYWRIGHT_BROWSERS_PATH'] || join(caches, 'ms-playwright');
  return [playwright, env['PUPPETEER_CACHE_DIR'] || join(home, '.cache/puppeteer')];
}

/** Returns the paths of downloaded versions, the newest first. */
function downloadsOf({ kind, playwright, puppeteer }: KnownBrowser, machine: Machine): string[] {
  const { names } = machine.files ?? systemFiles;
  const { join } = pathsOf(machine);
  const [ofPlaywright, ofPuppeteer] = cachesOf(machine);
  const newest = (folder: string): string[] =>
    [...names(folder)].sort((a, b) => b.localeCompare(a, 'en', { numeric: true })).map((name) => join(folder, name));
  const versions = [
    ...(playwright === undefined ? [] : newest(ofPlaywright).filter((folder) => playwright.test(pathsOf(machine).basename(folder)))),
    ...(puppeteer === undefined ? [] : newest(join(ofPuppeteer, puppeteer))),
  ];
  return versions.flatMap((folder) => downloadedPrograms[kind].map((program) => join(folder, program)));
}

function pathsOf({ platform }: Machine): typeof posix {
  return platform === 'win32' ? win32 : posix;
}
