/**
 * Translation of errors of S3, compatible stores and their SDK to errors of the provider contract
 * (SPEC.md R-S3-5, R-S3-9).
 */
import { BrowserStateError, type ErrorCode, isAnyError, isError, throwIfAborted } from '../../base/errors.js';
import { strangerHint } from '../shared/bucket-names.js';
import { STORES_HINT } from '../wrap/probe.js';
import { NotS3 } from './answers.js';

interface Meaning {
  code: ErrorCode;
  hint?: string;
}

const credentials: Meaning = {
  code: 'FORBIDDEN',
  hint: "Credentials come from the AWS SDK's own chain (AWS_ACCESS_KEY_ID, AWS_PROFILE, a role): renew them, then repeat the command.",
};
const denied: Meaning = {
  code: 'FORBIDDEN',
  hint: 'These credentials need s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket; without s3:ListBucket S3 also answers 403 for what does not exist.',
};
const region: Meaning = { code: 'FORBIDDEN', hint: "Give the bucket's region, as in s3://bucket/prefix?region=eu-central-1." };
const malformed: Meaning = {
  code: 'FORBIDDEN',
  hint: 'The store rejects the request as it is: check the endpoint, the region and pathStyle.',
};
const full: Meaning = { code: 'NO_SPACE', hint: "Raise the bucket's quota, or collect garbage, and try again: nothing was changed." };
const again: Meaning = { code: 'UNREACHABLE', hint: 'Try again; if it happens again, check the endpoint and the network.' };
const noRegion: Meaning = { code: 'USAGE', hint: 'Give a region, as in s3://bucket/prefix?region=eu-central-1, or set AWS_REGION.' };

/**
 * Meanings of S3 errors that prove a request was rejected before it changed anything (SPEC.md
 * R-S3-5). The keys are the codes in the document. Any other code proves nothing: a store may have
 * applied a write before it sent the code.
 */
const REJECTIONS: Record<string, Meaning> = {
  ...meaning(credentials, 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'ExpiredToken', 'InvalidToken', 'TokenRefreshRequired'),
  ...meaning(denied, 'AccessDenied', 'AccountProblem', 'AllAccessDisabled', 'MethodNotAllowed', 'NotSignedUp', 'UserSuspended'),
  ...meaning(region, 'PermanentRedirect', 'TemporaryRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException'),
  ...meaning(malformed, 'InvalidArgument', 'InvalidBucketName', 'InvalidRequest', 'InvalidURI', 'KeyTooLongError', 'MissingSecurityHeader'),
  ...meaning(malformed, 'EntityTooLarge', 'MissingContentLength', 'RequestHeaderSectionTooLarge', 'InvalidRange'),
  ...meaning(again, 'BadDigest', 'IncompleteBody', 'InvalidDigest', 'XAmzContentSHA256Mismatch', 'ConditionalRequestConflict'),
  ...meaning(again, 'NoSuchKey', 'PreconditionFailed'),
  NoSuchBucket: { code: 'NOT_FOUND', hint: 'Check its name and the endpoint, or create it; browserstate never creates a bucket.' },
  RequestTimeTooSkewed: { code: 'FORBIDDEN', hint: 'The clock of this machine is wrong: set it, and try again.' },
  QuotaExceeded: full,
  NotImplemented: { code: 'UNSUPPORTED', hint: `This store lacks conditional writes, which a repository needs. ${STORES_HINT}` },
};

/**
 * Statuses that prove nothing, regardless of the document in the response. Stores are known to send
 * them after a write.
 */
const UNDECIDED = [408, 429, 499];

/** Further codes with a meaning, from responses that prove nothing and from the SDK itself. */
const others: Record<string, Meaning> = {
  ...meaning(full, 'InsufficientStorage', 'XMinioStorageFull'),
  ...meaning(credentials, 'CredentialsProviderError', 'TokenProviderError'),
};

function meaning(shared: Meaning, ...names: string[]): Record<string, Meaning> {
  return Object.fromEntries(names.map((name) => [name, shared]));
}

/**
 * Returns the status of a response. Returns undefined if there was none, or if the error is not the
 * SDK's.
 */
export function statusOf(error: unknown): number | undefined {
  if (!isAnyError(error) || !('$metadata' in error)) return undefined;
  return (error.$metadata as { httpStatusCode?: number } | undefined)?.httpStatusCode;
}

export function isNamed(error: unknown, name: string): error is Error {
  return isAnyError(error) && error.name === name;
}

/**
 * Returns true if a request that failed with `error` had no effect and never will. Either the
 * request was not sent, or the response proves that it was rejected.
 */
export function isRejection(error: unknown): boolean {
  const status = statusOf(error);
  if (status === undefined) return meaningOf(error, '').code !== 'UNREACHABLE';
  if (UNDECIDED.includes(status) || (status >= 500 && status !== 501)) return false;
  return isAnyError(error) && Object.hasOwn(REJECTIONS, error.name);
}

/**
 * Runs `body`, and throws the SDK's errors as errors of the contract. `what` names the operation,
 * and `url` names the store.
 */
export async function translating<T>(what: string, url: string, signal: AbortSignal | undefined, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (isError(error)) throw error;
    throwIfAborted(signal);
    throw translated(what, url, error, meaningOf(error, url));
  }
}

/** Returns the error of a swap whose outcome the store does not report. */
export function unknownOutcome(what: string, url: string, error: unknown): BrowserStateError {
  const { hint } = meaningOf(error, url);
  return translated(`${what}, and whether it took effect is unknown,`, url, error, {
    code: 'UNREACHABLE',
    ...(hint === undefined ? {} : { hint }),
  });
}

function translated(what: string, url: string, cause: unknown, { code, hint }: Meaning): BrowserStateError {
  return new BrowserStateError(code, `cannot ${what} in ${url}: ${describe(cause)}`, hint === undefined ? { cause } : { hint, cause });
}

/**
 * Returns the code of this library for a code of S3 that proves a rejection, or undefined for any
 * other code.
 */
export function rejectionOf(name: string): ErrorCode | undefined {
  return Object.hasOwn(REJECTIONS, name) ? (REJECTIONS[name] as Meaning).code : undefined;
}

function meaningOf(error: unknown, url: string): Meaning {
  if (error instanceof NotS3) return { code: 'UNREACHABLE', hint: strangerHint(url, 'S3') };
  const status = statusOf(error);
  if (isAnyError(error) && Object.hasOwn(others, error.name)) return others[error.name] as Meaning;
  if (status !== undefined && UNDECIDED.includes(status)) return again;
  if (isAnyError(error) && Object.hasOwn(REJECTIONS, error.name)) return REJECTIONS[error.name] as Meaning;
  return status === undefined && isAnyError(error) && /\bregion\b.*\bmissing\b/i.test(error.message) ? noRegion : again;
}

function describe(error: unknown): string {
  if (!isAnyError(error)) return String(error);
  const status = statusOf(error);
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : '';
  const inner =
    error.message === '' && 'errors' in error && Array.isArray(error.errors) ? error.errors.map(describe).join(', ') : error.message;
  return `${error.name}${code}${status === undefined ? '' : ` (${status})`}: ${inner}`.replaceAll(/\p{Cc}/gu, ' ');
}
