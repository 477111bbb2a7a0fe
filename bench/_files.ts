/**
 * The list of a profile's files that a bench works on, so that every tool in a table is given exactly the same ones.
 *
 * PROVISIONAL: the exclusions here are the short list of the field notes, for the benches alone. Replace them with
 * src/browser/excludes.ts when that exists.
 */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export interface ProfileFile {
  /** Relative to the profile, with `/`. */
  readonly path: string;
  readonly size: number;
  readonly mode: number;
  readonly mtimeNs: bigint;
}

const ALWAYS =
  /^(SingletonLock|SingletonSocket|SingletonCookie|lockfile|RunningChromeVersion|DevToolsActivePort)$/;
const LEVELDB_SCRATCH = new Set(['LOG', 'LOG.old']);
const REGENERABLE = new Set([
  ...['Cache', 'Code Cache', 'GPUCache', 'DawnCache', 'DawnGraphiteCache', 'DawnWebGPUCache', 'GrShaderCache'],
  ...['GraphiteDawnCache', 'ShaderCache', 'GPUPersistentCache', 'Media Cache', 'Application Cache'],
  ...['Shared Dictionary', 'blob_storage', 'component_crx_cache', 'extensions_crx_cache', 'Safe Browsing'],
  ...['SafetyTips', 'OptimizationGuideModelsManifest', 'optimization_guide_model_store', 'OnDeviceHeadSuggestModel'],
  ...['Subresource Filter', 'CertificateRevocation', 'PKIMetadata', 'WidevineCdm', 'Dictionaries', 'hyphen-data'],
  ...['ZxcvbnData', 'DeferredBrowserMetrics', 'Crashpad', 'segmentation_platform', 'Segmentation Platform'],
  ...['Snapshots', 'chrome_debug.log'],
]);

const regenerable = (name: string): boolean =>
  REGENERABLE.has(name) || name.startsWith('BrowserMetrics') || name.startsWith('CrashpadMetrics');

/** Regular files in path order. Names are matched at the user-data-dir and one profile directory below it. */
export function listFiles(root: string, options: { keepCaches: boolean }): ProfileFile[] {
  const found: ProfileFile[] = [];
  const walk = (relative: string, depth: number): void => {
    const entries = readdirSync(join(root, relative), { withFileTypes: true });
    const levelDb = entries.some((entry) => entry.name === 'CURRENT');
    for (const entry of entries) {
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      if (depth === 0 && ALWAYS.test(entry.name)) continue;
      if (levelDb && entry.name === 'LOCK') continue;
      if (!options.keepCaches && levelDb && LEVELDB_SCRATCH.has(entry.name)) continue;
      if (!options.keepCaches && depth <= 1 && regenerable(entry.name)) continue;
      if (entry.isDirectory()) walk(path, depth + 1);
      else if (entry.isFile()) {
        const stat = lstatSync(join(root, path), { bigint: true });
        found.push({ path, size: Number(stat.size), mode: Number(stat.mode & 0o7777n), mtimeNs: stat.mtimeNs });
      }
    }
  };
  walk('', 0);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

export const totalBytes = (files: readonly ProfileFile[]): number => files.reduce((sum, file) => sum + file.size, 0);
