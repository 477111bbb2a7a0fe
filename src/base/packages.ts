/**
 * Packages that are loaded at their first use and never part of a bundle: LevelDB, whose native
 * file a bundle lacks, and the SDKs. All are CommonJS, which `import` reads twice.
 */
import { createRequire } from 'node:module';

/**
 * Loads a package that is installed next to this file. In a CommonJS bundle, `import.meta` is
 * empty.
 */
export const loadPackage = (name: string): unknown => createRequire(import.meta.url ?? __filename)(name);
