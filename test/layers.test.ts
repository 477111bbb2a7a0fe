/**
 * The architecture of src and cli, which is one table. Imports point down and never in a circle,
 * and portable files run without Node. One module knows the machine, and one folder knows the files
 * of browsers.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, relative } from 'node:path/posix';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { architectureFaults, importsOf, isIn, layers } from './support/architecture.js';
import { tokenize } from './support/source-text.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The sources of src and cli by path. */
const sources = new Map(
  ['src', 'cli'].flatMap((top) =>
    readdirSync(`${root}${top}`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => [`${top}/${name}`, readFileSync(`${root}${top}/${name}`, 'utf8')] as const),
  ),
);

/** The source files behind the aliases of package.json. */
const aliases = Object.fromEntries(
  Object.entries((JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { imports: object }).imports).map(([alias, target]) => [
    alias,
    [...new Set(JSON.stringify(target).match(/(?<=dist\/)[^"]*(?=\.js")/g))].map((path) => `${path}.ts`),
  ]),
);

/**
 * Returns the faults that come with files added to the project, or replacing files of the project.
 */
function planted(files: Readonly<Record<string, string>>): string[] {
  const before = new Set(architectureFaults(sources, aliases));
  return architectureFaults(new Map([...sources, ...Object.entries(files)]), aliases).filter((fault) => !before.has(fault));
}

test('imports, portable files, the machine and names of browser files are as the table says', (t) => {
  t.true(sources.size > 200);
  t.deepEqual(aliases, { '#platform': ['src/codec/portable.ts', 'src/codec/node.ts'] });
  t.deepEqual(architectureFaults(sources, aliases), []);
});

test('every part of the table has files', (t) => {
  const files = [...sources.keys()];
  for (const names of layers.flat()) t.true(files.filter(isIn(names)).length > 0, names);
});

/** Every form of an import, with `%` for the imported module. */
const forms = [
  "import '%';",
  "import { a,\n  type b } from '%';",
  "import type { A } from '%';",
  "export * from '%';",
  "export type { A } from '%';",
  "export const a = await import('%');",
  "export type B = import('%').A;",
  "export const worker = new Worker(new URL('%', import.meta.url));",
];

test('an import of every form is found, and no other text passes for one', (t) => {
  const found = (source: string): string[] => importsOf(tokenize(source)).map(({ specifier }) => specifier);
  for (const form of forms) t.deepEqual(found(form.replace('%', './x.js')), ['./x.js'], form);
  const texts = [
    "// import './x.js';",
    "/** {@link import('./x.js')} */",
    "const text = `import './x.js'`;",
    'const a = "from \'./x.js\'";',
    "const pattern = /import '.\\/x.js'/;",
    "const manifest = new URL('../../package.json', import.meta.url);",
  ];
  for (const text of texts) t.deepEqual(found(text), [], text);
  t.deepEqual(found(`const a = \`\${await import('./x.js')} \${'}'}\`;\nimport './y.js';`), ['./x.js', './y.js']);
});

/** A file of each part of the table, the lowest first. */
const samples: readonly (readonly string[])[] = [
  ['src/base/bytes.ts'],
  ['src/codec/node.ts', 'src/provider/conformance/races.ts'],
  ['src/format/tree.ts'],
  ['src/fs/paths.ts', 'src/repository/refs.ts'],
  ['src/profile/locks.ts'],
  ['src/workspace/capture/scan.ts'],
  ['src/session/session-ref.ts'],
  ['src/sync/push.ts'],
  ['src/mount/mount.ts', 'src/legacy/migrate.ts'],
  ['src/api/session.ts'],
  ['src/drivers/playwright.ts', 'src/reader/reader.ts'],
  ['src/index.ts'],
];

/** Returns a source that imports the targets in all the forms. */
function importing(file: string, targets: readonly string[]): string {
  const path = (target: string): string =>
    relative(dirname(file), target)
      .replace(/^(?!\.)/, './')
      .replace(/\.ts$/, '.js');
  return targets.map((target, i) => (forms[i % forms.length] as string).replace('%', path(target))).join('\n');
}

for (const [level, files] of samples.entries()) {
  for (const file of files) {
    test(`${file} imports nothing above or beside it`, (t) => {
      const beside = files.filter((other) => other !== file);
      const targets = [...samples.slice(level + 1).flat(), ...beside, 'cli/main.ts'];
      const faults = planted({ [file]: importing(file, targets) }).filter((fault) => !fault.startsWith('cycle'));
      t.is(faults.length, targets.length, faults.join('\n'));
      for (const target of targets)
        t.true(
          faults.some((fault) => fault.startsWith(`${file}:`) && fault.includes(` imports ${target}: `)),
          target,
        );
    });
  }
}

test('a layer imports all below it, and the command line the entry points alone', (t) => {
  const files = samples
    .slice(0, -1)
    .flatMap((same, level) => same.map((file) => [file.replace(/[\w-]+\.ts$/, 'planted.ts'), level] as const));
  const below = (level: number): string[] => samples.slice(0, level).flat();
  const isPlain = ([file]: readonly [string, number]): boolean => !/^src\/(?:base|codec|format)\//.test(file);
  const sourcesBelow = Object.fromEntries(files.filter(isPlain).map(([file, level]) => [file, importing(file, below(level))]));
  t.deepEqual(planted(sourcesBelow), []);
  t.deepEqual(planted({ 'src/format/planted.ts': "import '#platform';\nimport '../base/bytes.js';" }), []);
  t.deepEqual(
    planted({ 'cli/commands/planted.ts': importing('cli/commands/planted.ts', ['src/index.ts', 'src/provider/s3/s3.ts', 'cli/main.ts']) }),
    [],
  );
  t.deepEqual(planted({ 'cli/planted.ts': "import '../src/base/errors.js';" }), [
    'cli/planted.ts:1 imports src/base/errors.ts: cli imports the public entry points alone',
  ]);
});

test('a cycle is found, through any form of import, and each one by itself', (t) => {
  const files = {
    'src/provider/a.ts': "import type { B } from './b.js';",
    'src/provider/b.ts': "export * from './c.js';",
    'src/provider/c.ts': "const worker = new URL('./a.js', import.meta.url);\nimport './e.js';",
    'src/provider/d.ts': "import './a.js';",
    'src/provider/e.ts': "import './e.js';",
    'cli/x.ts': "await import('./commands/y.js');",
    'cli/commands/y.ts': "import '../x.js';",
  };
  t.deepEqual(planted(files), [
    'cycle of imports: src/provider/e.ts',
    'cycle of imports: src/provider/a.ts, src/provider/b.ts, src/provider/c.ts',
    'cycle of imports: cli/commands/y.ts, cli/x.ts',
  ]);
  const alias = { 'src/codec/portable.ts': "import '../format/object-id.js';" };
  t.deepEqual(planted(alias), [
    'src/codec/portable.ts:1 imports src/format/object-id.ts: it is in a layer above',
    'cycle of imports: src/codec/portable.ts, src/format/object-id.ts',
  ]);
});

test('a file that is in no layer, or is not there, is found', (t) => {
  t.deepEqual(planted({ 'src/stray.ts': '', 'src/session/a.ts': "import './gone.js';" }), [
    'src/stray.ts is in no layer',
    'src/session/a.ts:1 imports src/session/gone.ts: there is no such file',
  ]);
});

test('a portable file imports neither Node nor what needs it', (t) => {
  for (const file of ['src/base/bytes.ts', 'src/format/tree.ts', 'src/codec/portable.ts']) {
    const source = importing(file, ['src/base/processes.ts']);
    t.deepEqual(planted({ [file]: `import 'node:fs';\nawait import('node:fs/promises');\n${source}` }), [
      `${file}:1 imports node:fs: a portable file runs without Node`,
      `${file}:2 imports node:fs/promises: a portable file runs without Node`,
      `${file}:3 imports src/base/processes.ts: a portable file imports only portable ones`,
    ]);
  }
  t.deepEqual(planted({ 'src/codec/node.ts': "import 'node:zlib';", 'src/base/host.ts': "import 'node:os';" }), []);
});

test('only host.ts uses the clock, randomness, the environment and the streams of the process', (t) => {
  const uses = [
    'Date.now()',
    'new Date()',
    'performance.now()',
    'Math.random()',
    'crypto.randomUUID()',
    'crypto.getRandomValues(bytes)',
    "process.env['HOME']",
    'process.exit(1)',
    "process.stdout.write('')",
    "console.error('')",
  ];
  const source = [...uses, 'new Date(0)', "'Date.now()'", 'server.process.pid', '// process.exit(1)'].join('\n');
  const faults = planted({ 'src/session/planted.ts': source, 'cli/planted.ts': source, 'src/base/host.ts': source });
  t.deepEqual(
    faults.map((fault) => fault.replace(/ uses .*:/, ':')),
    uses.map((_, i) => `src/session/planted.ts:${i + 1}: only src/base/host.ts touches the machine`),
  );
  t.is(planted({ 'src/session/planted.ts': "import process from 'node:process';" }).length, 1);
});

test('only the profile folder spells a file of a browser', (t) => {
  const spelled = [
    "'Default/Network/Cookies'",
    "'Cookies'",
    `\`$\{profile}/Cookies\``,
    '/^(?:Network\\/)?Cookies$/',
    "'restore DIR --only Default/Cookies'",
    "'the key of its cookies (Local State) is not in it'",
    '"Login Data"',
    '/places\\.sqlite/',
    "'SingletonLock'",
    "'prefs.js'",
    "'Preferences'",
  ];
  const innocent = ["'Cookies of the site'", "'Preferences are kept'", "'cookies'", "'a-lockfile-b'", '// Default/Cookies'];
  const source = [...spelled, ...innocent].join(';\n');
  const files = { 'src/session/planted.ts': source, 'src/profile/planted.ts': source, 'cli/planted.ts': source };
  const lines = (file: string): string[] => spelled.map((_, i) => `${file}:${i + 1}`);
  t.deepEqual(
    planted(files).map((fault) => fault.replace(/ spells .*/, '')),
    [...lines('src/session/planted.ts'), ...lines('cli/planted.ts')],
  );
});
