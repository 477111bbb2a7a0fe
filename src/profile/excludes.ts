/**
 * Default exclusions of a snapshot (SPEC.md R-CAP-1 to R-CAP-4): files that browsers recreate, and
 * files of one machine or process. The rules apply only to recognized browser directories, are
 * anchored there and are case-sensitive. No file of a web site or an extension is mistaken for a
 * cache.
 */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parentPath } from '../format/path.js';
import { readFailure } from '../fs/errors.js';
import { ifSeen, resolveDirectory } from '../fs/paths.js';

export type Browser = 'chromium' | 'firefox';

/** Groups of exclusions. `locks` are always excluded; the other groups are included on request. */
export type ExcludeGroup = 'locks' | 'caches' | 'components';

/**
 * Excluded names directly in the directory or in one of its profile directories. `*` matches any
 * characters of one name.
 */
export const defaultExcludes: Readonly<Record<Browser, Readonly<Record<ExcludeGroup, readonly string[]>>>> = {
  chromium: {
    locks: [
      'SingletonLock',
      'SingletonSocket',
      'SingletonCookie',
      'lockfile',
      'RunningChromeVersion',
      'DevToolsActivePort',
      '*-shm', // SQLite rebuilds it from the wal when the first process opens the database
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

/** Excluded files of any LevelDB: the lock of the process that has it open, and its log. */
const levelDbExcludes: ReadonlyMap<string, ExcludeGroup> = new Map([
  ['LOCK', 'locks'],
  ['LOG', 'components'],
  ['LOG.old', 'components'],
]);

/**
 * Data that no rule above excludes: unfinished transactions of databases, and the browser's own
 * state.
 */
const neverExcluded = /-wal$|-journal$|^Local State$|^Last Version$|Preferences$/;

/**
 * Directories of web sites and extensions. No such directory is a profile, regardless of its
 * content.
 */
const siteDirectories = new Set(['Extensions', 'IndexedDB', 'File System', 'storage']);

const chromiumProfile = /^(?:Default|Profile \d+|Guest Profile|System Profile)$/;

/** Properties of a directory that the rules depend on. */
export interface DirectoryFacts {
  /** The browser that the directory belongs to. */
  readonly browser: Browser | undefined;
  /**
   * True for a profile directory of Chromium without its user data directory, which holds the key
   * of its cookies.
   */
  readonly isLone?: boolean;
  /**
   * Names of the profile directories directly below the directory. Firefox has none: its directory
   * is the profile.
   */
  readonly profiles: ReadonlySet<string>;
  /**
   * Returns whether the directory at that relative path holds a LevelDB. An empty path stands for
   * the directory itself.
   */
  isLevelDb(path: string): boolean;
}

/**
 * Reads the facts of `dir` and one level below. Throws NOT_FOUND, USAGE or UNREADABLE if `dir` is
 * no readable directory.
 */
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
  const browser = isLone ? 'chromium' : recognize(files, directories);
  const profiles = [...directories].filter((name) => browser === 'chromium' && isProfile(root, name));
  return { browser, isLone, profiles: new Set(profiles), isLevelDb: (path) => isFile(join(root, path, 'CURRENT')) };
}

/**
 * Returns the group of the default rule that excludes the entry at `path` itself. Rules for
 * directories above it do not count.
 */
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

function recognize(files: ReadonlySet<string>, directories: ReadonlySet<string>): Browser | undefined {
  if (files.has('Local State') || directories.has('Default')) return 'chromium';
  if (files.has('prefs.js') || files.has('times.json')) return 'firefox';
  return undefined;
}

/** Files of a profile directory of Chromium. */
const profileFiles = ['Preferences', 'Cookies', 'History', 'Login Data', 'Web Data', 'Bookmarks', 'Favicons', 'Top Sites'];

/**
 * Returns whether the names are those of a profile directory of Chromium without its user data
 * directory. They are if its preferences and another of its files exist, or any of them if
 * `isNamed` returns true.
 */
export function isLoneProfile(files: ReadonlySet<string>, directories: ReadonlySet<string>, isNamed: () => boolean): boolean {
  if (recognize(files, directories) !== undefined) return false;
  const marks = profileFiles.filter((name) => files.has(name)).length + (directories.has('Network') ? 1 : 0);
  return (files.has('Preferences') && marks > 1) || (marks > 0 && isNamed());
}

function isProfile(root: string, name: string): boolean {
  return chromiumProfile.test(name) || (!siteDirectories.has(name) && isFile(join(root, name, 'Preferences')));
}

/**
 * Returns whether the path is a file. An unreadable file matches no rule. The scan reports the file
 * if it matters.
 */
function isFile(path: string): boolean {
  return ifSeen(() => statSync(path, { throwIfNoEntry: false }))?.isFile() ?? false;
}

type Rules = (path: string) => ExcludeGroup | undefined;

const compiled: Record<Browser, Rules> = { chromium: compile('chromium'), firefox: compile('firefox') };

/** Compiles the rules into a look-up by path. Names without a `*` use a map. */
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
