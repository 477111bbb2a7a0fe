/**
 * Failures of commands: the exit statuses of error codes, and the description of any thrown value.
 * Errors of the library are recognized by name, so that a usage error is reported without loading
 * the library.
 */
import { unexpectedFailure } from '../src/base/system-errors.js';
import type { ErrorCode, ErrorDetails } from '../src/index.js';

export const exitStatus: Readonly<Record<ErrorCode, number>> = {
  UNREADABLE: 1,
  NO_SPACE: 1,
  INTERNAL: 1,
  USAGE: 2,
  UNSUPPORTED: 2,
  NOT_FOUND: 3,
  CONFLICT: 4,
  INTEGRITY: 5,
  NEWER_VERSION: 5,
  UNREACHABLE: 6,
  FORBIDDEN: 6,
  BUSY: 7,
  DIRTY: 7,
  SHRUNK: 7,
  LEGACY_SESSION: 7,
  CANCELLED: 130,
};

/** An error as it is reported to a person, or as JSON. */
export interface Failure {
  code: ErrorCode;
  message: string;
  hint: string | undefined;
  /** The names in the message and the hint. */
  details: ErrorDetails;
}

/** An error of the command line itself, or a library error (its cause) with a longer hint. */
export class CliError extends Error implements Failure {
  override readonly name = 'CliError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly hint: string | undefined = undefined,
    cause: unknown = undefined,
    readonly details: ErrorDetails = isFailure(cause) ? cause.details : {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }
}

/**
 * Describes any thrown value as a failure. If `cancelled`, unexpected errors (a closed file, an
 * aborted request) are reported as CANCELLED.
 */
export function describeFailure(error: unknown, cancelled: boolean): Failure {
  if (isFailure(error)) {
    const { code, message, hint, details } = error;
    return { code, message, hint: hint?.replace(/-s (-[\w.@-]+)/g, '--session=$1'), details };
  }
  if (cancelled) return { code: 'CANCELLED', message: 'the operation was cancelled', hint: undefined, details: {} };
  const failure = unexpectedFailure(error);
  if (isFailure(failure)) return describeFailure(failure, false);
  const { message = String(error), name } = (error ?? {}) as Error;
  const hint = 'This is a bug. Repeat the command with --verbose to see the stack trace.';
  return { code: 'INTERNAL', message: message || name || 'an error without a message', hint, details: {} };
}

/** Returns the error of a result that could not be printed. The command itself may be done. */
export function outputFailure(error: NodeJS.ErrnoException): CliError {
  const hint = 'Check where the output goes, then repeat the command.';
  return new CliError(error.code === 'ENOSPC' ? 'NO_SPACE' : 'INTERNAL', `standard output: write failed: ${error.code}`, hint, error);
}

/** Adds the `--offline` hint to errors about an unreachable remote. */
export function mentionOffline(error: unknown): unknown {
  if (!isFailure(error) || error.code !== 'UNREACHABLE') return error;
  const hint = [error.hint, '--offline uses what is on this machine.'].filter(Boolean).join(' ');
  return new CliError(error.code, error.message, hint, error);
}

function isFailure(error: unknown): error is Failure {
  const { name } = (error ?? {}) as { name?: unknown };
  return name === 'BrowserStateError' || name === 'CliError';
}
