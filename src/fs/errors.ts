/** Errors of local files as errors of this library, with the path and a hint. */
import { BrowserStateError } from '../base/errors.js';
import { errno, meaningOf, systemFailure } from '../base/system-errors.js';

export { errno };

/** Returns the library error for a failure to read a local file. */
export function readFailure(path: string, error: unknown): unknown {
  const code = errno(error);
  if (code === undefined || error instanceof BrowserStateError) return error;
  const meaning = meaningOf(code);
  const hint =
    meaning.code === 'UNREACHABLE'
      ? `${meaning.hint} Nothing was committed.`
      : 'Make it readable for this user, or leave it out with --exclude; nothing was committed.';
  return new BrowserStateError('UNREADABLE', `${path}: expected a file that can be read, found ${code}`, {
    hint,
    cause: error,
    details: { path },
  });
}

/** Returns the library error for a failure to write a local file. */
export function writeFailure(path: string, error: unknown): unknown {
  return systemFailure(error, (name) => `${path}: could not be written: ${name}`, path);
}
