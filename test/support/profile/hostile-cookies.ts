/** Cookie databases that were made to hang, to exhaust or to mislead a program that reads them. */
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import sqlite, { type Database } from 'node-sqlite3-wasm';
import { basic, encrypted, writeCookies } from './cookies.js';

export interface HostileCookies {
  name: string;
  make(path: string): void;
  /** The number of values that are found, or the problem. */
  found: number | RegExp;
  /** The time limit of reading in milliseconds, for a database that takes too long. */
  timeoutMs?: number;
}

const endless = 'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x AS host_key, x AS encrypted_value FROM n';
const host = '.example.org';
const ordinary: [string, Uint8Array][] = [[host, encrypted('v10', host, 'ada', basic)]];

/** Returns the maker of an ordinary database that SQL statements change. */
function altered(...statements: string[]): (path: string) => void {
  return (path) => {
    writeCookies(path, ordinary);
    withDatabase(path, (database) => {
      for (const statement of statements) database.exec(statement);
    });
  };
}

/** Returns the maker of a database of many pages that is changed byte by byte. */
function damaged(change: (bytes: Buffer, rootPage: number) => void): (path: string) => void {
  return (path) => {
    writeCookies(
      path,
      Array.from({ length: 2000 }, () => ordinary[0] as [string, Uint8Array]),
    );
    const rootPage = withDatabase(path, (database) =>
      Number(database.get("SELECT rootpage FROM sqlite_master WHERE name = 'cookies'")?.['rootpage']),
    );
    const bytes = readFileSync(path);
    change(bytes, rootPage);
    writeFileSync(path, bytes);
  };
}

function withDatabase<T>(path: string, work: (database: Database) => T): T {
  const database = new sqlite.Database(path);
  try {
    return work(database);
  } finally {
    database.close();
  }
}

/** Returns statements that add rows to the schema, as no other statement would. */
const toSchema = (rows: string): string[] => ['PRAGMA writable_schema = ON', `INSERT INTO sqlite_master ${rows}`];
const numbers = (count: number): string => `WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ${count})`;
const padding = (bytes: number): string => `replace(hex(zeroblob(${bytes / 2})), '0', ' ')`;

export const hostileCookies: HostileCookies[] = [
  {
    name: 'cookies is a view without end',
    make: altered('DROP TABLE cookies', `CREATE VIEW cookies AS ${endless}`),
    found: /is a view, not a table/,
  },
  {
    name: 'the schema calls a view without end a table',
    make: altered('DROP TABLE cookies', ...toSchema(`VALUES ('table', 'cookies', 'cookies', 2, 'CREATE VIEW cookies AS ${endless}')`)),
    found: /is a view|malformed|no plain column/,
  },
  { name: 'meta is a view without end', make: altered('DROP TABLE meta', `CREATE VIEW meta AS ${endless}`), found: 1 },
  {
    name: 'a trigger without end',
    make: altered(`CREATE TRIGGER t AFTER INSERT ON cookies BEGIN INSERT INTO cookies ${endless}; END`),
    found: 1,
  },
  {
    name: 'cookies is a virtual table',
    make: altered('DROP TABLE cookies', 'CREATE VIRTUAL TABLE cookies USING fts5(host_key, encrypted_value)'),
    found: /is a virtual, not a table/,
  },
  {
    name: 'values are generated',
    make: altered(
      'DROP TABLE cookies',
      'CREATE TABLE cookies (host_key TEXT, encrypted_value BLOB AS (CAST(hex(zeroblob(20000000)) AS BLOB)))',
      "INSERT INTO cookies VALUES ('a')",
    ),
    found: /no plain column "encrypted_value"/,
  },
  {
    name: 'the version is generated',
    make: altered(
      'DROP TABLE meta',
      'CREATE TABLE meta (key TEXT, value AS (hex(zeroblob(20000000))))',
      "INSERT INTO meta VALUES ('version')",
    ),
    found: 1,
  },
  { name: 'a value of 20 MB', make: altered("INSERT INTO cookies VALUES ('a', CAST('v11' || zeroblob(20000000) AS BLOB))"), found: 1 },
  { name: 'a host of 20 MB', make: altered("INSERT INTO cookies VALUES (hex(zeroblob(10000000)), CAST('v11' AS BLOB))"), found: 1 },
  { name: 'a version of 20 MB', make: altered('UPDATE meta SET value = zeroblob(20000000)'), found: 1 },
  {
    name: 'values and hosts of other types',
    make: altered("INSERT INTO cookies VALUES (1, 'v11'), (x'00', x'763131'), ('a', 2)"),
    found: 1,
  },
  {
    name: 'a table without the columns',
    make: altered('ALTER TABLE cookies RENAME COLUMN host_key TO host'),
    found: /no plain column "host_key"/,
  },
  { name: 'a page is its own child', make: damaged(makeCycle), found: /malformed/ },
  { name: 'the file is cut short', make: cut, found: /malformed/ },
  { name: 'pages of 3 bytes', make: damaged((bytes) => bytes.writeUInt16BE(3, 16)), found: /not a database/ },
  { name: 'another encoding of text', make: damaged((bytes) => bytes.writeUInt32BE(2, 56)), found: 4 },
  { name: 'nothing but zeros after the header', make: damaged((bytes) => bytes.fill(0, 100)), found: /malformed/ },
  { name: 'nothing but noise after the header', make: damaged((bytes) => bytes.fill(7, 16)), found: /not a database/ },
  {
    name: '100,000 tables',
    make: altered(...toSchema(`${numbers(100_000)} SELECT 'table', 't' || x, 't' || x, 2, 'CREATE TABLE t' || x || '(a)' FROM n`)),
    found: /took longer/,
    timeoutMs: 200,
  },
  {
    name: 'a statement of 10 MB in the schema',
    make: altered(...toSchema(`SELECT 'table', 't', 't', 2, 'CREATE TABLE t(a' || ${padding(10_000_000)} || ')'`)),
    found: 1,
  },
  {
    name: 'a statement of 60 MB in the schema',
    make: altered(...toSchema(`SELECT 'table', 't', 't', 2, 'CREATE TABLE t(a' || ${padding(60_000_000)} || ')'`)),
    found: /memory/,
  },
  {
    name: 'an expression that is nested too deeply',
    make: altered(
      ...toSchema(
        `SELECT 'table', 't', 't', 2, 'CREATE TABLE t(a CHECK (' || ${padding(200_000).replace("' '", "'('")} || '1' || ${padding(200_000).replace("' '", "')'")} || '))'`,
      ),
    ),
    found: /malformed/,
  },
];

/** Makes the root of the table an inner page whose only child is itself. */
function makeCycle(bytes: Buffer, rootPage: number): void {
  const page = bytes.subarray((rootPage - 1) * 4096, rootPage * 4096).fill(0);
  page[0] = 5;
  page.writeUInt16BE(4096, 5);
  page.writeUInt32BE(rootPage, 8);
}

function cut(path: string): void {
  damaged(() => undefined)(path);
  truncateSync(path, 8192);
}
