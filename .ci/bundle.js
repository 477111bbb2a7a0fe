/**
 * Joins the modules of each entry point of the package into one file, and what several of them need into files that they share: a process then
 * starts in half the time, since Node.js looks up, reads and compiles some ten modules in place of two hundred. Other packages stay outside.
 */
import { build } from 'esbuild';

await build({
  entryPoints: {
    cli: 'dist/cli/main.js',
    index: 'dist/src/index.js',
    gcs: 'dist/src/provider/gcs.js',
    playwright: 'dist/src/playwright.js',
    'provider-suite': 'dist/src/provider/suite.js',
    puppeteer: 'dist/src/puppeteer.js',
    s3: 'dist/src/provider/s3.js',
  },
  outdir: 'dist/lib',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  packages: 'external',
  logLevel: 'warning',
});
