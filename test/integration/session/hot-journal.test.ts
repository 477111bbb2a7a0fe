/**
 * Databases whose writer was killed in a transaction (D2). They are kept with their journal, so
 * that SQLite rolls back after a restore.
 */
import fs, { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import sqlite from 'node-sqlite3-wasm';
import { freshStore } from '../../support/store.js';

const ROWS = 2000;

test.serial('D2: a hot journal is committed with its database, and the restored copy is whole and rolled back', async (t) => {
  const { session, folder } = await freshStore(t);
  const dir = join(folder, 'profile');
  mkdirSync(join(dir, 'Default'), { recursive: true });
  const path = join(folder, 'Cookies');
  const writer = new sqlite.Database(path);
  writer.exec('PRAGMA cache_size = 5; CREATE TABLE cookies (value TEXT)');
  writer.exec(
    `WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ${ROWS}) INSERT INTO cookies SELECT 'before' FROM n`,
  );
  await session.commit(dir, { allowShrink: true });
  // More pages change than fit in memory, so that the file has some of them. Then the writer
  // "dies".
  writer.exec("BEGIN; UPDATE cookies SET value = 'after, and longer than before'");
  for (const suffix of ['', '-journal']) copyFileSync(path + suffix, join(dir, 'Default', `Cookies${suffix}`));
  writer.exec('ROLLBACK');
  writer.close();
  t.true(readFileSync(join(dir, 'Default/Cookies')).includes('after, and longer'));
  await session.commit(dir);
  const out = join(folder, 'out');
  await session.checkout(out);
  for (const name of ['Cookies', 'Cookies-journal'])
    t.deepEqual(readFileSync(join(out, 'Default', name)), readFileSync(join(dir, 'Default', name)));
  const restored = join(out, 'Default/Cookies');
  // This build of SQLite mistakes its own lock for another's, and would roll nothing back.
  const { accessSync } = fs;
  fs.accessSync = (asked, mode) => {
    if (asked === `${restored}.lock`) throw new Error('nobody else has it open');
    accessSync(asked, mode);
  };
  const database = new sqlite.Database(restored);
  try {
    t.deepEqual(database.all('PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
    t.deepEqual(database.all("SELECT count(*) AS rows FROM cookies WHERE value = 'before'"), [{ rows: ROWS }]);
  } finally {
    database.close();
    fs.accessSync = accessSync;
  }
});
