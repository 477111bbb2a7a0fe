/** System errors: the code and the hint that this library gives to each. */
import { BrowserStateError, type ErrorCode } from './errors.js';

interface Meaning {
  code: ErrorCode;
  hint: string;
}

/**
 * Returns the code of an error, or undefined if the error has none. Errors of Node in another realm
 * are no instances of this realm's Error.
 */
export function errno(error: unknown): string | undefined {
  const code = (error as NodeJS.ErrnoException | undefined | null)?.code;
  return typeof code === 'string' ? code : undefined;
}

const outOfSpace: Meaning = {
  code: 'NO_SPACE',
  hint: 'Free some space on that disk, or raise the quota, and repeat the command; nothing was changed.',
};
const closed: Meaning = { code: 'FORBIDDEN', hint: 'Choose a directory that this user may write to.' };
const unfit: Meaning = {
  code: 'UNSUPPORTED',
  hint: 'The file system there cannot hold all names of this profile (it may fold upper and lower case); choose another.',
};
const incapable: Meaning = {
  code: 'UNSUPPORTED',
  hint: 'The file system there cannot hold this profile; choose a directory on another one.',
};
const changing: Meaning = { code: 'BUSY', hint: 'Another program uses or changes this path: repeat the command when it is done.' };
const exhausted: Meaning = {
  code: 'UNREACHABLE',
  hint: 'Raise the limit of open files (`ulimit -n`) or free some memory, and repeat the command.',
};
const faulty: Meaning = { code: 'UNREACHABLE', hint: 'Try again; if it happens again, the disk or its mount is at fault.' };

const meanings: Readonly<Record<string, Meaning>> = {
  ENOSPC: outOfSpace,
  EDQUOT: outOfSpace,
  EACCES: closed,
  EPERM: closed,
  EROFS: { code: 'FORBIDDEN', hint: 'The file system there is mounted read-only; choose a directory on another one.' },
  EEXIST: unfit,
  ENAMETOOLONG: unfit,
  EINVAL: unfit,
  EILSEQ: unfit,
  EFBIG: incapable,
  EOVERFLOW: incapable,
  EMLINK: incapable,
  ENOSYS: incapable,
  ENOTSUP: incapable,
  EOPNOTSUPP: incapable,
  EXDEV: {
    code: 'UNSUPPORTED',
    hint: 'Parts of this directory lie on different file systems; choose a directory that lies on one.',
  },
  ENOENT: changing,
  ENOTDIR: changing,
  EISDIR: changing,
  ENOTEMPTY: changing,
  EBUSY: changing,
  ETXTBSY: changing,
  ELOOP: { code: 'BUSY', hint: 'A symlink replaced a directory: repeat the command when no other program changes this path.' },
  EMFILE: exhausted,
  ENFILE: exhausted,
  ENOMEM: exhausted,
  EAGAIN: exhausted,
  EIO: faulty,
  ESTALE: { code: 'UNREACHABLE', hint: 'The file server no longer knows this path: mount it again, then repeat the command.' },
};

/**
 * Returns the meaning of a system error to a program that writes. An unknown error is a fault of
 * the disk.
 */
export function meaningOf(name: string): Meaning {
  return meanings[name] ?? faulty;
}

/**
 * Returns whether the error reports that this process or the system has no descriptors or memory
 * left.
 */
export function isExhausted(name: string): boolean {
  return meanings[name] === exhausted;
}

/**
 * Returns an error of the system as an error of this library that names `path`. Returns any other
 * error unchanged.
 */
export function systemFailure(error: unknown, message: (name: string) => string, path?: string): unknown {
  const name = errno(error);
  if (name === undefined || error instanceof BrowserStateError) return error;
  if (meanings[name] === undefined && (error as NodeJS.ErrnoException).syscall === undefined) return error;
  const details = path === undefined ? {} : { path };
  return new BrowserStateError(meaningOf(name).code, message(name), { hint: meaningOf(name).hint, details, cause: error });
}

/**
 * Returns an error of the system as an error of this library if only its message is known. Returns
 * any other error unchanged.
 */
export function unexpectedFailure(error: unknown): unknown {
  const { syscall, path } = (error ?? {}) as NodeJS.ErrnoException;
  if (syscall === 'uv_cwd') {
    const hint = 'Change to a directory that exists.';
    return new BrowserStateError('NOT_FOUND', 'the current directory was removed', { hint, cause: error });
  }
  return systemFailure(error, (name) => `${path ?? 'a file'}: ${syscall ?? 'a system call'} failed: ${name}`, path);
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Wraps the methods of a public class, so that they throw errors of the system as errors of this
 * library.
 */
export function throwTyped({ prototype }: { readonly prototype: object }): void {
  for (const [name, { value, ...rest }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (name === 'constructor' || typeof value !== 'function') continue;
    Object.defineProperty(prototype, name, { ...rest, value: typed(value as Method) });
  }
}

function typed(method: Method): Method {
  return function (...args) {
    try {
      const result = method.apply(this, args);
      if (result instanceof Promise) return result.catch(rethrow);
      return isAsyncGenerator(result) ? typedItems(result) : result;
    } catch (error) {
      return rethrow(error);
    }
  };
}

async function* typedItems(items: AsyncGenerator): AsyncGenerator {
  try {
    yield* items;
  } catch (error) {
    rethrow(error);
  }
}

function rethrow(error: unknown): never {
  throw unexpectedFailure(error);
}

function isAsyncGenerator(value: unknown): value is AsyncGenerator {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value && 'return' in value;
}
