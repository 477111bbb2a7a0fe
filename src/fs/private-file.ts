/**
 * Private files of this machine that are replaced atomically, with a digest that detects damage.
 */
import { constants } from 'node:fs';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { sha256 } from '#platform';
import { concat, equalBytes } from '../base/bytes.js';
import { errno, makeDirectory } from './errors.js';

const DIGEST_BYTES = 32;

/** Returns the content with its digest in front. */
export function sealed(content: Uint8Array): Uint8Array {
  return concat([sha256(content), content]);
}

/** Returns the content of sealed bytes, or undefined for any other bytes. */
export function unsealed(bytes: Uint8Array): Uint8Array | undefined {
  const content = bytes.subarray(DIGEST_BYTES);
  return equalBytes(sha256(content), bytes.subarray(0, DIGEST_BYTES)) ? content : undefined;
}

/**
 * Reads a private file. Returns no bytes for anything except a regular file, and does not block on
 * a pipe. Throws system errors.
 */
export async function readPrivately(path: string): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    return found.isFile() || found.isDirectory() ? await file.readFile() : new Uint8Array(0);
  } finally {
    await file.close();
  }
}

/**
 * Replaces the file atomically by renaming `temporary`, a file in the same folder. Creates the
 * folder if necessary. Throws system errors.
 */
export async function replacePrivately(path: string, temporary: string, bytes: Uint8Array): Promise<void> {
  try {
    await makeDirectory(dirname(path));
    await writeFile(temporary, bytes, { mode: 0o600 });
    await rename(temporary, path);
  } catch (error) {
    // A failed removal has the same cause as the failed write.
    await rm(temporary, { force: true }).catch((failure: unknown) => {
      if (errno(failure) === undefined) throw failure;
    });
    throw error;
  }
}
