/**
 * The file of the package that pages load. The file contains all that it needs, and nothing of
 * Node. Its types are next to it.
 */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';
import type { Expected } from '../../format/fixtures/expected.js';
import { describeEntry } from '../../support/profile.js';
import { bundle, frozen, serve, v1 } from '../../support/reader/place.js';
import { temporary } from '../../support/temporary.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
/** The files of an entry point in CommonJS and in ESM. */
type Build = Record<'require' | 'default', { types: string; default: string }>;

const run = promisify(execFile);
const expected = JSON.parse(readFileSync(join(v1, 'expected.json'), 'utf8')) as Expected;

test('the file imports nothing', (t) => {
  const source = readFileSync(bundle, 'utf8');
  t.deepEqual(source.match(/\bnode:\w+|\bimport\s*[({"'*]|\bfrom\s*["']|\brequire\b|\bBuffer\b|\bprocess\.|\b__dirname\b/g), null);
});

/** Globals of pages and edge workers. The file runs in a realm without other globals. */
const globals = [
  ...['AbortController', 'AbortSignal', 'Request', 'TextDecoder', 'TextEncoder', 'URL', 'atob'],
  ...['clearInterval', 'clearTimeout', 'crypto', 'fetch', 'setInterval', 'setTimeout'],
];

/** Returns a program that opens a module in a realm with these globals alone. */
const inRealm = (path: string): string => `
  const { createContext, SourceTextModule } = await import('node:vm');
  const { readFileSync } = await import('node:fs');
  const context = createContext({ ${globals.join(', ')} });
  const module = new SourceTextModule(readFileSync(${JSON.stringify(path)}, 'utf8'), { context });
  await module.link(() => undefined);
  await module.evaluate();
  const { openReader } = module.namespace;`;

/** Returns a program that reads one file of each version of main. */
const readVersions = (url: string): string => `
  const session = openReader({ url: ${JSON.stringify(url)} }).session('main');
  for await (const { commit } of session.log()) {
    const bytes = await (await session.version({ at: commit })).read('Default/Cookies');
    console.log(commit, Buffer.from(bytes).toString('hex'));
  }`;

const source = new URL('../../../src/reader/reader.js', import.meta.url).href;
const modules: [string, string, string[]][] = [
  ['the file of the package, with the globals of a page', inRealm(fileURLToPath(bundle)), ['--experimental-vm-modules', '--no-warnings']],
  [
    'its modules, by the condition browserstate-portable',
    `const { openReader } = await import(${JSON.stringify(source)});`,
    ['--conditions=browserstate-portable'],
  ],
];
for (const [title, opens, options] of modules) {
  test(`every version is read by ${title}`, async (t) => {
    const { url } = await serve(t, await frozen());
    const script = [...options, '--input-type=module', '--eval', opens + readVersions(url)];
    const { stdout, stderr } = await run(process.execPath, script, { maxBuffer: 2 ** 26 });
    t.is(stderr, '');
    const lines = stdout.trim().split('\n');
    t.is(lines.length, expected.main.length);
    for (const [i, line] of lines.entries()) {
      const [commit, hex = ''] = line.split(' ');
      const { entries, commit: wanted } = expected.main[i] as Expected['main'][number];
      t.is(commit, wanted);
      // Only the content is compared: mode and time are those of the list.
      const holds = entries['Default/Cookies'] as string;
      const [, mode = '', mtime = ''] = holds.split(' ');
      t.is(describeEntry('file', Number.parseInt(mode, 8), BigInt(mtime), Buffer.from(hex, 'hex')), holds);
    }
  });
}

test('the types need no types of Node', async (t) => {
  const folder = temporary(t);
  const entry = fileURLToPath(new URL('../../../types/src/reader/reader.js', import.meta.url));
  writeFileSync(
    join(folder, 'page.ts'),
    `import { BrowserStateError, type FileInfo, openReader } from ${JSON.stringify(entry)};
    const reader = openReader({ s3: { bucket: 'profiles', region: 'eu-central-1' }, fetch, sign: async ({ url, headers }) => new Request(url, { headers }) });
    export async function main(): Promise<Uint8Array> {
      for await (const { session, time } of reader.sessions()) console.log(session, time.getTime());
      const version = await reader.session('work').version({ at: 'HEAD~1' });
      const found: FileInfo | undefined = version.files.find((file) => file.kind === 'file' && file.size > 0);
      return found === undefined ? Promise.reject(new BrowserStateError('NOT_FOUND', 'none')) : version.read(found.path);
    }
    openReader({ url: 'https://profiles.example', sign: ({ key }) => \`https://signed.example/\${key}\` });
    openReader({ url: 'https://profiles.example', sign: async () => ({ headers: new Headers({ authorization: 'Bearer' }) }) });
    openReader({ provider: { url: 'r2:', get: async () => new Uint8Array(1), read: async () => undefined } });`,
  );
  const compilerOptions = {
    ...{ module: 'NodeNext', target: 'ES2022', lib: ['ES2023', 'ESNext.Disposable', 'DOM', 'DOM.Iterable'], types: [] },
    ...{ strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false, noEmit: true, typeRoots: [] },
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['page.ts'] }));
  const tsc = join(dirname(fileURLToPath(import.meta.resolve('typescript/package.json'))), 'bin/tsc');
  const { stdout } = await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout: string }) => error);
  t.is(stdout, '');
});

test('the package has the file, its types, and the types that these name', async (t) => {
  const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, maxBuffer: 2 ** 26 });
  const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  const packed = new Set(files.map(({ path }) => path));
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { exports: Record<string, Build> };
  const { require, default: esm } = exports['./reader'] as Build;
  const left = [...Object.values(require), ...Object.values(esm)].map((path) => path.replace('./', ''));
  t.is(left.length, 4);
  const seen = new Set<string>();
  for (let path = left.pop(); path !== undefined; path = left.pop()) {
    t.true(packed.has(path), path);
    const source = path.endsWith('.d.ts') ? readFileSync(join(root, path), 'utf8') : '';
    for (const [, target = ''] of source.matchAll(/(?:from|import\()\s*'(\..*?)\.js'/g)) {
      const next = `${join(dirname(path), target)}.d.ts`;
      if (!seen.has(next)) left.push(next);
      seen.add(next);
    }
  }
  t.true(seen.size > 10);
});
