/**
 * The build of the package: each entry point and each thread in one file, and shared files for
 * their common code. A process then starts in half the time, since Node.js looks up, reads and
 * compiles some ten modules instead of two hundred. Dependencies that users install stay outside.
 * All other packages are inside, and LICENSES.txt has their licenses.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path/posix';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

/** Bytes of the reader. Half of them are brotli's dictionary. */
const MAX_READER_BYTES = 184 * 1024;

const { version, exports, dependencies, optionalDependencies, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const packages = Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies });

// A process loads the core and the parts that it needs. The bundler makes one file for each set of
// entry points and parts that reach the same code. Each file costs as much time as 20 KB of code.
// All entry points and parts therefore reach the whole core, which becomes one file.
const CORE = 'dist/src/api/open.js';
const reachesCore =
  /\/dist\/src\/(?:api\/parts\/\w+|drivers\/\w+|provider\/(?:gcs\/gcs|s3\/s3)|provider\/conformance\/suite|profile\/cookie-samples)\.js$/;
/** Maximum number of files. Without the imports of the core there would be 90. */
const MAX_FILES = 40;

const library = await build({
  entryPoints: {
    cli: 'dist/cli/main.js',
    index: 'dist/src/index.js',
    gcs: 'dist/src/provider/gcs/gcs.js',
    playwright: 'dist/src/drivers/playwright.js',
    'provider-suite': 'dist/src/provider/conformance/suite.js',
    puppeteer: 'dist/src/drivers/puppeteer.js',
    s3: 'dist/src/provider/s3/s3.js',
  },
  outdir: 'dist/lib',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: packages,
  alias: { 'string-width': './scripts/string-width.js' },
  define: { BROWSERSTATE_VERSION: JSON.stringify(version) },
  plugins: [
    {
      name: 'core',
      setup({ onLoad, onResolve }) {
        onLoad({ filter: reachesCore }, ({ path }) => ({ contents: `${readFileSync(path, 'utf8')}\nimport '#core';` }));
        onResolve({ filter: /^#core$/ }, () => ({ path: resolve(CORE) }));
      },
    },
  ],
  metafile: true,
  logLevel: 'warning',
  // The import of the core adds no code to a file.
  logOverride: { 'ignored-bare-import': 'silent' },
});

// The thread that reads cookies needs nothing of the core.
await build({
  entryPoints: { 'cookie-reader': 'dist/src/profile/cookie-reader.js' },
  outdir: 'dist/lib',
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  external: packages,
  logLevel: 'warning',
});

// One file for pages and edge workers, which install nothing. The file has all that the reader
// needs, and an import of Node fails the build.
const reader = await build({
  entryPoints: { reader: 'dist/src/reader/reader.js' },
  outdir: 'dist/lib',
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  conditions: ['browserstate-portable'],
  target: 'es2022',
  metafile: true,
  logLevel: 'warning',
});
const bytes = readFileSync('dist/lib/reader.js');
const compressed = gzipSync(bytes).length;
console.log(`dist/lib/reader.js: ${bytes.length} bytes, ${compressed} by gzip`);
if (bytes.length > MAX_READER_BYTES)
  throw new Error(`dist/lib/reader.js: expected at most ${MAX_READER_BYTES} bytes, found ${bytes.length}`);

/** Returns the given files and all files of the library that they load. */
function closure(files) {
  const found = new Set(files);
  for (const file of found) {
    for (const { path, external } of library.metafile.outputs[file].imports) if (!external) found.add(path);
  }
  return [...found];
}

const files = Object.keys(library.metafile.outputs).length;
if (files > MAX_FILES) throw new Error(`dist/lib: expected at most ${MAX_FILES} files of the library, found ${files}`);

// The CommonJS build: each file of the entry points once more, in the other form, in the same
// folder.
const entries = Object.values(exports).flatMap((entry) => entry.default?.default ?? []);
const ofNode = entries.filter((path) => !path.endsWith('/reader.js')).map((path) => path.replace('./', ''));
await build({
  entryPoints: [...closure(ofNode), 'dist/lib/reader.js'],
  outdir: 'dist/lib',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20.19',
  // CommonJS code in Jest has no import().
  supported: { 'dynamic-import': false },
  logOverride: { 'empty-import-meta': 'silent' },
  plugins: [
    {
      name: 'outside',
      setup({ onResolve }) {
        onResolve({ filter: /./ }, ({ path, kind }) =>
          kind === 'entry-point' ? undefined : { path: path.replace(/^(\.\/.*)\.js$/, '$1.cjs'), external: true },
        );
      },
    },
  ],
  logLevel: 'warning',
});

// tsc writes the types once, as types of CommonJS. The types of the ESM build re-export them.
writeFileSync('dist/types/package.json', '{ "type": "commonjs" }\n');
for (const { default: esm, require } of Object.values(exports)) {
  if (esm === undefined) continue;
  const types = relative('dist/lib', require.types).replace(/\.d\.ts$/, '.js');
  writeFileSync(esm.types, `export * from '${types}';\n`);
}

const inside = Object.keys({ ...library.metafile.inputs, ...reader.metafile.inputs }).flatMap(
  (path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? [],
);
const licenses = [...new Set(inside)].sort().map((folder) => {
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  if (file === undefined) throw new Error(`${name}: expected a license file, found none`);
  return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`;
});
writeFileSync('dist/lib/LICENSES.txt', `This folder contains code of these packages.\n\n${licenses.join('\n----\n\n')}`);
