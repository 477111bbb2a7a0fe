/** Databases of cookies as browsers write them, with values under any key. */
import { createCipheriv, createHash, pbkdf2Sync } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import sqlite from 'node-sqlite3-wasm';

export interface Key {
  password: string;
  rounds: number;
}
export const basic: Key = { password: 'peanuts', rounds: 1 };
export const mockKeychain: Key = { password: 'mock_password', rounds: 1003 };
export const keychain: Key = { password: 'of this machine', rounds: 1003 };

/**
 * Returns a value of `host` in the encryption of version 24 and later. Earlier versions have no
 * hash of the host.
 */
export function encrypted(prefix: string, host: string, text: string, { password, rounds }: Key, version = 24): Uint8Array {
  const hash = version >= 24 ? createHash('sha256').update(host).digest() : Buffer.alloc(0);
  const cipher = createCipheriv('aes-128-cbc', pbkdf2Sync(password, 'saltysalt', rounds, 16, 'sha1'), Buffer.alloc(16, ' '));
  return Buffer.concat([Buffer.from(prefix), cipher.update(Buffer.concat([hash, Buffer.from(text)])), cipher.final()]);
}

export function writeCookies(path: string, rows: [host: string, value: Uint8Array][], version = 24): void {
  mkdirSync(dirname(path), { recursive: true });
  const database = new sqlite.Database(path);
  try {
    database.exec('CREATE TABLE meta (key LONGVARCHAR NOT NULL UNIQUE PRIMARY KEY, value LONGVARCHAR)');
    database.exec('CREATE TABLE cookies (host_key TEXT NOT NULL, encrypted_value BLOB NOT NULL)');
    database.run("INSERT INTO meta VALUES ('version', ?)", [String(version)]);
    database.exec('BEGIN');
    for (const row of rows) database.run('INSERT INTO cookies VALUES (?, ?)', row);
    database.exec('COMMIT');
  } finally {
    database.close();
  }
}
