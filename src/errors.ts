/**
 * The one error class of the project and the closed set of its codes. Code that handles an error catches the specific code it
 * expects and lets everything else pass.
 */

/** Every way in which an operation can fail; the README lists what each means to a user. */
export type ErrorCode =
  | 'USAGE' // the caller asked for something that is not possible as written
  | 'UNSUPPORTED' // a feature that this version or this provider does not have
  | 'NOT_FOUND' // a directory, session, revision or object that is not there
  | 'CONFLICT' // another writer moved what this one was about to change
  | 'INTEGRITY' // bytes that are damaged, hostile or not what their name says
  | 'NEWER_VERSION' // well-formed bytes of a format that this version does not know
  | 'UNREACHABLE' // a provider that did not answer, or not in time
  | 'FORBIDDEN' // a provider or file system that refuses this caller
  | 'BUSY' // a directory in which a browser is live, or a name that another process holds
  | 'DIRTY' // a directory with work in it that an operation would destroy
  | 'SHRUNK' // a directory that lost so much that committing it needs a word from the caller
  | 'LEGACY_SESSION' // a session in the layout of the older package
  | 'UNREADABLE' // a local file that cannot be read as it is
  | 'NO_SPACE' // a full disk or an exhausted quota
  | 'CANCELLED' // the caller's AbortSignal fired
  | 'INTERNAL'; // a broken invariant of this library: a bug

/** Plain data, as `JSON.stringify` keeps it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** The names that a program needs of an error, by what they are: `session`, `commit`, `path`. */
export type ErrorDetails = Readonly<Record<string, Json>>;

export interface ErrorOptions {
  /** An action to take, in one imperative sentence. */
  hint?: string | undefined;
  details?: ErrorDetails | undefined;
  cause?: unknown;
}

/** An error of this library: a stable `code`, a message and a hint for people, and the names in them as fields for programs. */
export class BrowserStateError extends Error {
  override readonly name = 'BrowserStateError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  /** Empty if there is nothing to name. */
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, { hint, details = {}, cause }: ErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = hint;
    this.details = details;
  }
}

/** True for an error of this library, with one of the given codes if any are given. */
export function isError(error: unknown, ...codes: ErrorCode[]): error is BrowserStateError {
  return error instanceof BrowserStateError && (codes.length === 0 || codes.includes(error.code));
}

/** Throws INTEGRITY with `message` unless `condition` holds: for bytes that come from outside. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw integrity(message);
}

/** Returns INTEGRITY; `details` names what is damaged: a `key`, a `session`, a `path`. */
export function integrity(message: string, cause?: unknown, details?: ErrorDetails): BrowserStateError {
  const hint =
    'Run `browserstate verify --read-data`, with `--on remote` for the remote, to see what else is damaged; older versions of the session may be whole.';
  return new BrowserStateError('INTEGRITY', message, { hint, cause, details });
}

/** Runs a step that reads the bytes under `key`. An error that says that they cannot be used has the key in its details. */
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

/** Throws INTERNAL unless `condition` holds: for what this library's own code guarantees. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new BrowserStateError('INTERNAL', `broken invariant: ${message}`);
}

/** Throws CANCELLED if the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled(signal);
}

/** CANCELLED, for a signal that has fired. */
export function cancelled(signal: AbortSignal): BrowserStateError {
  return new BrowserStateError('CANCELLED', 'the operation was cancelled', { cause: signal.reason });
}

/** Whether `value` is an error, also one of another realm: in a program that Jest runs, `instanceof` is false of Node's own errors. */
export function isAnyError(value: unknown): value is Error {
  const { name, message } = (value ?? {}) as { name?: unknown; message?: unknown };
  return typeof value === 'object' && typeof name === 'string' && typeof message === 'string';
}

/** Returns the message of an error, or anything else that was thrown as text. */
export function messageOf(error: unknown): string {
  return isAnyError(error) ? error.message : String(error);
}
