/**
 * Reads and replacements of single files of a profile without a running browser. Profiles are
 * untrusted: no symlink in them is followed.
 */
import { closeSync, constants, fchmodSync, fstatSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { MAX_PROFILE_TEXT } from '../base/limits.js';
import { writeFailure } from '../fs/errors.js';
import { ifSeen } from '../fs/paths.js';

export interface ProfileFile {
  text: string;
  mode: number;
}

/**
 * Reads a regular UTF-8 file. Returns undefined if the file is absent, unreadable, or larger than
 * any browser writes.
 */
export function readProfileFile(path: string): ProfileFile | undefined {
  // O_NONBLOCK: opening a pipe does not wait for a writer.
  const file = ifSeen(() => openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
  if (file === undefined) return undefined;
  try {
    const stat = fstatSync(file);
    const bytes = stat.isFile() && stat.size <= MAX_PROFILE_TEXT ? ifSeen(() => readFileSync(file)) : undefined;
    const text = bytes?.toString('utf8');
    // Text that is no valid UTF-8 could not be written back unchanged.
    if (bytes === undefined || text === undefined || !Buffer.from(text).equals(bytes)) return undefined;
    return { text, mode: stat.mode & 0o777 };
  } finally {
    closeSync(file);
  }
}

/** Replaces the file's content atomically, by way of a temporary file in the same folder. */
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
