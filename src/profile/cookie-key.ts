/**
 * The kind of key that encrypts the cookies of a Chromium profile, by the prefix of their values.
 * `v10` is the basic key on Linux, the same on every machine; on other systems, it is a key from
 * Keychain or DPAPI. `v11` comes from the machine's keyring, `v20` from Windows' app-bound
 * encryption.
 */
import { createDecipheriv, createHash, pbkdf2Sync } from 'node:crypto';
import type { CookieSample } from './cookie-reader.js';

/** Version of the table from which on a value begins with the SHA-256 of its host. */
const HOST_HASH_VERSION = 24;

/**
 * Returns the prefix of a value that only the machine that wrote it can decrypt, or undefined if
 * there is none. `platform` is the browser's system.
 */
export function unportablePrefix({ version, values }: CookieSample, platform: string): string | undefined {
  for (const prefix of ['v11', 'v20']) if (withPrefix(values, prefix).length > 0) return prefix;
  const key = basicKey(platform);
  const isBasic = ({ host, value }: CookieSample['values'][number]): boolean => {
    const plain = decrypt(key, value);
    if (plain === undefined || version < HOST_HASH_VERSION) return plain !== undefined;
    return plain.subarray(0, 32).equals(createHash('sha256').update(host).digest());
  };
  return withPrefix(values, 'v10').every(isBasic) ? undefined : 'v10';
}

function withPrefix(values: CookieSample['values'], prefix: string): CookieSample['values'] {
  return values.filter(({ value }) => Buffer.from(value.subarray(0, 3)).toString('latin1') === prefix);
}

/** Returns the key of `--password-store=basic` on Linux, and of `--use-mock-keychain` on macOS. */
function basicKey(platform: string): Buffer {
  const [password, rounds] = platform === 'darwin' ? (['mock_password', 1003] as const) : (['peanuts', 1] as const);
  return pbkdf2Sync(password, 'saltysalt', rounds, 16, 'sha1');
}

function decrypt(key: Uint8Array, value: Uint8Array): Buffer | undefined {
  const decipher = createDecipheriv('aes-128-cbc', key, Buffer.alloc(16, ' '));
  try {
    return Buffer.concat([decipher.update(value.subarray(3)), decipher.final()]);
  } catch {
    // The invalid padding shows that this value has another key.
    return undefined;
  }
}
