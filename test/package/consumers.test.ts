/**
 * The packed tarball in a project that installs it from the npm registry. The project has the tools
 * of users: versions of Node, test runners, TypeScript and Next.js.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { Project, pack } from '../support/package.js';
import { type Form, outcome, scenario, typed } from '../support/package-scenario.js';

const project = new Project(test);
const packages = [
  ...['typescript@5.9', '@types/node@20', 'playwright-core@1', 'puppeteer-core@24'],
  ...['jest@30', 'vitest@4', '@playwright/test@1', 'next@16', 'react@19', 'react-dom@19'],
];

test.before(async (t) => {
  t.timeout(600_000);
  project.write({ 'package.json': '{ "private": true }' });
  const { tarball } = await pack(project.dir);
  const { code, stderr } = await project.run('npm', 'install', '--no-audit', '--no-fund', tarball, ...packages);
  t.is(code, 0, stderr);
});

const program = (form: Form): string => `${scenario(form)}\nscenario().then((lines) => console.log(lines.join('\\n')));`;

for (const version of [20, 22, 24, 26]) {
  test.serial(`Node ${version} requires and imports the package without a warning`, async (t) => {
    project.write({ 'program.cjs': program('CommonJS'), 'program.mjs': program('ESM') });
    for (const file of ['program.cjs', 'program.mjs']) {
      const { stdout, stderr } = await project.run('npx', '-y', '-p', `node@${version}`, 'node', file);
      t.is(stderr, '', file);
      t.is(stdout, `${outcome}\n`, file);
    }
  });
}

/** Returns a test that any of the runners can run. */
const testIn = (form: Form, header = ''): string => `${header}
  ${scenario(form)}
  test('scenario', async () => {
    const lines = (await scenario()).join('\\n');
    if (lines !== ${JSON.stringify(outcome)}) throw new Error(lines);
  });`;

interface Runner {
  files: Record<string, string>;
  /** The arguments of Node. */
  command: string[];
  /** A pattern that the output matches if one test passed. */
  passed: RegExp;
}

const jest = (...options: string[]): string[] => [...options, '../node_modules/jest/bin/jest.js'];
const runners: Record<string, Runner> = {
  'Jest in CommonJS': {
    files: { 'package.json': '{ "jest": {} }', 'a.test.js': testIn('CommonJS') },
    command: jest(),
    passed: /Tests: +1 passed, 1 total/,
  },
  'Jest with modules': {
    files: { 'package.json': '{ "type": "module", "jest": { "transform": {} } }', 'a.test.js': testIn('ESM') },
    command: jest('--experimental-vm-modules', '--no-warnings'),
    passed: /Tests: +1 passed, 1 total/,
  },
  Vitest: {
    files: { 'package.json': '{ "type": "module" }', 'a.test.js': testIn('ESM', "import { test } from 'vitest';") },
    command: ['../node_modules/vitest/vitest.mjs', 'run'],
    passed: /Tests +1 passed \(1\)/,
  },
  'node:test in CommonJS': {
    files: { 'a.test.cjs': testIn('CommonJS', "const test = require('node:test');") },
    command: ['--test', 'a.test.cjs'],
    passed: /pass 1\n/,
  },
  'node:test with modules': {
    files: { 'a.test.mjs': testIn('ESM', "import test from 'node:test';") },
    command: ['--test', 'a.test.mjs'],
    passed: /pass 1\n/,
  },
  'the runner of Playwright': {
    files: { 'a.spec.ts': testIn('ESM', "import { test } from '@playwright/test';") },
    command: ['../node_modules/@playwright/test/cli.js', 'test'],
    passed: /1 passed/,
  },
};

for (const [title, { files, command, passed }] of Object.entries(runners)) {
  test.serial(`a test passes in ${title}`, async (t) => {
    const folder = title.replaceAll(/\W/g, '-');
    project.write(Object.fromEntries(Object.entries(files).map(([name, text]) => [join(folder, name), text])));
    const { code, stdout, stderr } = await project.in(folder).run(process.execPath, ...command);
    t.is(code, 0, stdout + stderr);
    t.regex(stdout + stderr, passed);
  });
}

test.serial('TypeScript 5.9 finds the types of every entry point with module commonjs and resolution node10', async (t) => {
  const compilerOptions = {
    module: 'commonjs',
    moduleResolution: 'node10',
    target: 'es2022',
    strict: true,
    types: ['node'],
    outDir: 'out',
  };
  project.write({ 'node10/tsconfig.json': JSON.stringify({ compilerOptions, files: ['program.ts'] }), 'node10/program.ts': typed });
  const { stdout } = await project.run(process.execPath, 'node_modules/typescript/bin/tsc', '-p', 'node10');
  t.is(stdout, '');
  const loaded = await project.run(process.execPath, '--print', "Object.keys(require('./node10/out/program.js')).join()");
  t.is(loaded.stdout, 'all,wrong,main\n', loaded.stderr);
});

for (const bundler of ['turbopack', 'webpack']) {
  test.serial(`a route of Next.js that ${bundler} builds works`, async (t) => {
    const next = '../node_modules/next/dist/bin/next';
    project.write({
      [`${bundler}/package.json`]: '{ "private": true }',
      [`${bundler}/app/route.js`]: `${scenario('ESM')}
        export const dynamic = 'force-dynamic';
        export const GET = async () => new Response((await scenario()).join('\\n'));`,
    });
    const folder = project.in(bundler);
    const built = await folder.run(process.execPath, next, 'build', `--${bundler}`);
    t.is(built.code, 0, built.stdout + built.stderr);
    const server = spawn(process.execPath, [next, 'start', '--port', '0'], {
      cwd: folder.dir,
      env: folder.env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    t.teardown(() => server.kill());
    let address: string | undefined;
    for await (const line of createInterface({ input: server.stdout })) {
      address ??= /http:\/\/localhost:\d+/.exec(line)?.[0];
      if (/Ready/.test(line)) break;
    }
    t.is(await (await fetch(address ?? '')).text(), outcome);
  });
}
