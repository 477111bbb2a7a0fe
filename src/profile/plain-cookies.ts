/**
 * Samples of the cookies in plain databases, as browsers write them. Other databases are left to
 * the thread of SQLite.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { COOKIE_SAMPLE, MAX_COOKIE_BYTES, MAX_PLAIN_DATABASE } from '../base/limits.js';
import { ifSeen } from '../fs/paths.js';
import type { CookieSample } from './cookie-reader.js';
import { NotPlain, type PlainTable, plainTables, type Value } from './formats/sqlite.js';

/** Returns a sample of the cookies, or undefined if the database is not a plain one. */
export function samplePlain(path: string): CookieSample | undefined {
  const bytes = readDatabase(path);
  if (bytes === undefined) return undefined;
  try {
    const tables = plainTables(bytes);
    const cookies = tables.get('cookies');
    return cookies && { version: versionOf(tables.get('meta')), values: valuesOf(cookies) };
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

/**
 * Reads the file without following a symlink or blocking on a pipe. Returns undefined if the file
 * is large or cannot be opened.
 */
function readDatabase(path: string): Buffer | undefined {
  const file = ifSeen(() => openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
  if (file === undefined) return undefined;
  try {
    const stat = fstatSync(file);
    return stat.isFile() && stat.size <= MAX_PLAIN_DATABASE ? ifSeen(() => readFileSync(file)) : undefined;
  } finally {
    closeSync(file);
  }
}

function versionOf(meta: PlainTable | undefined): number {
  if (meta === undefined) return Number.NaN;
  for (const [key, value] of meta.select(['key', 'value'])) if (key === 'version') return Number(expectText(value));
  return Number.NaN;
}

function expectText(value: Value | undefined): string {
  if (typeof value !== 'string' || value.length >= 20) throw new NotPlain('not a plain version');
  return value;
}

/** Returns the first few values of each kind of encryption. */
function valuesOf(cookies: PlainTable): CookieSample['values'] {
  const found = new Map<string, CookieSample['values']>([
    ['v10', []],
    ['v11', []],
    ['v20', []],
  ]);
  for (const [host, value] of cookies.select(['host_key', 'encrypted_value'])) {
    if (typeof host !== 'string' || !(value instanceof Uint8Array) || value.length >= MAX_COOKIE_BYTES) continue;
    const kept = found.get(String.fromCharCode(...value.subarray(0, 3)));
    if (kept === undefined || kept.length === COOKIE_SAMPLE || Buffer.byteLength(host) >= MAX_COOKIE_BYTES) continue;
    // The copy does not keep the database in memory.
    kept.push({ host, value: Uint8Array.from(value) });
  }
  return [...found.values()].flat();
}
