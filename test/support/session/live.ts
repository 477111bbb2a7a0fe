/**
 * Databases that another process writes to while they are copied, and checks that a copy is whole.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs, { rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ExecutionContext } from 'ava';
import { Level } from 'level';
import sqlite from 'node-sqlite3-wasm';

export interface LiveWriter {
  /** Returns the last number that the program reported. */
  written(): number;
  stop(): Promise<void>;
}

/**
 * Starts a program of `programs/` that prints the numbers it wrote. Resolves after the first
 * number.
 */
export async function startWriter(t: ExecutionContext, program: string, ...args: string[]): Promise<LiveWriter> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(`../programs/${program}`, import.meta.url)), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(child, 'exit');
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exit;
  };
  t.teardown(stop);
  let written = -1;
  const lines = createInterface(child.stdout);
  lines.on('line', (line) => {
    written = Number(line);
  });
  await Promise.race([once(lines, 'line'), exit.then(() => Promise.reject(new Error(`${program} ended`)))]);
  return { written: () => written, stop };
}

/** Asserts that a copy of a counter's database is whole, and returns its number. */
export function readCounter(t: ExecutionContext, path: string): number {
  // The wasm build of SQLite locks with a directory, which was copied too. SQLite mistakes its own
  // lock for another's, and would not roll back a journal.
  rmSync(`${path}.lock`, { recursive: true, force: true });
  const { accessSync } = fs;
  fs.accessSync = (asked, mode) => {
    if (asked === `${path}.lock`) throw new Error('nobody else has it open');
    accessSync(asked, mode);
  };
  const db = new sqlite.Database(path);
  try {
    // Without shared memory only one process can read a wal.
    db.exec('pragma locking_mode = exclusive');
    t.deepEqual(db.all('pragma integrity_check'), [{ integrity_check: 'ok' }]);
    const [row] = db.all('select count(*) as rows, min(n) as least, max(n) as most from counter') as Record<string, number>[];
    t.is(row?.['rows'], 40);
    t.is(row?.['least'], row?.['most']);
    return row?.['most'] ?? -1;
  } finally {
    db.close();
    fs.accessSync = accessSync;
  }
}

export const levelKey = (n: number): string => String(n).padStart(9, '0');
export const levelValue = (n: number): string => `${n} `.repeat(40);

/**
 * Asserts that a copy of a LevelDB holds a prefix of the written entries and nothing else. Returns
 * its last number.
 */
export async function readLevel(t: ExecutionContext, path: string): Promise<number> {
  const db = new Level<string, string>(path, { createIfMissing: false });
  let n = 0;
  for await (const [key, value] of db.iterator()) {
    if (key !== levelKey(n) || value !== levelValue(n)) t.fail(`entry ${n} is ${key}`);
    n++;
  }
  await db.close();
  return n - 1;
}
