/** Reading and replacing single files of a profile in which no browser runs. A profile is foreign: no link in it is followed. */
import { closeSync, constants, fchmodSync, fstatSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { MAX_PROFILE_TEXT } from '../limits.js';
import { ifSeen } from '../workspace/directory.js';
import { writeFailure } from '../workspace/files.js';

export interface ProfileFile {
  text: string;
  mode: number;
}

/** Reads a regular file of UTF-8; undefined if there is none, or none that can be read, or one that is larger than any browser's. */
export function readProfileFile(path: string): ProfileFile | undefined {
  // Without waiting for a writer, should the name be a pipe.
  const file = ifSeen(() => openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
  if (file === undefined) return undefined;
  try {
    const stat = fstatSync(file);
    const bytes = stat.isFile() && stat.size <= MAX_PROFILE_TEXT ? ifSeen(() => readFileSync(file)) : undefined;
    const text = bytes?.toString('utf8');
    // What is no UTF-8 could not be written back as it was.
    if (bytes === undefined || text === undefined || !Buffer.from(text).equals(bytes)) return undefined;
    return { text, mode: stat.mode & 0o777 };
  } finally {
    closeSync(file);
  }
}

/** Makes the file hold that text: whole or not at all, by a file beside it. */
export function replaceProfileFile(path: string, { text, mode }: ProfileFile): void {
  const beside = `${path}.browserstate-new`;
  try {
    rmSync(beside, { force: true });
    const file = openSync(beside, 'wx', mode);
    try {
      fchmodSync(file, mode);
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(beside, path);
  } catch (error) {
    rmSync(beside, { force: true });
    throw writeFailure(path, error);
  }
}
