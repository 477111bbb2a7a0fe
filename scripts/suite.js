/**
 * A run of one suite of the compiled tests with ava. Prints its TAP, then the names of the failed
 * tests, then a line that scripts/ci.sh adds up:
 *
 *     node scripts/suite.js unit|exhaustive|browser|servers|package|long [options of ava]
 */
import { spawn } from 'node:child_process';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const [suite = 'unit', ...options] = process.argv.slice(2);
const started = performance.now();
const ava = fileURLToPath(new URL('../node_modules/ava/entrypoints/cli.mjs', import.meta.url));
const child = spawn(process.execPath, [ava, '--tap', ...options], {
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { ...process.env, SUITE: suite },
});
const ended = new Promise((resolve) => child.once('close', (status) => resolve(status ?? 1)));
let passed = 0;
let skipped = 0;
const failed = [];
for await (const line of createInterface({ input: child.stdout })) {
  process.stdout.write(`${line}\n`);
  const [, not, title, directive] = /^(not )?ok \d+ - (.*?)( # SKIP)?$/.exec(line) ?? [];
  if (not !== undefined) failed.push(title);
  else if (directive !== undefined) skipped++;
  else if (title !== undefined) passed++;
}
const status = await ended;
if (status !== 0 && failed.length === 0) failed.push(`ava ended with status ${status}`);
for (const title of failed) process.stdout.write(`failed: ${title}\n`);
const minutes = ((performance.now() - started) / 60_000).toFixed(1);
const counts = `${passed} passed, ${failed.length} failed, ${skipped} skipped`;
process.stdout.write(`suite ${suite}, Node ${process.versions.node}: ${minutes} min, ${counts}\n`);
process.exitCode = status;
