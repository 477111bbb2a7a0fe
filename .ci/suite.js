/**
 * Runs one suite of the compiled tests with ava and ends with its minutes and counts, which .ci/run adds up:
 *
 *     node .ci/suite.js unit|browser|servers|long [options of ava]
 */
import { spawn } from 'node:child_process';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const [suite = 'unit', ...options] = process.argv.slice(2);
const started = performance.now();
const ava = fileURLToPath(new URL('../node_modules/ava/entrypoints/cli.mjs', import.meta.url));
const child = spawn(process.execPath, [ava, ...options], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, SUITE: suite } });
let output = '';
child.stdout.setEncoding('utf8').on('data', (text) => {
  process.stdout.write(text);
  output = (output + text).slice(-65536);
});
child.on('close', (status) => {
  const sum = (pattern) => [...output.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
  const passed = sum(/^ *(\d+) tests? passed$/gm);
  const failed = sum(/^ *(\d+) (?:tests?|hooks?) failed$/gm) + sum(/^ *(\d+) (?:uncaught exceptions?|unhandled rejections?)$/gm);
  const minutes = (performance.now() - started) / 60_000;
  process.stdout.write(`suite ${suite}: ${minutes.toFixed(1)} min, ${passed} passed, ${failed || Number(status !== 0)} failed\n`);
  process.exitCode = status ?? 1;
});
