/** Modules of a command. They are loaded only when they are needed. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { showingLoads } from '../../support/loading.js';
import { temporary } from '../../support/temporary.js';

const main = fileURLToPath(new URL('../../../lib/cli.js', import.meta.url));
const root = new URL('../../../', import.meta.url).href;

/**
 * Returns the addresses of the modules that a command loads. Addresses of this project are relative
 * to its folder.
 */
function modulesOf(t: ExecutionContext, ...args: string[]): string[] {
  const home = temporary(t);
  const local = { PATH: process.env['PATH'], HOME: home };
  spawnSync(process.execPath, [main, 'init'], { env: local });
  const env = { ...local, BROWSERSTATE_REMOTE: 's3://bucket/prefix?region=us-east-1' };
  const { status, stderr } = spawnSync(process.execPath, [...showingLoads, main, ...args], { encoding: 'utf8', env, cwd: home });
  t.is(status, 0, stderr);
  return [...stderr.matchAll(/^loaded (.*)$/gm)].map(([, url]) => (url as string).replace(root, ''));
}

/**
 * Returns the part of the library that a file of the bundle begins, or undefined for other files.
 */
const partOf = (url: string): string | undefined => /^lib\/(index|open|sync|directory|mounts|maintenance)\b/.exec(url)?.[1];

const cheap = [
  ['--help'],
  ['--version'],
  ['snapshot', '--help'],
  ['completion'],
  ['--get-yargs-completions', 'browserstate', 'snapshot', '--'],
];
for (const args of cheap) {
  test.serial(`browserstate ${args.join(' ')} loads neither the library nor LevelDB`, (t) => {
    const modules = modulesOf(t, ...args);
    t.true(modules.includes('lib/cli.js'));
    // The bundle includes the yargs that reads the command.
    t.deepEqual(
      modules.filter((url) => partOf(url) !== undefined || url.includes('/node_modules/')),
      [],
    );
  });
}

test.serial('the bundle replaces string-width, which compiles tables of emoji', (t) => {
  const program = readFileSync(new URL('../../../lib/LICENSES.txt', import.meta.url), 'utf8');
  t.regex(program, /^yargs \d/m);
  t.notRegex(program, /^(?:string-width|emoji-regex) \d/m);
});

test.serial('snapshot starts neither processes nor threads, and loads no other part than directories', (t) => {
  const dir = temporary(t);
  writeFileSync(join(dir, 'a'), 'a');
  const modules = modulesOf(t, 'snapshot', dir, '-s', 'work', '--no-push');
  t.deepEqual(modules.flatMap((url) => partOf(url) ?? []).sort(), ['directory', 'open']);
  t.deepEqual(
    modules.filter((url) => url === 'node:child_process' || url === 'node:worker_threads'),
    [],
  );
});

const parts: [args: string[], parts: string[]][] = [
  [['stats'], ['maintenance', 'open']],
  [['sessions', '--offline'], ['open']],
  [
    ['run', '-s', 'work', '--offline', '--', 'true'],
    ['index', 'mounts'],
  ],
];
for (const [args, expected] of parts) {
  test.serial(`browserstate ${args.join(' ')} loads these parts of the library: ${expected.join(', ')}`, (t) => {
    t.deepEqual(
      modulesOf(t, ...args)
        .flatMap((url) => partOf(url) ?? [])
        .sort(),
      expected,
    );
  });
}

for (const args of [['stats'], ['verify'], ['sessions', '--offline']]) {
  test.serial(`browserstate ${args.join(' ')} loads no SDK, even with a remote in a bucket`, (t) => {
    const modules = modulesOf(t, ...args);
    t.true(modules.includes('lib/s3.js'));
    t.deepEqual(
      modules.filter((url) => /node_modules\/@?(?:aws-sdk|smithy|google-cloud)/.test(url)),
      [],
    );
  });
}
