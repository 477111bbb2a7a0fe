/**
 * Which key the cookies of a Chromium profile were encrypted with, by their values alone. A prefix names the kind of key: `v10` is the basic
 * one, the same on every machine of a system (elsewhere it is a key from Keychain or DPAPI, which is not); `v11` comes from the machine's
 * keyring, `v20` from Windows' app-bound encryption.
 */
import { createDecipheriv, createHash, pbkdf2Sync } from 'node:crypto';
import { lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from 'node-sqlite3-wasm';
import { COOKIE_SAMPLE } from '../limits.js';
import { copyChangingFile } from '../workspace/copy-file.js';
import { ifSeen } from '../workspace/directory.js';
import { errno } from '../workspace/files.js';

/** Since this version of the table a value begins with the SHA-256 of its host. */
const HOST_HASH_VERSION = 24;

/**
 * The prefix of a value in that database which only the machine that wrote it can decrypt; undefined where there is none, and where the database is absent
 * or damaged. `platform` is the system that the browser will run on. The profile is not written to.
 */
export async function unportablePrefix(cookies: string, platform: string): Promise<string | undefined> {
  if (!ifSeen(() => lstatSync(cookies))?.isFile()) return undefined;
  const { default: sqlite } = await import('node-sqlite3-wasm');
  // SQLite puts its locks beside the file. What a journal would take back, or a wal add, is encrypted as the rest is.
  const copy = mkdtempSync(join(tmpdir(), 'browserstate-cookies-'));
  try {
    await copyChangingFile(cookies, join(copy, 'Cookies')).catch(unlessSystem);
    const database = new sqlite.Database(join(copy, 'Cookies'));
    try {
      return findUnportable(database, platform);
    } finally {
      database.close();
    }
  } catch (error) {
    if (error instanceof sqlite.SQLite3Error) return undefined;
    throw error;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** What cannot be copied is taken for absent. */
function unlessSystem(error: unknown): void {
  if (errno(error) === undefined) throw error;
}

function findUnportable(database: Database, platform: string): string | undefined {
  for (const prefix of ['v11', 'v20']) if (valuesOf(database, prefix).length > 0) return prefix;
  const version = Number(database.get("SELECT value FROM meta WHERE key = 'version'")?.['value']);
  const key = basicKey(platform);
  const isBasic = ({ host, value }: Value): boolean => {
    const plain = decrypt(key, value);
    if (plain === undefined || version < HOST_HASH_VERSION) return plain !== undefined;
    return plain.subarray(0, 32).equals(createHash('sha256').update(host).digest());
  };
  return valuesOf(database, 'v10').every(isBasic) ? undefined : 'v10';
}

interface Value {
  host: string;
  value: Uint8Array;
}

function valuesOf(database: Database, prefix: string): Value[] {
  const query = 'SELECT host_key AS host, encrypted_value AS value FROM cookies WHERE substr(encrypted_value, 1, 3) = ? LIMIT ?';
  return database.all(query, [Buffer.from(prefix), COOKIE_SAMPLE]) as unknown as Value[];
}

/** What `--password-store=basic` encrypts with on Linux, and `--use-mock-keychain` on macOS. */
function basicKey(platform: string): Buffer {
  const [password, rounds] = platform === 'darwin' ? (['mock_password', 1003] as const) : (['peanuts', 1] as const);
  return pbkdf2Sync(password, 'saltysalt', rounds, 16, 'sha1');
}

function decrypt(key: Uint8Array, value: Uint8Array): Buffer | undefined {
  const decipher = createDecipheriv('aes-128-cbc', key, Buffer.alloc(16, ' '));
  try {
    return Buffer.concat([decipher.update(value.subarray(3)), decipher.final()]);
  } catch {
    // The padding tells that it is not this key.
    return undefined;
  }
}
