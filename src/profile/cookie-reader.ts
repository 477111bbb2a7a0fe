/**
 * The thread that reads the cookie databases of profiles. They are hostile input: SQLite runs with
 * bounded memory, can open only one file without writing to it, and queries only plain tables. The
 * thread is ended if it takes too long.
 */
import fs from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { Database } from 'node-sqlite3-wasm';
import { messageOf } from '../base/errors.js';
import { COOKIE_SAMPLE, MAX_COOKIE_BYTES, MAX_SQLITE_MEMORY, WASM_PAGE_SIZE } from '../base/limits.js';

/** A few values of each kind of encryption. */
export interface CookieSample {
  /** The version of the table. NaN if the database does not contain it. */
  version: number;
  values: { host: string; value: Uint8Array }[];
}

/** The answer for one database. The sample is undefined if there are no cookies to examine. */
export type CookieAnswer = { path: string } & ({ sample: CookieSample | undefined } | { problem: string });

declare const WebAssembly: { Memory: { prototype: { buffer: ArrayBuffer; grow(pages: number): number } } };

/** The only name that SQLite can open. */
const DATABASE = '/cookies';
const MAGIC = 'SQLite format 3\0';
const WAL_FORMAT = 2;
const { openSync, closeSync, fstatSync, readSync, constants } = fs;

boundMemory();
const sqlite = (await import('node-sqlite3-wasm')).default;
for (const path of workerData as string[]) parentPort?.postMessage({ path, ...read(path) } satisfies CookieAnswer);

function read(path: string): { sample: CookieSample | undefined } | { problem: string } {
  try {
    const file = openDatabase(path);
    if (file === undefined) return { sample: undefined };
    showOnly(file);
    const database = new sqlite.Database(DATABASE, { readOnly: true });
    try {
      return readTable(database);
    } finally {
      database.close();
    }
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

/**
 * Opens the file. Returns undefined if it is no database, or if its newest content lies in another
 * file.
 */
function openDatabase(path: string): number | undefined {
  const file = openFile(path);
  if (file === undefined) return undefined;
  const header = Buffer.alloc(20);
  const isFile = fstatSync(file).isFile();
  const length = isFile ? readSync(file, header, 0, header.length, 0) : 0;
  if (length === header.length && header.toString('latin1', 0, MAGIC.length) === MAGIC && header[18] !== WAL_FORMAT) return file;
  closeSync(file);
  return undefined;
}

/**
 * Opens the file without following a symlink or blocking on a pipe. Returns undefined if the system
 * denies access.
 */
function openFile(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

/**
 * Gives SQLite access to that file only. Takes no locks and ignores journal and wal, whose changes
 * use the same encryption.
 */
function showOnly(file: number): void {
  const absent = (): never => {
    throw Object.assign(new Error('not shown'), { code: 'ENOENT' });
  };
  const none = (): undefined => undefined;
  Object.assign(fs, {
    openSync: (name: string) => (name === DATABASE ? file : absent()),
    accessSync: absent,
    unlinkSync: absent,
    mkdirSync: none,
    rmdirSync: none,
  });
}

/** Reads only a plain table: a view, a virtual table or a generated column may run hostile code. */
function readTable(database: Database): { sample: CookieSample | undefined } | { problem: string } {
  for (const pragma of ['trusted_schema = OFF', 'cell_size_check = ON', 'temp_store = MEMORY', 'query_only = ON']) {
    database.all(`PRAGMA ${pragma}`);
  }
  const table = database.get("PRAGMA table_list('cookies')");
  if (table === null) return { sample: undefined };
  if (table['type'] !== 'table') return { problem: `its "cookies" is a ${table['type']}, not a table` };
  const columns = database.all("PRAGMA table_xinfo('cookies')");
  for (const name of ['host_key', 'encrypted_value']) {
    const column = columns.find((each) => each['name'] === name);
    if (column?.['hidden'] !== 0) return { problem: `its table "cookies" has no plain column "${name}"` };
  }
  return { sample: { version: readVersion(database), values: ['v10', 'v11', 'v20'].flatMap((prefix) => valuesOf(database, prefix)) } };
}

function readVersion(database: Database): number {
  if (database.get("PRAGMA table_list('meta')")?.['type'] !== 'table') return Number.NaN;
  const columns = database.all("PRAGMA table_xinfo('meta')");
  if (columns.some(({ hidden }) => hidden !== 0)) return Number.NaN;
  return Number(database.get("SELECT value FROM meta WHERE key = 'version' AND length(value) < 20")?.['value']);
}

function valuesOf(database: Database, prefix: string): CookieSample['values'] {
  const query = `SELECT host_key AS host, encrypted_value AS value FROM cookies
    WHERE typeof(encrypted_value) = 'blob' AND length(encrypted_value) < ? AND substr(encrypted_value, 1, 3) = ?
      AND typeof(host_key) = 'text' AND octet_length(host_key) < ? LIMIT ?`;
  const rows = database.all(query, [MAX_COOKIE_BYTES, Buffer.from(prefix), MAX_COOKIE_BYTES, COOKIE_SAMPLE]);
  return rows as unknown as CookieSample['values'];
}

/**
 * Bounds SQLite's memory to the needs of cookies. Beyond that, SQLite fails with "out of memory".
 */
function boundMemory(): void {
  const { grow } = WebAssembly.Memory.prototype;
  WebAssembly.Memory.prototype.grow = function (pages: number): number {
    if (this.buffer.byteLength + pages * WASM_PAGE_SIZE > MAX_SQLITE_MEMORY) throw new RangeError('too much memory');
    return grow.call(this, pages);
  };
}
