/**
 * The one error class of the project and the closed set of its codes. Code that handles an error
 * catches the specific code that it expects and lets everything else pass.
 */

/** Every way in which an operation can fail; docs/errors.md explains each to users. */
export type ErrorCode =
  | 'USAGE' // the request is not possible as written
  | 'UNSUPPORTED' // a feature that this version or this provider does not have
  | 'NOT_FOUND' // a directory, session, revision or object that does not exist
  | 'CONFLICT' // another writer changed the target first
  | 'INTEGRITY' // bytes that are damaged, hostile or do not match their name
  | 'NEWER_VERSION' // well-formed bytes of a format that this version does not know
  | 'UNREACHABLE' // a provider that did not respond, or not in time
  | 'FORBIDDEN' // a provider or file system that rejects this caller
  | 'BUSY' // a directory with a running browser, or a name that another process holds
  | 'DIRTY' // a directory with work that an operation would destroy
  | 'SHRUNK' // an unexpectedly small directory, which is committed only with the caller's consent
  | 'LEGACY_SESSION' // a session in the layout of v0
  | 'UNREADABLE' // a local file that cannot be read as it is
  | 'NO_SPACE' // a full disk or an exhausted quota
  | 'CANCELLED' // the caller's AbortSignal fired
  | 'INTERNAL'; // a broken invariant of this library: a bug

/** Plain data that `JSON.stringify` preserves. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** Names in an error for programs, by their kind: `session`, `commit`, `path`. */
export type ErrorDetails = Readonly<Record<string, Json>>;

export interface ErrorOptions {
  /** An action to take, in one imperative sentence. */
  hint?: string | undefined;
  details?: ErrorDetails | undefined;
  cause?: unknown;
}

/**
 * An error of this library: a stable `code`, a message and a hint for people, and the names in them
 * as fields for programs.
 */
export class BrowserStateError extends Error {
  override readonly name = 'BrowserStateError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  /** Names in the error. Empty if the error has nothing to name. */
  readonly details: ErrorDetails;

  /** Returns true also for an error of another copy of this library in the process. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: subclasses inherit this method.
    return super[Symbol.hasInstance](value) || (isErrorClass(this) && isAnyError(value) && value.name === 'BrowserStateError');
  }

  constructor(code: ErrorCode, message: string, { hint, details = {}, cause }: ErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.details = details;
  }
}

/** Bundlers rename a class that names itself, and the new name is seen in stack traces. */
const isErrorClass = (value: unknown): boolean => value === BrowserStateError;

/** Returns true for an error of this library, with one of the given codes if any are given. */
export function isError(error: unknown, ...codes: ErrorCode[]): error is BrowserStateError {
  return error instanceof BrowserStateError && (codes.length === 0 || codes.includes(error.code));
}

/**
 * Returns a rejection handler that resolves to undefined for these codes. Without codes, the
 * handler does so for every error of this library. It rethrows any other error.
 */
export function ignore(...codes: ErrorCode[]): (error: unknown) => undefined {
  return (error) => {
    if (!isError(error, ...codes)) throw error;
    return undefined;
  };
}

/**
 * Throws INTEGRITY with `message` unless `condition` holds. Checks bytes that come from outside.
 */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw integrity(message);
}

/**
 * Returns an INTEGRITY error. `details` names the damaged thing: a `key`, a `session`, a `path`.
 */
export function integrity(message: string, cause?: unknown, details?: ErrorDetails): BrowserStateError {
  const hint =
    'Run `browserstate verify --read-data`, with `--on remote` for the remote, to see what else is damaged; older versions of the session may be whole.';
  return new BrowserStateError('INTEGRITY', message, { hint, cause, details });
}

/**
 * Runs a step that reads the bytes under `key`. Adds the key to the details of an error about
 * unusable bytes.
 */
export async function readingKey<T>(key: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (isError(error, 'INTEGRITY', 'NEWER_VERSION', 'UNSUPPORTED') && error.details['key'] === undefined)
      Object.assign(error, { details: { ...error.details, key } });
    throw error;
  }
}

export function newerVersion(message: string): BrowserStateError {
  return new BrowserStateError('NEWER_VERSION', message, { hint: 'Update browserstate: a newer version wrote this.' });
}

/** Throws INTERNAL unless `condition` holds. Checks guarantees of this library's own code. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new BrowserStateError('INTERNAL', `broken invariant: ${message}`);
}

/** Throws CANCELLED if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled(signal);
}

/** Returns a CANCELLED error for a signal that has fired. */
export function cancelled(signal: AbortSignal): BrowserStateError {
  return new BrowserStateError('CANCELLED', 'the operation was cancelled', { cause: signal.reason });
}

/**
 * Returns true if `value` is an error, also if the error is of another realm. In a program that
 * Jest runs, `instanceof` is false for Node's own errors.
 */
export function isAnyError(value: unknown): value is Error {
  const { name, message } = (value ?? {}) as { name?: unknown; message?: unknown };
  return typeof value === 'object' && typeof name === 'string' && typeof message === 'string';
}

/** Returns the message of an error, or any other thrown value as text. */
export function messageOf(error: unknown): string {
  return isAnyError(error) ? error.message : String(error);
}
