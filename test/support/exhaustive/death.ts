/**
 * The simulated death of a process in this process. From a step on, every change of the file system
 * fails, so that no cleanup of the program reaches the disk. The simulation is much faster than a
 * process for each step. Other tests really kill processes.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname } from 'node:path';

type Change = (...parameters: unknown[]) => unknown;

const synchronous = [
  'mkdirSync',
  'openSync',
  'writeSync',
  'ftruncateSync',
  'symlinkSync',
  'renameSync',
  'unlinkSync',
  'rmdirSync',
  'rmSync',
  'chmodSync',
  'fchmodSync',
  'lutimesSync',
];
const asynchronous = ['mkdir', 'writeFile', 'rename', 'rm', 'rmdir', 'unlink', 'link'];

/**
 * For each function, the number of parameters that are entries which the function makes or removes.
 */
const entriesOf: Record<string, number> = { mkdir: 1, rename: 2, unlink: 1, rmdir: 1, rm: 1 };

class Death extends Error {}

let steps = 0;
let last = Number.POSITIVE_INFINITY;
/** A directory that is closed to changes of its entries. */
let closed: string | undefined;

/** The event before a change: a death, an error of the system, or nothing. */
function before(name: string, parameters: readonly unknown[]): void {
  if (name === 'openSync' && !String(parameters[1]).includes('w')) return;
  // This process continues, so its socket is not part of the simulation.
  if (String(parameters[0]).includes('/records/owners')) return;
  if (++steps >= last) throw new Death('dead');
  const paths = entriesOf[name.replace('Sync', '')] ?? 0;
  if (closed !== undefined && parameters.slice(0, paths).some((path) => dirname(String(path)) === closed)) {
    throw Object.assign(new Error(`EACCES: closed, ${name}`), { code: 'EACCES', errno: -13, syscall: name.replace('Sync', '') });
  }
}

function patched(module: object, names: readonly string[], isAsync: boolean): () => void {
  const functions = module as Record<string, Change>;
  const originals = names.map((name) => [name, functions[name] as Change] as const);
  for (const [name, original] of originals) {
    functions[name] = isAsync
      ? async (...parameters) => {
          before(name, parameters);
          return await original.apply(module, parameters);
        }
      : (...parameters) => {
          before(name, parameters);
          return original.apply(module, parameters);
        };
  }
  return () => {
    for (const [name, original] of originals) functions[name] = original;
  };
}

/**
 * Runs `program`, which dies at the step of that number if it has so many steps. Returns the number
 * of steps. Entries of `closedTo` cannot be changed meanwhile.
 */
export async function dieAt(step: number, program: () => Promise<unknown>, closedTo?: string): Promise<{ steps: number; died: boolean }> {
  [steps, last, closed] = [0, step, closedTo];
  const restore = [patched(fs, synchronous, false), patched(fs.promises, asynchronous, true)];
  syncBuiltinESMExports();
  try {
    await program();
    return { steps, died: false };
  } catch (error) {
    if (steps < last) throw error;
    return { steps, died: true };
  } finally {
    for (const undo of restore) undo();
    syncBuiltinESMExports();
  }
}
