/**
 * Default excludes, on layouts with the names of real profiles and with names that only look like
 * them.
 */
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { type Browser, type DirectoryFacts, defaultExclude, defaultExcludes, readFacts } from '../../../src/profile/excludes.js';
import { scan } from '../../../src/workspace/capture/scan.js';
import { layout, leaves, openFilter } from '../../support/workspace/layout.js';

interface Expected {
  /** Paths that are useless elsewhere and never kept. */
  locks: string[];
  /** Paths that are excluded by default. */
  regenerable: string[];
  kept: string[];
}

const chromium: Expected = {
  locks: [
    'SingletonLock -> host-1',
    'SingletonSocket -> /nowhere',
    'SingletonCookie -> 1',
    'lockfile',
    'RunningChromeVersion -> 156',
    'DevToolsActivePort',
    'Default/DIPS-shm',
    'Default/Local Storage/leveldb/LOCK',
    'Default/IndexedDB/https_a.test_0.indexeddb.leveldb/LOCK',
    'Default/File System/Origins/LOCK',
    'Default/Extensions/abc/1.0/store/LOCK',
    'Default/Storage/ext/abc/def/Local Storage/leveldb/LOCK',
  ],
  regenerable: [
    'GPUPersistentCache/GPUCache/ABC/cache.db-wal',
    'GPUPersistentCache/GPUCache/ABC/cache.db',
    'GrShaderCache/data_0',
    'GraphiteDawnCache/data_0',
    'ShaderCache/data_1',
    'component_crx_cache/metadata.json',
    'extensions_crx_cache/x',
    'Safe Browsing/UrlSoceng.store',
    'SafetyTips/x',
    'OptimizationGuideModelsManifest/x',
    'optimization_guide_model_store/x/y/model.tflite',
    'OnDeviceHeadSuggestModel/x',
    'Subresource Filter/x',
    'CertificateRevocation/x',
    'PKIMetadata/x',
    'WidevineCdm/x',
    'Dictionaries/en-US.bdic',
    'hyphen-data/x',
    'ZxcvbnData/x',
    'BrowserMetrics/BrowserMetrics-1.pma',
    'BrowserMetrics-spare.pma',
    'DeferredBrowserMetrics/x',
    'CrashpadMetrics.pma',
    'CrashpadMetrics-active.pma',
    'Crashpad/settings.dat',
    'segmentation_platform/ukm_db-wal',
    'Snapshots/x',
    'chrome_debug.log',
    'Default/Cache/Cache_Data/index',
    'Default/Cache/Cache_Data/Secure Preferences',
    'Default/Code Cache/js/index',
    'Default/GPUCache/data_0',
    'Default/DawnCache/data_0',
    'Default/DawnGraphiteCache/data_0',
    'Default/DawnWebGPUCache/data_0',
    'Default/Media Cache/x',
    'Default/Application Cache/x',
    'Default/Shared Dictionary/cache/index',
    'Default/blob_storage/1/x',
    'Default/Segmentation Platform/SignalDB/LOG',
    'Default/Local Storage/leveldb/LOG',
    'Default/Local Storage/leveldb/LOG.old',
    'Default/IndexedDB/https_a.test_0.indexeddb.leveldb/LOG',
    'Profile 12/Cache/x',
    'Guest Profile/Cache/x',
    'System Profile/Cache/x',
    'Work/Cache/x',
  ],
  kept: [
    'Local State',
    'Last Version',
    'Variations',
    'NativeMessagingHosts/x',
    'Work/Preferences',
    'Profile 12/Login Data',
    'Default/Preferences',
    'Default/Secure Preferences',
    'Default/Cookies',
    'Default/Cookies-journal',
    'Default/DIPS',
    'Default/DIPS-wal',
    'Default/Web Data',
    'Default/Sessions/Session_1',
    'Default/Local Storage/leveldb/CURRENT',
    'Default/Local Storage/leveldb/000003.log',
    'Default/Local Storage/leveldb/MANIFEST-000001',
    'Default/IndexedDB/https_a.test_0.indexeddb.leveldb/CURRENT',
    'Default/IndexedDB/https_a.test_0.indexeddb.blob/1/00/4',
    'Default/Service Worker/ScriptCache/index',
    'Default/Service Worker/CacheStorage/abc/index.txt',
    'Default/Service Worker/Database/000003.log',
    'Default/Storage/ext/abc/def/Local Storage/leveldb/CURRENT',
    'Default/Storage/ext/abc/def/GPUCache/data_0',
    // Names of an extension or a web site that only look like caches.
    'Default/Extensions/abc/1.0/Cache/x',
    'Default/Extensions/abc/1.0/Dictionaries/en.dic',
    'Default/Extensions/abc/1.0/LOG',
    'Default/Extensions/abc/1.0/LOCK',
    'Default/Extensions/abc/1.0/GPUCache',
    'Default/Extensions/abc/1.0/store/CURRENT',
    'Default/Extensions/Cache/manifest.json',
    'Default/Extensions/Preferences',
    'Default/File System/000/p/00/Cache',
    'Default/File System/Origins/CURRENT',
    'Default/IndexedDB/Cache/x',
    'Extensions/Preferences',
    'Extensions/Cache/x',
    // These are no profile directories, or lie too deep, or have other names.
    'Other/Cache/x',
    'Work/Nested/Preferences',
    'Work/Nested/Cache/x',
    'Default/cache/x',
    'Default/CACHE/x',
    'Default/Cache2/x',
    'default/Cache/x',
    'Profile X/Cache/x',
    'singletonlock',
    'Default/LOCK',
    'Default/LOG',
    'Default/Safe Browsing Cookies',
    'prefs.js',
    'cache2/x',
    'lock',
    'gmp-x/y',
  ],
};

const firefox: Expected = {
  locks: [
    'lock -> 127.0.1.1:+1',
    '.parentlock',
    'parent.lock',
    'cookies.sqlite-shm',
    'places.sqlite-shm',
    'storage/default/https+++a.test/db/LOCK',
  ],
  regenerable: [
    'compatibility.ini',
    'cache2/entries/ABC',
    'startupCache/scriptCache.bin',
    'jumpListCache/x',
    'shader-cache/x',
    'thumbnails/x.png',
    'safebrowsing/test.vlpset',
    'crashes/store.json.mozlz4',
    'minidumps/x.dmp',
    'datareporting/state.json',
    'saved-telemetry-pings/x',
    'gmp-gmpopenh264/1.8/libgmpopenh264.so',
    'gmp-widevinecdm/x',
    'security_state/data.safe.bin',
    'sessionstore-backups/previous.jsonlz4',
    'sessionstore-backups/upgrade.jsonlz4-20261101',
    'storage/default/https+++a.test/db/LOG',
    'storage/default/https+++a.test/db/LOG.old',
  ],
  kept: [
    'prefs.js',
    'times.json',
    'cookies.sqlite',
    'cookies.sqlite-wal',
    'places.sqlite-wal',
    'key4.db',
    'logins.json',
    'sessionstore.jsonlz4',
    'sessionstore-backups/recovery.jsonlz4',
    'sessionstore-backups/recovery.baklz4',
    'storage/default/https+++a.test/cache/caches.sqlite',
    'storage/default/https+++a.test/cache/morgue/1/x',
    'storage/default/https+++a.test/idb/1.sqlite-shm',
    'storage/default/https+++a.test/ls/data.sqlite',
    'storage/default/https+++a.test/cache2/x',
    'storage/default/https+++a.test/lock',
    'storage/default/https+++a.test/LOG',
    'storage/default/https+++a.test/db/CURRENT',
    'storage/permanent/chrome/idb/x.sqlite',
    'extensions/a@b.xpi',
    'extensions/thumbnails/x',
    'Cache2/x',
    'Thumbnails/x',
    'Cache/x',
    'GPUCache/x',
    'gmp/x',
    'SingletonLock',
  ],
};

async function check(t: ExecutionContext, { locks, regenerable, kept }: Expected): Promise<void> {
  const dir = layout(t, [...locks, ...regenerable, ...kept]);
  const names = (entries: string[]) => entries.map((entry) => entry.split(' -> ')[0] as string);
  const byDefault = await scan(dir, openFilter(dir));
  t.deepEqual(leaves(byDefault).sort(), names(kept).sort());
  t.is(byDefault.excluded.files, locks.length + regenerable.length);
  const withCaches = await scan(dir, openFilter(dir, { keepCaches: true }));
  t.deepEqual(leaves(withCaches).sort(), names([...kept, ...regenerable]).sort());
}

test('R-CAP-2 R-CAP-3 R-CAP-4 R-CAP-5 a Chromium directory', (t) => check(t, chromium));
test('R-CAP-2 R-CAP-3 R-CAP-4 R-CAP-5 a Firefox profile', (t) => check(t, firefox));

test('R-CAP-1 a directory that is no profile keeps everything', async (t) => {
  const entries = [...chromium.regenerable, ...firefox.regenerable, 'a/CURRENT', 'a/LOCK', '.parentlock'].filter(
    (path) => !path.startsWith('Default/'),
  );
  const dir = layout(t, entries);
  t.is(readFacts(dir).browser, undefined);
  const found = await scan(dir, openFilter(dir));
  t.deepEqual(leaves(found).sort(), entries.sort());
  t.deepEqual(found.excluded, { files: 0, bytes: 0 });
});

const shows: [string[], Browser | undefined, string[]][] = [
  [['Local State'], 'chromium', []],
  [['Default/Cache/x'], 'chromium', ['Default']],
  [
    ['Default/', 'Profile 1/', 'Profile 10/', 'Guest Profile/', 'System Profile/', 'Profile 1x/'],
    'chromium',
    ['Default', 'Guest Profile', 'Profile 1', 'Profile 10', 'System Profile'],
  ],
  [['Local State', 'Work/Preferences', 'Home/Preferences/', 'IndexedDB/Preferences'], 'chromium', ['Work']],
  [['Local State', 'prefs.js'], 'chromium', []],
  [['prefs.js', 'Work/Preferences'], 'firefox', []],
  [['times.json'], 'firefox', []],
  [['Default'], undefined, []],
  [['Default -> /tmp'], undefined, []],
  [['Local State/', 'prefs.js/', 'a/times.json'], undefined, []],
  [[], undefined, []],
];
for (const [entries, browser, profiles] of shows) {
  test(`R-CAP-1 ${entries.join(', ') || 'nothing'} shows ${browser ?? 'no browser'}`, (t) => {
    const facts = readFacts(layout(t, entries));
    t.is(facts.browser, browser);
    t.deepEqual([...facts.profiles].sort(), profiles);
  });
}

test('readFacts rejects a path that is not a directory', (t) => {
  const dir = layout(t, ['file']);
  t.like(
    t.throws(() => readFacts(`${dir}/none`)),
    { code: 'NOT_FOUND' },
  );
  t.like(
    t.throws(() => readFacts(`${dir}/file`)),
    { code: 'USAGE' },
  );
});

const browsers: Browser[] = ['chromium', 'firefox'];
const facts = (browser: Browser): DirectoryFacts => ({ browser, profiles: new Set(['Default', 'Work']), isLevelDb: () => true });
const ruleNames = browsers.flatMap((browser) =>
  Object.values(defaultExcludes[browser])
    .flat()
    .map((name) => ({ browser, name })),
);
const anchors = (browser: Browser) => (browser === 'chromium' ? ['', 'Default/', 'Work/'] : ['']);

test('R-CAP-2 every name of the table is excluded at its anchors, only in this case and only for its browser', (t) => {
  const otherCase = (name: string) =>
    name.replace(/[a-z]/i, (letter) => (letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()));
  for (const { browser, name } of ruleNames) {
    const example = name.replace('*', '1.2');
    for (const anchor of anchors(browser)) {
      t.truthy(defaultExclude(facts(browser), anchor + example, false), `${browser} ${anchor}${name}`);
      t.is(defaultExclude(facts(browser), anchor + otherCase(example), false), undefined, `${browser} ${anchor}${name} in another case`);
    }
    t.is(defaultExclude(facts(browser), `Other/${example}`, false), undefined);
    t.is(defaultExclude({ ...facts(browser), browser: undefined }, example, false), undefined);
    const other = browser === 'chromium' ? 'firefox' : 'chromium';
    if (name !== '*-shm') t.is(defaultExclude(facts(other), example, false), undefined, `${name} for ${other}`);
  }
});

const componentName = fc.oneof(
  fc.constantFrom(...ruleNames.map(({ name }) => name.replace('*', 'x')), 'Preferences', 'index', 'a'),
  fc.stringMatching(/^[ -.0-~]{1,12}$/),
);

test('R-CAP-3 below directories of sites and extensions only files of a LevelDB are excluded', (t) => {
  const owned = { chromium: ['Extensions', 'IndexedDB', 'File System'], firefox: ['storage'] };
  fc.assert(
    fc.property(
      fc.constantFrom(...browsers),
      fc.nat(2),
      fc.nat(2),
      fc.array(componentName, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      (browser, a, b, below, isDirectory) => {
        const anchor = anchors(browser)[a % anchors(browser).length] as string;
        const path = [`${anchor}${owned[browser][b % owned[browser].length]}`, ...below].join('/');
        const excluded = defaultExclude(facts(browser), path, isDirectory) !== undefined;
        t.is(excluded, !isDirectory && ['LOCK', 'LOG', 'LOG.old'].includes(below.at(-1) as string), path);
      },
    ),
  );
});

test('R-CAP-4 databases in a transaction and the state of the browser itself are never excluded', (t) => {
  for (const { browser, name } of ruleNames.filter((rule) => rule.name.endsWith('*'))) {
    for (const end of ['', '-wal', '-journal', ' Preferences']) {
      t.is(defaultExclude(facts(browser), name.replace('*', end), false) === undefined, end !== '', name + end);
    }
  }
  const spared = fc.oneof(
    fc.constantFrom('Local State', 'Last Version', 'Preferences', 'Secure Preferences'),
    componentName.chain((name) => fc.constantFrom(`${name}-wal`, `${name}-journal`, `${name} Preferences`)),
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...browsers),
      fc.constantFrom('', 'Default/', 'Work/', 'sessionstore-backups/'),
      spared,
      fc.boolean(),
      (browser, anchor, name, isDirectory) => {
        t.is(defaultExclude(facts(browser), anchor + name, isDirectory), undefined);
      },
    ),
  );
});

test('R-CAP-2 LOCK, LOG and LOG.old are excluded only next to a file CURRENT, and only as files', (t) => {
  const dir = layout(t, ['Local State', 'Default/db/CURRENT', 'Default/none/LOCK', 'Default/odd/CURRENT/']);
  const inDirectory = readFacts(dir);
  t.is(defaultExclude(inDirectory, 'Default/db/LOCK', false), 'locks');
  t.is(defaultExclude(inDirectory, 'Default/db/LOG', false), 'components');
  t.is(defaultExclude(inDirectory, 'Default/db/LOG', true), undefined);
  t.is(defaultExclude(inDirectory, 'Default/none/LOCK', false), undefined);
  t.is(defaultExclude(inDirectory, 'Default/odd/LOCK', false), undefined);
  t.is(defaultExclude(inDirectory, 'LOCK', false), undefined);
});
