/**
 * What a snapshot leaves out unless told otherwise (SPEC.md R-CAP-1 to R-CAP-4): files that a browser makes again by itself, and files that
 * mean something to one machine or process only. Rules apply to what shows itself to be a browser's directory, are anchored there
 * and are case-sensitive, so that no file of a web site or an extension is ever taken for a cache.
 */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parentPath } from '../object/path.js';
import { ifSeen, resolveDirectory } from './directory.js';
import { readFailure } from './files.js';

export type Browser = 'chromium' | 'firefox';

/** `locks` are never kept; the others are kept on request. */
export type ExcludeGroup = 'locks' | 'caches' | 'components';

/** Names directly in the directory or in one of its profile directories; `*` stands for any characters of one name. */
export const defaultExcludes: Readonly<Record<Browser, Readonly<Record<ExcludeGroup, readonly string[]>>>> = {
  chromium: {
    locks: [
      'SingletonLock',
      'SingletonSocket',
      'SingletonCookie',
      'lockfile',
      'RunningChromeVersion',
      'DevToolsActivePort',
      '*-shm', // SQLite builds it anew from the wal when the first process opens the database
    ],
    caches: [
      'Cache',
      'Code Cache',
      'GPUCache',
      'DawnCache',
      'DawnGraphiteCache',
      'DawnWebGPUCache',
      'GrShaderCache',
      'GraphiteDawnCache',
      'ShaderCache',
      'GPUPersistentCache',
      'Media Cache',
      'Application Cache',
      'Shared Dictionary',
      'blob_storage',
    ],
    components: [
      'component_crx_cache',
      'extensions_crx_cache',
      'Safe Browsing',
      'SafetyTips',
      'OptimizationGuideModelsManifest',
      'optimization_guide_model_store',
      'OnDeviceHeadSuggestModel',
      'Subresource Filter',
      'CertificateRevocation',
      'PKIMetadata',
      'WidevineCdm',
      'Dictionaries',
      'hyphen-data',
      'ZxcvbnData',
      'BrowserMetrics*',
      'DeferredBrowserMetrics',
      'CrashpadMetrics*',
      'Crashpad',
      'segmentation_platform',
      'Segmentation Platform',
      'Snapshots',
      'chrome_debug.log',
    ],
  },
  firefox: {
    locks: ['lock', '.parentlock', 'parent.lock', '*-shm'],
    caches: ['cache2', 'startupCache', 'jumpListCache', 'shader-cache', 'thumbnails'],
    components: [
      'compatibility.ini',
      'safebrowsing',
      'crashes',
      'minidumps',
      'datareporting',
      'saved-telemetry-pings',
      'gmp-*',
      'security_state',
      'sessionstore-backups/previous*',
      'sessionstore-backups/upgrade*',
    ],
  },
};

/** Files of a LevelDB, wherever one lies: the lock of the process that has it open, and its diary. */
const levelDbExcludes: ReadonlyMap<string, ExcludeGroup> = new Map([
  ['LOCK', 'locks'],
  ['LOG', 'components'],
  ['LOG.old', 'components'],
]);

/** Data whatever a rule above says: a database's unfinished transactions, and what a browser knows of itself. */
const neverExcluded = /-wal$|-journal$|^Local State$|^Last Version$|Preferences$/;

/** What web sites and extensions put there is theirs: no directory of such a name is a profile, whatever lies in it. */
const siteDirectories = new Set(['Extensions', 'IndexedDB', 'File System', 'storage']);

const chromiumProfile = /^(?:Default|Profile \d+|Guest Profile|System Profile)$/;

/** What the rules must know of a directory. */
export interface DirectoryFacts {
  /** The browser whose directory it shows itself to be. */
  readonly browser: Browser | undefined;
  /** Whether it is a profile directory of Chromium without the directory above it, which has the key of its cookies. */
  readonly isLone?: boolean;
  /** Names of the profile directories directly below it. Firefox has none: there the directory is the profile. */
  readonly profiles: ReadonlySet<string>;
  /** Whether the directory of that path in it (the empty string for itself) holds a LevelDB. */
  isLevelDb(path: string): boolean;
}

/** Looks at `dir` itself and one level below. Throws NOT_FOUND, USAGE or UNREADABLE where it is no readable directory. */
export function readFacts(dir: string): DirectoryFacts {
  const root = resolveDirectory(dir);
  const files = new Set<string>();
  const directories = new Set<string>();
  try {
    for (const child of readdirSync(root, { withFileTypes: true })) {
      if (child.isDirectory()) directories.add(child.name);
      else if (child.isFile()) files.add(child.name);
    }
  } catch (error) {
    throw readFailure(dir, error);
  }
  const isNamed = (): boolean => chromiumProfile.test(basename(root)) || isFile(join(dirname(root), 'Local State'));
  const isLone = isLoneProfile(files, directories, isNamed);
  const browser = isLone ? 'chromium' : recognise(files, directories);
  const profiles = [...directories].filter((name) => browser === 'chromium' && isProfile(root, name));
  return { browser, isLone, profiles: new Set(profiles), isLevelDb: (path) => isFile(join(root, path, 'CURRENT')) };
}

/** The group of the default rule that leaves out the entry at `path` itself, not counting rules that leave out a directory above it. */
export function defaultExclude(facts: DirectoryFacts, path: string, isDirectory: boolean): ExcludeGroup | undefined {
  if (facts.browser === undefined) return undefined;
  const parent = parentPath(path);
  const name = parent === '' ? path : path.slice(parent.length + 1);
  if (neverExcluded.test(name)) return undefined;
  const ofLevelDb = isDirectory ? undefined : levelDbExcludes.get(name);
  if (ofLevelDb !== undefined && facts.isLevelDb(parent)) return ofLevelDb;
  const rules = compiled[facts.browser];
  const top = path.slice(0, path.indexOf('/') + 1);
  return rules(path) ?? (facts.profiles.has(top.slice(0, -1)) ? rules(path.slice(top.length)) : undefined);
}

function recognise(files: ReadonlySet<string>, directories: ReadonlySet<string>): Browser | undefined {
  if (files.has('Local State') || directories.has('Default')) return 'chromium';
  if (files.has('prefs.js') || files.has('times.json')) return 'firefox';
  return undefined;
}

/** Files of a profile directory of Chromium. */
const profileFiles = ['Preferences', 'Cookies', 'History', 'Login Data', 'Web Data', 'Bookmarks', 'Favicons', 'Top Sites'];

/**
 * Whether the names in a directory are those of a profile directory of Chromium alone: its preferences and another of its files, or any of them if
 * something else says so.
 */
export function isLoneProfile(files: ReadonlySet<string>, directories: ReadonlySet<string>, isNamed: () => boolean): boolean {
  if (recognise(files, directories) !== undefined) return false;
  const marks = profileFiles.filter((name) => files.has(name)).length + (directories.has('Network') ? 1 : 0);
  return (files.has('Preferences') && marks > 1) || (marks > 0 && isNamed());
}

function isProfile(root: string, name: string): boolean {
  return chromiumProfile.test(name) || (!siteDirectories.has(name) && isFile(join(root, name, 'Preferences')));
}

/** A file that cannot be seen brings no rule into play; where it matters, the scan names it. */
function isFile(path: string): boolean {
  return ifSeen(() => statSync(path, { throwIfNoEntry: false }))?.isFile() ?? false;
}

type Rules = (path: string) => ExcludeGroup | undefined;

const compiled: Record<Browser, Rules> = { chromium: compile('chromium'), firefox: compile('firefox') };

/** A look-up of whole paths, names without a `*` by a map. */
function compile(browser: Browser): Rules {
  const exact = new Map<string, ExcludeGroup>();
  const globs: { pattern: RegExp; group: ExcludeGroup }[] = [];
  for (const [group, names] of Object.entries(defaultExcludes[browser]) as [ExcludeGroup, readonly string[]][]) {
    for (const name of names) {
      if (name.includes('*')) globs.push({ pattern: globPattern(name), group });
      else exact.set(name, group);
    }
  }
  return (path) => exact.get(path) ?? globs.find(({ pattern }) => pattern.test(path))?.group;
}

function globPattern(glob: string): RegExp {
  const literal = glob.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('*', '[^/]*')}$`);
}
