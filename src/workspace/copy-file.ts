/** Copying a file that somebody may be changing. `fs.copyFile` alone does not do: where a file is truncated meanwhile it goes on for ever. */
import { constants } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import { READ_SIZE } from '../limits.js';
import { errno } from './files.js';
import { hasHandles, type Name } from './handle.js';

/**
 * Copies a file to a path where nothing is: as a clone of one moment if the file system has those, else up to the length that the
 * file has at first, or less if it becomes shorter. Follows no symlink at `from`. Throws errors of the system; a part of a copy may
 * be left then.
 */
export async function copyChangingFile(from: Name, to: string): Promise<void> {
  const source = await open(from, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    if (await isCloned(source.fd, to)) return;
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

/** Clones an open file; returns false if this system cannot clone, or cannot name an open file. */
async function isCloned(descriptor: number, to: string): Promise<boolean> {
  if (!hasHandles) return false;
  try {
    await copyFile(`/proc/self/fd/${descriptor}`, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    // Whatever else hinders a clone hinders the copy as well, which reports it.
    if (errno(error) === 'EEXIST') throw error;
    return false;
  }
}
