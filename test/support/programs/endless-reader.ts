/** A thread that never returns from SQLite. */
import sqlite from 'node-sqlite3-wasm';

new sqlite.Database().all('WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n');
