/**
 * Meanings of failed requests to a reader over HTTP. The code in an error document of S3 decides
 * (SPEC.md R-S3-5), or the status if there is no document.
 */
import { BrowserStateError, type ErrorCode, messageOf } from '../../base/errors.js';
import { codeOfDocument } from '../s3/answers.js';
import { rejectionOf } from '../s3/errors.js';
import { strangerHint } from '../shared/bucket-names.js';

/**
 * The outcome of a failed request: nothing has that name, the object ends before the range, or an
 * error.
 */
export type Failure = 'absent' | 'beyond' | { code: ErrorCode; hint: string; found: string };

const HINTS: Partial<Record<ErrorCode, string>> = {
  FORBIDDEN:
    'Check the address and what `sign` returns. The reader needs GET of every name below the prefix; without the right to list, S3 also answers 403 for names that do not exist.',
  NOT_FOUND: 'Check the name of the bucket and its endpoint.',
};
const AGAIN =
  'Try again; if it happens again, check the address and the network. In a page, the server must allow its origin and the header Range (CORS).';

/**
 * Returns the meaning of an unsuccessful response. If `isS3`, the store speaks S3: only the code in
 * its error document counts.
 */
export function failureOf(status: number, body: Uint8Array, url: string, isS3: boolean): Failure {
  const document = codeOfDocument(body);
  // A web page cannot read the status of a redirect that it does not follow.
  const shown = status === 0 ? 'a redirect' : `${status}${document === undefined ? '' : ` ${document}`}`;
  const found = `the server answered ${shown}`;
  if (document === 'NoSuchKey') return 'absent';
  if (document === 'InvalidRange') return 'beyond';
  const code = status >= 500 || document === undefined ? undefined : rejectionOf(document);
  if (code !== undefined) return { code, hint: HINTS[code] ?? AGAIN, found };
  if (isS3) return { code: 'UNREACHABLE', hint: document === undefined ? strangerHint(url, 'S3') : AGAIN, found };
  if (status === 404 || status === 410) return 'absent';
  if (status === 416) return 'beyond';
  const isRefused = status >= 400 && status < 500 && ![408, 425, 429, 499].includes(status);
  return isRefused ? { code: 'FORBIDDEN', hint: HINTS.FORBIDDEN as string, found } : { code: 'UNREACHABLE', hint: AGAIN, found };
}

/** Returns the error for a failed request. `failure` describes the cause. */
export function failed(name: string, url: string, { code, hint, found }: Exclude<Failure, string>): BrowserStateError {
  return new BrowserStateError(code, `cannot read ${name} in ${url}: ${found}`, { hint, details: { key: name } });
}

/** Returns the error of a response that did not come from a store. */
export function stranger(name: string, url: string, found: string): BrowserStateError {
  return failed(name, url, { code: 'UNREACHABLE', hint: strangerHint(url, 'the store'), found });
}

/** Returns the error of a request without a complete response. */
export function unanswered(name: string, url: string, cause: unknown, isStalled: boolean): BrowserStateError {
  // The address of a signed request is a secret, and some runtimes put it into their messages.
  const reason = isStalled ? 'it moved too few bytes' : reasonOf(cause);
  return new BrowserStateError('UNREACHABLE', `cannot read ${name} in ${url}: ${reason}`, { hint: AGAIN, details: { key: name } });
}

function reasonOf(error: unknown): string {
  const inner = (error as { cause?: unknown } | undefined)?.cause;
  const reason = messageOf(inner ?? error);
  return /https?:/i.test(reason) ? 'there was no answer' : reason;
}
