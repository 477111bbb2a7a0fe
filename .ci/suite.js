/**
 * Runs one suite of the compiled tests with ava and ends with its minutes and counts, which .ci/run adds up:
 *
 *     node .ci/suite.js unit|exhaustive|browser|servers|long [options of ava]
 */
import { spawn } from 'node:child_process';
import process from 'node:process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const [suite = 'unit', ...options] = process.argv.slice(2);
const started = performance.now();
const ava = fileURLToPath(new URL('../node_modules/ava/entrypoints/cli.mjs', import.meta.url));
const child = spawn(process.execPath, [ava, ...options], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, SUITE: suite } });
let passed = 0;
let failed = 0;
let skipped = 0;
// The marks of ava's reporter, each with what it is on a terminal without Unicode. Its own sums leave out what passed beside a failure.
for await (const line of createInterface({ input: child.stdout })) {
  process.stdout.write(`${line}\n`);
  if (/^\s*[✔√] /u.test(line)) passed++;
  if (/^\s*[✘×] /u.test(line)) failed++;
  if (/^\s*- \[skip\] /.test(line)) skipped++;
}
const status = child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve))) ?? 1;
const minutes = ((performance.now() - started) / 60_000).toFixed(1);
process.stdout.write(`suite ${suite}: ${minutes} min, ${passed} passed, ${failed || Number(status !== 0)} failed, ${skipped} skipped\n`);
process.exitCode = status;
