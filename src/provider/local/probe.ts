/**
 * The probe of a file system, on which the folder's correctness depends (SPEC.md R-LOCAL-3,
 * R-LOCAL-5). link() and rename() must create each name only once. The folder uses no file system
 * lock. A network file system with ineffective locks passes if its link() and rename() hold.
 */
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import { BrowserStateError } from '../../base/errors.js';
import { hasErrno } from './errors.js';
import { renamedToNew } from './files.js';
import type { Folder } from './folder.js';

/** Errors of file systems that lack the operation. */
const ABSENT = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL'];

/**
 * Throws UNSUPPORTED with the reason if the folder's file system lacks a required feature. Throws
 * other file system errors unchanged.
 */
export async function probeFolder(folder: Folder): Promise<void> {
  await folder.withTemporary(async (path) => {
    const [file, name, old, fresh] = ['file', 'name', 'old', 'fresh'].map((each) => join(path, each)) as [string, string, string, string];
    await fs.mkdir(path, 0o700);
    try {
      await fs.writeFile(file, '', { mode: 0o600 });
      if (!(await linksNew(folder, file, name))) throw unsupported(folder, 'link() says that a new name is taken');
      if (await linksNew(folder, file, name)) throw unsupported(folder, 'link() replaces a name that is taken');
      for (const each of [old, fresh]) await fs.mkdir(each, 0o700);
      await fs.rename(name, join(old, 'name'));
      if (await renamedToNew(fresh, old)) throw unsupported(folder, 'rename() replaces a directory that is not empty');
    } finally {
      await fs.rm(path, { recursive: true, force: true });
    }
  });
}

/** Links a file. Returns false if the name is taken. */
async function linksNew(folder: Folder, file: string, name: string): Promise<boolean> {
  try {
    await fs.link(file, name);
    return true;
  } catch (error) {
    if (hasErrno(error, 'EEXIST')) return false;
    if (!hasErrno(error, ...ABSENT)) throw error;
    throw unsupported(folder, `its file system has no hard links (${error.code})`, error);
  }
}

function unsupported(folder: Folder, reason: string, cause?: unknown): BrowserStateError {
  return new BrowserStateError('UNSUPPORTED', `${folder.root} cannot hold a store: ${reason}`, {
    hint: 'Name a folder on ext4, XFS, Btrfs, ZFS, APFS, tmpfs or NFS; FAT and exFAT have no hard links. A profile can be restored to any file system.',
    cause,
    details: { path: folder.root },
  });
}
