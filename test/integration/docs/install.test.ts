/** The commands of README.md that install the package, as it would be published. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import test from 'ava';
import { outcome } from '../../support/cli.js';
import { blocksOf, readText } from '../../support/docs/blocks.js';
import { startRegistry } from '../../support/docs/registry.js';
import { temporary } from '../../support/temporary.js';

test('the commands in README that install the package work as printed, in an empty folder', async (t) => {
  const { server, url } = await startRegistry(temporary(t));
  t.teardown(() => server.close());
  const cwd = temporary(t);
  const settings = { registry: url, cache: join(cwd, 'cache'), audit: 'false', fund: 'false', omit: 'optional', update_notifier: 'false' };
  const env = {
    PATH: process.env['PATH'],
    HOME: cwd,
    ...Object.fromEntries(Object.entries(settings).map(([name, value]) => [`npm_config_${name}`, value])),
  };
  const [commands] = blocksOf('README.md').filter(({ section, lang }) => section === 'Install' && lang === 'sh');
  const { status, stdout, stderr } = await outcome(
    spawn('bash', ['-ec', commands?.code ?? 'false'], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  t.is(status, 0, stderr);
  const { version } = JSON.parse(readText('package.json')) as { version: string };
  t.is(stdout.trim().split('\n').at(-1), version);
  t.true(existsSync(join(cwd, 'node_modules', 'playwright-core', 'package.json')));
});

test('the commands in README for a clone are those that CI runs', (t) => {
  const commands = [...readText('README.md').matchAll(/`(npm install && [^`]+)`/g)].map(([, command]) => command as string);
  t.is(commands.length, 2);
  for (const command of commands) t.true(readText('scripts/ci.sh').includes(`{ ${command}; }`), command);
});
