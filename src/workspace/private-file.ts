/** Notes of this machine: private files that are replaced as a whole, with a digest that tells whether one is what was written. */
import { constants } from 'node:fs';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { sha256 } from '#platform';
import { concat, equalBytes } from '../bytes.js';
import { errno } from './files.js';

const DIGEST_BYTES = 32;

/** The content with its digest before it. */
export function sealed(content: Uint8Array): Uint8Array {
  return concat([sha256(content), content]);
}

/** The content of what was sealed; undefined for any other bytes. */
export function unsealed(bytes: Uint8Array): Uint8Array | undefined {
  const content = bytes.subarray(DIGEST_BYTES);
  return equalBytes(sha256(content), bytes.subarray(0, DIGEST_BYTES)) ? content : undefined;
}

/** Reads a note. One that is no file reads as empty, which nothing waits for, be it a pipe without a writer. Throws what the system says. */
export async function readPrivately(path: string): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    return found.isFile() || found.isDirectory() ? await file.readFile() : new Uint8Array(0);
  } finally {
    await file.close();
  }
}

/** Makes the file hold the bytes, atomically, by a file at `temporary` in the same folder, which is made if need be. Throws what the system says. */
export async function replacePrivately(path: string, temporary: string, bytes: Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(temporary, bytes, { mode: 0o600 });
    await rename(temporary, path);
  } catch (error) {
    // What keeps it from being removed is what kept it from being written.
    await rm(temporary, { force: true }).catch((failure: unknown) => {
      if (errno(failure) === undefined) throw failure;
    });
    throw error;
  }
}
