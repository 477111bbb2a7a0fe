/**
 * The library in a realm in which `instanceof` is false for the errors of Node (D4), as under Jest
 * with modules.
 */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import test from 'ava';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

test('D4: the unit tests of the public API pass in another realm', async (t) => {
  const ava = join(root, 'node_modules/ava/entrypoints/cli.mjs');
  const { AVA_PATH: _, ...env } = process.env;
  const args = [ava, '--node-arguments=--experimental-vm-modules --no-warnings', '--tap'];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, env: { ...env, SUITE: 'realm' } }).catch(
    (error: { stdout: string }) => error,
  );
  t.regex(stdout, /^# fail 0$/m, stdout);
  const [, passed] = /^# pass (\d+)$/m.exec(stdout) ?? [];
  t.true(Number(passed) > 40, stdout);
});

test('D4: no module checks whether an error is an instance of an Error of its own realm', (t) => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  t.true(sources.length > 100);
  const asks = /instanceof (?:Aggregate|Syntax|Type|Range|URI)?Error\b/;
  t.deepEqual(
    sources.filter((path) => asks.test(readFileSync(join(root, 'src', path), 'utf8'))),
    [],
  );
});
