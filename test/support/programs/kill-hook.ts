/**
 * A module loaded before a program by --import. The process kills itself at the KILL_AT-th step
 * that changes the file system. Otherwise it prints the number of steps at its end. Removing a tree
 * is two steps: before the removal, and after a part of it.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';

const target = Number(process.env['KILL_AT']);
const { lstatSync, readdirSync, unlinkSync, writeSync } = fs;
let steps = 0;

function step(before: () => void = () => undefined): void {
  if (++steps !== target) return;
  before();
  process.kill(process.pid, 'SIGKILL');
}

/** Removes one entry below a directory, if there is an entry that is no directory itself. */
function removeOne(path: string): void {
  for (const name of lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(path) : []) {
    const child = join(path, name);
    if (lstatSync(child).isDirectory()) removeOne(child);
    else unlinkSync(child);
    return;
  }
}

type Change = (...parameters: unknown[]) => unknown;

/** Returns the function with a step before it. */
function counted(original: Change, name: string): Change {
  return (...parameters) => {
    const reads = name === 'openSync' && !String(parameters[1]).includes('w');
    if (!reads) step();
    if (name === 'rm' || name === 'rmSync') step(() => removeOne(String(parameters[0])));
    return original(...parameters);
  };
}

function patch(module: object, names: readonly string[]): void {
  const functions = module as Record<string, Change>;
  for (const name of names) functions[name] = counted((functions[name] as Change).bind(module), name);
}

patch(fs, [
  'mkdirSync',
  'openSync',
  'writeSync',
  'symlinkSync',
  'renameSync',
  'unlinkSync',
  'rmdirSync',
  'rmSync',
  'chmodSync',
  'fchmodSync',
  'ftruncateSync',
  'lutimesSync',
]);
patch(fs.promises, ['mkdir', 'writeFile', 'rename', 'rm', 'unlink', 'link']);
syncBuiltinESMExports();
process.on('exit', () => writeSync(1, String(steps)));
