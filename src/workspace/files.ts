/** Errors of local files, told as this library's, with the path and what to do. */
import { BrowserStateError } from '../errors.js';

/** The code of a system error; undefined for any other. */
export function errno(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return error instanceof Error && typeof code === 'string' ? code : undefined;
}

/** What a failure to read a local file means. */
export function readFailure(path: string, error: unknown): unknown {
  const code = errno(error);
  if (code === undefined || error instanceof BrowserStateError) return error;
  const hint = 'Make it readable for this user, or leave it out with --exclude; nothing was committed.';
  return new BrowserStateError('UNREADABLE', `${path}: expected a file that can be read, found ${code}`, { hint, cause: error });
}

/** What a failure to write a local file means. */
export function writeFailure(path: string, error: unknown): unknown {
  const code = errno(error);
  if (code === undefined || error instanceof BrowserStateError) return error;
  const found = `${path}: could not be written: ${code}`;
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new BrowserStateError('NO_SPACE', found, {
      hint: 'Free some space on that disk and repeat the command; nothing was changed.',
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new BrowserStateError('FORBIDDEN', found, { hint: 'Choose a directory that this user may write to.', cause: error });
  }
  if (code === 'EEXIST' || code === 'ENAMETOOLONG' || code === 'EINVAL' || code === 'EILSEQ') {
    const hint = 'The file system there cannot hold all names of this profile (it may fold upper and lower case); choose another.';
    return new BrowserStateError('UNSUPPORTED', found, { hint, cause: error });
  }
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR' || code === 'ENOTEMPTY' || code === 'EBUSY') {
    const hint = 'Another program uses or changes this place: repeat the command when it is done.';
    return new BrowserStateError('BUSY', found, { hint, cause: error });
  }
  if ((error as NodeJS.ErrnoException).syscall === undefined) return error;
  const hint = 'Try again; if it happens again, the disk or its mount is at fault.';
  return new BrowserStateError('UNREACHABLE', found, { hint, cause: error });
}
