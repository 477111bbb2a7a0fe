/**
 * The lint rules hold the layers (imports point down) and the one module that touches the machine. Forbidden imports are planted beside
 * a copy of the settings, since a rule that matches nothing looks like a tree without faults.
 */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { temporary } from './helpers/temporary.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const IMPORT = 'lint/style/noRestrictedImports';
const MACHINE = 'plugin';

/** Modules of every layer, from the lowest; those of layer 1 do not know each other. */
const layers: readonly (readonly string[])[] = [
  ['bytes', 'option-check', 'host', 'platform/node', 'platform/brotli/codes'],
  ['object/tree', 'pack/codec', 'provider/suite/races'],
  ['repository/refs'],
  ['workspace/scan'],
  ['session/session'],
  ['browser/excludes', 'browser-state', 'file-progress', 'playwright', 'puppeteer', 'state-options', 'sync-manager'],
];
const withoutNode = ['bytes', 'option-check', 'platform/brotli/codes', 'object/tree', 'pack/codec'];
const entryPoints = ['index', 'provider/s3', 'provider/gcs', 'nearest', 'system-errors'];

/** How many faults of a rule each file has. */
async function lint(directory: string, rule: string): Promise<Record<string, number>> {
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
  const stdout = await new Promise<string>((resolve) => {
    const options = ['lint', '--reporter=json', '--max-diagnostics=none', 'src', 'cli'];
    execFile(process.execPath, [biome, ...options], { cwd: directory, maxBuffer: 2 ** 26 }, (_fault, text) => resolve(text));
  });
  const faults: Record<string, number> = {};
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { category: string; location: { path: string } }[] };
  for (const { category, location } of diagnostics) {
    if (category === rule) faults[location.path] = (faults[location.path] ?? 0) + 1;
  }
  return faults;
}

/** Lints files that are planted under the project's own settings. */
function lintPlanted(directory: string, files: Record<string, string>, rule: string): Promise<Record<string, number>> {
  for (const settings of ['biome.json', '.ci/host-only.grit']) cpSync(join(root, settings), join(directory, settings));
  for (const [file, source] of Object.entries({ 'src/index.ts': '', 'cli/main.ts': '', ...files })) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), source);
  }
  return lint(directory, rule);
}

/** A file that imports the targets (modules of src, files of cli, or of Node), in each way that there is. */
function importing(file: string, targets: readonly string[]): string {
  const forms = ["import '%';", "export * from '%';", "await import('%');", "import type { A } from '%'; export type B = A;"];
  const lines = targets.map((target, i) => {
    const path = relative(dirname(file), target.startsWith('cli/') ? target : `src/${target}`);
    const specifier = target.startsWith('node:') ? target : `${path.startsWith('.') ? '' : './'}${path}.js`;
    return (forms[i % forms.length] as string).replace('%', specifier);
  });
  return `${lines.join('\n')}\n`;
}

test('this tree keeps the layers and leaves the machine to host.ts', async (t) => {
  t.deepEqual(await lint(root, IMPORT), {});
  t.deepEqual(await lint(root, MACHINE), {});
});

test('no layer may import what is above it or beside it, nor the lower ones Node', async (t) => {
  const files: Record<string, string> = {};
  const expected: Record<string, number> = {};
  layers.forEach((modules, level) => {
    for (const module of modules) {
      const beside = level === 1 ? modules.filter((other) => other !== module) : [];
      const node = withoutNode.includes(module) ? ['node:fs', 'node:fs/promises'] : [];
      const forbidden = [...layers.slice(level + 1).flat(), ...beside, ...node, 'index', 'cli/main'];
      const file = `src/${module}.ts`;
      files[file] = importing(file, forbidden);
      expected[file] = forbidden.length;
    }
  });
  for (const file of ['cli/planted.ts', 'cli/commands/planted.ts']) {
    const forbidden = ['errors', ...layers.flat()];
    files[file] = importing(file, forbidden);
    expected[file] = forbidden.length;
  }
  t.deepEqual(await lintPlanted(temporary(t), files, IMPORT), expected);
});

test('every layer may import those below it, and the command line the entry points', async (t) => {
  const files: Record<string, string> = {};
  layers.forEach((modules, level) => {
    for (const module of modules) {
      const node = withoutNode.includes(module) ? [] : ['node:fs'];
      files[`src/${module}.ts`] = importing(`src/${module}.ts`, [...layers.slice(0, level).flat(), 'errors', 'platform/platform', ...node]);
    }
  });
  files['src/index.ts'] = importing('src/index.ts', layers.flat());
  for (const file of ['cli/planted.ts', 'cli/commands/planted.ts']) files[file] = importing(file, [...entryPoints, 'cli/context']);
  t.deepEqual(await lintPlanted(temporary(t), files, IMPORT), {});
});

test('every file of src is in a layer', async (t) => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const names = sources.filter((name) => name.endsWith('.ts') && name !== 'index.ts').map((name) => `src/${name}`);
  t.true(names.length > 30);
  const files = Object.fromEntries(names.map((name) => [name, importing(name, ['index'])]));
  t.deepEqual(await lintPlanted(temporary(t), files, IMPORT), Object.fromEntries(names.map((name) => [name, 1])));
});

test('only host.ts may use the clock, randomness, the environment and the streams of the process', async (t) => {
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
  const source = `const bytes = new Uint8Array(1);\nexport const all = [\n${uses.join(',\n')},\nnew Date(0)];\n`;
  const found = await lintPlanted(
    temporary(t),
    { 'src/host.ts': source, 'src/session/planted.ts': source, 'cli/planted.ts': source },
    MACHINE,
  );
  t.deepEqual(found, { 'src/session/planted.ts': uses.length });
});
