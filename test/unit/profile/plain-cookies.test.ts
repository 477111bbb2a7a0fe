/** Cookies that are read without SQLite. The sample is the same as SQLite's, or there is none. */
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import sqlite from 'node-sqlite3-wasm';
import { sampleCookies } from '../../../src/profile/cookie-samples.js';
import { NotPlain, plainTables } from '../../../src/profile/formats/sqlite.js';
import { samplePlain } from '../../../src/profile/plain-cookies.js';
import { basic, encrypted, keychain, writeCookies } from '../../support/profile/cookies.js';
import { hostileCookies } from '../../support/profile/hostile-cookies.js';
import { temporary } from '../../support/temporary.js';

/** A time limit that no database reaches, even on a busy machine. */
const timeoutMs = 300_000;
const host = '.example.org';
const v10 = encrypted('v10', host, 'ada', basic);
const v11 = encrypted('v11', host, 'ada', keychain);

/** The statements of Chromium's own databases. */
const chromium = [
  'CREATE TABLE meta(key LONGVARCHAR NOT NULL UNIQUE PRIMARY KEY, value LONGVARCHAR)',
  "INSERT INTO meta VALUES ('mmap_status', '-1'), ('version', '24')",
  'CREATE TABLE cookies(creation_utc INTEGER NOT NULL,host_key TEXT NOT NULL,name TEXT NOT NULL,encrypted_value BLOB NOT NULL,expires_utc INTEGER NOT NULL,priority INTEGER NOT NULL DEFAULT -1)',
  'CREATE UNIQUE INDEX cookies_unique_index ON cookies(host_key, name)',
];

/** Makes a database of these statements, then adds cookies with names of some length. */
function make(path: string, statements: readonly string[], cookies: readonly [nameLength: number, value: Uint8Array][]): void {
  const database = new sqlite.Database(path);
  try {
    for (const statement of statements) database.exec(statement);
    database.exec('BEGIN');
    for (const [i, [length, value]] of cookies.entries()) {
      const name = `${i}`.padEnd(length, 'n');
      database.run('INSERT INTO cookies VALUES (?, ?, ?, ?, ?, ?)', [13_000_000_000_000_000n + BigInt(i), host, name, value, 7e300, i % 3]);
    }
    database.exec('COMMIT');
  } finally {
    database.close();
  }
}

const many = (count: number, length = 10): [number, Uint8Array][] => Array.from({ length: count }, () => [length, v10]);
const plain: Record<string, (path: string) => void> = {
  'no cookies': (path) => make(path, chromium, []),
  'one page': (path) => make(path, chromium, many(3)),
  'many pages': (path) => make(path, chromium, [...many(5000), [10, v11]]),
  // Each record is one byte longer than the previous record, past the limit of a page, so that a
  // prefix is split too.
  'values on overflow pages': (path) =>
    make(
      path,
      chromium,
      Array.from({ length: 400 }, (_, i) => [3800 + i, i % 2 === 0 ? v11 : v10]),
    ),
  'values on several overflow pages': (path) => make(path, chromium, [...many(2, 20_000), [9000, v11]]),
  'pages of 512 bytes': (path) => make(path, ['PRAGMA page_size = 512', ...chromium], [...many(400, 700), [10, v11]]),
  'pages of 16 KiB': (path) => make(path, ['PRAGMA page_size = 16384', ...chromium], many(400, 700)),
  'no version': (path) => make(path, chromium.slice(2), many(2)),
  'removed rows': (path) => make(path, [...chromium, "INSERT INTO meta VALUES ('a', 'b')", "DELETE FROM meta WHERE key = 'a'"], many(2)),
};
for (const [name, write] of Object.entries(plain)) {
  test.serial(`plain cookies: ${name}`, async (t) => {
    const path = join(temporary(t), 'Cookies');
    write(path);
    const bytes = readFileSync(path);
    const sample = samplePlain(path);
    t.not(sample, undefined);
    t.deepEqual((await sampleCookies([path], { timeoutMs })).get(path), { path, sample } as object);
    t.true(bytes.equals(readFileSync(path)));
  });
}

const others: Record<string, (path: string) => void> = {
  'a column that was added later': (path) => {
    make(path, chromium, many(2));
    const database = new sqlite.Database(path);
    database.exec('ALTER TABLE cookies RENAME COLUMN encrypted_value TO old');
    database.exec('ALTER TABLE cookies ADD COLUMN encrypted_value BLOB NOT NULL DEFAULT 11');
    database.close();
  },
  'no table': (path) =>
    make(path, [...chromium.slice(0, 2), 'CREATE TABLE t (a TEXT)', ...chromium.slice(2), 'ALTER TABLE t RENAME TO "a b"'], []),
  'a wal': (path) => {
    make(path, chromium, many(2));
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(2, 18, 20));
  },
  'more than 4 MiB': (path) => make(path, chromium, many(1100, 4000)),
  'no database': (path) => writeFileSync(path, 'no database'),
  'no file': () => undefined,
  'a symlink': (path) => {
    make(`${path}2`, chromium, many(2));
    symlinkSync(`${path}2`, path);
  },
};
for (const [name, write] of Object.entries(others)) {
  test.serial(`left to SQLite: ${name}`, (t) => {
    const path = join(temporary(t), 'Cookies');
    write(path);
    t.is(samplePlain(path), undefined);
  });
}

// Databases of many MB are left to SQLite because of their size.
for (const { name, make: write, timeoutMs: isSlow } of hostileCookies.filter((each) => !/\d MB/.test(each.name))) {
  test.serial(`C6: left to SQLite, or read like it: ${name}`, async (t) => {
    const path = join(temporary(t), 'Cookies');
    write(path);
    const sample = samplePlain(path);
    if (sample === undefined || isSlow !== undefined) return t.is(sample, undefined);
    t.deepEqual((await sampleCookies([path], { timeoutMs })).get(path), { path, sample } as object);
  });
}

test.serial('C6: a database with any byte changed is read or left to SQLite', (t) => {
  const path = join(temporary(t), 'Cookies');
  writeCookies(path, [
    [host, v10],
    [host, v11],
  ]);
  const bytes = readFileSync(path);
  let left = 0;
  for (const [i, byte] of bytes.entries()) {
    if (byte === 0 && i % 64 > 0) continue;
    for (const changed of [0, 1, 5, 127, 128, 255]) {
      bytes[i] = changed;
      try {
        const rows = plainTables(bytes).get('cookies')?.select(['host_key', 'encrypted_value']);
        t.true([...(rows ?? [])].length < bytes.length);
      } catch (error) {
        if (!(error instanceof NotPlain)) throw error;
        left++;
      }
    }
    bytes[i] = byte;
  }
  t.true(left > 0);
});
