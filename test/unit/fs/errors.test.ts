/**
 * Errors of a file system (A5), each with a code and a hint. None is a bug of this library. A new
 * error is a line of the table.
 */
import { constants } from 'node:os';
import test from 'ava';
import type { BrowserStateError, ErrorCode } from '../../../src/base/errors.js';
import { readFailure, writeFailure } from '../../../src/fs/errors.js';

const expected: Record<string, [ErrorCode, RegExp]> = {
  EACCES: ['FORBIDDEN', /may write to/],
  EPERM: ['FORBIDDEN', /may write to/],
  EROFS: ['FORBIDDEN', /read-only/],
  ENOSPC: ['NO_SPACE', /Free some space/],
  EDQUOT: ['NO_SPACE', /quota/],
  EXDEV: ['UNSUPPORTED', /different file systems/],
  ENOTSUP: ['UNSUPPORTED', /another one/],
  EOPNOTSUPP: ['UNSUPPORTED', /another one/],
  EFBIG: ['UNSUPPORTED', /another one/],
  EMLINK: ['UNSUPPORTED', /another one/],
  ENAMETOOLONG: ['UNSUPPORTED', /names/],
  EILSEQ: ['UNSUPPORTED', /names/],
  // R-OUT-9: two names of a tree that are the same on this file system.
  EEXIST: ['UNSUPPORTED', /upper and lower case/],
  EINVAL: ['UNSUPPORTED', /names/],
  EBUSY: ['BUSY', /Another program/],
  ENOENT: ['BUSY', /Another program/],
  ENOTDIR: ['BUSY', /Another program/],
  ENOTEMPTY: ['BUSY', /Another program/],
  ELOOP: ['BUSY', /symlink/],
  EMFILE: ['UNREACHABLE', /ulimit -n/],
  ENFILE: ['UNREACHABLE', /ulimit -n/],
  ENOMEM: ['UNREACHABLE', /memory/],
  EIO: ['UNREACHABLE', /disk/],
  ESTALE: ['UNREACHABLE', /mount it again/],
  ENODEV: ['UNREACHABLE', /disk/],
};

/** Returns an error as Node makes it. */
function systemError(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: failed, rename 'a'`), { code, errno: -1, syscall: 'rename' });
}

for (const [name, [code, hint]] of Object.entries(expected)) {
  test(`A5: ${name} while writing is ${code}`, (t) => {
    const failure = writeFailure('/a/profile', systemError(name)) as BrowserStateError;
    t.is(failure.code, code);
    t.true(failure.message.includes('/a/profile') && failure.message.includes(name));
    t.regex(failure.hint ?? '', hint);
  });
}

test('A5: every error number of this system is an error of this library with a hint, in reading and in writing', (t) => {
  for (const name of Object.keys(constants.errno)) {
    for (const failure of [writeFailure('/a', systemError(name)), readFailure('/a', systemError(name))] as BrowserStateError[]) {
      t.is(failure.name, 'BrowserStateError', name);
      t.not(failure.code, 'INTERNAL', name);
      t.truthy(failure.hint, name);
    }
  }
});

test('A5: an error of another realm is recognized by its code, not by its class', (t) => {
  const foreign = Object.assign(Object.create(null), { code: 'EROFS', syscall: 'open' }) as unknown;
  t.is((writeFailure('/a', foreign) as BrowserStateError).code, 'FORBIDDEN');
});

for (const [name, code] of Object.entries({
  EACCES: 'UNREADABLE',
  EIO: 'UNREADABLE',
  EMFILE: 'UNREACHABLE',
  ENFILE: 'UNREACHABLE',
  ENOMEM: 'UNREACHABLE',
})) {
  test(`C16: ${name} while reading is ${code}`, (t) => {
    t.is((readFailure('/a/profile', systemError(name)) as BrowserStateError).code as string, code);
  });
}
