/**
 * Packages that are loaded when they are first used, and that are never part of a bundle: LevelDB,
 * whose native file a bundle lacks, and the SDKs. All are CommonJS, which `import` reads twice.
 */
import { createRequire } from 'node:module';

/**
 * Loads a package that is installed beside this file. In a bundle in CommonJS, `import.meta` is
 * empty.
 */
export const loadPackage = (name: string): unknown => createRequire(import.meta.url ?? __filename)(name);
