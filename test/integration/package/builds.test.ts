/**
 * The ESM and the CommonJS build of the packed tarball: in Node, in one process, in bundles, and
 * for TypeScript.
 */
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { bin, Project, root } from '../../support/package.js';
import { forms, outcome, scenario, typed } from '../../support/package-scenario.js';
import { temporary } from '../../support/temporary.js';

const project = new Project(test);
const packages = [
  'level',
  'node-sqlite3-wasm',
  '@types/node',
  'playwright-core',
  'puppeteer-core',
  '@aws-sdk/client-s3',
  '@google-cloud/storage',
];
let files: string[];

test.before(async () => {
  files = await project.install(packages);
});

const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, object> };
const { './package.json': _, ...builds } = exports;
const entries = Object.keys(builds).map((path) => join('browserstate', path));

test('the tarball has the files of every entry point, the types, and nothing of the tests', (t) => {
  const named = Object.values(builds).flatMap((build) =>
    Object.values(build).flatMap((files) => Object.values(files as Record<string, string>)),
  );
  t.is(named.length, 4 * entries.length);
  for (const path of named) t.true(files.includes(path.replace('./', '')), path);
  const expected =
    /^(?:(?:README|SPEC|CHANGELOG)\.md|docs\/[\w-]+\.\w+|LICENSE|package\.json|dist\/types\/(?:package\.json|src\/.*\.d\.ts)|dist\/lib\/[\w-]+\.(?:js|cjs|d\.ts|txt))$/;
  t.deepEqual(
    files.filter((path) => !expected.test(path)),
    [],
  );
});

test('every entry point has the same names in both builds, without a warning', async (t) => {
  const source = `(async () => {
    for (const entry of ${JSON.stringify(entries)}) {
      const [required, imported] = [require(entry), await import(entry)];
      console.log(entry, Object.keys(required).sort().join() === Object.keys(imported).sort().join(), required === imported);
    }
  })()`;
  const { stdout, stderr } = await project.run(process.execPath, '--input-type=commonjs', '--eval', source);
  t.is(stderr, '');
  t.is(stdout, entries.map((path) => `${path} true false\n`).join(''));
});

test('both builds in one process are one owner, and know each other’s errors', async (t) => {
  const source = `(async () => {
    const builds = [require('browserstate'), await import('browserstate')];
    const { mkdtempSync, readdirSync } = require('node:fs');
    const home = mkdtempSync('home-');
    const [one, other] = await Promise.all(builds.map(({ openStore }) => openStore({ home })));
    await one.session('a').commit('node_modules/browserstate/dist');
    const mounts = [await one.mount('a', { mode: 'exclusive' }), await other.mount('b')];
    const error = await other.mount('a', { mode: 'exclusive' }).catch((found) => found);
    const owners = readdirSync(home, { recursive: true }).filter((path) => /owners.[0-9a-f]+$/.test(path));
    console.log(owners.length, error.code, builds.map(({ BrowserStateError }) => error instanceof BrowserStateError).join());
    for (const mount of mounts) await mount.unmount();
    for (const store of [one, other]) await store.close();
  })()`;
  const { stdout, stderr } = await project.run(process.execPath, '--input-type=commonjs', '--eval', source);
  t.is(stdout, '1 BUSY true,true\n', stderr);
});

for (const form of forms) {
  const name = form === 'ESM' ? 'bundle.mjs' : 'bundle.cjs';
  const format = form === 'ESM' ? 'esm' : 'cjs';

  test(`a bundle by esbuild in ${form} works next to the packages, and anywhere else without the index, with one warning`, async (t) => {
    project.write({ [`${format}.js`]: `${scenario(form)} scenario().then((lines) => console.log(lines.join('\\n')));` });
    const args = [`${format}.js`, '--bundle', '--platform=node', `--format=${format}`, `--outfile=${name}`];
    const { code, stderr } = await project.run(bin('esbuild'), ...args);
    t.is(code, 0, stderr);
    t.notRegex(stderr, /warning/i);
    const here = await project.run(process.execPath, name);
    t.is(here.stdout, `${outcome}\n`, here.stderr);
    const elsewhere = join(temporary(t), name);
    cpSync(join(project.dir, name), elsewhere);
    const there = await project.run(process.execPath, elsewhere);
    const warning = /^the index cannot be used, .*LevelDB could not be loaded: Cannot find module 'level'; install the package "level"/;
    const [first, ...warnings] = there.stdout.trim().split('\n');
    t.is(first, outcome, there.stderr);
    t.is(warnings.length, 1);
    t.regex(warnings[0] ?? '', warning);
  });
}

const compilers: Record<string, object> = {
  'node16 from CommonJS': { module: 'node16' },
  'nodenext from CommonJS': { module: 'nodenext' },
  'nodenext from ESM': { module: 'nodenext', type: 'module' },
  bundler: { module: 'esnext', moduleResolution: 'bundler', type: 'module' },
};
for (const [title, { type = 'commonjs', ...options }] of Object.entries(compilers) as [string, { type?: string }][]) {
  test(`TypeScript finds the types of every entry point: ${title}`, async (t) => {
    const folder = title.replaceAll(' ', '-');
    const compilerOptions = { target: 'es2022', strict: true, types: ['node'], skipLibCheck: true, noEmit: true, ...options };
    project.write({
      [`${folder}/package.json`]: JSON.stringify({ type }),
      [`${folder}/tsconfig.json`]: JSON.stringify({ compilerOptions, files: ['program.ts'] }),
      [`${folder}/program.ts`]: typed,
    });
    const { stdout } = await project.run(bin('tsc'), '-p', folder);
    t.is(stdout, '');
  });
}
