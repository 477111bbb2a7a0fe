/** Copying a file that somebody may be changing. `fs.copyFile` alone does not do: where a file is truncated meanwhile it goes on for ever. */
import { constants } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import { READ_SIZE } from '../limits.js';
import { errno } from './files.js';

/**
 * Copies to a path where nothing is: as a clone of one moment where the file system has those, else up to the length that the file has at first, or less where it
 * becomes shorter. Throws what the system says; a part of a copy may be left then.
 */
export async function copyChangingFile(from: string, to: string): Promise<void> {
  try {
    return await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
  } catch (error) {
    // What else hinders a clone hinders the copy as well, which tells it.
    if (errno(error) === 'ENOENT' || errno(error) === 'EEXIST') throw error;
  }
  const source = await open(from, 'r');
  try {
    const target = await open(to, 'wx', 0o600);
    try {
      const { size } = await source.stat();
      const buffer = Buffer.allocUnsafe(Math.min(size, READ_SIZE));
      for (let at = 0; at < size; ) {
        const { bytesRead } = await source.read(buffer, 0, Math.min(buffer.length, size - at), at);
        if (bytesRead === 0) break;
        await target.writeFile(buffer.subarray(0, bytesRead));
        at += bytesRead;
      }
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}
