/**
 * Looks of tests at directories that a process changes. An entry that vanishes meanwhile is no
 * failure.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { livingPaths, removeLiving } from '../../support/living.js';
import { temporary } from '../../support/temporary.js';

/**
 * A program that makes and removes a nest of directories below its argument until its input ends.
 * Then it leaves the rest in place.
 */
const changer = `
const { mkdirSync, rmSync, writeFileSync } = require('node:fs');
const dir = process.argv[1];
let isOver = false;
process.stdin.on('end', () => (isOver = true)).resume();
const round = () => {
  for (let i = 0; i < 20; i++) {
    mkdirSync(dir + '/a/b/c', { recursive: true });
    writeFileSync(dir + '/a/b/c/file', '');
    if (i < 19) rmSync(dir + '/a', { recursive: true });
  }
  if (!isOver) setImmediate(round);
};
process.stdout.write('.');
round();
`;

test('a directory is listed and removed while a process changes it', async (t) => {
  const dir = join(temporary(t), 'living');
  mkdirSync(dir);
  writeFileSync(join(dir, 'still'), '');
  const child = spawn(process.execPath, ['-e', changer, dir], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  const looks = Array.from({ length: 2000 }, () => livingPaths(dir));
  t.true(looks.every((paths) => paths.includes('still')));
  child.stdin.end();
  removeLiving(join(dir, 'a'));
  await ended;
  removeLiving(dir);
  t.false(existsSync(dir));
});
