/**
 * Copies of files that may change meanwhile. `fs.copyFile` alone never ends if the file is
 * truncated during the copy.
 */
import { constants } from 'node:fs';
import { copyFile, open } from 'node:fs/promises';
import { READ_SIZE } from '../base/limits.js';
import { errno } from './errors.js';
import { hasHandles, type Name } from './handle.js';

/**
 * Copies a file to an unused path: as a clone of one moment if the file system supports clones.
 * Otherwise copies up to the file's initial length, or less if the file is truncated. Does not
 * follow a symlink at `from`. Throws system errors; a partial copy may remain.
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

/** Clones an open file. Returns false if this system cannot clone, or cannot name an open file. */
async function isCloned(descriptor: number, to: string): Promise<boolean> {
  if (!hasHandles) return false;
  try {
    await copyFile(`/proc/self/fd/${descriptor}`, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    // Other causes affect the copy too, and the copy reports them.
    if (errno(error) === 'EEXIST') throw error;
    return false;
  }
}
