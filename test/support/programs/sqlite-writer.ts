/**
 * A program that writes to a SQLite database until it is killed. Every transaction adds one to all
 * rows, and each row has its own page. It prints the committed number. Rows with different numbers,
 * or pages of different transactions, show a torn copy.
 */
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import sqlite from 'node-sqlite3-wasm';

const [path, mode] = process.argv.slice(2) as [string, 'delete' | 'truncate' | 'wal'];
const db = new sqlite.Database(path);
// A copy reads the content that the system shows, synced or not.
db.exec('pragma synchronous = off');
db.exec(`pragma locking_mode = exclusive; pragma journal_mode = ${mode}; pragma wal_autocheckpoint = 40;`);
db.exec('create table counter(id integer primary key, n integer, padding blob); create index by_n on counter(n, id)');
db.exec('begin');
for (let id = 0; id < 40; id++) db.run('insert into counter values(?, 0, ?)', [id, new Uint8Array(3500).fill(id)]);
db.exec('commit');
for (let n = 1; ; n++) {
  db.run('update counter set n = ?', [n]);
  process.stdout.write(`${n}\n`);
  // The program pauses now and then, like a browser.
  await sleep(n % 4 === 0 ? 100 : 1);
}
