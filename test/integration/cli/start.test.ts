/** Modules are loaded only when they are needed. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { showingLoads } from '../../support/loading.js';
import { temporary } from '../../support/temporary.js';

const main = fileURLToPath(new URL('../../../lib/cli.js', import.meta.url));
const root = new URL('../../../', import.meta.url).href;

/**
 * Returns the addresses of the modules that a command loads. Those of this project are relative to
 * it.
 */
function modulesOf(t: ExecutionContext, ...args: string[]): string[] {
  const home = temporary(t);
  const local = { PATH: process.env['PATH'], HOME: home };
  spawnSync(process.execPath, [main, 'init'], { env: local });
  const env = { ...local, BROWSERSTATE_REMOTE: 's3://bucket/prefix?region=us-east-1' };
  const { status, stderr } = spawnSync(process.execPath, [...showingLoads, main, ...args], { encoding: 'utf8', env });
  t.is(status, 0, stderr);
  return [...stderr.matchAll(/^loaded (.*)$/gm)].map(([, url]) => (url as string).replace(root, ''));
}

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
      modules.filter((url) => url === 'lib/index.js' || url.includes('/node_modules/')),
      [],
    );
  });
}

test.serial('the bundle replaces string-width, which compiles tables of emoji', (t) => {
  const program = readFileSync(new URL('../../../lib/LICENSES.txt', import.meta.url), 'utf8');
  t.regex(program, /^yargs \d/m);
  t.notRegex(program, /^(?:string-width|emoji-regex) \d/m);
});

test.serial('snapshot starts neither processes nor threads', (t) => {
  const modules = modulesOf(t, 'snapshot', temporary(t), '-s', 'work', '--no-push', '--allow-shrink');
  t.deepEqual(
    modules.filter((url) => url === 'node:child_process' || url === 'node:worker_threads'),
    [],
  );
});

test.serial('a command that needs the library loads it', (t) => {
  t.true(modulesOf(t, 'stats').includes('lib/index.js'));
});

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
